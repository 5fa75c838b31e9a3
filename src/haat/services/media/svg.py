"""Which drawings may come in: shapes and paint of our own, nothing that runs, nothing that leads outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from xml.parsers import expat

ELEMENTS = frozenset(
    {"svg", "g", "defs", "symbol", "use", "title", "desc"}
    | {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
    | {"linearGradient", "radialGradient", "stop", "pattern", "clipPath", "mask", "filter"}
    | {"feGaussianBlur", "feOffset", "feBlend", "feMerge", "feMergeNode", "feFlood", "feComposite", "feColorMatrix"}
)
MAX_ELEMENTS = 20_000
DEFAULT_SIDE = 1_000
_LINK = re.compile(r"url\(\s*[\"']?\s*(?!#)", re.I)
_NUMBER = re.compile(r"\s*([0-9]*\.?[0-9]+)(?:px)?\s*")


class NotADrawing(Exception):
    """The document holds something a drawing does not need; its text says what."""


def size_of(body: bytes) -> tuple[float, float]:
    """The drawing's width and height in its own units, once all of it has been checked. Raises NotADrawing."""
    sizes: list[tuple[float, float]] = []
    count = 0

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS:
            raise NotADrawing(f"more than {MAX_ELEMENTS} elements")
        if (count == 1) != (name == "svg"):
            raise NotADrawing("svg must be the outermost element, and only that")
        if name not in ELEMENTS:
            raise NotADrawing(f"<{name[:40]}> has no place in a drawing")
        for attribute, value in attributes.items():
            _check(attribute, value)
        if count == 1:
            sizes.append(_size(attributes))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    # Without a document type there are no entities, and so neither bombs nor files from elsewhere.
    parser.StartDoctypeDeclHandler = _refuse("a document type")
    parser.ProcessingInstructionHandler = _refuse("a processing instruction")
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise NotADrawing(f"not well-formed: {error}") from error
    return sizes[0]


def _refuse(what: str) -> Callable[..., None]:
    def handler(*_: object) -> None:
        raise NotADrawing(f"{what} has no place in a drawing")

    return handler


def _check(name: str, value: str) -> None:
    lowered = name.lower()
    if lowered.startswith("on") or lowered in ("style", "class"):
        raise NotADrawing(f"the attribute {name[:40]} has no place in a drawing")
    if lowered.rpartition(":")[2] == "href" and not value.strip().startswith("#"):
        raise NotADrawing("a reference leads outside the drawing")
    if _LINK.search(value):
        raise NotADrawing("a reference leads outside the drawing")


def _size(attributes: Mapping[str, str]) -> tuple[float, float]:
    sides = [_NUMBER.fullmatch(attributes.get(name, "")) for name in ("width", "height")]
    box = attributes.get("viewBox", "").replace(",", " ").split()
    try:
        if all(sides):
            width, height = (float(side.group(1)) for side in sides if side)
        else:
            width, height = (float(box[2]), float(box[3])) if len(box) == 4 else (DEFAULT_SIDE, DEFAULT_SIDE)
    except ValueError as error:
        raise NotADrawing("a size that is not a number") from error
    if not (0 < width <= 100_000 and 0 < height <= 100_000 and 0.05 <= width / height <= 20):
        raise NotADrawing("a size that cannot be drawn")
    return width, height
