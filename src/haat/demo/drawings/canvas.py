"""A small pen for SVG: shapes, gradients lit from the top left, shadows and letters made of strokes."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from haat.demo.drawings.letters import GLYPHS
from haat.demo.drawings.palette import dark, light


class Canvas:
    """Collects shapes in a box of 1000 by 1000; `seed` makes every product its own."""

    def __init__(self, seed: int, words: list[str], facts: dict[str, object]) -> None:
        self._seed = seed
        self.rng = Random(seed)  # noqa: S311
        self.words = words
        self.facts = facts
        self._definitions: dict[str, str] = {}
        self._shapes: list[str] = []

    def restart(self) -> None:
        """Draw the same again: chance begins anew, so a second copy of the object equals the first."""
        self.rng = Random(self._seed)  # noqa: S311

    def svg(self, size: int) -> str:
        """The finished document, `size` pixels wide and high."""
        definitions = "".join(self._definitions.values())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 1000 1000">'
            f"<defs>{definitions}</defs>{''.join(self._shapes)}</svg>"
        )

    def sheen(self, colour: str, lift: float = 0.28, sink: float = 0.24) -> str:
        """A fill that falls from light at the top left to shade at the bottom right."""
        return self.fade(light(colour, lift), dark(colour, sink), middle=colour)

    def round(self, colour: str, lift: float = 0.3, sink: float = 0.34) -> str:
        """A fill for upright cylinders: a bright band left of the middle, dark edges."""
        stops = (
            (0, dark(colour, sink * 0.55)),
            (28, light(colour, lift)),
            (55, colour),
            (100, dark(colour, sink)),
        )
        return self._gradient("linearGradient", 'x1="0" y1="0" x2="1" y2="0"', stops)

    def ball(self, colour: str) -> str:
        """A fill for spheres and cushions."""
        stops = (0, light(colour, 0.5)), (45, colour), (100, dark(colour, 0.38))
        return self._gradient("radialGradient", 'cx="0.36" cy="0.3" r="0.8"', stops)

    def fade(self, first: str, last: str, middle: str = "", down: bool = False) -> str:
        """A straight gradient, along the diagonal or straight down."""
        stops = [(0, first), *([(50, middle)] if middle else []), (100, last)]
        end = 'x2="0" y2="1"' if down else 'x2="1" y2="1"'
        return self._gradient("linearGradient", f'x1="0" y1="0" {end}', tuple(stops))

    def rect(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        fill: str,
        r: float = 0,
        stroke: str = "",
        width: float = 0,
    ) -> None:
        self._add(f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{r:g}"', fill, stroke, width)

    def circle(self, x: float, y: float, r: float, fill: str, stroke: str = "", width: float = 0) -> None:
        self._add(f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}"', fill, stroke, width)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: str, stroke: str = "", width: float = 0) -> None:
        self._add(f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}"', fill, stroke, width)

    def path(self, d: str, fill: str = "none", stroke: str = "", width: float = 0) -> None:
        self._add(f'<path d="{d}"', fill, stroke, width)

    def line(self, d: str, colour: str, width: float, opacity: float = 1) -> None:
        """A stroke with round ends."""
        self._shapes.append(
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width:g}" opacity="{opacity:g}" '
            'stroke-linecap="round" stroke-linejoin="round"/>'
        )

    def gloss(self, d: str, opacity: float = 0.22) -> None:
        """A patch of reflected window."""
        self._shapes.append(f'<path d="{d}" fill="#ffffff" opacity="{opacity:g}"/>')

    def shade(self, d: str, opacity: float = 0.16) -> None:
        """A patch of the object's own shadow."""
        self._shapes.append(f'<path d="{d}" fill="#141a33" opacity="{opacity:g}"/>')

    def shadow(self, x: float, y: float, rx: float, ry: float, strength: float = 0.42) -> None:
        """A soft shadow on the ground, drawn before what throws it."""
        self._definitions.setdefault(
            "shadow",
            '<radialGradient id="shadow"><stop offset="0.2" stop-color="#141a33" stop-opacity="1"/>'
            '<stop offset="0.65" stop-color="#141a33" stop-opacity="0.35"/>'
            '<stop offset="1" stop-color="#141a33" stop-opacity="0"/></radialGradient>',
        )
        self._shapes.append(
            f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="url(#shadow)" opacity="{strength:g}"/>'
        )

    def word(self, text: str, x: float, y: float, size: float, colour: str, bold: float = 1.3) -> None:
        """Upper-case letters of height `size`, centred on `x`, standing on `y`; unknown signs are left out."""
        known = [GLYPHS[letter] for letter in text.upper() if letter in GLYPHS]
        total = sum(width + 2.4 for width, _ in known) - 2.4
        scale, at = size / 10, x - total * size / 20
        pieces = []
        for width, d in known:
            if d:
                pieces.append(f'<path transform="translate({(at - x) / scale:.2f} 0)" d="{d}"/>')
            at += (width + 2.4) * scale
        self._shapes.append(
            f'<g transform="translate({x:.1f} {y - size:.1f}) scale({scale:.3f})" fill="none" stroke="{colour}" '
            f'stroke-width="{bold:g}" stroke-linecap="round" stroke-linejoin="round">{"".join(pieces)}</g>'
        )

    def fit(self, text: str, x: float, y: float, room: float, size: float, colour: str, bold: float = 1.3) -> None:
        """A word made smaller until it fits into `room`."""
        wide = sum(GLYPHS[letter][0] + 2.4 for letter in text.upper() if letter in GLYPHS) * size / 10
        self.word(text, x, y, size * min(1, room / max(wide, 1)), colour, bold)

    @contextmanager
    def group(self, transform: str, opacity: float = 1) -> Iterator[None]:
        self._shapes.append(f'<g transform="{transform}" opacity="{opacity:g}">')
        yield
        self._shapes.append("</g>")

    @contextmanager
    def clip(self, shape: str) -> Iterator[None]:
        """Only what lies inside the path is drawn."""
        name = f"c{len(self._definitions)}"
        self._definitions[name] = f'<clipPath id="{name}"><path d="{shape}"/></clipPath>'
        self._shapes.append(f'<g clip-path="url(#{name})">')
        yield
        self._shapes.append("</g>")

    def _gradient(self, kind: str, place: str, stops: tuple[tuple[int, str], ...]) -> str:
        key = f"{kind}{place}{stops}"
        if key not in self._definitions:
            name = f"g{len(self._definitions)}"
            marks = "".join(f'<stop offset="{at}%" stop-color="{colour}"/>' for at, colour in stops)
            self._definitions[key] = f'<{kind} id="{name}" {place}>{marks}</{kind}>'
        found = self._definitions[key]
        return f"url(#{found.split(chr(34), 2)[1]})"

    def _add(self, start: str, fill: str, stroke: str, width: float) -> None:
        edge = f' stroke="{stroke}" stroke-width="{width:g}"' if stroke else ""
        self._shapes.append(f'{start} fill="{fill}"{edge}/>')
