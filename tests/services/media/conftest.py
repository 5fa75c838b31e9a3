"""Media on real PostgreSQL, a folder and real picture workers."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image

from haat.engines.blobs.folder import FolderBlobs
from haat.engines.database.pool import PostgresDatabase
from haat.engines.pictures.workers import PictureWorkers
from haat.services.media.service import MediaService
from haat.services.media.store import MediaRows


class CountingPictures(PictureWorkers):
    """The real workers, with a count of what was rendered."""

    def __init__(self) -> None:
        super().__init__(2)
        self.rendered: list[tuple[int, str]] = []
        self.started = asyncio.Event()

    async def render(self, body, source, width, format_):
        self.rendered.append((width, format_))
        self.started.set()
        return await super().render(body, source, width, format_)


@pytest.fixture(scope="module")
async def workers() -> AsyncIterator[CountingPictures]:
    made = CountingPictures()
    yield made
    await made.close()


@pytest.fixture
def pictures(workers: CountingPictures) -> CountingPictures:
    workers.rendered.clear()
    workers.started.clear()
    return workers


@pytest.fixture
def media(database: PostgresDatabase, tmp_path: Path, pictures: CountingPictures) -> MediaService:
    return MediaService(MediaRows(database), FolderBlobs(tmp_path / "media"), pictures)


@pytest.fixture
def photograph() -> Callable[..., bytes]:
    def taken(shade: int = 0, size: tuple[int, int] = (900, 600)) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, (shade, 100, 200)).save(out, "JPEG")
        return out.getvalue()

    return taken


@pytest.fixture
def drawing() -> Callable[[str], bytes]:
    def drawn(colour: str) -> bytes:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50"><rect width="100" height="50"'
            f' fill="{colour}"/></svg>'
        ).encode()

    return drawn
