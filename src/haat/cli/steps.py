"""What takes long, told while it happens: bars on a terminal, a line for each step anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Steps"]

LINE_SECONDS = 10.0


class Steps:
    """Steps may overlap. Used as a context; `total` of a step is the number of things it does (0: one thing)."""

    def __init__(self, *, terminal: bool | None = None) -> None:
        self._terminal = sys.stdout.isatty() if terminal is None else terminal
        self._bars: Progress | None = None

    def __enter__(self) -> Self:
        if self._terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bars = Progress(*columns)
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, text: str) -> None:
        """A line above the bars."""
        if self._bars is not None:
            self._bars.console.print(text, highlight=False)
        else:
            print(text, flush=True)

    @contextmanager
    def step(self, name: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        """One step; call what it gives with the number of things just done."""
        with self._bar(name, total) if self._bars is not None else self._lines(name, total) as advance:
            yield advance

    @contextmanager
    def _bar(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        assert self._bars is not None
        bars, task = self._bars, self._bars.add_task(name, total=total or None)
        yield lambda done: bars.update(task, advance=done)
        bars.update(task, total=total or 1, completed=total or 1)

    @contextmanager
    def _lines(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        begun = told = time.monotonic()
        count = 0

        def advance(done: int) -> None:
            nonlocal count, told
            count += done
            if time.monotonic() - told > LINE_SECONDS:
                told = time.monotonic()
                self.say(f"  {name}: {count} of {total} after {told - begun:.0f} s")

        yield advance
        self.say(f"  {name}: {f'{count} in ' if total else ''}{time.monotonic() - begun:.1f} s")
