"""People keep their connections open between two pages: nobody has to wait for one to be closed."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from tests.journeys.shops import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]
VISITORS = 700
# Longer than a full server takes to let somebody in: it closes an idle connection after 30 seconds.
PATIENCE_SECONDS = 120.0


async def test_hundreds_of_idle_connections_keep_nobody_out(desk: Shop):
    """One worker; the server's own default would be 512 at a time."""
    parts = urlsplit(desk.url)
    request = f"GET /v1/config HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    visits: list[asyncio.StreamWriter] = []

    async def visit() -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        visits.append(writer)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == b"200"
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        return reader

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answered = await asyncio.gather(*(visit() for _ in range(VISITORS)))
            answered.append(await visit())
        closed = [reader for reader in answered if reader.at_eof()]
    finally:
        for writer in visits:
            writer.close()
    assert closed == []
