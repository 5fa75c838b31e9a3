"""Clothes, shoes, bags and what glitters."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, light

_GOLD = "#d9ac45"


def _print(c: Canvas, shape: str, tone: str, kind: str) -> None:
    """A textile pattern inside the outline of a garment."""
    pale = light(tone, 0.68) if tone not in (NAMED["White"], NAMED["Cream"]) else "#2c4474"
    with c.clip(shape):
        if "stripe" in kind:
            for y in range(100, 960, 52):
                c.rect(60, y, 880, 20, pale)
        elif "check" in kind:
            for at in range(60, 960, 80):
                c.line(f"M{at} 60V960", dark(tone, 0.45), 26, 0.45)
                c.line(f"M40 {at}H960", dark(tone, 0.45), 26, 0.45)
                c.line(f"M{at + 34} 60V960M40 {at + 34}H960", pale, 4, 0.8)
        elif "chevron" in kind:
            for y in range(300, 700, 60):
                c.line(f"M200 {y}L500 {y + 90}L800 {y}", pale, 14, 0.75)
        elif any(word in kind for word in ("block", "yarn", "ikat", "flower", "elephant")):
            for row in range(13):
                for column in range(12):
                    x, y = 60 + column * 80 + row % 2 * 40, 130 + row * 66
                    c.path(f"M{x} {y - 22}q20 22 0 44q-20 -22 0 -44z", pale)
                    c.circle(x + 40, y, 4, pale)


def tshirt(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 330, 34)
    polo = "Polo" in " ".join(c.words)
    shape = (
        "M340 130Q500 210 660 130L790 180L930 380L800 470L736 400Q726 640 744 860Q500 890"
        " 256 860Q274 640 264 400L200 470L70 380L210 180z"
    )
    c.path(shape, c.sheen(tone))
    kind = str(c.facts.get("print", ""))
    _print(c, shape, tone, kind)
    if "sun" in kind:
        c.circle(500, 440, 100, "#f0a04a")
        c.path("M360 520Q430 420 500 500T640 470V560H360z", dark("#2b8a8c", 0.1))
        c.path("M360 560Q450 490 530 550T640 530V600H360z", "#2c4474")
    c.shade("M736 400Q726 640 744 860L700 866Q690 600 700 380z", 0.12)
    c.shade("M264 400Q274 640 256 860L290 864Q300 600 290 376z", 0.08)
    c.line(
        "M264 400L300 330M736 400L700 330M330 700Q360 740 340 800M640 640Q660 700 630 780",
        dark(tone, 0.3),
        5,
        0.45,
    )
    if polo:
        c.path(
            "M340 130Q420 150 500 240Q580 150 660 130L690 180Q590 200 500 320Q410 200 310 180z",
            c.sheen(dark(tone, 0.15)),
        )
        c.rect(482, 250, 36, 150, dark(tone, 0.1), 6)
        for y in (300, 350):
            c.circle(500, y, 8, light(tone, 0.7))
    else:
        c.path("M340 130Q500 250 660 130Q640 120 620 118Q500 200 380 118z", dark(tone, 0.3))
        c.line("M334 140Q500 272 666 140", dark(tone, 0.2), 10)
    if "Pocket" in " ".join(c.words):
        c.path("M560 380H680V490L620 520L560 490z", c.sheen(light(tone, 0.08)), dark(tone, 0.3), 4)


def shirt(c: Canvas, tone: str) -> None:
    c.shadow(500, 890, 320, 34)
    half = c.facts.get("sleeve") == "half"
    if half:
        shape = (
            "M370 110L500 160L630 110L780 170L900 400L780 460L734 380V880Q500 900 266 880V380L220 460L100 400L220 170z"
        )
    else:
        shape = (
            "M370 110L500 160L630 110L770 170L900 780L800 800L734 420V880Q500 900 266 880V420L200 800L100 780L230 170z"
        )
    c.path(shape, c.sheen(tone))
    _print(c, shape, tone, str(c.facts.get("print", "")))
    c.path("M482 180H518V886H482z", c.sheen(light(tone, 0.1)))
    c.line("M482 190V886M518 190V886", dark(tone, 0.25), 3)
    for button in range(7):
        c.circle(500, 260 + button * 92, 9, light(tone, 0.8), dark(tone, 0.4), 3)
    c.path("M370 110L500 170L430 280L330 140z", c.sheen(light(tone, 0.14)), dark(tone, 0.25), 3)
    c.path("M630 110L500 170L570 280L670 140z", c.sheen(light(tone, 0.04)), dark(tone, 0.25), 3)
    c.path("M570 360H690V470L630 496L570 470z", c.sheen(light(tone, 0.08)), dark(tone, 0.25), 3)
    c.shade("M734 420V880L694 884V380z", 0.1)
    if not half:
        c.path("M104 740L204 760L200 800L100 780zM896 740L796 760L800 800L900 780z", dark(tone, 0.15))


def kurta(c: Canvas, tone: str) -> None:
    c.shadow(500, 940, 290, 26)
    long = 930 if c.facts.get("length") != "hip" else 780
    shape = f"M400 70Q500 110 600 70L740 130L850 560L760 590L690 350L{740} {long}H260L310 350L240 590L150 560L260 130z"
    c.path(shape, c.sheen(tone))
    work = str(c.facts.get("work", ""))
    if "white" in work or "border" in work:
        with c.clip(shape):
            for row in range(9):
                for column in range(7):
                    x, y = 290 + column * 70 + row % 2 * 35, 300 + row * 76
                    c.path(
                        f"M{x} {y}q14 -26 0 -40q-14 14 0 40q22 -4 30 10q-20 10 -30 -10z",
                        light(tone, 0.75) if "white" in work else _GOLD,
                    )
    trim = _GOLD if "border" in work else light(tone, 0.55)
    c.path("M478 96H522V430L500 456L478 430z", c.sheen(trim, 0.2, 0.2))
    for button in range(4):
        c.circle(500, 180 + button * 64, 9, "#6b4526")
    c.path("M400 70Q500 130 600 70L606 40Q500 90 394 40z", c.sheen(trim, 0.2, 0.2))
    c.path(
        f"M262 {long - 24}H738L740 {long}H260zM156 536L246 566L240 590L150 560zM844 536L754 566L760 590L850 560z",
        trim,
    )
    c.line(f"M300 {long - 170}L{286} {long}M700 {long - 170}L{714} {long}", dark(tone, 0.4), 6)
    c.line(
        f"M330 560Q350 640 330 {long - 70}M660 520Q640 620 668 {long - 110}M430 580Q440 660 426 {long - 50}",
        dark(tone, 0.25),
        5,
        0.4,
    )


def jeans(c: Canvas, tone: str) -> None:
    c.shadow(500, 930, 240, 26)
    c.path("M310 80H690L720 920H540L500 380L460 920H280z", c.sheen(tone))
    c.path("M310 80H690L692 136H308z", c.sheen(dark(tone, 0.15)))
    for x in (350, 480, 620):
        c.rect(x, 70, 26, 76, dark(tone, 0.1), 6)
    c.circle(500, 108, 16, c.ball("#c98d4a"))
    thread = "#d99a4c"
    c.line("M500 136V330Q500 360 470 370M520 140V320Q520 350 500 380", thread, 4)
    c.line("M318 150Q330 230 420 236V150M682 150Q670 230 580 236V150", thread, 4)
    c.line("M300 300L286 900M700 300L714 900", thread, 4)
    c.path("M340 330Q400 300 430 420Q430 600 390 640Q340 560 340 330z", light(tone, 0.28))
    c.path("M660 330Q600 300 570 420Q570 600 610 640Q660 560 660 330z", light(tone, 0.24))
    c.path("M280 896H461L460 920H280zM539 896H719L720 920H540z", dark(tone, 0.2))


def saree(c: Canvas, tone: str) -> None:
    c.shadow(520, 900, 380, 40)
    accent = c.rng.choice(("#c23b4a", "#d9ac45", "#2b8a8c", "#8c2f4b")) if tone == NAMED["White"] else _GOLD
    c.path("M150 640Q140 560 240 540H820Q880 560 870 640V830Q868 880 800 884H230Q150 880 150 830z", c.sheen(tone))
    for fold in range(5):
        y = 590 + fold * 60
        c.line(f"M160 {y}H866", dark(tone, 0.28), 5, 0.7)
        c.rect(160, y + 10, 90, 34, c.sheen(accent), 6)
        for dot in range(3):
            c.circle(184 + dot * 24, y + 27, 5, light(tone, 0.6))
    c.path("M330 60H700Q730 400 760 880Q560 900 420 880Q300 480 330 60z", c.sheen(light(tone, 0.05), 0.3, 0.3))
    motif = c.rng.randrange(3)
    with c.clip("M330 60H700Q730 400 760 880Q560 900 420 880Q300 480 330 60z"):
        for row in range(8):
            for column in range(6):
                x, y = 360 + column * 74 + row % 2 * 36, 120 + row * 62
                if motif == 0:
                    c.path(f"M{x} {y - 18}q16 18 0 36q-16 -18 0 -36z", accent)
                elif motif == 1:
                    c.circle(x, y, 10, accent)
                    c.circle(x, y, 4, tone)
                else:
                    c.path(f"M{x} {y - 14}l14 14l-14 14l-14 -14z", "none", accent, 4)
        c.rect(300, 640, 480, 180, c.sheen(accent))
        for step in range(11):
            x = 330 + step * 44
            c.path(f"M{x} 800V720L{x + 22} 670L{x + 44} 720V800z", dark(tone, 0.12))
            c.circle(x + 22, 740, 8, light(accent, 0.5))
        c.rect(300, 830, 480, 14, dark(tone, 0.2))
    for tassel in range(14):
        c.line(f"M{430 + tassel * 25} 880V930", accent, 7)
    c.path("M330 60H372Q350 480 456 880L420 880Q300 480 330 60z", c.sheen(accent))
    c.shade("M600 60H700Q730 400 760 880H700Q660 400 600 60z", 0.12)


def kurti(c: Canvas, tone: str) -> None:
    c.shadow(500, 940, 330, 26)
    flare = "A-line" in " ".join(c.words) or "Anarkali" in " ".join(c.words)
    low = 930 if "Short" not in " ".join(c.words) else 760
    spread = 190 if flare else 60
    shape = (
        f"M390 80Q500 210 610 80L730 140L810 480L720 506L668 330Q650 430 {680 + spread * 0.5:g}"
        f" {low - 200}L{700 + spread} {low}H{300 - spread}L{320 - spread * 0.5:g} {low - 200}"
        "Q350 430 332 330L280 506L190 480L270 140z"
    )
    c.path(shape, c.sheen(tone))
    _print(c, shape, tone, str(c.facts.get("work", "")) + ("flower" if flare else ""))
    with c.clip(shape):
        c.rect(60, low - 64, 880, 64, c.sheen(_GOLD if "gold" in str(c.facts.get("work")) else dark(tone, 0.35)))
        for step in range(22):
            c.circle(80 + step * 40, low - 32, 11, light(tone, 0.7))
        if flare:
            for panel in (-3, -2, -1, 1, 2, 3):
                c.line(f"M{500 + panel * 34} 440L{500 + panel * 110} {low}", dark(tone, 0.3), 5, 0.5)
    c.path("M390 80Q500 210 610 80L640 94Q500 270 360 94z", c.sheen(light(tone, 0.6)))
    c.path("M484 216H516V380L500 400L484 380z", light(tone, 0.6))
    c.path("M193 454L283 480L280 506L190 480zM807 454L717 480L720 506L810 480z", light(tone, 0.6))


def dress(c: Canvas, tone: str) -> None:
    c.shadow(500, 940, 300, 26)
    low = {"maxi": 930, "midi": 860}.get(str(c.facts.get("length")), 760)
    shape = (
        "M400 90Q430 220 500 230Q570 220 600 90L640 96Q640 240 660 300Q610 400 620 450L800"
        f" {low}Q500 {low + 40} 200 {low}L380 450Q390 400 340 300Q360 240 360 96z"
    )
    c.path(shape, c.sheen(tone))
    _print(c, shape, tone, str(c.facts.get("print", "")))
    c.rect(378, 430, 244, 36, c.sheen(dark(tone, 0.3)), 10)
    for fold, x in enumerate((420, 470, 530, 580)):
        c.line(
            f"M{x} 470Q{x + (fold - 1.5) * 30:g} 680 {x + (fold - 1.5) * 110:g} {low - 10}",
            dark(tone, 0.28),
            6,
            0.5,
        )
    if low > 900:
        for y in (610, 770):
            wide = (y - 450) * 0.36 + 125
            c.line(f"M{500 - wide} {y}Q500 {y + 36} {500 + wide} {y}", light(tone, 0.4), 7, 0.8)
    if "Shirt" in " ".join(c.words):
        c.line(f"M500 232V{low}", dark(tone, 0.35), 4)
        for y in range(270, low - 40, 74):
            c.circle(500, y, 8, light(tone, 0.75))
