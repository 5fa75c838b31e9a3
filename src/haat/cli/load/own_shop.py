"""A shop to measure: the one that runs, or one of our own that is gone afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from haat.cli.addresses import free_port
from haat.cli.child import answers, die_with
from haat.kit.startup import StartupFault

STOP_SECONDS = 15
READY = "ready http"


@contextmanager
def shop_to_drive(url: str, data: Path, own: bool) -> Iterator[tuple[str, Path]]:
    """The address and the data folder of the shop at `url`, or, when nobody is there and `own`, of a new one.

    Raises StartupFault.
    """
    if asyncio.run(answers(f"{url}/healthz")):
        yield url, data
        return
    if not own:
        raise StartupFault(
            f"No shop answers at {url}.", "Start one with `haat run`, or name none: then one is started."
        )
    with tempfile.TemporaryDirectory(prefix="haat-bench-") as folder, _started(Path(folder)) as address:
        yield address, Path(folder)


@contextmanager
def _started(data: Path) -> Iterator[str]:
    """`haat run` with its demo catalogue, without the demo's warehouse."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    told = {"HAAT_DATA": str(data), "HAAT_PORT": str(port), "HAAT_HOST": "127.0.0.1", "HAAT_AUTO_FULFIL": "false"}
    print(f"no shop is running: starting one at {address}", file=sys.stderr)
    parent = os.getpid()
    shop = subprocess.Popen(
        [sys.executable, "-m", "haat", "run"],
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: die_with(parent),  # noqa: PLW1509 - no threads here yet
    )
    try:
        assert shop.stdout is not None
        said = []
        for line in shop.stdout:
            said.append(line)
            if line.startswith(READY):
                break
        else:
            raise StartupFault("The shop to measure did not start.", "It said: " + "".join(said[-5:]).strip())
        yield address
    finally:
        shop.send_signal(signal.SIGINT)
        try:
            shop.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            shop.kill()
