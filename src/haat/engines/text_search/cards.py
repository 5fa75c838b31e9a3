"""The cards of an index, beside it: one file that only grows, in which a card is read by its place.

What the engine stores itself it keeps in compressed blocks, and the twenty cards of a page lie in twenty of them.
"""

import mmap
import os
from pathlib import Path
from typing import Final

_FILE: Final = "cards"
_LENGTH_BITS: Final = 24
_LONGEST: Final = (1 << _LENGTH_BITS) - 1
_ID_BYTES: Final = 2
# A file that has grown to so many times its size is mostly cards of the past.
_GROWN: Final = 4
_SMALL_BYTES: Final = 64_000_000


class CardWriter:
    """Appends. What a crash leaves behind without a commit is never asked for."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / _FILE).open("ab")
        self._end = self._file.seek(0, os.SEEK_END)

    def put(self, product_id: str, card: bytes) -> int:
        """The card's place: where it begins and how long it is, in one number."""
        name = product_id.encode()
        record = b"".join((len(name).to_bytes(_ID_BYTES), name, card))
        if len(record) > _LONGEST:
            raise ValueError(f"the card of {product_id} is longer than {_LONGEST} bytes")
        self._file.write(record)
        place = self._end << _LENGTH_BITS | len(record)
        self._end += len(record)
        return place

    def sync(self) -> None:
        """Durable: to be called before the commit that names these places."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class CardReader:
    """The cards up to now; those of later commits are for later readers."""

    def __init__(self, folder: Path) -> None:
        with (folder / _FILE).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._bytes: mmap.mmap | bytes = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""

    def card(self, place: int) -> tuple[str, bytes]:
        """The product's id and its card."""
        start = place >> _LENGTH_BITS
        record = self._bytes[start : start + (place & _LONGEST)]
        begins = _ID_BYTES + int.from_bytes(record[:_ID_BYTES])
        return record[_ID_BYTES:begins].decode(), record[begins:]


def cards_bytes(folder: Path) -> int:
    """How large the file is; 0 when there is none."""
    try:
        return (folder / _FILE).stat().st_size
    except FileNotFoundError:
        return 0


def mostly_past(folder: Path, built_bytes: int) -> bool:
    """Most cards of this folder have been replaced since it was built with so many bytes: a rebuild is due."""
    return cards_bytes(folder) > max(_SMALL_BYTES, _GROWN * built_bytes)
