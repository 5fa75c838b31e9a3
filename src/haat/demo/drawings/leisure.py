"""Books, paper, toys, sport, garden and music."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import dark, ink, light

_GAY = ("#d23b3b", "#dfa62f", "#2b8a8c", "#3b4a9c", "#8bc27a", "#e58a4a")
_WOOD = "#c99a62"


def book(c: Canvas, tone: str) -> None:
    c.shadow(510, 890, 300, 36)
    c.path(
        "M270 110H720Q740 112 740 130V880H290Q262 876 262 850V130Q262 112 270 110z",
        c.sheen("#f2e8d2", 0.2, 0.2),
    )
    for page in range(5):
        c.line(f"M292 {866 + page * 3}H736", "#cdbf9f", 2)
    c.path("M262 110H720V850H290Q262 852 262 866z", c.sheen(tone))
    c.rect(262, 110, 34, 742, c.fade(dark(tone, 0.35), tone))
    style = c.rng.randrange(4)
    pale = light(tone, 0.75)
    _cover(c, tone, pale, style)
    lines: list[str] = []
    for word in c.words:
        if lines and len(lines[-1]) + len(word) < 12:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    for place, text in enumerate(lines[:4]):
        c.fit(text, 508, 222 + place * 62, 380, 46, pale, 1.5)
    c.rect(296, 786, 424, 64, dark(tone, 0.45))
    c.fit(str(c.facts.get("author", "")), 508, 830, 350, 24, "#fffaf0")
    c.gloss("M310 112H380L310 520z", 0.14)


def _cover(c: Canvas, tone: str, pale: str, style: int) -> None:
    """The picture on a book: hills, rings, quarter circles or a leaf."""
    accent = c.rng.choice(("#f0c04a", "#f1e4c8", "#e58a4a", "#7fc4c0"))
    with c.clip("M296 110H720V850H296z"):
        if style == 0:
            c.circle(508, 640, 140, accent)
            for hill in range(3):
                y = 660 + hill * 60
                c.path(f"M296 {y}Q400 {y - 90} 520 {y}T740 {y - 20}V860H296z", dark(tone, 0.15 + hill * 0.2))
        elif style == 1:
            for ring in range(7):
                c.circle(508, 630, 24 + ring * 26, "none", accent if ring % 2 else pale, 9)
        elif style == 2:
            for row in range(5):
                for column in range(7):
                    x, y = 320 + column * 64, 520 + row * 66
                    fill = c.rng.choice((accent, pale, dark(tone, 0.3)))
                    c.path(f"M{x} {y}h60a60 60 0 0 1 -60 60z", fill)
        else:
            c.path("M508 480Q660 560 600 760Q508 820 420 760Q356 560 508 480z", accent)
            c.line("M508 500V850M508 600L580 560M508 680L430 630M508 750L580 700", dark(tone, 0.3), 9)


def notebook(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 310, 36)
    with c.group("rotate(5 500 500)"):
        c.rect(290, 130, 470, 740, c.sheen("#f5eedd"), 18)
    c.rect(250, 120, 470, 750, c.sheen(tone), 20)
    c.rect(250, 120, 70, 750, c.fade(dark(tone, 0.4), dark(tone, 0.15)), 20)
    for ring in range(15):
        c.rect(232, 150 + ring * 48, 60, 16, c.round("#c3c9d1"), 8)
    c.rect(390, 260, 260, 140, c.sheen("#f7f0df"), 8)
    c.fit(c.words[0], 520, 325, 210, 30, dark(tone, 0.5))
    c.line("M420 360H620", dark(tone, 0.3), 4)
    for turn in range(10):
        with c.group(f"rotate({turn * 36} 520 630)"):
            c.path("M520 510q26 60 0 110q-26 -50 0 -110z", light(tone, 0.45))
    c.rect(660, 120, 20, 750, dark(tone, 0.45))


def pen(c: Canvas, tone: str) -> None:
    c.shadow(500, 760, 400, 40)
    many = int(str(c.facts.get("pieces", 1))) > 1
    with c.group("rotate(-32 500 500)"):
        for place in range(5 if many else 1):
            y = 470 + (place - 2) * 74 if many else 470
            body = (tone, "#d23b3b", "#2f6b4f", tone, "#2b2f3a")[place] if many else tone
            c.rect(130, y, 460, 56, c.fade(light(body, 0.45), dark(body, 0.3), down=True), 26)
            c.rect(560, y + 3, 200, 50, c.fade(light(body, 0.2), dark(body, 0.45), down=True), 14)
            c.path(
                f"M760 {y + 6}L850 {y + 22}L872 {y + 28}L850 {y + 34}L760 {y + 50}z",
                "#d9b04a" if not many else "#c3c9d1",
            )
            c.rect(150, y - 10, 210, 12, "#d9b04a", 6)
            c.rect(352, y, 16, 56, "#d9b04a")
            c.line(f"M170 {y + 12}H540", "#ffffff", 6, 0.5)
    if not many:
        c.line("M740 250C800 200 860 300 900 220", dark(tone, 0.2), 7)


def paint_set(c: Canvas, tone: str) -> None:
    c.shadow(500, 870, 330, 38)
    crayons = "Crayon" in " ".join(c.words)
    hues = (*_GAY, "#8c2f4b", "#6fb4e0", "#2f6b4f", "#a896d4", "#5a3722", "#e0607e")
    for place, hue in enumerate(hues):
        x, y = 250 + place * 42, 200 + abs(5.5 - place) * 12
        if crayons:
            c.path(f"M{x} {y + 80}L{x + 12} {y}H{x + 26}L{x + 38} {y + 80}z", c.round(hue))
        else:
            c.path(f"M{x} {y + 90}L{x + 19} {y}L{x + 38} {y + 90}z", c.round("#e6c79a"))
            c.path(f"M{x + 12} {y + 32}L{x + 19} {y}L{x + 26} {y + 32}z", hue)
        c.rect(x, y + 80, 38, 400, c.round(hue), 4)
    c.path("M210 470Q500 430 790 470L780 850Q500 890 220 850z", c.round(tone))
    for place, hue in enumerate(hues):
        c.circle(270 + place * 42, 790, 15, hue)
    c.fit(c.words[0], 500, 610, 440, 66, ink(tone), 1.9)
    c.word(str(c.facts.get("shades", 24)), 500, 710, 54, light(tone, 0.6), 1.7)


def blocks(c: Canvas, tone: str) -> None:
    c.shadow(500, 860, 390, 40)
    title = " ".join(c.words)
    if "Ring" in title:
        c.rect(482, 180, 36, 660, c.round(_WOOD), 18)
        for place, hue in enumerate(_GAY):
            wide = 440 - place * 54
            c.rect(500 - wide / 2, 740 - place * 92, wide, 90, c.round(hue), 45)
        c.rect(250, 826, 500, 40, c.round(_WOOD), 18)
        c.circle(500, 190, 56, c.ball(tone))
        return
    if "Rail" in title:
        c.path("M80 760Q80 620 240 620H760Q920 620 920 760T760 860H240Q80 860 80 760z", "none", _WOOD, 46)
        c.path(
            "M80 760Q80 620 240 620H760Q920 620 920 760T760 860H240Q80 860 80 760z",
            "none",
            dark(_WOOD, 0.35),
            8,
        )
        for x, hue in ((200, tone), (430, "#d23b3b"), (640, "#dfa62f")):
            c.rect(x, 480, 180, 120, c.sheen(hue), 20)
            c.circle(x + 44, 606, 34, c.ball("#3a3f4a"))
            c.circle(x + 136, 606, 34, c.ball("#3a3f4a"))
            c.rect(x + 170, 570, 60, 14, "#3a3f4a")
        c.rect(200, 390, 80, 100, c.sheen(dark(tone, 0.2)), 10)
        c.rect(310, 420, 34, 70, c.sheen("#2b2f3a"), 6)
        return
    snap = "Snap" in title
    rows = ((150, 660, 4), (250, 480, 3), (390, 300, 2))
    for left, y, count in rows:
        for place in range(count):
            x, hue = left + place * 178, c.rng.choice(_GAY)
            c.rect(x, y, 172, 176, c.sheen(hue), 14)
            if snap:
                for stud in (30, 100):
                    c.rect(x + stud, y - 26, 46, 30, c.round(light(hue, 0.1)), 8)
            elif c.rng.random() < 0.4:
                c.path(f"M{x + 40} {y + 176}V{y + 110}a46 46 0 0 1 92 0V{y + 176}z", dark(hue, 0.5))
    c.path("M380 300L480 160L580 300z" if not snap else "M470 250V140h180v110z", c.sheen(tone))


def soft_toy(c: Canvas, tone: str) -> None:
    c.shadow(500, 900, 320, 36)
    elephant = "Elephant" in " ".join(c.words)
    for x in (360, 640):
        c.ellipse(x, 840, 110, 70, c.ball(tone))
        c.circle(x, 848, 34, light(tone, 0.45))
    c.ellipse(500, 680, 210, 210, c.ball(tone))
    c.ellipse(500, 710, 120, 130, c.ball(light(tone, 0.35)))
    for x, turn in ((290, 28), (710, -28)):
        with c.group(f"rotate({turn} {x} 620)"):
            c.ellipse(x, 640, 62, 140, c.ball(tone))
    if elephant:
        for x in (240, 760):
            c.circle(x, 340, 150, c.ball(tone))
            c.circle(x, 350, 100, c.ball("#e8b8b4"))
    else:
        for x in (330, 670):
            c.circle(x, 190, 84, c.ball(tone))
            c.circle(x, 194, 46, light(tone, 0.4))
    c.circle(500, 340, 220, c.ball(light(tone, 0.05)))
    if elephant:
        c.line("M500 380C500 560 560 600 620 560", tone, 66)
        c.line("M500 470h40M508 520h40", dark(tone, 0.25), 6)
    else:
        c.ellipse(500, 410, 96, 76, c.ball(light(tone, 0.45)))
        c.ellipse(500, 376, 36, 26, "#2b2f3a")
        c.line("M500 400V430Q460 456 440 430M500 430Q540 456 560 430", "#2b2f3a", 8)
    for x in (410, 590):
        c.circle(x, 310, 24, "#20242c")
        c.circle(x - 7, 302, 8, "#ffffff")
    scarf = c.rng.choice(("#d23b3b", "#2b8a8c", "#dfa62f"))
    c.path("M340 520Q500 600 660 520L650 570Q500 650 350 570z", c.sheen(scarf))
    c.path("M560 580L640 720L570 740L520 600z", c.sheen(scarf))


def board_game(c: Canvas, tone: str) -> None:
    c.shadow(500, 790, 430, 50)
    title = " ".join(c.words)
    with c.group("translate(500 520) scale(1 .72) rotate(45)"):
        c.rect(-330, -310, 660, 660, dark(tone, 0.5), 16)
        c.rect(-330, -330, 660, 660, c.sheen(tone), 16)
        if "Chess" in title:
            for row in range(8):
                for column in range(8):
                    fill = "#f1e2c2" if (row + column) % 2 else "#7a4a2c"
                    c.rect(-280 + column * 70, -280 + row * 70, 70, 70, fill)
        else:
            c.rect(-290, -290, 580, 580, "#fbf5e6", 8)
            for x, y, hue in (
                (-290, -290, "#d23b3b"),
                (60, -290, "#2f8a55"),
                (-290, 60, "#3b4a9c"),
                (60, 60, "#dfa62f"),
            ):
                c.rect(x, y, 230, 230, c.sheen(hue), 10)
                c.circle(x + 115, y + 115, 76, "#fbf5e6")
            for step in range(6):
                for x, y in (
                    (-22, -290 + step * 38),
                    (-22, 66 + step * 38),
                    (-290 + step * 38, -22),
                    (66 + step * 38, -22),
                ):
                    c.rect(x, y, 36, 36, light(c.rng.choice(_GAY), 0.3), 5)
    pawns = ("#f1e2c2", "#3a2a20") if "Chess" in title else _GAY[:4]
    for place, hue in enumerate(pawns):
        x, y = 330 + place * 110, 480 + (place % 2) * 90
        c.ellipse(x, y + 84, 44, 16, dark(hue, 0.4))
        c.path(
            f"M{x - 40} {y + 80}Q{x - 10} {y + 40} {x - 12} {y}H{x + 12}Q{x + 10} {y + 40} {x + 40} {y + 80}z",
            c.round(hue),
        )
        c.circle(x, y - 14, 30, c.ball(hue))
    with c.group("rotate(-14 690 680)"):
        c.rect(650, 640, 84, 84, c.sheen("#ffffff", 0.1, 0.15), 16)
        for x, y in ((672, 662), (712, 702), (692, 682)):
            c.circle(x, y, 8, "#d23b3b")


def stroller(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 350, 36)
    c.line("M250 300L620 800M700 520L360 800", "#8f98a4", 20)
    c.line("M250 300Q200 240 150 270", "#2b2f3a", 26)
    for x in (360, 640):
        c.circle(x, 810, 74, "none", "#22252d", 24)
        c.circle(x, 810, 18, c.ball("#9aa3ae"))
    c.path("M300 470H800Q800 660 640 690H420Q330 640 300 470z", c.sheen(dark(tone, 0.1)))
    c.path("M500 470Q480 180 760 180Q860 300 810 470z", c.ball(tone))
    for rib in (560, 640, 720):
        c.line(f"M{rib + 60} 184Q{rib} 300 {rib - 30} 470", dark(tone, 0.3), 6)
    c.path("M300 470Q420 440 520 500L500 600Q380 580 320 560z", c.sheen("#f1e4c8"))
    c.circle(560, 420, 56, c.ball("#e6b894"))
    c.path("M508 400q50 -70 106 0z", "#f3f1ec")
    if "pram" in " ".join(c.words).lower():
        c.circle(820, 830, 54, "none", "#22252d", 22)


def romper(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 280, 34)
    c.path(
        (
            "M370 150Q500 250 630 150L760 210L840 420L740 470L690 390V640Q720 760 700 860H540"
            "L500 700L460 860H300Q280 760 310 640V390L260 470L160 420L240 210z"
        ),
        c.sheen(tone),
    )
    for row in range(6):
        for column in range(5):
            x, y = 350 + column * 74 + row % 2 * 30, 340 + row * 80
            if x < 670:
                c.ellipse(x, y, 22, 17, dark(tone, 0.25))
                c.circle(x + 20, y - 8, 12, dark(tone, 0.25))
                c.line(f"M{x + 30} {y - 6}q10 14 2 22", dark(tone, 0.25), 5)
    c.line("M370 150Q500 250 630 150", light(tone, 0.5), 18)
    for snap in range(5):
        c.circle(380 + snap * 60, 846 - abs(2 - snap) * 2 if snap != 2 else 720, 9, "#f3f1ec")
