"""One application for many tests: what stands behind it changes, for to make an application anew takes 40 ms."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

B = TypeVar("B")


class Standing(Generic[B]):
    """`behind` holds the neighbours of the present test as attributes."""

    def __init__(self, behind: B) -> None:
        self.behind = behind

    def neighbours(self) -> dict[str, Any]:
        """By name, who asks the present neighbour of that name, whatever they are asked; a dictionary is none."""
        kinds = {name: type(value) for name, value in vars(self.behind).items()}
        return {name: self._asking(name, kind) for name, kind in kinds.items() if kind is not dict}

    def _asking(self, name: str, kind: type) -> Any:
        def asked(_: object, attribute: str) -> Any:
            return getattr(getattr(self.behind, name), attribute)

        return object.__new__(type(f"Asking{kind.__name__}", (kind,), {"__getattribute__": asked}))
