"""`/media`: pictures and videos under addresses that never change; `/v1/media`: uploads by catalogue staff."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.params import Parameter

from haat.contracts.media import Fetch, Media, MediaRefused, MediaStore, RangeNotSatisfiable, Upload
from haat.kit.access import needs_role
from haat.kit.idempotency import Idempotency
from haat.kit.problem import Malformed, problem_response, problems
from haat.kit.ready import holds

MAX_BODY_BYTES = 20_100_000
YEAR = "public, max-age=31536000, immutable"
UPLOADS = ("image/jpeg", "image/png", "image/webp", "image/avif", "video/mp4", "video/webm")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")

Hash = Annotated[str, Parameter(description="the hash of the original, 40 hexadecimal digits")]
Name = Annotated[str, Parameter(description="`{200|400|800|1200}.{avif|webp|jpg}`, or a video's name")]
Alt = Annotated[str, Parameter(query="alt", max_length=300, description="what the picture shows, for a raw body")]


class UploadOperation(Operation):
    """Says that the body is the file itself, or a form with the fields `file` and `alt`."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        file = Schema(type="string", format="binary")  # type: ignore[arg-type]
        form = Schema(type="object", properties={"file": file, "alt": Schema(type="string")}, required=["file"])  # type: ignore[arg-type]
        content = {each: OpenAPIMediaType(schema=file) for each in UPLOADS}
        self.request_body = RequestBody(
            required=True, content={**content, "multipart/form-data": OpenAPIMediaType(schema=form)}
        )


@post(
    "/v1/media",
    tags=["media"],
    guards=[needs_role("catalogue")],
    request_max_body_size=MAX_BODY_BYTES,
    operation_class=UploadOperation,
    responses=problems(401, 403, 413, 422),
)
async def upload_media(
    request: Request[Any, Any, Any], media: MediaStore, idempotency: Idempotency | None, alt: Alt = ""
) -> Media:
    """Take in a picture or video (the body itself, or a form field `file`), up to 20 MB; its type is read from its
    first bytes."""
    media_type, _ = request.content_type
    if media_type == "multipart/form-data":
        try:
            form = await request.form()
        except (UnicodeDecodeError, LookupError) as error:
            raise Malformed("A text of the form is not in the encoding that it names") from error
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise MediaRefused("The form has no file", reason="no_file")
        body, media_type, alt = await file.read(), file.content_type, str(form.get("alt") or "")[:300]
    else:
        body = await request.body()
    if media_type not in UPLOADS:
        raise MediaRefused(f"One of {', '.join(UPLOADS)} is taken here", reason="wrong_type")
    return await media.upload(Upload(body=body, media_type=media_type, alt=alt, idempotency=idempotency))


@get(
    "/media/{hash_:str}/{name:str}",
    tags=["media"],
    responses={
        **problems(404, 416, 422, 503),
        206: ResponseSpec(data_container=bytes, description="The part that Range named", generate_examples=False),
        304: ResponseSpec(data_container=None, description="The copy named by If-None-Match is still right"),
    },
)
async def read_media(hash_: Hash, name: Name, request: Request[Any, Any, Any], media: MediaStore) -> Response[bytes]:
    """A rendition or a video; it may be kept for a year. Ranges of bytes are answered."""
    start, end = _range(request)
    path = f"{hash_}/{name}"
    try:
        blob = await media.fetch(Fetch(path=path, start=start, end=end))
        ranged = (start, end) != (None, None)
        if ranged and request.headers.get("If-Range", blob.etag) != blob.etag:
            # The client holds parts of something else: it gets the whole.
            ranged, blob = False, await media.fetch(Fetch(path=path))
    except RangeNotSatisfiable as error:
        refusal = problem_response(request, error.status, error.code, error.title, error.detail, error.facts)
        refusal.headers["Content-Range"] = f"bytes */{error.facts['size']}"
        return refusal
    headers = {"Cache-Control": YEAR, "ETag": blob.etag, "Accept-Ranges": "bytes"}
    if holds(request.headers.get("If-None-Match", ""), blob.etag):
        return Response(b"", status_code=304, headers=headers, media_type=blob.media_type)
    if not ranged:
        return Response(blob.body, headers=headers, media_type=blob.media_type)
    headers["Content-Range"] = f"bytes {blob.start}-{blob.start + len(blob.body) - 1}/{blob.size}"
    return Response(blob.body, status_code=206, headers=headers, media_type=blob.media_type)


def _range(request: Request[Any, Any, Any]) -> tuple[int | None, int | None]:
    """The one range asked for; a header that is malformed or names several counts as none."""
    found = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if found is None or not any(found.groups()):
        return None, None
    start, end = (int(group) if group else None for group in found.groups())
    return (None, None) if start is not None and end is not None and end < start else (start, end)


ROUTES = [upload_media, read_media]
