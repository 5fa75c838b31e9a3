"""Computers, phones, sound and screens."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, ink, light, mix

_VIVID = ("#ff8a5c", "#6fb4e0", "#a896d4", "#3fb59a", "#f0c04a", "#e0607e", "#4668d8", "#8bc27a")


def screen_art(c: Canvas, x: float, y: float, w: float, h: float, kinds: str = "0123") -> None:
    """A glowing picture for any screen: hills at dusk (0), waves (1), windows (2) or spheres (3)."""
    sky, sun, hill = c.rng.sample(_VIVID, 3)
    kind = int(c.rng.choice(kinds))
    with c.clip(f"M{x} {y}h{w}v{h}h-{w}z"):
        c.rect(x, y, w, h, c.fade(light(sky, 0.35), dark(sky, 0.35), down=True))
        if kind == 0:
            c.circle(x + w * c.rng.uniform(0.25, 0.75), y + h * 0.45, h * 0.16, light(sun, 0.4))
            for step in range(3):
                top = y + h * (0.52 + 0.15 * step)
                bend = h * c.rng.uniform(0.1, 0.25)
                d = f"M{x} {top}Q{x + w * 0.3} {top - bend} {x + w * 0.55} {top}T{x + w} {top - bend / 2}V{y + h}H{x}z"
                c.path(d, dark(hill, 0.15 + 0.22 * step))
        elif kind == 1:
            for step in range(5):
                top = y + h * (0.1 + 0.19 * step)
                d = (
                    f"M{x} {top}C{x + w * 0.3} {top - h * 0.3} {x + w * 0.6} {top + h * 0.35} {x + w}"
                    f" {top}V{y + h}H{x}z"
                )
                c.path(d, mix(sun, hill, step / 4))
        elif kind == 2:
            c.rect(x + w * 0.06, y + h * 0.1, w * 0.52, h * 0.62, "#ffffff", h * 0.03)
            c.rect(x + w * 0.06, y + h * 0.1, w * 0.52, h * 0.09, sun, h * 0.03)
            for step in range(5):
                c.rect(
                    x + w * 0.1,
                    y + h * (0.27 + 0.08 * step),
                    w * c.rng.uniform(0.2, 0.42),
                    h * 0.03,
                    "#cdd3de",
                )
            c.rect(x + w * 0.5, y + h * 0.36, w * 0.42, h * 0.5, light(hill, 0.25), h * 0.03)
            for step in range(4):
                tall = h * c.rng.uniform(0.1, 0.34)
                c.rect(x + w * (0.55 + 0.085 * step), y + h * 0.8 - tall, w * 0.055, tall, dark(hill, 0.25))
        else:
            for _ in range(7):
                at = x + w * c.rng.random(), y + h * c.rng.random()
                c.circle(*at, h * c.rng.uniform(0.1, 0.34), c.ball(c.rng.choice((sun, hill, sky))))
        c.gloss(f"M{x} {y}h{w * 0.42}l-{w * 0.22} {h}h-{w * 0.2}z", 0.1)


def laptop(c: Canvas, tone: str) -> None:
    wide = 640 if c.facts.get("screen_inch", "15") < "15" else 700  # type: ignore[operator]
    left, top, high = 500 - wide / 2, 225, wide * 0.63
    gaming = c.facts.get("use") == "gaming"
    c.shadow(500, 790, 480, 46)
    c.rect(left, top, wide, high, c.sheen(dark(tone, 0.2)), 22)
    c.rect(left + 5, top + 5, wide - 10, high - 8, "#14171f", 19)
    screen_art(c, left + 24, top + 26, wide - 48, high - 62)
    c.circle(500, top + 15, 4, "#3f4a66")
    base = top + high
    c.path(f"M{left} {base}H{left + wide}L{left + wide + 92} {base + 118}H{left - 92}z", c.sheen(tone))
    c.rect(left - 92, base + 116, wide + 184, 22, c.fade(dark(tone, 0.1), dark(tone, 0.45), down=True), 11)
    c.path(
        f"M{left + 36} {base + 10}H{left + wide - 36}L{left + wide - 6} {base + 74}H{left + 6}z",
        dark(tone, 0.55),
    )
    glow = c.rng.choice(_VIVID) if gaming else mix(tone, "#10131c", 0.62)
    for row in range(4):
        y = base + 14 + row * 15
        out = 6 + row * 7
        count = 14 - (row == 3) * 6
        step = (wide - 72 + out * 2 - 10) / count
        for key in range(count):
            c.rect(left + 40 - out + key * step, y, step - 5, 11, glow if gaming else light(glow, 0.12), 3)
    c.path(f"M420 {base + 82}H580L592 {base + 112}H408z", mix(tone, dark(tone, 0.5), 0.25))
    c.rect(440, base + 117, 120, 8, dark(tone, 0.4), 4)


def laptop_back(c: Canvas, tone: str) -> None:
    """The lid from behind, with hinge, vents and sockets."""
    c.shadow(500, 800, 470, 46)
    c.path("M70 716H930L950 766Q950 790 924 790H76Q50 790 50 766z", c.fade(dark(tone, 0.2), dark(tone, 0.5), down=True))
    c.path("M150 230Q154 206 180 206H820Q846 206 850 230L900 700Q900 716 884 716H116Q100 716 100 700z", c.sheen(tone))
    c.path(
        "M150 230Q154 206 180 206H820Q846 206 850 230L851 242Q846 218 820 218H180Q154 218 149 242z", light(tone, 0.5)
    )
    c.rect(230, 704, 540, 24, c.fade(dark(tone, 0.55), dark(tone, 0.3), down=True), 12)
    for vent in range(26):
        c.rect(250 + vent * 19.4, 744, 10, 22, dark(tone, 0.7), 4)
    for x in (110, 160, 830):
        c.rect(x, 746, 34, 16, dark(tone, 0.75), 6)
    mark = mix(tone, ink(tone), 0.45)
    if c.facts.get("use") == "gaming":
        c.line("M150 660L230 560H360M850 660L770 560H640", c.rng.choice(_VIVID), 10)
    c.path("M500 400L536 436L500 472L464 436z", mark)
    c.path("M500 424L512 436L500 448L488 436z", tone)
    c.word(c.words[0], 500, 530, 34, mark)
    c.gloss("M190 220H430L330 710H120z", 0.12)


def monitor(c: Canvas, tone: str) -> None:
    c.shadow(500, 850, 280, 34)
    c.rect(462, 650, 76, 180, c.round(dark(tone, 0.1)))
    c.ellipse(500, 838, 190, 26, c.sheen(tone))
    c.ellipse(500, 832, 190, 22, c.sheen(light(tone, 0.12)))
    c.rect(90, 190, 820, 492, c.sheen(dark(tone, 0.25)), 20)
    screen_art(c, 104, 204, 792, 438)
    c.word(c.words[0], 500, 670, 14, light(tone, 0.5), 1.2)


def television(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 430, 30)
    c.path("M220 720l-50 78h20l60-78zM780 720l50 78h-20l-60-78z", dark(tone, 0.3))
    c.rect(40, 195, 920, 535, c.sheen(dark(tone, 0.2)), 12)
    screen_art(c, 52, 207, 896, 500)
    c.rect(470, 712, 60, 8, light(tone, 0.3), 4)


def mouse(c: Canvas, tone: str) -> None:
    c.shadow(510, 770, 250, 52)
    if not c.facts.get("wireless"):
        c.line("M500 300C500 180 620 220 640 120S760 60 820 100", dark(tone, 0.3), 12)
    c.path("M500 270C650 270 690 400 690 530C690 690 620 780 500 780C380 780 310 690 310 530C310 400 350 270 500 270z",
           c.ball(tone))  # fmt: skip
    c.line("M500 275V480M318 478C420 510 580 510 682 478", dark(tone, 0.45), 5)
    c.rect(478, 340, 44, 104, dark(tone, 0.6), 22)
    for notch in range(5):
        c.line(f"M484 {362 + notch * 16}H516", light(tone, 0.1), 4)
    c.gloss("M370 420C380 340 420 310 470 300C430 350 400 430 400 540C380 520 366 470 370 420z", 0.3)
    if int(str(c.facts.get("dpi", 0))) > 10000:
        c.line("M360 640C420 730 580 730 640 640", c.rng.choice(_VIVID), 10)
    c.word(c.words[0], 500, 650, 22, ink(tone), 1.1)


def keyboard(c: Canvas, tone: str) -> None:
    c.shadow(500, 690, 470, 46)
    c.path("M80 420Q84 396 110 396H890Q916 396 920 420L956 650Q958 682 926 682H74Q42 682 44 650z", c.sheen(tone))
    c.path("M44 652Q42 690 74 690H926Q958 690 956 652L956 670Q956 706 926 706H74Q44 706 44 670z", dark(tone, 0.4))
    accent = c.rng.choice(_VIVID)
    lit = bool(c.facts.get("backlit"))
    for row in range(5):
        y, left, right = 420 + row * 49, 108 - row * 8, 892 + row * 8
        count = 15 if row < 4 else 9
        step = (right - left) / count
        for key in range(count):
            wide = step - 8
            if (row == 4 and key == 4) or (row, key) in {(0, 0), (2, 14), (3, 14)}:
                fill = accent
            else:
                fill = light(tone, 0.22) if tone != NAMED["White"] else "#dfe2e6"
            if lit:
                c.rect(left + key * step - 2, y - 1, wide + 4, 42, light(accent, 0.3), 8)
            c.rect(left + key * step, y, wide, 38, dark(fill, 0.3), 7)
            c.rect(left + key * step + 3, y + 1, wide - 6, 30, c.sheen(fill, 0.2, 0.08), 6)


def drive(c: Canvas, tone: str) -> None:
    c.shadow(500, 720, 300, 40)
    if "NVMe" in " ".join(c.words):
        c.rect(120, 420, 760, 210, c.sheen("#1f6b4a"), 12)
        for x in (180, 370, 560):
            c.rect(x, 455, 150, 140, c.sheen("#252a33"), 8)
        for pin in range(22):
            c.rect(846, 430 + pin * 9, 34, 5, "#e2b64a")
        c.circle(126, 525, 24, light("#1f6b4a", 0.85))
    elif "Pen" in " ".join(c.words):
        with c.group("rotate(-28 500 520)"):
            c.rect(640, 452, 180, 130, c.sheen("#cfd4da"), 8)
            c.rect(690, 480, 44, 26, "#4a525e")
            c.rect(690, 528, 44, 26, "#4a525e")
            c.rect(180, 420, 480, 194, c.sheen(tone), 60)
            c.circle(260, 517, 40, light(tone, 0.7), dark(tone, 0.3), 8)
            c.word(c.words[0], 470, 530, 30, dark(tone, 0.6))
    else:
        c.path(
            "M260 300H740Q790 300 790 350V650Q790 700 740 700H260Q210 700 210 650V350Q210 300 260 300z",
            c.sheen(tone),
        )
        for rib in range(7):
            c.line(f"M{270 + rib * 36} 330V670", dark(tone, 0.22), 6)
        c.rect(560, 330, 190, 340, c.sheen(light(tone, 0.08)), 24)
        c.word(c.words[0], 655, 515, 20, ink(tone))
        c.rect(470, 700, 60, 16, "#20242c", 8)


def printer(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 420, 40)
    c.path("M300 360L330 160H670L700 360z", c.fade("#ffffff", "#dfe3e8", down=True))
    c.rect(150, 340, 700, 380, c.sheen(tone), 40)
    c.rect(150, 340, 700, 70, c.sheen(light(tone, 0.16)), 34)
    c.rect(240, 560, 520, 46, dark(tone, 0.65), 16)
    c.path("M270 590H730L770 790H230z", c.fade("#fbfbf8", "#dadfe6", down=True))
    accent = c.rng.choice(_VIVID)
    c.path("M310 640H560L566 672H304z", accent)
    for row in range(3):
        c.line(f"M{300 - row * 5} {700 + row * 26}H{690 - c.rng.randrange(160)}", "#b9c1cc", 8)
    c.rect(590, 440, 190, 74, "#171b24", 12)
    c.rect(600, 450, 90, 54, light(accent, 0.3), 6)
    c.circle(742, 477, 18, "#3fb59a")
    if c.facts.get("colour_print"):
        for place, colour in enumerate(("#28b4d4", "#d8418c", "#f0c531", "#20242c")):
            c.rect(192 + place * 34, 610, 24, 84, colour, 8)


def router(c: Canvas, tone: str) -> None:
    c.shadow(500, 740, 380, 40)
    for x, tilt in ((220, -10), (400, -3), (600, 3), (780, 10)):
        with c.group(f"rotate({tilt} {x} 600)"):
            c.rect(x - 15, 230, 30, 380, c.round(light(tone, 0.1)), 15)
    c.path(
        "M130 600Q140 560 190 560H810Q860 560 870 600L900 700Q902 736 860 736H140Q98 736 100 700z",
        c.sheen(tone),
    )
    for lamp in range(6):
        c.circle(320 + lamp * 72, 660, 10, "#3fd08f" if lamp else "#f0b84a")
    c.word(c.words[0], 500, 620, 22, ink(tone))


def smartphone(c: Canvas, tone: str) -> None:
    c.shadow(520, 880, 330, 34)
    with c.group("rotate(8 620 500)"):
        c.rect(485, 150, 330, 700, c.sheen(dark(tone, 0.15)), 54)
        c.rect(496, 161, 308, 678, "#12151d", 46)
        screen_art(c, 504, 170, 292, 660, "013")
        c.circle(650, 192, 9, "#12151d")
        c.word("10:24", 650, 330, 52, "#ffffff", 0.9)
    with c.group("rotate(-6 360 500)"):
        c.rect(190, 150, 340, 716, c.sheen(dark(tone, 0.35)), 58)
        c.rect(195, 150, 330, 710, c.sheen(tone, 0.4, 0.2), 56)
        lenses = int(str(c.facts.get("rear_cameras", 3)))
        style = c.rng.randrange(3)
        if style == 0:
            c.rect(222, 182, 150, 62 + 74 * min(lenses, 3), c.sheen(dark(tone, 0.18)), 40)
        elif style == 1:
            c.rect(195, 190, 330, 160, c.sheen(dark(tone, 0.25)), 30)
        else:
            c.circle(360, 290, 118, c.sheen(dark(tone, 0.22)))
        for lens in range(lenses):
            if style == 0:
                at = (275, 240 + lens * 74) if lens < 3 else (338, 314)
            elif style == 1:
                at = (250 + lens * 72, 270)
            else:
                at = [(318, 248), (402, 248), (318, 332), (402, 332)][lens]
            c.circle(*at, 34, "#0f1219", light(tone, 0.25), 5)
            c.circle(*at, 17, c.ball("#35507e"))
            c.circle(at[0] - 8, at[1] - 9, 6, "#e8f0ff")
        c.circle(345 if style == 0 else 482, 225, 9, "#fff3c4")
        c.word(c.words[0], 360, 790, 22, mix(tone, ink(tone), 0.6))
        c.gloss("M430 152H470L300 860H240z", 0.13)


def phone_case(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 260, 34)
    c.rect(310, 130, 380, 750, c.sheen(dark(tone, 0.2)), 74)
    c.rect(322, 140, 356, 730, c.sheen(tone), 66)
    if "print" in str(c.facts.get("material")):
        for row in range(8):
            for column in range(4):
                x, y = 372 + column * 86 + (row % 2) * 20, 210 + row * 84
                if y > 350 or x > 520:
                    c.path(
                        f"M{x} {y - 28}Q{x + 28} {y} {x} {y + 28}Q{x - 28} {y} {x} {y - 28}z",
                        light(tone, 0.65),
                    )
                    c.circle(x, y, 7, dark(tone, 0.3))
    c.rect(346, 168, 150, 170, dark(tone, 0.5), 44)
    c.rect(354, 176, 134, 154, c.fade("#dfe6ef", "#aab4c2"), 38)
    for y in (218, 288):
        c.circle(400, y, 26, "#11141c", "#c8d0da", 4)
        c.circle(394, y - 7, 7, "#7fa4d8")
    c.circle(456, 252, 20, "#11141c", "#c8d0da", 4)
    if "Ring" in " ".join(c.words):
        c.circle(500, 610, 84, "none", dark(tone, 0.55), 26)
        c.circle(500, 610, 84, "none", "#b9c0ca", 10)
        c.rect(310, 800, 60, 80, dark(tone, 0.5), 30)
        c.rect(630, 800, 60, 80, dark(tone, 0.5), 30)
    c.gloss("M600 142H640L440 868H390z", 0.16)


def charger(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 330, 40)
    if "Cable" in " ".join(c.words):
        for radius in (250, 214, 178):
            c.ellipse(500, 520, radius, radius * 0.86, "none", dark(tone, 0.35), 26)
            c.ellipse(500, 520, radius, radius * 0.86, "none", tone, 20)
        c.line("M700 640Q800 700 790 800", tone, 20)
        c.line("M300 640Q200 700 210 800", tone, 20)
        for x in (790, 210):
            c.rect(x - 24, 770, 48, 90, c.round("#c3c9d1"), 14)
            c.rect(x - 15, 856, 30, 40, c.round("#8c95a1"), 8)
        c.rect(452, 270, 96, 60, dark(tone, 0.55), 16)
        return
    for x in (430, 560):
        c.rect(x, 180, 26, 130, c.round("#c9ced6"), 13)
    c.rect(310, 290, 380, 500, c.sheen(tone), 70)
    c.rect(310, 290, 380, 110, c.sheen(light(tone, 0.3), 0.2, 0.05), 60)
    for port in range(int(str(c.facts.get("ports", 1)))):
        c.rect(440, 690 - port * 74, 120, 36, dark(tone, 0.75), 18)
        c.rect(462, 702 - port * 74, 76, 12, "#9aa3ae", 6)
    c.word(f"{c.facts.get('output_w', 20)}W", 500, 530, 60, mix(tone, ink(tone), 0.55))


def power_bank(c: Canvas, tone: str) -> None:
    c.shadow(500, 830, 280, 36)
    with c.group("rotate(-10 500 500)"):
        c.rect(330, 170, 340, 640, c.sheen(tone), 60)
        c.rect(360, 170, 90, 640, c.fade(light(tone, 0.25), light(tone, 0.05), down=True), 10)
        for lamp in range(4):
            c.circle(540 + lamp * 28, 240, 8, "#ffffff" if lamp < 3 else dark(tone, 0.4))
        c.word(c.words[0], 560, 520, 24, ink(tone))
        c.word(f"{c.facts.get('capacity_mah', '')}", 560, 575, 30, ink(tone))
        c.rect(430, 158, 140, 18, dark(tone, 0.6), 6)


def fan(c: Canvas, tone: str) -> None:
    ceiling = "Ceiling" in " ".join(c.words)
    if ceiling:
        c.shadow(500, 880, 300, 26, 0.25)
        c.rect(484, 90, 32, 300, c.round(tone))
        c.path("M440 90H560L540 140H460z", c.round(tone))
        for turn in (8, 128, 248):
            with c.group(f"translate(500 470) scale(1 .42) rotate({turn})"):
                c.path("M40 -36L410 -64Q446 0 410 58L40 36z", c.sheen(tone), dark(tone, 0.35), 3)
                c.line("M90 0H380", dark(tone, 0.18), 8)
        c.ellipse(500, 440, 96, 62, c.ball(tone))
        c.ellipse(500, 478, 70, 34, c.ball(light(tone, 0.15)))
        return
    small = "Clip" in " ".join(c.words)
    c.shadow(500, 890, 230, 30)
    c.rect(480, 560, 40, 300, c.round(dark(tone, 0.1)))
    c.ellipse(500, 866, 120 if small else 190, 32, c.sheen(tone))
    c.circle(500, 390, 290, light(tone, 0.55))
    for turn in range(0, 360, 90):
        with c.group(f"rotate({turn + 20} 500 390)"):
            c.path(
                "M500 390C560 250 700 210 730 300C740 370 620 420 500 390z",
                c.sheen(NAMED["Sky blue"], 0.3, 0.2),
            )
    for ring in (290, 240, 190, 140):
        c.circle(500, 390, ring, "none", dark(tone, 0.28), 5 if ring < 290 else 16)
    for spoke in range(24):
        with c.group(f"rotate({spoke * 15} 500 390)"):
            c.line("M500 330V104", dark(tone, 0.28), 3)
    c.circle(500, 390, 62, c.ball(tone))
