"""An HTTP/1.1 client that costs next to nothing: the load generator shares the machine with what it measures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """Status, headers (lower case) and body."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time. Understands Content-Length and chunked answers."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[Answer] | None = None
        self._head: tuple[int, dict[bytes, bytes], int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError("the server closed the connection"))
        self._transport = None

    @property
    def alive(self) -> bool:
        return self._transport is not None

    async def ask(self, request: bytes) -> Answer:
        """Send a whole request, wait for the whole answer. Raises OSError when the connection is lost."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = _head(bytes(self._buffer[:end]), end + 4)
        status, headers, start = self._head
        body = _body(self._buffer, headers, start)
        if body is None or self._waiting is None:
            return
        self._buffer.clear()
        self._head = None
        if not self._waiting.done():
            self._waiting.set_result(Answer(status, headers, body))


def _head(head: bytes, start: int) -> tuple[int, dict[bytes, bytes], int]:
    first, *lines = head.split(b"\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return int(first.split(b" ", 2)[1]), headers, start


def _body(buffer: bytearray, headers: Mapping[bytes, bytes], start: int) -> bytes | None:
    if headers.get(b"transfer-encoding") == b"chunked":
        return _dechunked(buffer, start) if buffer.endswith(b"0\r\n\r\n") else None
    length = int(headers.get(b"content-length", b"0"))
    return bytes(buffer[start : start + length]) if len(buffer) - start >= length else None


def _dechunked(buffer: bytearray, position: int) -> bytes:
    parts: list[bytes] = []
    while True:
        end = buffer.index(b"\r\n", position)
        size = int(bytes(buffer[position:end]), 16)
        if size == 0:
            return b"".join(parts)
        parts.append(bytes(buffer[end + 2 : end + 2 + size]))
        position = end + 4 + size


class Shop:
    """Connections to one shop, opened when they are needed; beyond `most` a request waits for one."""

    def __init__(self, host: str, port: int, most: int = 900) -> None:
        self._host, self._port = host, port
        # Fewer than the files that a process may have open by default.
        self._turn = asyncio.Semaphore(most)
        self._idle: list[Connection] = []

    async def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request with an optional JSON body."""
        return await self.send(request(self._host, self._port, method, path, body, headers))

    async def send(self, raw: bytes) -> Answer:
        """One prepared request."""
        async with self._turn:
            connection = self._idle.pop() if self._idle else await self._open()
            if not connection.alive:
                connection = await self._open()
            answer = await connection.ask(raw)
            self._idle.append(connection)
            return answer

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, self._host, self._port)
        return connection


def request(
    host: str, port: int, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """A request as bytes, to be sent as often as wanted."""
    content = b"" if body is None else msgspec.json.encode(body)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if content or method != "GET":
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content
