"""What every place for blobs promises."""

import asyncio
from pathlib import Path

import pytest

from haat.engines.blobs.folder import FolderBlobs
from haat.ports.blobs import Blobs


@pytest.fixture(params=[FolderBlobs], ids=["folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    made: Blobs = request.param(tmp_path / "blobs")
    return made


async def test_a_body_comes_back_whole(blobs):
    await blobs.write("ab/abc/800.jpg", b"picture")
    assert (await blobs.read("ab/abc/800.jpg"), await blobs.size("ab/abc/800.jpg")) == (b"picture", 7)


async def test_what_was_never_written_is_none(blobs):
    assert (await blobs.read("ab/none"), await blobs.size("ab/none")) == (None, None)


async def test_a_name_below_a_body_is_none(blobs):
    await blobs.write("ab/abc", b"x")
    assert (await blobs.read("ab/abc/800.jpg"), await blobs.size("ab/abc/800.jpg")) == (None, None)


@pytest.mark.parametrize(
    ("start", "length", "part"), [(0, 3, b"pic"), (3, None, b"ture"), (5, 100, b"re"), (7, 1, b""), (99, 1, b"")]
)
async def test_a_part_is_cut_at_the_end(blobs, start, length, part):
    await blobs.write("part", b"picture")
    assert await blobs.read("part", start, length) == part


async def test_writing_again_replaces(blobs):
    await blobs.write("again", b"a long first body")
    await blobs.write("again", b"second")
    assert await blobs.read("again") == b"second"


async def test_readers_see_one_body_or_the_other(blobs):
    bodies = [bytes([65 + i]) * 300_000 for i in range(4)]
    await blobs.write("busy", bodies[0])

    async def write(body: bytes) -> None:
        for _ in range(5):
            await blobs.write("busy", body)

    async def read() -> set[bytes | None]:
        return {await blobs.read("busy") for _ in range(20)}

    *_, seen = await asyncio.gather(*(write(body) for body in bodies), read())
    assert seen <= set(bodies)


@pytest.mark.parametrize(
    "name", ["", "../x", "/etc/passwd", "a/../b", ".hidden", "a//b", "a/", "A", "a\x00b", "a" * 201]
)
async def test_a_name_that_leads_elsewhere_is_refused(blobs, name):
    with pytest.raises(ValueError, match="not a blob's name"):
        await blobs.read(name)


async def test_an_empty_body_is_a_body(blobs):
    await blobs.write("empty", b"")
    assert (await blobs.read("empty"), await blobs.size("empty")) == (b"", 0)
