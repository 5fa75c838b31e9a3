"""What every picture engine promises, asked of the real worker processes."""

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from haat.engines.pictures.workers import PictureWorkers
from haat.kit.message import Unavailable
from haat.ports.pictures import Pictures, Unreadable

DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="500" viewBox="0 0 1000 500">'
    b'<rect width="1000" height="500" fill="#ffffff"/><rect width="500" height="500" fill="#ff0000"/></svg>'
)


@pytest.fixture(scope="module", params=[PictureWorkers], ids=["workers"])
async def pictures(request: pytest.FixtureRequest) -> AsyncIterator[Pictures]:
    engine = request.param(2)
    yield engine
    await engine.close()


def encoded(format_: str, size: tuple[int, int] = (640, 480), mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, (10, 200, 30) if mode == "RGB" else (10, 200, 30, 100)).save(out, format_, **options)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
async def test_a_photograph_is_kept_as_a_picture_of_the_same_size(pictures, format_):
    kept = await pictures.accept(encoded(format_))
    assert (kept.source, kept.width, kept.height, opened(kept.body).size) == ("jpg", 640, 480, (640, 480))


async def test_what_shows_through_is_kept_as_png(pictures):
    kept = await pictures.accept(encoded("PNG", mode="RGBA"))
    assert (kept.source, opened(kept.body).getpixel((5, 5))) == ("png", (10, 200, 30, 100))


async def test_metadata_is_gone_and_the_picture_upright(pictures):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "taken at home"
    kept = await pictures.accept(encoded("JPEG", exif=exif))
    assert (kept.width, kept.height, dict(opened(kept.body).getexif()), b"taken at home" in kept.body) == (
        480,
        640,
        {},
        False,
    )


async def test_a_huge_photograph_is_kept_smaller(pictures):
    kept = await pictures.accept(encoded("JPEG", (5000, 1000)))
    assert (kept.width, kept.height) == (2400, 480)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xd8\xff not a jpeg", b"GIF89a" + b"\0" * 50, encoded("PNG")[:200], DRAWING]
)
async def test_what_is_no_photograph_is_unreadable(pictures, body):
    with pytest.raises(Unreadable):
        await pictures.accept(body)


@pytest.mark.slow
async def test_a_decompression_bomb_is_unreadable(pictures):
    with pytest.raises(Unreadable):
        await pictures.accept(encoded("PNG", (9000, 9000)))


@pytest.mark.parametrize(("format_", "name"), [("avif", "AVIF"), ("webp", "WEBP"), ("jpg", "JPEG")])
async def test_a_drawing_is_rendered_in_every_format(pictures, format_, name):
    rendered = opened(await pictures.render(DRAWING, "svg", 400, format_))
    left, right = rendered.convert("RGB").getpixel((100, 100)), rendered.convert("RGB").getpixel((300, 100))
    assert (rendered.format, rendered.size, left[0] > 240 > 40 > left[1], min(right) > 240) == (
        name,
        (400, 200),
        True,
        True,
    )


async def test_a_photograph_is_made_smaller_but_never_larger(pictures):
    kept = await pictures.accept(encoded("JPEG"))
    sizes = [opened(await pictures.render(kept.body, kept.source, width, "webp")).size for width in (200, 1200)]
    assert sizes == [(200, 150), (640, 480)]


async def test_what_shows_through_stands_on_white_in_a_jpeg(pictures):
    kept = await pictures.accept(encoded("PNG", mode="RGBA"))
    red, green, blue = opened(await pictures.render(kept.body, "png", 200, "jpg")).getpixel((50, 50))
    assert (abs(red - 159) < 6, abs(green - 233) < 6, abs(blue - 167) < 6) == (True, True, True)


async def test_a_damaged_drawing_is_unreadable(pictures):
    with pytest.raises(Unreadable):
        await pictures.render(b"<svg", "svg", 400, "webp")


async def test_more_work_than_workers_waits_its_turn(pictures):
    rendered = await asyncio.gather(*(pictures.render(DRAWING, "svg", 200, "webp") for _ in range(12)))
    assert len({len(body) for body in rendered}) == 1


async def test_a_worker_that_dies_is_replaced():
    engine = PictureWorkers(1)
    await engine.render(DRAWING, "svg", 200, "webp")
    (worker,) = engine._running
    worker.kill()
    await worker.wait()
    assert opened(await engine.render(DRAWING, "svg", 200, "webp")).size == (200, 100)
    await engine.close()


async def test_work_on_a_worker_that_dies_meanwhile_is_unavailable():
    engine = PictureWorkers(1)
    await engine.render(DRAWING, "svg", 200, "webp")
    (worker,) = engine._running
    job = asyncio.create_task(engine.render(DRAWING, "svg", 1200, "avif"))
    await asyncio.sleep(0)
    worker.kill()
    with pytest.raises(Unavailable):
        await job
    await engine.close()
