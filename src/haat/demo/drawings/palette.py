"""Colour arithmetic and the named colours of the demo shop."""

NAMED = {
    "Slate grey": "#5d6a78", "Sky blue": "#6fb4e0", "Silver": "#c3c9d1", "Rose gold": "#d9a396",
    "Midnight black": "#2b2f3a", "Forest green": "#2f6b4f", "Scarlet": "#d23b3b", "White": "#f3f1ec",
    "Cream": "#f1e4c8", "Navy": "#2c4474", "Sand": "#d8c09a", "Olive": "#7d8445", "Lavender": "#a896d4",
    "Clear": "#bcdde6", "Indigo": "#3b4a9c", "Mustard": "#dfa62f", "Walnut": "#8a5a3b", "Copper": "#c0703f",
    "Teal": "#2b8a8c", "Terracotta": "#c8643f", "Wine": "#8c2f4b",
}  # fmt: skip
_OTHERS = ("#2b8a8c", "#c8643f", "#3b4a9c", "#dfa62f", "#8c2f4b", "#2f6b4f")


def tone_of(name: str, seed: int) -> str:
    """The hex colour of a colour name; a name unknown or empty gets one of six by seed."""
    return NAMED.get(name) or _OTHERS[seed % len(_OTHERS)]


def mix(first: str, second: str, share: float) -> str:
    """`share` (0 to 1) of the second colour in the first."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def light(colour: str, share: float) -> str:
    """The colour lifted toward a warm white, as sun from the window does."""
    return mix(colour, "#fffaf0", share)


def dark(colour: str, share: float) -> str:
    """The colour sunk toward a blue night, never toward plain black."""
    return mix(colour, "#141a33", share)


def bright(colour: str) -> float:
    """Perceived lightness from 0 to 1."""
    red, green, blue = _channels(colour)
    return (red * 299 + green * 587 + blue * 114) / 255000


def ink(colour: str) -> str:
    """A colour that can be read on the given one."""
    return dark(colour, 0.75) if bright(colour) > 0.55 else light(colour, 0.85)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
