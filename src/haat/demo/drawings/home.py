"""Furniture, light and cloth for rooms."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, light, mix

_WOOD = "#9a6840"


def grain(c: Canvas, x: float, y: float, w: float, h: float, tone: str) -> None:
    """A plank with the lines of its years."""
    c.rect(x, y, w, h, c.sheen(tone, 0.16, 0.16), 6)
    with c.clip(f"M{x} {y}h{w}v{h}h-{w}z"):
        for step in range(1, int(max(2, h // 16))):
            at = y + step * 16 + c.rng.uniform(-4, 4)
            bend = c.rng.uniform(-9, 9)
            c.line(f"M{x} {at}Q{x + w / 2} {at + bend} {x + w} {at}", dark(tone, 0.25), 2, 0.4)


def sofa(c: Canvas, tone: str) -> None:
    seats = min(3, int(str(c.facts.get("seats", 3))))
    wide = 330 + seats * 180
    left = 500 - wide / 2
    c.shadow(500, 810, wide * 0.6, 42)
    for x in (left + 50, left + wide - 76):
        c.path(f"M{x} 740h34l-6 76h-18z", c.round(_WOOD))
    c.rect(left + 40, 300, wide - 80, 380, c.sheen(dark(tone, 0.08)), 60)
    inner = (wide - 170) / seats
    for seat in range(seats):
        x = left + 85 + seat * inner
        c.rect(x + 3, 330, inner - 6, 240, c.ball(tone), 44)
        c.circle(x + inner / 2, 445, 9, dark(tone, 0.35))
    for seat in range(seats):
        x = left + 85 + seat * inner
        c.rect(x + 2, 552, inner - 4, 116, c.ball(light(tone, 0.07)), 34)
    c.rect(left + 20, 652, wide - 40, 96, c.sheen(dark(tone, 0.12)), 30)
    for x in (left, left + wide - 104):
        c.rect(x, 440, 104, 310, c.sheen(tone), 50)
        c.ellipse(x + 52, 486, 46, 42, c.ball(light(tone, 0.08)))
    pillow = c.rng.choice(("#dfa62f", "#f1e4c8", "#c8643f", "#2b8a8c"))
    with c.group(f"rotate(-12 {left + 180} 510)"):
        c.rect(left + 110, 440, 150, 140, c.ball(pillow), 30)
        c.line(f"M{left + 130} 480h110M{left + 130} 510h110M{left + 130} 540h110", light(pillow, 0.4), 6)


def chair(c: Canvas, tone: str) -> None:
    if "Cane" in " ".join(c.words):
        c.shadow(500, 880, 290, 34)
        for x in (330, 640):
            c.rect(x, 120, 32, 740, c.round(tone), 12)
        c.rect(350, 160, 300, 260, light("#d8b070", 0.3), 20, tone, 16)
        for step in range(9):
            c.line(f"M{372 + step * 30} 176L{372 + step * 30 - 14} 404M364 {186 + step * 26}H636", "#b3874a", 4)
        c.path("M300 560H700L740 640H260z", c.sheen("#dcb878"))
        c.rect(256, 634, 488, 34, c.sheen(tone), 10)
        for x in (268, 700):
            c.rect(x, 660, 34, 220, c.round(tone), 10)
        return
    c.shadow(500, 900, 300, 32)
    for x, y in ((280, 890), (390, 910), (610, 910), (720, 890)):
        c.line(f"M500 800L{x} {y - 26}", "#3a3f4a", 26)
        c.circle(x, y, 24, c.ball("#22252d"))
    c.rect(482, 640, 36, 180, c.round("#a9b1bc"))
    c.rect(340, 120, 320, 430, c.sheen(tone), 80)
    for row in range(12):
        c.line(f"M370 {170 + row * 30}Q500 {186 + row * 30} 630 {170 + row * 30}", light(tone, 0.3), 4, 0.5)
    if "High" in " ".join(c.words):
        c.rect(390, 50, 220, 90, c.ball(tone), 40)
    for x in (240, 700):
        c.rect(x, 480, 60, 28, c.sheen("#23262e"), 14)
        c.rect(x + 18, 500, 22, 120, c.round("#3a3f4a"))
    c.path("M280 590Q500 540 720 590Q750 650 700 668H300Q250 650 280 590z", c.ball(tone))


def table(c: Canvas, tone: str) -> None:
    c.shadow(500, 850, 430, 40)
    if "Round" in " ".join(c.words):
        for x in (300, 500, 700):
            c.path(f"M{x - 18} 520h36l{(x - 500) * 0.12:g} 310h-26z", c.round(dark(tone, 0.2)))
        c.ellipse(500, 500, 400, 120, c.sheen(dark(tone, 0.3)))
        c.ellipse(500, 476, 400, 118, c.sheen(tone))
        c.ellipse(500, 476, 320, 90, "none", "#d9b04a", 6)
    else:
        for x in (130, 830):
            c.path(f"M{x} 440h44l-8 410h-28z", c.round(dark(tone, 0.15)))
        for x in (230, 740):
            c.path(f"M{x} 420h34l-6 330h-22z", c.round(dark(tone, 0.35)))
        c.path("M200 330H800L920 430H80z", c.sheen(tone, 0.35, 0.1))
        for step in range(6):
            c.line(
                f"M{190 - step * 18} {344 + step * 14}Q500 {350 + step * 14} {812 + step * 17} {344 + step * 14}",
                dark(tone, 0.25),
                2,
                0.5,
            )
        grain(c, 80, 428, 840, 54, dark(tone, 0.12))
        if "Desk" in " ".join(c.words):
            c.rect(560, 482, 280, 90, c.sheen(dark(tone, 0.2)), 8)
            c.rect(670, 516, 60, 14, "#d9b04a", 7)
    c.path("M452 420H548L536 300Q500 290 464 300z", c.round("#f1e4c8"))
    c.line("M500 300V190M500 250C460 240 440 210 436 180M500 240C540 230 560 200 566 170", "#2f6b4f", 8)
    for x, y in ((500, 176), (432, 166), (570, 156)):
        c.circle(x, y, 28, c.ball("#e0607e"))


def bed(c: Canvas, tone: str) -> None:
    c.shadow(500, 850, 450, 44)
    fabric = "Upholstered" in " ".join(c.words)
    c.rect(110, 220, 780, 400, c.sheen(tone), 36 if fabric else 14)
    if fabric:
        for row in range(3):
            for column in range(8):
                c.circle(165 + column * 96, 270 + row * 66, 7, dark(tone, 0.35))
    else:
        for column in range(7):
            grain(c, 130 + column * 107, 240, 98, 260, light(tone, 0.06))
    sheet = c.rng.choice(("#f3f1ec", "#dfe8f0", "#f1e4c8"))
    c.path("M120 560H880L940 760H60z", c.sheen(sheet, 0.2, 0.12))
    for x in (180, 540):
        c.rect(x, 440, 280, 140, c.ball(light(sheet, 0.4)), 56)
    accent = mix(tone, c.rng.choice(("#2b8a8c", "#c8643f", "#dfa62f")), 0.8)
    c.path("M96 640H904L940 760Q942 800 920 800H80Q58 800 60 760z", c.sheen(accent))
    for step in range(9):
        c.line(f"M{130 + step * 92} 644L{110 + step * 97} 796", light(accent, 0.3), 7, 0.6)
    for x in (70, 890):
        c.rect(x, 790, 40, 60, c.round(dark(tone, 0.2)), 6)


def bookshelf(c: Canvas, tone: str) -> None:
    ladder = "Ladder" in " ".join(c.words)
    c.shadow(500, 930, 290, 28)
    count = int(str(c.facts.get("shelves", 5)))
    c.rect(270, 60, 460, 860, mix(tone, "#f7f1e4", 0.72) if not ladder else "#efe7d8", 8)
    step = 830 / count
    for shelf in range(count):
        y = 60 + step * (shelf + 1)
        x = 304.0
        while x < 660 and not (shelf % 3 == 2 and x > 480):
            wide, tall = c.rng.uniform(18, 40), c.rng.uniform(0.55, 0.8) * step
            c.rect(x, y - tall, wide, tall, c.round(c.rng.choice(list(NAMED.values()))), 3)
            x += wide + 3
        if x < 640:
            c.path(f"M600 {y}H680L672 {y - 50}H608z", c.round("#c8643f"))
            for lean in (-40, 0, 40):
                c.path(f"M640 {y - 50}q{lean - 18} -60 {lean} -100q24 40 {-lean} 100z", "#3d7d57")
        c.rect(276, y, 448, 22, c.sheen(tone))
    for x in (262, 714):
        c.rect(x, 52, 26, 884, c.round(tone), 5)
    if not ladder:
        c.rect(262, 46, 478, 28, c.sheen(tone), 5)


def lamp(c: Canvas, tone: str) -> None:
    title = " ".join(c.words)
    c.circle(500, 360, 380, "#ffe9b0")
    if "Hanging" in title:
        c.line("M500 0V190", "#3a3f4a", 8)
        c.path("M440 200Q500 160 560 200L660 420Q640 620 500 660Q360 620 340 420z", c.ball(tone))
        for row in range(6):
            for hole in range(3 + (3 - abs(row - 3)) * 2):
                count = 3 + (3 - abs(row - 3)) * 2
                x = 500 + (hole - (count - 1) / 2) * 46
                c.path(f"M{x} {250 + row * 64}l12 16l-12 16l-12 -16z", "#fff3c4")
        return
    c.shadow(500, 900, 220, 28)
    if "Desk" in title:
        c.ellipse(420, 880, 160, 30, c.sheen(tone))
        c.line("M420 870L330 560L600 300", dark(tone, 0.3), 26)
        c.line("M420 870L330 560L600 300", tone, 16)
        c.circle(330, 560, 26, c.ball("#d9b04a"))
        c.path("M560 230L720 330L640 470L470 340z", c.sheen(tone))
        c.ellipse(555, 405, 110, 46, "#fff6d0")
        return
    if "Paper" in title:
        c.path(
            "M380 150H620Q660 500 620 860H380Q340 500 380 150z",
            c.fade("#fffaf0", "#f0cf8e", middle="#fff0c8"),
        )
        for ring in range(11):
            y = 190 + ring * 62
            c.line(f"M{364 + abs(5 - ring) * 3} {y}Q500 {y + 18} {636 - abs(5 - ring) * 3} {y}", "#caa468", 5)
        for x in (380, 600):
            c.rect(x, 850, 20, 50, _WOOD)
        return
    c.ellipse(500, 880, 170, 34, c.sheen("#c79a3a"))
    c.path("M480 470H520L530 640Q590 700 560 790Q540 860 500 860T440 790Q410 700 470 640z", c.round("#d2a545"))
    c.path("M380 140H620L740 480Q500 530 260 480z", c.fade(light(tone, 0.55), tone, down=True))
    c.path("M260 480Q500 530 740 480Q500 500 260 480z", "#fff6d0")
    c.line("M640 486V560", "#c79a3a", 5)
    c.circle(640, 570, 11, c.ball("#d2a545"))


def clock(c: Canvas, tone: str) -> None:
    c.shadow(530, 540, 400, 390, 0.35)
    c.circle(500, 490, 370, c.sheen(tone))
    c.circle(500, 490, 318, c.sheen("#fbf7ee", 0.3, 0.1), dark(tone, 0.3), 8)
    for hour in range(12):
        with c.group(f"rotate({hour * 30} 500 490)"):
            c.rect(
                492 - (hour % 3 == 0) * 5,
                196,
                16 + (hour % 3 == 0) * 10,
                60 if hour % 3 == 0 else 34,
                "#2b2f3a",
                5,
            )
    for minute in range(60):
        with c.group(f"rotate({minute * 6} 500 490)"):
            c.rect(498, 188, 4, 14, "#2b2f3a")
    for turn, length, width in ((305, 160, 20), (62, 240, 13)):
        with c.group(f"rotate({turn} 500 490)"):
            c.rect(500 - width / 2, 490 - length, width, length + 40, "#2b2f3a", width / 2)
    with c.group("rotate(200 500 490)"):
        c.rect(497, 260, 6, 290, "#d23b3b", 3)
    c.circle(500, 490, 20, c.ball("#d23b3b"))
    c.word(c.words[0], 500, 620, 22, "#8a8f9a")


def rug(c: Canvas, tone: str) -> None:
    c.shadow(500, 700, 470, 120)
    colours = [tone, light(tone, 0.72), dark(tone, 0.3), c.rng.choice(("#dfa62f", "#c8643f", "#2b8a8c"))]
    with c.group("translate(500 520) skewX(-14) scale(1 .72)"):
        for x in range(-390, 400, 20):
            c.line(f"M{x} -370V-410M{x} 370V410", light(tone, 0.6), 7)
        c.rect(-400, -370, 800, 740, c.sheen(tone, 0.2, 0.15))
        if "Stripe" in " ".join(c.words):
            y = -360.0
            while y < 350:
                high = c.rng.choice((14, 26, 46))
                c.rect(-400, y, 800, min(high, 360 - y), c.rng.choice(colours))
                y += high + 18
        else:
            c.rect(-350, -320, 700, 640, "none", 0, colours[1], 16)
            c.rect(-320, -290, 640, 580, dark(tone, 0.15), 0, colours[3], 8)
            for row in range(3):
                for column in range(3):
                    x, y = -200 + column * 200, -180 + row * 180
                    for size, fill in (
                        (96, colours[1]),
                        (70, colours[3]),
                        (42, colours[2]),
                        (16, colours[1]),
                    ):
                        c.path(f"M{x} {y - size}L{x + size} {y}L{x} {y + size}L{x - size} {y}z", fill)


def bedsheet(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 420, 48)
    plain = "solid" in str(c.facts.get("print", "solid"))
    for layer in range(3):
        y, shift = 690 - layer * 120, layer * 8
        fill = (tone, light(tone, 0.6), tone)[layer]
        box = (
            f"M{130 + shift} {y}Q{110 + shift} {y + 55} {130 + shift} {y + 110}H{850 - shift}"
            f"Q{900 - shift} {y + 55} {850 - shift} {y}z"
        )
        c.path(box, c.sheen(fill))
        c.line(f"M{140 + shift} {y + 55}H{866 - shift}", dark(fill, 0.25), 4, 0.7)
        if not plain:
            for step in range(17):
                x = 165 + step * 41
                for half in (28, 82):
                    c.path(
                        f"M{x} {y + half - 17}q15 17 0 34q-15 -17 0 -34z",
                        light(fill, 0.7) if layer != 1 else tone,
                    )
                    c.circle(x + 20, y + half, 4, light(fill, 0.5) if layer != 1 else dark(tone, 0.2))
    c.path("M138 450Q150 400 220 396H770Q840 400 846 450z", c.sheen(light(tone, 0.12)))
    c.rect(280, 250, 440, 170, c.ball(light(tone, 0.3)), 70)
    if not plain:
        for step in range(8):
            c.path(f"M{330 + step * 48} 316q16 18 0 38q-16 -20 0 -38z", dark(tone, 0.1))


def cushion(c: Canvas, tone: str) -> None:
    c.shadow(500, 830, 380, 44)
    shapes = "M200 230Q500 280 800 230Q760 500 800 780Q500 830 200 780Q240 500 200 230z"
    if int(str(c.facts.get("pieces", 1))) > 1:
        with c.group("rotate(14 560 480) translate(90 -50)"):
            c.path(shapes, c.ball(dark(tone, 0.2)))
    c.path(shapes, c.ball(tone))
    if "Mirror" in " ".join(c.words):
        for row in range(4):
            for column in range(4):
                x, y = 305 + column * 130, 325 + row * 120
                for turn in range(8):
                    with c.group(f"rotate({turn * 45} {x} {y})"):
                        c.path(f"M{x} {y - 50}q10 14 0 26q-10 -12 0 -26z", "#f5d77a" if turn % 2 else "#ffffff")
                c.circle(x, y, 22, c.ball("#cfe3ee"), "#2b2f3a", 4)
    else:
        for step in range(9):
            c.line(
                f"M{262 + step * 60} 290Q{252 + step * 62} 500 {262 + step * 60} 740",
                light(tone, 0.35),
                4,
                0.6,
            )
        c.path(
            "M240 270Q500 310 760 270Q730 500 760 740Q500 784 240 740Q270 500 240 270z",
            "none",
            light(tone, 0.5),
            5,
        )


def towel(c: Canvas, tone: str) -> None:
    c.shadow(500, 830, 360, 42)
    for layer in range(int(str(c.facts.get("pieces", 2))) + 1):
        y = 700 - layer * 130
        fill = (tone, light(tone, 0.35), dark(tone, 0.12), light(tone, 0.2))[layer % 4]
        c.rect(190, y, 620, 128, c.sheen(fill), 60)
        c.path(f"M250 {y + 64}H800", "none", dark(fill, 0.25), 5)
        for stripe in range(3):
            c.rect(640 + stripe * 26, y + 4, 12, 120, light(fill, 0.5))
        for _ in range(60):
            x, z = c.rng.uniform(230, 620), y + c.rng.uniform(12, 118)
            c.line(f"M{x:.0f} {z:.0f}l5 5", light(fill, 0.4), 3, 0.6)


def curtain(c: Canvas, tone: str) -> None:
    sheer = not c.facts.get("blackout")
    c.rect(200, 120, 600, 600, c.fade("#cfe9f7", "#fdf3d8", down=True), 8, "#ffffff", 24)
    c.line("M500 120V720M200 400H800", "#ffffff", 16)
    c.circle(640, 270, 60, "#ffe08a")
    c.rect(70, 78, 860, 22, c.sheen(_WOOD), 11)
    for x in (70, 930):
        c.circle(x, 89, 30, c.ball(_WOOD))
    for left, side in ((90, 1), (910, -1)):
        with c.group(f"translate({left} 0) scale({side} 1)", 0.82 if sheer else 1):
            for fold in range(5):
                x, wide = fold * 62, 64
                c.path(
                    (
                        f"M{x} 90H{x + wide}Q{x + wide - 10} 500 {x * 0.86 + wide * 0.9} 900H{x * 0.86}Q{x + 4}"
                        f" 500 {x} 90z"
                    ),
                    c.round(tone),
                )
                c.circle(x + 32, 90, 13, "none", "#b9c0ca", 6)
            c.path("M0 560Q150 600 300 560V600Q150 640 0 600z", dark(tone, 0.35))
