"""Media's use cases: take an upload in, tell its addresses, give out what lies behind one."""

from __future__ import annotations

import asyncio
from typing import cast

from haat.contracts.media import (
    Blob,
    Fetch,
    Media,
    MediaList,
    MediaOf,
    MediaRefused,
    MediaStore,
    Upload,
)
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.ports.blobs import Blobs
from haat.ports.pictures import Format, Pictures, Source, Unreadable
from haat.services.media.model import (
    DRAWING,
    MAX_UPLOAD_BYTES,
    MEDIA_TYPES,
    PHOTOGRAPHS,
    VIDEOS,
    Item,
    Wanted,
    hash_of,
    media_type_of,
    slice_of,
    view,
    wanted,
)
from haat.services.media.store import MediaRows
from haat.services.media.svg import NotADrawing, size_of

DRAWN_WIDTH = 1_200


class MediaService(MediaStore):
    """Renditions are made when first asked for, by one task each however many ask, and kept."""

    def __init__(self, rows: MediaRows, blobs: Blobs, pictures: Pictures) -> None:
        self._rows = rows
        self._blobs = blobs
        self._pictures = pictures
        self._rendering: dict[Wanted, asyncio.Task[bytes]] = {}

    async def upload(self, ask: Upload) -> Media:
        if len(ask.body) > MAX_UPLOAD_BYTES:
            raise MediaRefused("A file may have 20 MB", reason="too_large")
        item, kept = await self._accepted(ask)
        # The body first: a row must never name a blob that is not there.
        await self._blobs.write(item.blob(), kept)
        if ask.idempotency is None:
            async with self._rows.connection() as connection:
                return view(await self._rows.add(connection, item, len(ask.body)))
        async with self._rows.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Media)
            if stored is not None:
                return stored
            return transaction.remember(view(await self._rows.add(transaction.connection, item, len(ask.body))))

    async def media(self, ask: MediaOf) -> MediaList:
        async with self._rows.connection() as connection:
            found = {item.id: item for item in await self._rows.by_ids(connection, ask.ids)}
        return MediaList(data=[view(found[each]) for each in ask.ids if each in found])

    async def fetch(self, ask: Fetch) -> Blob:
        place = wanted(ask.path)
        size = await self._blobs.size(place.blob())
        if size is None:
            if not place.width:
                raise NotFound()
            size = len(await self._made(place))
        start, length = slice_of(size, ask.start, ask.end)
        body = await self._blobs.read(place.blob(), start, length)
        if body is None:
            raise NotFound()
        return Blob(body=body, media_type=MEDIA_TYPES[place.extension], size=size, etag=place.etag(), start=start)

    async def _accepted(self, ask: Upload) -> tuple[Item, bytes]:
        """The item and the body to keep. Raises MediaRefused."""
        id_, hash_ = new_id("med"), hash_of(ask.body)
        if ask.media_type == DRAWING:
            try:
                width, height = size_of(ask.body)
            except NotADrawing as error:
                raise MediaRefused(str(error), reason="unsafe_drawing") from error
            drawn = max(1, round(height * DRAWN_WIDTH / width))
            return Item(id_, hash_, ask.alt, "svg", DRAWN_WIDTH, drawn), ask.body
        found = media_type_of(ask.body)
        if found is None or found != ask.media_type:
            detail = f"The file is not {ask.media_type}" if found else "Not a picture or video that is taken here"
            raise MediaRefused(detail, reason="wrong_type")
        if found in PHOTOGRAPHS:
            try:
                kept = await self._pictures.accept(ask.body)
            except Unreadable as error:
                raise MediaRefused(str(error), reason="unreadable") from error
            return Item(id_, hash_, ask.alt, kept.source, kept.width, kept.height), kept.body
        return Item(id_, hash_, ask.alt, VIDEOS[found], 0, 0), ask.body

    async def _made(self, place: Wanted) -> bytes:
        task = self._rendering.get(place)
        if task is None:
            task = asyncio.create_task(self._render(place))
            self._rendering[place] = task
            task.add_done_callback(lambda _: self._rendering.pop(place, None))
        # Whoever gives up waiting must not take the rendition away from the others.
        return await asyncio.shield(task)

    async def _render(self, place: Wanted) -> bytes:
        async with self._rows.connection() as connection:
            item = await self._rows.by_hash(connection, place.hash)
        if item is None or item.source in ("mp4", "webm"):
            raise NotFound()
        original = await self._blobs.read(item.blob())
        if original is None:
            raise NotFound()
        try:
            body = await self._pictures.render(
                original, cast(Source, item.source), place.width, cast(Format, place.extension)
            )
        except Unreadable as error:
            raise MediaRefused(str(error), reason="unreadable") from error
        await self._blobs.write(place.blob(), body)
        return body
