"""`python -m haat.engines.pictures.worker`: does one picture after the other until its input closes."""

from __future__ import annotations

import os
import signal
import struct
import sys
from typing import Any, BinaryIO

import msgspec

from haat.engines.pictures.drawing import accept, render
from haat.ports.pictures import Unreadable

LENGTH = struct.Struct(">I")
NICENESS = 5


def main() -> None:
    """Frames in, frames out. When whoever started it dies, the input closes and so does this process."""
    os.nice(NICENESS)
    # Ctrl-C in a terminal reaches every process: whoever started us decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    while (frame := _read(given)) is not None:
        body = msgspec.msgpack.encode(_do(msgspec.msgpack.decode(frame)))
        answers.write(LENGTH.pack(len(body)) + body)
        answers.flush()


def _read(given: BinaryIO) -> bytes | None:
    head = given.read(LENGTH.size)
    return given.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def _do(job: dict[str, Any]) -> dict[str, Any]:
    try:
        if job["do"] == "accept":
            return {"done": accept(job["body"])}
        return {"done": render(job["body"], job["source"], job["width"], job["format"])}
    except Unreadable as error:
        return {"unreadable": str(error)}
    except (OSError, ValueError, MemoryError) as error:
        # Codecs report damage in many ways; the picture is at fault, not the worker.
        return {"unreadable": f"the picture is damaged ({type(error).__name__})"}


if __name__ == "__main__":
    main()
