"""Training in a process of its own: its memory goes back when it ends, and nobody else waits for it.

`python -m haat.engines.training.apart FOLDER` reads FOLDER/ask and writes FOLDER/model.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from haat.engines.training.implicit_engine import ImplicitTrainingEngine
from haat.ports.training import Interactions, ItemText, TrainingPlan

_MOST_BYTES = 8 << 30
_NICENESS = 10
_PR_SET_PDEATHSIG = 1


class _Ask(msgspec.Struct, frozen=True):
    interactions: Interactions
    texts: Sequence[ItemText]
    plan: TrainingPlan
    now: datetime


class TrainingFailed(RuntimeError):
    """The training process ended without a model; its last words are in the message."""


async def train_apart(
    interactions: Interactions, texts: Sequence[ItemText], plan: TrainingPlan, now: datetime
) -> bytes:
    """The bytes of the model that TrainingEngine.train makes. Raises TrainingFailed. Cancelling ends the process."""
    with tempfile.TemporaryDirectory(prefix="haat-training-") as name:
        folder = Path(name)
        ask = _Ask(interactions, texts, plan, now)
        await asyncio.to_thread(lambda: (folder / "ask").write_bytes(msgspec.msgpack.encode(ask)))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            name,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # One core at most: shoppers are served beside it.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        try:
            _, words = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise TrainingFailed(words.decode(errors="replace")[-2_000:] or f"ended with {process.returncode}")
        return await asyncio.to_thread((folder / "model").read_bytes)


def _run(folder: Path) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    ask = msgspec.msgpack.decode((folder / "ask").read_bytes(), type=_Ask)
    model = ImplicitTrainingEngine().train(ask.interactions, ask.texts, ask.plan, ask.now)
    (folder / "model").write_bytes(model.to_bytes())


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
