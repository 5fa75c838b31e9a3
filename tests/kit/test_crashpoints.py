"""The named places of death: each stands in the source, and takes effect only where a test asks for it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from haat.kit.crashpoints import POINTS

SOURCE = Path(__file__).parents[2] / "src" / "haat"
CALLED = re.compile(r'\bcrashpoint\("([^"]+)"\)')
THRICE = (
    "from haat.kit.crashpoints import crashpoint\nfor i in range(3):\n    print(i, flush=True)\n    crashpoint('here')"
)


def passed(environment: dict[str, str]) -> tuple[int, int]:
    """The exit status of a process that passes a point three times, and how often it came there."""
    done = subprocess.run([sys.executable, "-c", THRICE], env=environment, capture_output=True, check=False)
    return done.returncode, len(done.stdout.split())


def test_each_point_stands_in_the_source():
    found = [name for path in SOURCE.rglob("*.py") for name in CALLED.findall(path.read_text())]
    assert sorted(set(found)) == sorted(POINTS)
    assert len(POINTS) == 24


@pytest.mark.parametrize(
    ("environment", "status", "came"),
    [
        ({"CRASH_AT": "here:2", "HAAT_ENVIRONMENT": "test"}, -signal.SIGKILL, 2),
        ({"CRASH_AT": "elsewhere:1", "HAAT_ENVIRONMENT": "test"}, 0, 3),
        ({"CRASH_AT": "here:2", "HAAT_ENVIRONMENT": "production"}, 0, 3),
        ({"CRASH_AT": "here:2"}, 0, 3),
        ({"HAAT_ENVIRONMENT": "test"}, 0, 3),
    ],
)
def test_a_process_dies_where_and_when_it_was_told(environment: dict[str, str], status: int, came: int):
    assert passed(environment) == (status, came)


def test_a_folder_arms_a_point_for_one_death(tmp_path: Path):
    environment = {"CRASH_AT": str(tmp_path), "HAAT_ENVIRONMENT": "test"}
    (tmp_path / "here").touch()
    assert (passed(environment), passed(environment)) == ((-signal.SIGKILL, 1), (0, 3))
    assert [path.name.split("@")[0] for path in tmp_path.iterdir()] == ["here"]
