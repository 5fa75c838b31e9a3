"""Places an object before a background: alone, in every colour, in a room, or close up."""

from collections.abc import Callable
from zlib import crc32

from haat.demo.drawings import accessories, devices, electronics, fashion, home, kitchen, leisure, outdoors, pantry
from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import bright, dark, light, mix, tone_of
from haat.demo.records import DemoProduct

Drawing = Callable[[Canvas, str], None]

# A module's public function named like a product type draws that type.
_MODULES = (electronics, devices, kitchen, home, fashion, accessories, pantry, leisure, outdoors)
_BACKDROPS = ("#f6e3cf", "#dcebe6", "#e3e4f4", "#f5e2e4", "#e9ecd6", "#d9e8f3", "#f4ead2")
_WALLS = ("#e8d8c4", "#cfdcd6", "#d6d9e6", "#e6d2cd", "#dcdcc4")


def drawing_of(product_type: str) -> Drawing | None:
    """The function that draws a type, None when there is none."""
    for module in _MODULES:
        found = getattr(module, product_type, None)
        if found is not None and found.__module__ == module.__name__:
            return found  # type: ignore[no-any-return]
    return None


def draw(product: DemoProduct, image_index: int, size: int = 1200) -> str:
    """One picture of a product as an SVG document; raises IndexError for an image the product has not."""
    kind, view, colours = product.images[image_index].drawing.split("/", 2)
    seed = crc32(product.slug.encode())
    bare = product.title.removeprefix(product.brand).rsplit(" by ", 1)[0]
    words = bare.split() if kind == "book" else [product.brand, *bare.split(",")[0].split()]
    canvas = Canvas(seed, words, {**product.attributes})
    tones = [tone_of(name, seed) for name in colours.split("|")]
    paint = drawing_of(f"{kind}_back") if view == "back" else drawing_of(kind)
    if paint is None:
        raise LookupError(f"no drawing for product type {kind}")
    _VIEWS[view](canvas, paint, tones, seed)
    return canvas.svg(size)


def _front(canvas: Canvas, paint: Drawing, tones: list[str], seed: int) -> None:
    _backdrop(canvas, tones[0], seed)
    with canvas.group("translate(60 52) scale(.88)"):
        paint(canvas, tones[0])


def _range(canvas: Canvas, paint: Drawing, tones: list[str], seed: int) -> None:
    _backdrop(canvas, tones[-1], seed + 3)
    shown = tones[:3]
    places = {2: ((0, 210, 0.58), (400, 260, 0.6)), 3: ((0, 130, 0.48), (515, 130, 0.48), (220, 340, 0.57))}
    for tone, (x, y, scale) in zip(shown, places[len(shown)], strict=True):
        with canvas.group(f"translate({x} {y}) scale({scale})"):
            canvas.restart()
            paint(canvas, tone)


def _scene(canvas: Canvas, paint: Drawing, tones: list[str], seed: int) -> None:
    wall = _WALLS[seed % len(_WALLS)]
    canvas.rect(0, 0, 1000, 1000, canvas.fade(light(wall, 0.5), dark(wall, 0.08)))
    with canvas.group("skewY(8)", 0.5):
        for x in (60, 250):
            for y in (40, 260):
                canvas.rect(x, y, 170, 200, "#fffaf0", 6)
    floor = ("#b98a5e", "#a87850", "#c9a67a")[seed // 7 % 3]
    canvas.rect(0, 760, 1000, 240, canvas.fade(light(floor, 0.2), dark(floor, 0.25), down=True))
    canvas.rect(0, 752, 1000, 12, light(floor, 0.45))
    for plank in range(5):
        canvas.line(f"M0 {800 + plank * 44}H1000", dark(floor, 0.3), 2, 0.4)
    _corner_plant(canvas, 880, 770, 0.9 if seed % 2 else 0.7)
    with canvas.group("translate(110 130) scale(.74)"):
        paint(canvas, tones[0])


def _detail(canvas: Canvas, paint: Drawing, tones: list[str], seed: int) -> None:
    tone = mix(tones[0], _BACKDROPS[seed % len(_BACKDROPS)], 0.82)
    canvas.rect(0, 0, 1000, 1000, canvas.fade(light(tone, 0.35), dark(tone, 0.12)))
    with canvas.group("translate(-330 -270) scale(1.62) rotate(-4 500 500)"):
        paint(canvas, tones[0])
    canvas.shadow(835, 850, 150, 150, 0.5)
    canvas.circle(830, 830, 132, "#fffdf8")
    with canvas.clip("M706 830a124 124 0 1 0 248 0a124 124 0 1 0 -248 0z"):
        canvas.rect(700, 700, 260, 260, canvas.fade(light(tone, 0.5), tone))
        canvas.restart()
        with canvas.group("translate(725 722) scale(.21)"):
            paint(canvas, tones[0])


_VIEWS: dict[str, Callable[[Canvas, Drawing, list[str], int], None]] = {
    "front": _front,
    "back": _front,
    "range": _range,
    "scene": _scene,
    "detail": _detail,
}


def _backdrop(canvas: Canvas, tone: str, seed: int) -> None:
    """A pale wall and floor, deeper for pale objects so that their edge is seen."""
    ground = _BACKDROPS[seed % len(_BACKDROPS)]
    if bright(tone) > 0.75:
        ground = dark(ground, 0.14)
    canvas.rect(0, 0, 1000, 1000, canvas.fade(light(ground, 0.55), dark(ground, 0.06)))
    canvas.circle(400 + seed % 199, 420 + seed // 7 % 97, 360 + seed // 11 % 83, light(ground, 0.4))
    canvas.path(
        "M0 706Q500 656 1000 706V1000H0z",
        canvas.fade(mix(ground, tone, 0.1), mix(ground, tone, 0.22), down=True),
    )


def _corner_plant(canvas: Canvas, x: float, y: float, scale: float) -> None:
    with canvas.group(f"translate({x} {y}) scale({scale})"):
        for lean in (-50, -25, 0, 25, 50):
            with canvas.group(f"rotate({lean})"):
                canvas.path("M0 -90q-36 -110 0 -230q36 120 0 230z", canvas.sheen("#4f8a5c"))
        canvas.path("M-70 -110H70L54 20Q0 34 -54 20z", canvas.round("#c8643f"))
