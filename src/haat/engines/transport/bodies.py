"""The body of an answer as a whole, up to a limit."""

from __future__ import annotations

import aiohttp


async def whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """However many pieces it comes in: `read(most)` gives the first of them. Raises ClientError for a longer one."""
    pieces, length = [], 0
    async for piece in answer.content.iter_any():
        length += len(piece)
        if length > most:
            raise aiohttp.ClientPayloadError("the answer is too long")
        pieces.append(piece)
    return b"".join(pieces)
