"""Looks for card numbers in all the spellings that a leak might give them: in files, in tables, in other processes."""

from __future__ import annotations

import base64
import io
import os
import random
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
from stdnum import luhn

# Eight digits that begin every canary, and that nothing else here begins with: what is looked for in gigabytes.
BEGINNING = "47619582"
CHUNK, OVERLAP = 16 << 20, 256
TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) (\S+) (\d+)\s*(.*)$")


def canary(number: int) -> str:
    """A card number of sixteen digits with a correct check digit, another one for each `number`."""
    digits = f"{BEGINNING}{random.Random(number).randrange(10**7):07}"
    return digits + luhn.calc_check_digit(digits)


def spellings(digits: str) -> dict[str, bytes]:
    """How `digits` (an even number of them) may be written; base64 at each of the three places it may begin at."""
    raw = digits.encode()
    groups = [digits[at : at + 4] for at in range(0, len(digits), 4)]
    return {
        "ascii": raw,
        "utf-16-le": digits.encode("utf-16-le"),
        "utf-16-be": digits.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "base64 at 0": base64.b64encode(raw)[: len(raw) * 8 // 6],
        "base64 at 1": base64.b64encode(b"x" + raw)[2 : (len(raw) + 1) * 8 // 6],
        "base64 at 2": base64.b64encode(b"xx" + raw)[3 : (len(raw) + 2) * 8 // 6],
        "url-encoded": "".join(f"%{byte:02X}" for byte in raw).encode(),
        "spaced": " ".join(groups).encode(),
        "dashed": "-".join(groups).encode(),
        "bcd": bytes.fromhex(digits),
        "reversed": raw[::-1],
    }


# The vague ones first looked for by their beginning, then made sure of by the whole number.
SOUGHT = spellings(BEGINNING)


class Hunt:
    """Where which canary was found in which spelling; never the number itself."""

    def __init__(self, canaries: Iterable[str]) -> None:
        self._whole = [(digits[-4:], spellings(digits)) for digits in canaries]
        self.found: set[tuple[str, str, str]] = set()
        self.bytes = 0

    def look(self, place: str, data: bytes) -> None:
        self.bytes += len(data)
        for spelling, beginning in SOUGHT.items():
            if data.find(beginning) >= 0:
                for last4, whole in self._whole:
                    if whole[spelling] in data:
                        self.found.add((place, spelling, last4))

    def files(self, folder: Path, but: Iterable[Path] = ()) -> None:
        """Every byte of every file below, other than below `but`."""
        left_out = [str(path) + os.sep for path in but]
        for path in folder.rglob("*"):
            if path.is_file() and not str(path).startswith(tuple(left_out) or "\0"):
                for chunk in contents(path):
                    self.look(f"file {path.relative_to(folder)}", chunk)

    async def tables(self, url: str) -> None:
        """Every row of every table of every schema, as text and as the bytes that it holds."""
        owner = await asyncpg.connect(url)
        try:
            for schema, table in await owner.fetch(TABLES):
                for form in ("text", "binary"):
                    dump = io.BytesIO()
                    await owner.copy_from_table(table, schema_name=schema, output=dump, format=form)
                    self.look(f"table {schema}.{table}", dump.getvalue())
        finally:
            await owner.close()

    def memory(self, pids: Iterable[int]) -> None:
        """Everything these processes can write to; what several share is read once."""
        shared: set[tuple[str, str, str]] = set()
        for pid in pids:
            name = name_of(pid)
            for data in writable(pid, shared):
                self.look(f"memory of {name}", data)


def descendants(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        # A thread of its may end at any time.
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [each for child in children.read_text().split() for each in descendants(int(child))]
    return found


def contents(path: Path) -> Iterator[bytes]:
    """A file in pieces that overlap; nothing of one that has just been removed."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        before = b""
        while chunk := file.read(CHUNK):
            yield before + chunk
            before = chunk[-OVERLAP:]


def writable(pid: int, shared: set[tuple[str, str, str]]) -> Iterator[bytes]:
    """The memory that a process can write to, in pieces that overlap; what is in `shared` was read before."""
    # A process that has ended since has nothing left.
    with suppress(FileNotFoundError, ProcessLookupError), Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            match = MAPPING.match(line)
            assert match is not None
            begin, end, rights, offset, device, inode, name = match.groups()
            whose = (device, inode, offset)
            if "w" not in rights or name in ("[vvar]", "[vsyscall]") or (rights[3] == "s" and whose in shared):
                continue
            if rights[3] == "s":
                shared.add(whose)
            before, at, last = b"", int(begin, 16), int(end, 16)
            while at < last:
                memory.seek(at)
                try:
                    data = memory.read(min(CHUNK, last - at))
                except OSError:
                    break
                if not data:
                    break
                yield before + data
                before, at = data[-OVERLAP:], at + len(data)


def name_of(pid: int) -> str:
    words: list[str] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").split()
    return f"{pid} {' '.join(words[-6:])}"[:100]
