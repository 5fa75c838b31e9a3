"""People keep their connections open between two pages: nobody has to wait for one to be closed."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

import pytest

from tests.journeys.shops import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]
VISITORS = 700
# A full server lets the next one in when an idle connection is closed, after 30 seconds.
PATIENCE_SECONDS = 15.0


async def test_hundreds_of_idle_connections_keep_nobody_out(desk: Shop):
    """One worker; the server's own default would be 512 at a time."""
    parts = urlsplit(desk.url)
    request = f"GET /v1/config HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    visits: list[asyncio.StreamWriter] = []

    async def visit() -> float:
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        visits.append(writer)
        writer.write(request)
        status = await reader.readline()
        assert status.split()[1] == b"200"
        return time.monotonic() - begun

    try:
        async with asyncio.timeout(3 * PATIENCE_SECONDS):
            waited = await asyncio.gather(*(visit() for _ in range(VISITORS)))
            late = await visit()
    finally:
        for writer in visits:
            writer.close()
    assert max(*waited, late) < PATIENCE_SECONDS
