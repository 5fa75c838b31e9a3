"""What bytes are, what addresses mean, which bytes a range is."""

import pytest

from haat.contracts.media import RangeNotSatisfiable
from haat.kit.message import NotFound
from haat.services.media.model import Item, Wanted, media_type_of, slice_of, view, wanted

HASH = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x1cftypavif", "image/avif"),
        (b"\x00\x00\x00\x1cftypisom", "video/mp4"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", None),
        (b"GIF89a", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_what_a_file_is(body: bytes, kind: str | None) -> None:
    assert media_type_of(body) == kind


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (f"{HASH}/800.jpg", Wanted(HASH, 800, "jpg")),
        (f"{HASH}/200.avif", Wanted(HASH, 200, "avif")),
        (f"{HASH}/video.mp4", Wanted(HASH, 0, "mp4")),
        (f"{HASH}/the-lamp-turns.webm", Wanted(HASH, 0, "webm")),
    ],
)
def test_an_address_names_a_rendition_or_a_video(path: str, meant: Wanted) -> None:
    assert wanted(path) == meant


@pytest.mark.parametrize(
    "path",
    [
        *("", "x", HASH, f"{HASH}/801.jpg", f"{HASH}/800.svg", f"{HASH}/800.png", f"{HASH}/lamp.jpg"),
        *(f"{HASH[:-1]}/800.jpg", f"../{HASH}/800.jpg", f"{HASH}/../800.jpg", f"{HASH.upper()}/800.jpg"),
        f"{HASH}/800.jpg\n",
    ],
)
def test_every_other_address_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        wanted(path)


def test_a_drawing_has_every_width() -> None:
    seen = view(Item("med_1", HASH, "A lamp", "svg", 1200, 600))
    assert (seen.url, len(seen.renditions), {(each.width, each.height) for each in seen.renditions}) == (
        f"/media/{HASH}/800.jpg",
        12,
        {(200, 100), (400, 200), (800, 400), (1200, 600)},
    )


def test_a_photograph_is_listed_up_to_its_own_width() -> None:
    seen = view(Item("med_1", HASH, "", "jpg", 500, 500))
    assert [(each.url.rpartition("/")[2], each.width) for each in seen.renditions if each.url.endswith("jpg")] == [
        ("200.jpg", 200),
        ("400.jpg", 400),
        ("800.jpg", 500),
    ]


def test_a_video_is_its_own_rendition() -> None:
    seen = view(Item("med_1", HASH, "", "mp4", 0, 0))
    assert [(each.url, each.media_type) for each in seen.renditions] == [(f"/media/{HASH}/video.mp4", "video/mp4")]


@pytest.mark.parametrize(
    ("start", "end", "part"),
    [
        (None, None, (0, 10)),
        (0, 0, (0, 1)),
        (4, None, (4, 6)),
        (4, 99, (4, 6)),
        (None, 3, (7, 3)),
        (None, 99, (0, 10)),
        (9, 9, (9, 1)),
    ],
)
def test_a_range_is_cut_to_the_file(start: int | None, end: int | None, part: tuple[int, int]) -> None:
    assert slice_of(10, start, end) == part


@pytest.mark.parametrize(("start", "end"), [(10, None), (99, 120), (None, 0)])
def test_a_range_behind_the_end_cannot_be_had(start: int | None, end: int | None) -> None:
    with pytest.raises(RangeNotSatisfiable):
        slice_of(10, start, end)
