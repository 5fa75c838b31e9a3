"""The serving side of contracts over HTTP: `POST /rpc/{contract}/{call}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from haat.kit.rpc import Contract, answer_call, calls_of, contract_name, traceparent

# An upload of 20 MB travels as base64; bodies are read only once the caller is known.
MAX_CALL_BYTES = 40_000_000


def serve(contract: type[Contract], service: object, admit: Callable[[str | None], bool]) -> HTTPRouteHandler:
    """The route of one contract; `admit` judges the caller's identity token. 401, 404, 400, 409 (refusal), 200."""
    calls = {name: (call, getattr(service, name)) for name, call in calls_of(contract).items()}

    @post(
        f"/rpc/{contract_name(contract)}/{{call:str}}",
        status_code=200,
        include_in_schema=False,
        request_max_body_size=MAX_CALL_BYTES,
        name=f"rpc-{contract_name(contract)}",
    )
    async def answer(request: Request[Any, Any, Any], call: str) -> Response[bytes]:
        if not admit(request.headers.get("Haat-Service")):
            return Response(b"", status_code=401)
        if call not in calls:
            return Response(b"", status_code=404)
        traceparent.set(request.headers.get("traceparent"))
        known, method = calls[call]
        try:
            given = await answer_call(known, method, await request.body(), request.headers.get("Haat-Timeout-Ms"))
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            return Response(str(error).encode(), status_code=400)
        headers = {"Idempotent-Replayed": "true"} if given.replayed else {}
        return Response(given.body, status_code=given.status, headers=headers, media_type="application/json")

    return answer
