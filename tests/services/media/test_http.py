"""Uploads by staff and pictures for everybody, as a browser meets them."""

from datetime import timedelta

import httpx
import pytest

from haat.contracts.identity import AccessToken, Identity, Principal
from haat.contracts.media import Upload
from haat.kit.clock import now
from haat.services.media.http import ROUTES
from haat.web.gateway.app import gateway

MP4 = b"\x00\x00\x00\x1cftypisom" + bytes(range(200))


class OneRole(Identity):
    """A token is the role of its bearer."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        return Principal(
            user_id=f"usr_{ask.token}", session_id="ses_1", roles=[ask.token], expires_at=now() + timedelta(hours=1)
        )


@pytest.fixture
async def http(media):
    app = gateway(ROUTES, {"identity": OneRole(), "media": media}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


STAFF = {"Authorization": "Bearer catalogue"}


@pytest.fixture
async def video(media):
    return (await media.upload(Upload(body=MP4, media_type="video/mp4"))).url


async def test_a_raw_body_is_taken_in(http, photograph):
    answer = await http.post(
        "/v1/media?alt=Lamp", content=photograph(20), headers={**STAFF, "Content-Type": "image/jpeg"}
    )
    assert (answer.status_code, answer.json()["alt"], answer.json()["width"]) == (201, "Lamp", 900)


async def test_a_form_is_taken_in_with_its_words(http, photograph):
    files = {"file": ("lamp.jpg", photograph(21), "image/jpeg")}
    answer = await http.post("/v1/media", files=files, data={"alt": "Lamp"}, headers=STAFF)
    assert (answer.status_code, answer.json()["alt"]) == (201, "Lamp")


async def test_a_repeated_key_is_answered_as_before(http, photograph):
    headers = {**STAFF, "Content-Type": "image/jpeg", "Idempotency-Key": "upload-1"}
    first, second = [await http.post("/v1/media", content=photograph(22), headers=headers) for _ in range(2)]
    assert (second.json(), second.headers["Idempotent-Replayed"]) == (first.json(), "true")


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer support"}, 403), (STAFF, 201)])
async def test_uploads_need_the_catalogue_role(http, photograph, headers, status):
    answer = await http.post("/v1/media", content=photograph(23), headers={**headers, "Content-Type": "image/jpeg"})
    assert answer.status_code == status


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "image/gif"])
async def test_drawings_and_other_files_are_refused_from_outside(http, drawing, media_type):
    answer = await http.post("/v1/media", content=drawing("red"), headers={**STAFF, "Content-Type": media_type})
    assert (answer.status_code, answer.json()["reason"]) == (422, "wrong_type")


async def test_a_body_above_20_mb_is_too_large(http):
    answer = await http.post(
        "/v1/media", content=b"\xff\xd8\xff" + bytes(20_200_000), headers={**STAFF, "Content-Type": "image/jpeg"}
    )
    assert answer.status_code == 413


async def test_a_picture_may_be_kept_for_a_year(http, media, photograph):
    made = await media.upload(Upload(body=photograph(24), media_type="image/jpeg"))
    answer = await http.get(made.url)
    names = ("content-type", "cache-control", "accept-ranges", "x-content-type-options")
    assert (answer.status_code, [answer.headers[name] for name in names]) == (
        200,
        ["image/jpeg", "public, max-age=31536000, immutable", "bytes", "nosniff"],
    )


async def test_a_copy_that_is_still_right_is_not_sent_again(http, media, photograph):
    made = await media.upload(Upload(body=photograph(25), media_type="image/jpeg"))
    etag = (await http.get(made.url)).headers["ETag"]
    again = await http.get(made.url, headers={"If-None-Match": f'"other", W/{etag}'})
    other = await http.get(made.url, headers={"If-None-Match": '"other"'})
    assert (again.status_code, again.content, again.headers["ETag"], other.status_code) == (304, b"", etag, 200)


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "body"),
    [
        ("bytes=0-3", 206, "bytes 0-3/212", MP4[:4]),
        ("bytes=0-", 206, "bytes 0-211/212", MP4),
        ("bytes=200-999", 206, "bytes 200-211/212", MP4[200:]),
        ("bytes=-2", 206, "bytes 210-211/212", MP4[-2:]),
        ("bytes=5-2", 200, None, MP4),
        ("bytes=0-1,3-4", 200, None, MP4),
        ("lines=0-1", 200, None, MP4),
    ],
)
async def test_a_range_of_a_video(http, video, asked, status, content_range, body):
    answer = await http.get(video, headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("Content-Range"), answer.content) == (status, content_range, body)


async def test_a_range_behind_the_end_is_416_with_the_size(http, video):
    answer = await http.get(video, headers={"Range": "bytes=212-"})
    assert (answer.status_code, answer.headers["Content-Range"], answer.json()["code"]) == (
        416,
        "bytes */212",
        "range_not_satisfiable",
    )


async def test_a_part_of_something_else_gets_the_whole(http, video):
    answer = await http.get(video, headers={"Range": "bytes=0-3", "If-Range": '"another"'})
    assert (answer.status_code, answer.content) == (200, MP4)


@pytest.mark.parametrize("path", [f"/media/{'0' * 40}/800.jpg", "/media/x/800.jpg", f"/media/{'0' * 40}/..%2f..%2fx"])
async def test_an_unknown_address_is_404(http, path):
    assert (await http.get(path)).status_code == 404


async def test_the_description_names_the_body_and_every_answer(http):
    paths = (await http.get("/docs/openapi.json")).json()["paths"]
    upload, read = paths["/v1/media"]["post"], paths["/media/{hash_}/{name}"]["get"]
    assert sorted(upload["requestBody"]["content"])[-3:] == ["multipart/form-data", "video/mp4", "video/webm"]
    assert {"201", "401", "403", "413", "422"} <= set(upload["responses"])
    assert {"200", "206", "304", "404", "416"} <= set(read["responses"])


@pytest.mark.parametrize(
    "field",
    [b'name="alt"\r\n\r\n\xff', b'name="alt"\r\nContent-Type: text/plain; charset=none-such\r\n\r\nLamp'],
)
async def test_a_form_whose_texts_cannot_be_read_is_malformed(http, field):
    body = b"--edge\r\nContent-Disposition: form-data; " + field + b"\r\n--edge--\r\n"
    answer = await http.post(
        "/v1/media", content=body, headers={**STAFF, "Content-Type": "multipart/form-data; boundary=edge"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
