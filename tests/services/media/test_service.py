"""Uploads taken in once, renditions made once, nothing served as it came."""

import asyncio
import io

import pytest
from PIL import Image

from haat.contracts.media import Fetch, MediaOf, MediaRefused, RangeNotSatisfiable, Upload
from haat.engines.blobs.folder import FolderBlobs
from haat.kit.message import NotFound
from haat.services.media.service import MediaService
from haat.services.media.store import MediaRows

MP4 = b"\x00\x00\x00\x1cftypisom" + bytes(range(256)) * 4


def path(url: str) -> str:
    return url.removeprefix("/media/")


async def test_an_upload_has_addresses_at_once_and_nothing_rendered(media, photograph, pictures):
    made = await media.upload(Upload(body=photograph(1), media_type="image/jpeg", alt="A lamp"))
    assert (made.alt, made.width, made.height, len(made.renditions), pictures.rendered) == ("A lamp", 900, 600, 12, [])


async def test_every_listed_address_answers_with_what_it_says(media, photograph):
    made = await media.upload(Upload(body=photograph(2), media_type="image/jpeg"))
    for each in made.renditions:
        blob = await media.fetch(Fetch(path=path(each.url)))
        assert (blob.media_type, Image.open(io.BytesIO(blob.body)).size) == (each.media_type, (each.width, each.height))


async def test_a_rendition_is_made_once_for_twenty_at_once(media, drawing, pictures):
    made = await media.upload(Upload(body=drawing("#112233"), media_type="image/svg+xml"))
    ask = Fetch(path=path(made.url))
    blobs = await asyncio.gather(*(media.fetch(ask) for _ in range(20)))
    assert (pictures.rendered, len({blob.body for blob in blobs})) == ([(800, "jpg")], 1)


async def test_a_rendition_is_kept(media, drawing, pictures, database, tmp_path):
    made = await media.upload(Upload(body=drawing("#223344"), media_type="image/svg+xml"))
    first = await media.fetch(Fetch(path=path(made.url)))
    another = MediaService(MediaRows(database), FolderBlobs(tmp_path / "media"), pictures)
    assert (await another.fetch(Fetch(path=path(made.url))), len(pictures.rendered)) == (first, 1)


async def test_one_who_gives_up_does_not_take_it_from_the_others(media, drawing, pictures):
    made = await media.upload(Upload(body=drawing("#334455"), media_type="image/svg+xml"))
    impatient = asyncio.create_task(media.fetch(Fetch(path=path(made.url))))
    patient = asyncio.create_task(media.fetch(Fetch(path=path(made.url))))
    async with asyncio.timeout(120):
        await pictures.started.wait()
    impatient.cancel()
    assert ((await patient).size > 0, len(pictures.rendered)) == (True, 1)


async def test_the_same_bytes_and_words_are_the_same_media(media, photograph):
    ask = Upload(body=photograph(3), media_type="image/jpeg", alt="Same")
    assert await media.upload(ask) == await media.upload(ask)


async def test_the_same_bytes_under_other_words_share_their_addresses(media, photograph):
    first = await media.upload(Upload(body=photograph(4), media_type="image/jpeg", alt="One"))
    second = await media.upload(Upload(body=photograph(4), media_type="image/jpeg", alt="Two"))
    assert (first.id == second.id, first.url == second.url, second.alt) == (False, True, "Two")


async def test_media_come_in_the_order_asked_for(media, photograph):
    made = [await media.upload(Upload(body=photograph(5 + i), media_type="image/jpeg")) for i in range(3)]
    ids = [each.id for each in reversed(made)]
    found = await media.media(MediaOf(ids=[*ids, "med_nothing"]))
    assert [each.id for each in found.data] == ids


async def test_a_video_is_kept_as_it_came_and_read_in_parts(media):
    made = await media.upload(Upload(body=MP4, media_type="video/mp4"))
    part = await media.fetch(Fetch(path=path(made.url), start=4, end=11))
    assert (part.body, part.start, part.size, part.media_type) == (b"ftypisom", 4, len(MP4), "video/mp4")


async def test_a_range_behind_the_end_is_told_with_the_size(media):
    made = await media.upload(Upload(body=MP4, media_type="video/mp4"))
    with pytest.raises(RangeNotSatisfiable) as refusal:
        await media.fetch(Fetch(path=path(made.url), start=len(MP4)))
    assert refusal.value.facts == {"size": len(MP4)}


@pytest.mark.parametrize(
    ("body", "media_type", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/jpeg", "wrong_type"),
        (b"\xff\xd8\xff garbage", "image/jpeg", "unreadable"),
        (b"MZ\x90\x00", "image/png", "wrong_type"),
        (b"\xff\xd8\xff" + bytes(20_000_000), "image/jpeg", "too_large"),
        (b"<svg><script/></svg>", "image/svg+xml", "unsafe_drawing"),
    ],
)
async def test_what_is_not_taken_says_why(media, body, media_type, reason):
    with pytest.raises(MediaRefused) as refusal:
        await media.upload(Upload(body=body, media_type=media_type))
    assert refusal.value.facts["reason"] == reason


@pytest.mark.parametrize("name", ["800.jpg", "video.mp4"])
async def test_an_unknown_hash_is_not_found(media, name):
    with pytest.raises(NotFound):
        await media.fetch(Fetch(path=f"{'0' * 40}/{name}"))


async def test_a_drawing_is_never_served_as_it_came(media, drawing):
    made = await media.upload(Upload(body=drawing("#445566"), media_type="image/svg+xml"))
    with pytest.raises(NotFound):
        await media.fetch(Fetch(path=path(made.url).replace("800.jpg", "original.svg")))
