"""`/openapi.json` and `/docs`: the API's description, and a console to try it, served from here alone."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.enums import OpenAPIMediaType
from litestar.openapi.plugins import OpenAPIRenderPlugin

from haat.kit.ready import holds
from haat.web.assets import asset_url
from haat.web.gateway.description import METHODS, describe

_START = """Scalar.createApiReference('#console', {
  url: '/openapi.json', withDefaultFonts: false, telemetry: false, hideClientButton: true,
  showDeveloperTools: 'never', agent: { disabled: true }, mcp: { disabled: true }
})"""
_DIGEST = base64.b64encode(hashlib.sha256(_START.encode()).digest()).decode()
# Nothing of the console may load from, or speak to, anywhere else.
_POLICY = (
    f"default-src 'self'; script-src 'self' 'sha256-{_DIGEST}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:"
)
_HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>haat API</title>
</head>
<body>
"""
_CONSOLE = (
    _HEAD + '<div id="console"></div>\n<script src="{url}"></script>\n<script>{start}</script>\n</body>\n</html>\n'
)


class Document(msgspec.Struct, frozen=True):
    """The description as it is sent."""

    body: bytes
    etag: str
    paths: dict[str, Any]


def document_of(request: Request[Any, Any, Any]) -> Document:
    """Made at the first question of a process."""
    kept: Document | None = request.app.state.get("api_document")
    if kept is None:
        described = describe(request.app)
        body = msgspec.json.encode(described)
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        kept = request.app.state["api_document"] = Document(body, etag, described["paths"])
    return kept


@get("/openapi.json", include_in_schema=False)
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The API's description, OpenAPI 3.1."""
    document = document_of(request)
    headers = {"ETag": document.etag, "Cache-Control": "no-cache"}
    if holds(request.headers.get("If-None-Match", ""), document.etag):
        return Response(b"", status_code=304, headers=headers)
    return Response(document.body, headers=headers, media_type=OpenAPIMediaType.OPENAPI_JSON)


class Console(OpenAPIRenderPlugin):
    """The console; a plain list of the calls when its script is not installed."""

    def render(self, request: Request[Any, Any, Any], _: dict[str, Any]) -> bytes:
        url = asset_url("scalar.js")
        if url is None:
            return _plain(document_of(request).paths).encode()
        return _CONSOLE.format(url=escape(url), start=_START).encode()


class DocumentFile(OpenAPIRenderPlugin):
    """The same document next to the console, where the framework would put its own."""

    def render(self, request: Request[Any, Any, Any], _: dict[str, Any]) -> bytes:
        return document_of(request).body


PLUGINS = (Console(path="/"), DocumentFile(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON))


def _plain(paths: dict[str, Any]) -> str:
    rows = [
        f"<dt><code>{method.upper()} {escape(path)}</code></dt>"
        f"<dd>{escape(item[method].get('description') or item[method].get('summary', ''))}</dd>"
        for path, item in sorted(paths.items())
        for method in METHODS
        if method in item
    ]
    about = (
        '<p>The whole description: <a href="/openapi.json">openapi.json</a>. Run <code>npm ci</code> for a console.</p>'
    )
    return f"{_HEAD}<h1>haat API</h1>\n{about}\n<dl>{''.join(rows)}</dl>\n</body>\n</html>\n"
