"""Applies mutants in a copy of the tree and runs their tests: red is good, green is a survivor."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("src", "tests", "pyproject.toml", "docs", ".importlinter")
SECONDS = 900
PREPARED = "test_every_query_can_be_prepared"


@contextmanager
def scratch() -> Iterator[Path]:
    """A copy of what the tests need."""
    with tempfile.TemporaryDirectory(prefix="haat-mutants-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        yield Path(folder)


def mutated(mutant: Mutant, text: str) -> str:
    """The file with the mutant in it. Raises ValueError unless its text stands there exactly once."""
    if text.count(mutant.find) != 1:
        raise ValueError(f"{mutant.name}: its text stands {text.count(mutant.find)} times in {mutant.file}")
    return text.replace(mutant.find, mutant.instead)


def killed(mutant: Mutant, tree: Path) -> bool:
    """Whether the mutant's tests turn red in this copy; the copy is as before afterwards.

    Raises RuntimeError when they cannot even run: a mutant that does not come up proves nothing about its tests.
    """
    file = tree / "src" / "haat" / mutant.file
    sound = file.read_text()
    file.write_text(mutated(mutant, sound))
    try:
        comes_up(file, tree)
        return not passes(mutant.tests, tree)
    finally:
        file.write_text(sound)


def comes_up(file: Path, tree: Path) -> None:
    """Raises RuntimeError when the file is no code that could be run: Python is imported, queries are prepared."""
    if file.suffix == ".py":
        module = ".".join(file.relative_to(tree / "src").with_suffix("").parts)
        done = _run(tree, "-c", f"import importlib; importlib.import_module({module!r})")
    else:
        done = _pytest((f"tests/services/test_queries.py::{PREPARED}[{file.parent.name}]",), tree)
    if done.returncode:
        raise RuntimeError(f"{file.name} does not come up: {done.stdout[-1000:]}{done.stderr[-1000:]}")


def passes(tests: tuple[str, ...], tree: Path) -> bool:
    """Whether these tests are green in a copy. Raises RuntimeError when none of them failed, and they are not."""
    done = _pytest(tests, tree)
    failed = any(line.startswith("FAILED") for line in done.stdout.splitlines())
    if done.returncode not in (0, 1) or (done.returncode == 1) != failed:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return done.returncode == 0


def _pytest(tests: tuple[str, ...], tree: Path) -> subprocess.CompletedProcess[str]:
    return _run(tree, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests)


def _run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, check=False, timeout=SECONDS, text=True
    )


def main() -> int:
    """Each mutant named on the command line, or all."""
    wanted = [each for each in MUTANTS if not sys.argv[1:] or each.name in sys.argv[1:]]
    survivors: list[Mutant] = []
    with scratch() as tree:
        for each in wanted:
            dead = killed(each, tree)
            print("killed  " if dead else "SURVIVED", each.name, flush=True)
            survivors += [] if dead else [each]
    print(f"{len(wanted) - len(survivors)} of {len(wanted)} killed")
    return 1 if any(not each.lives for each in survivors) else 0


if __name__ == "__main__":
    sys.exit(main())
