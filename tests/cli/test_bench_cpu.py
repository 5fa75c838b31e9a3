"""Whose CPU time `haat bench` counts."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from haat.cli.instance import MARK, mark_of
from haat.cli.load.cpu import used

WORK = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"


@contextmanager
def working(data: Path, name: str):
    """A process of this shop, called so, that has used a fifth of a second."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, name],
        env={**os.environ, MARK: mark_of(data)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_service_counts_as_one(tmp_path):
    with working(tmp_path, "haat serve gateway"):
        counted = used(tmp_path)
    assert counted.services >= 0.15
    assert counted.sandboxes == 0


def test_a_sandbox_counts_apart(tmp_path):
    with working(tmp_path, "haat.sandbox.provider"):
        counted = used(tmp_path)
    assert counted.services == 0
    assert counted.sandboxes >= 0.15


def test_the_training_of_a_model_is_not_counted(tmp_path):
    with working(tmp_path, "haat.engines.training.apart"):
        counted = used(tmp_path)
    assert (counted.services, counted.sandboxes) == (0, 0)
