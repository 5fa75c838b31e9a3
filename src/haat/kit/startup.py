"""What can keep haat from starting, said so that the reader knows what to do next."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["StartupFault"]


class StartupFault(Exception):
    """haat cannot start. `what` is the fact, `what_to_do` the way out; `parts` lists every fault found at once."""

    def __init__(self, what: str, what_to_do: str, parts: Sequence[StartupFault] = ()) -> None:
        super().__init__(f"{what} {what_to_do}")
        self.what = what
        self.what_to_do = what_to_do
        self.parts: tuple[StartupFault, ...] = tuple(parts) or (self,)

    @classmethod
    def joined(cls, faults: Sequence[StartupFault]) -> StartupFault:
        """One fault that carries all of `faults` (at least one)."""
        if len(faults) == 1:
            return faults[0]
        return cls(
            " ".join(fault.what for fault in faults),
            " ".join(fault.what_to_do for fault in faults),
            [part for fault in faults for part in fault.parts],
        )
