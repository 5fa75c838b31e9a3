"""Books, paper, toys, sport, garden and music."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, ink, light, mix

_GAY = ("#d23b3b", "#dfa62f", "#2b8a8c", "#3b4a9c", "#8bc27a", "#e58a4a")
_WOOD = "#c99a62"


def book(c: Canvas, tone: str) -> None:
    c.shadow(510, 890, 300, 36)
    c.path("M270 110H720Q740 112 740 130V880H290Q262 876 262 850V130Q262 112 270 110z", c.sheen("#f2e8d2", 0.2, 0.2))
    for page in range(5):
        c.line(f"M292 {866 + page * 3}H736", "#cdbf9f", 2)
    c.path("M262 110H720V850H290Q262 852 262 866z", c.sheen(tone))
    c.rect(262, 110, 34, 742, c.fade(dark(tone, 0.35), tone))
    pale, accent = light(tone, 0.75), c.rng.choice(("#f0c04a", "#f1e4c8", "#e58a4a", "#7fc4c0"))
    style = c.rng.randrange(4)
    with c.clip("M296 110H720V850H296z"):
        if style == 0:
            c.circle(508, 640, 140, accent)
            for hill in range(3):
                y = 660 + hill * 60
                c.path(f"M296 {y}Q400 {y - 90} 520 {y}T740 {y - 20}V860H296z", dark(tone, 0.15 + hill * 0.2))
        elif style == 1:
            for ring in range(7):
                c.circle(508, 660, 30 + ring * 34, "none", accent if ring % 2 else pale, 9)
        elif style == 2:
            for row in range(5):
                for column in range(7):
                    x, y = 320 + column * 64, 520 + row * 66
                    fill = c.rng.choice((accent, pale, dark(tone, 0.3)))
                    c.path(f"M{x} {y}h60a60 60 0 0 1 -60 60z", fill)
        else:
            c.path("M508 480Q660 560 600 760Q508 820 420 760Q356 560 508 480z", accent)
            c.line("M508 500V850M508 600L580 560M508 680L430 630M508 750L580 700", dark(tone, 0.3), 9)
    lines: list[str] = []
    for word in c.words:
        if lines and len(lines[-1]) + len(word) < 11:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    for place, text in enumerate(lines[:4]):
        c.fit(text, 508, 240 + place * 66, 380, 46, pale, 1.5)
    c.fit(str(c.facts.get("author", "")), 508, 826, 330, 22, "#fffaf0" if style != 1 else pale, 1.3)
    c.gloss("M310 112H380L310 520z", 0.14)


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
            c.path(f"M760 {y + 6}L850 {y + 22}L872 {y + 28}L850 {y + 34}L760 {y + 50}z", "#d9b04a" if not many else "#c3c9d1")
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
        c.path("M80 760Q80 620 240 620H760Q920 620 920 760T760 860H240Q80 860 80 760z", "none", dark(_WOOD, 0.35), 8)
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
            for x, y, hue in ((-290, -290, "#d23b3b"), (60, -290, "#2f8a55"), (-290, 60, "#3b4a9c"), (60, 60, "#dfa62f")):
                c.rect(x, y, 230, 230, c.sheen(hue), 10)
                c.circle(x + 115, y + 115, 76, "#fbf5e6")
            for step in range(6):
                for x, y in ((-22, -290 + step * 38), (-22, 66 + step * 38), (-290 + step * 38, -22), (66 + step * 38, -22)):
                    c.rect(x, y, 36, 36, light(c.rng.choice(_GAY), 0.3), 5)
    pawns = ("#f1e2c2", "#3a2a20") if "Chess" in title else _GAY[:4]
    for place, hue in enumerate(pawns):
        x, y = 330 + place * 110, 480 + (place % 2) * 90
        c.ellipse(x, y + 84, 44, 16, dark(hue, 0.4))
        c.path(f"M{x - 40} {y + 80}Q{x - 10} {y + 40} {x - 12} {y}H{x + 12}Q{x + 10} {y + 40} {x + 40} {y + 80}z", c.round(hue))
        c.circle(x, y - 14, 30, c.ball(hue))
    with c.group("rotate(-14 690 680)"):
        c.rect(650, 640, 84, 84, c.sheen("#ffffff", 0.1, 0.15), 16)
        for x, y in ((672, 662), (712, 702), (692, 682)):
            c.circle(x, y, 8, "#d23b3b")


def cricket_bat(c: Canvas, tone: str) -> None:
    c.shadow(520, 880, 330, 34)
    with c.group("rotate(24 500 500)"):
        c.rect(474, 20, 52, 250, c.round(tone), 20)
        for wrap in range(13):
            c.line(f"M476 {40 + wrap * 17}L524 {28 + wrap * 17}", dark(tone, 0.3), 4)
        c.path("M474 250H526L590 340V860Q580 920 500 922T410 860V340z", c.round("#e3c48e"))
        with c.clip("M410 260H590V922H410z"):
            for line in range(int(str(c.facts.get("grains", 6)))):
                x = 432 + line * (140 / int(str(c.facts.get("grains", 6))))
                c.line(f"M{x:g} 300Q{x + 6:g} 600 {x:g} 920", "#b98f52", 3, 0.7)
        c.path("M410 400H590V500L410 540z", c.sheen(tone))
        c.fit(c.words[0], 500, 474, 150, 36, ink(tone), 1.7)
        c.path("M410 770L590 730V780L410 820z", tone)
    c.circle(760, 800, 74, c.ball("#b3262b" if "leather" in str(c.facts.get("ball")) else "#c9d94a"))
    c.line("M704 770Q760 820 812 750", "#f3f1ec", 6)


def ball(c: Canvas, tone: str) -> None:
    c.shadow(500, 850, 300, 44)
    if c.facts.get("sport") == "cricket":
        c.circle(500, 520, 310, c.ball("#b3262b"))
        for shift in (-22, 0, 22):
            c.line(f"M{330 + shift} 250Q{560 + shift} 520 {330 + shift} 790", "#f1e2c2", 7)
        for stitch in range(24):
            y = 270 + stitch * 22
            x = 330 + 115 * (1 - ((y - 520) / 270) ** 2)
            c.line(f"M{x - 38:.0f} {y}h14M{x + 24:.0f} {y}h14", "#f1e2c2", 6)
        return
    c.circle(500, 520, 310, c.ball("#f3f1ec"))
    with c.clip("M190 520a310 310 0 1 0 620 0a310 310 0 1 0 -620 0z"):
        spots = ((500, 500, 96), (230, 420, 84), (770, 420, 84), (340, 770, 84), (660, 770, 84), (500, 216, 80))
        for x, y, r in spots:
            c.path(f"M{x} {y - r}L{x + r * 0.95:.0f} {y - r * 0.3:.0f}L{x + r * 0.59:.0f} {y + r * 0.8:.0f}L{x - r * 0.59:.0f} {y + r * 0.8:.0f}L{x - r * 0.95:.0f} {y - r * 0.3:.0f}z", c.ball("#2c4474"))
        c.line("M500 404V296M591 470L690 430M556 578L610 700M444 578L390 700M409 470L310 430", "#9aa3b2", 6)
    c.gloss("M300 380Q360 270 480 250Q380 320 340 440Q290 430 300 380z", 0.4)


def yoga_mat(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 420, 50)
    c.path("M250 520L900 700L820 800L150 640z", c.sheen(light(tone, 0.08)))
    c.line("M330 590L800 716M560 612L520 730", light(tone, 0.5), 5)
    c.path("M170 330H700V660H170z", c.fade(light(tone, 0.3), dark(tone, 0.3), middle=tone, down=True))
    c.ellipse(700, 495, 80, 165, c.sheen(dark(tone, 0.12)))
    for ring in range(5):
        c.ellipse(700, 495, 66 - ring * 14, 138 - ring * 29, "none", light(tone, 0.35), 6)
    for x in (270, 540):
        c.rect(x, 324, 44, 342, c.fade("#f1e4c8", "#a08a60", down=True))
    c.line("M292 324C300 160 560 160 562 324", "#d8c09a", 20)
    c.ellipse(170, 495, 40, 165, dark(tone, 0.3))


def dumbbell(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 400, 44)
    for y, s, turn in ((400, 0.86, -12), (630, 1.0, 8)):
        with c.group(f"translate(500 {y}) rotate({turn}) scale({s})"):
            c.rect(-200, -30, 400, 60, c.fade("#eef1f5", "#7b8490", down=True), 20)
            for x in range(-110, 120, 22):
                c.line(f"M{x} -26l14 52", "#8f98a4", 4)
            for side in (-1, 1):
                x = side * 270
                c.path(f"M{x - 90} -120L{x - 60} -150H{x + 60}L{x + 90} -120V120L{x + 60} 150H{x - 60}L{x - 90} 120z", c.sheen(tone, 0.35, 0.3))
                c.path(f"M{x - 56} -90H{x + 56}V90H{x - 56}z", c.sheen(light(tone, 0.12)))
                c.word("5", x, 30, 64, mix(tone, ink(tone), 0.7), 1.7)


def racket(c: Canvas, tone: str) -> None:
    c.shadow(500, 890, 330, 34)
    for turn in (-22, 22) if "Pair" in " ".join(c.words) else (18,):
        with c.group(f"rotate({turn} 500 620)"):
            for at in range(-150, 160, 24):
                c.line(f"M{500 + at} 110V470M340 {290 + at}H660", "#f3f1ec", 3, 0.9)
            c.ellipse(500, 290, 168, 206, "none", dark(tone, 0.3), 26)
            c.ellipse(500, 290, 168, 206, "none", tone, 18)
            c.rect(490, 494, 20, 230, c.round(dark(tone, 0.1)), 6)
            c.rect(476, 700, 48, 210, c.round("#2b2f3a"), 14)
            for wrap in range(9):
                c.line(f"M478 {724 + wrap * 20}L522 {712 + wrap * 20}", "#596070", 4)
    c.path("M690 820L770 640L860 690L760 850z", c.sheen("#ffffff", 0.1, 0.15))
    c.line("M710 812L790 660M730 826L826 680", "#c3c9d1", 4)
    c.circle(722, 850, 40, c.ball("#f1e4c8"))
    c.line("M690 824Q720 812 756 852", "#d23b3b", 12)


def bicycle(c: Canvas, tone: str) -> None:
    c.shadow(500, 830, 450, 34)
    child = "Kids" in " ".join(c.words)
    r = 150 if child else 185
    for x in (245, 755):
        c.circle(x, 640, r, "none", "#22252d", 26)
        c.circle(x, 640, r - 20, "none", "#b9c0ca", 7)
        for spoke in range(18):
            with c.group(f"rotate({spoke * 20} {x} 640)"):
                c.line(f"M{x} 626V{640 - r + 20}", "#9aa3ae", 2.5)
        c.circle(x, 640, 20, c.ball("#9aa3ae"))
    frame = "M245 640L390 420H650L755 640M390 420L470 650L650 420M245 640H470M390 420L372 350M650 420L628 300"
    c.line(frame, dark(tone, 0.35), 28)
    c.line(frame, tone, 20)
    c.line("M628 300Q640 260 700 262Q740 280 720 320", "#2b2f3a", 22)
    c.path("M310 330Q370 300 450 336Q440 366 390 362T310 330z", c.sheen("#3a2a20"))
    c.circle(470, 650, 54, "none", "#6a7280", 14)
    c.line("M470 650L520 720M500 724H548M470 650L420 590M396 586H440", "#2b2f3a", 13)
    c.line("M245 622L470 598M245 660L470 704", "#6a7280", 5)
    if child:
        for x in (200, 300):
            c.circle(x, 760, 36, "none", "#22252d", 12)
        for hue, turn in (("#d23b3b", 10), ("#dfa62f", 34), ("#6fb4e0", 58)):
            c.line(f"M716 322q{turn} 40 {turn - 20} 100", hue, 8)
    elif "Commuter" in " ".join(c.words):
        c.path("M60 600A190 190 0 0 1 420 560", "none", dark(tone, 0.2), 14)
        c.path("M580 560A190 190 0 0 1 940 600", "none", dark(tone, 0.2), 14)
        c.rect(170, 400, 170, 16, "#6a7280", 6)


def helmet(c: Canvas, tone: str) -> None:
    c.shadow(500, 790, 380, 44)
    c.line("M300 620C330 800 480 860 520 860S640 780 660 620", "#2b2f3a", 20)
    c.path("M110 600Q100 250 480 230Q860 240 900 590Q880 650 760 640Q500 590 240 650Q130 660 110 600z", c.ball(tone))
    for vent in range(5):
        x = 260 + vent * 110
        c.path(f"M{x} 520Q{x - 20} 400 {x + 60} {300 + abs(2 - vent) * 16}Q{x + 70} 420 {x + 50} 520z", dark(tone, 0.65))
    c.path("M110 600Q130 660 240 650Q500 590 760 640Q880 650 900 590L896 620Q860 690 760 674Q500 630 240 686Q120 690 110 600z", dark(tone, 0.4))
    c.gloss("M180 470Q220 320 380 276Q270 360 230 500Q180 520 180 470z", 0.35)


def plant(c: Canvas, tone: str) -> None:
    c.shadow(500, 890, 230, 32)
    title = " ".join(c.words)
    leaf = "#3d8a4f"
    if "Snake" in title:
        for lean in (-26, -15, -7, 0, 8, 16, 25):
            with c.group(f"rotate({lean} 500 680)"):
                c.path("M470 680Q450 330 500 150Q550 330 530 680z", c.sheen("#d9cf6a"))
                c.path("M482 680Q466 340 500 180Q534 340 518 680z", c.sheen(leaf))
                for band in range(6):
                    c.line(f"M480 {320 + band * 60}Q500 {340 + band * 60} 520 {320 + band * 60}", light(leaf, 0.4), 6, 0.7)
    elif "Palm" in title:
        for lean in (-62, -40, -20, 0, 20, 40, 62):
            with c.group(f"rotate({lean} 500 690)"):
                c.line("M500 690Q520 400 500 120", dark(leaf, 0.1), 9)
                for step in range(11):
                    y = 150 + step * 36
                    c.path(f"M504 {y + 20}q70 -50 110 -20q-50 40 -110 20zM504 {y + 20}q-70 -50 -110 -20q50 40 110 20z", c.sheen(leaf))
    else:
        for _ in range(46 if "Tulsi" in title else 26):
            x, y = c.rng.gauss(500, 130), c.rng.gauss(400, 120)
            size = 46 if "Tulsi" in title else 84
            c.line(f"M500 700Q{(x + 500) / 2:.0f} 560 {x:.0f} {y:.0f}", dark(leaf, 0.15), 5)
            with c.group(f"translate({x:.0f} {y:.0f}) rotate({c.rng.randrange(-70, 70)})"):
                c.path(f"M0 {size}Q{-size} 0 0 {-size}Q{size} 0 0 {size}z", c.sheen(mix(leaf, "#9ccf6a", c.rng.random() * 0.6)))
                c.line(f"M0 {size * 0.8}V{-size * 0.7}", light(leaf, 0.35), 3)
    plant_pot(c, "#c8643f")


def plant_pot(c: Canvas, tone: str) -> None:
    if "Pot" in " ".join(c.words) or "Planter" in " ".join(c.words):
        c.shadow(500, 890, 300, 36)
    c.path("M330 660H670L630 880Q500 910 370 880z" if tone == "#c8643f" and "Plant" in c.words else "M240 400H760L690 850Q500 910 310 850z", c.round(tone))
    if "Plant" in c.words or "Palm" in c.words:
        c.path("M330 660H670L630 880Q500 910 370 880z", c.round(tone))
        c.rect(310, 640, 380, 60, c.round(light(tone, 0.1)), 14)
        return
    c.rect(210, 340, 580, 90, c.round(light(tone, 0.1)), 20)
    c.ellipse(500, 346, 270, 40, "#4a3628")
    for wave in range(4):
        y = 520 + wave * 80
        c.line(f"M{270 + wave * 12} {y}Q{330} {y - 30} {390} {y}T{510} {y}T{630} {y}T{730 - wave * 12} {y}", light(tone, 0.4), 8, 0.7)
    for lean in (-40, 0, 40):
        with c.group(f"rotate({lean} 500 340)"):
            c.path("M500 340q-50 -90 0 -190q50 100 0 190z", c.sheen("#3d8a4f"))


def watering_can(c: Canvas, tone: str) -> None:
    c.shadow(480, 850, 360, 40)
    c.line("M650 480C820 300 740 200 560 260", dark(tone, 0.2), 30)
    c.path("M330 620L120 360L160 330L370 520z", c.sheen(dark(tone, 0.08)))
    c.path("M70 380L180 280L200 310L100 404z", c.sheen("#b9c0ca"))
    c.path("M330 400H670L700 820Q500 870 300 820z", c.round(tone))
    c.ellipse(500, 400, 170, 40, dark(tone, 0.4))
    for band in (500, 760):
        c.path(f"M316 {band}Q500 {band + 30} 684 {band}", "none", light(tone, 0.35), 8)
    for drop in range(9):
        c.line(f"M{60 + drop % 3 * 40} {420 + drop * 40}l-8 24", "#6fb4e0", 8, 0.8)


def guitar(c: Canvas, tone: str) -> None:
    c.shadow(500, 900, 280, 34)
    small = "Ukulele" in " ".join(c.words)
    with c.group("rotate(12 500 500)"):
        c.rect(474, 60, 52, 440, c.round("#4a3020"))
        c.path("M456 20H544L536 110H464z", c.sheen("#3a2416"))
        for peg in range(3):
            c.circle(446, 36 + peg * 26, 10, c.ball("#d9b04a"))
            c.circle(554, 36 + peg * 26, 10, c.ball("#d9b04a"))
        body = "M500 400Q640 390 650 500Q650 560 620 600Q720 660 710 780Q690 920 500 922T290 780Q280 660 380 600Q350 560 350 500Q360 390 500 400z"
        c.path(body, c.sheen(tone), dark(tone, 0.5), 12)
        c.path(body, "none", "#f1e2c2", 4)
        c.circle(500, 590, 78, "#241a14", light(tone, 0.5), 10)
        c.rect(410, 780, 180, 34, c.sheen("#3a2416"), 10)
        for fret in range(10):
            c.line(f"M475 {120 + fret * 36}H525", "#d9b04a", 3)
        for string in range(4 if small else 6):
            x = 482 + string * (36 / (3 if small else 5))
            c.line(f"M{x:g} 60V796", "#f4f1ea", 2.4)
        c.path("M590 620Q660 640 650 740Q600 740 570 660z", dark(tone, 0.5))


def tabla(c: Canvas, tone: str) -> None:
    c.shadow(500, 850, 430, 44)
    for x, wide, shell, high in ((330, 240, "#d2a545", 500), (720, 170, tone, 470)):
        c.ellipse(x, 850, wide * 0.9, 36, c.sheen("#b3213b"))
        c.path(f"M{x - wide} {high}Q{x - wide} 840 {x} 850T{x + wide} {high}z" if wide > 200 else f"M{x - wide} {high}L{x - wide * 0.8} 850H{x + wide * 0.8}L{x + wide} {high}z", c.round(shell))
        for strap in range(9):
            at = x - wide + strap * wide / 4
            c.line(f"M{at:g} {high}L{x + (at - x) * 0.62:g} 840", "#f1e2c2", 6, 0.8)
        c.ellipse(x, high, wide, wide * 0.36, c.sheen("#8a5a3b"))
        c.ellipse(x, high - 8, wide * 0.94, wide * 0.32, c.sheen("#f4e9d2"))
        c.ellipse(x + (18 if wide > 200 else 0), high - 8, wide * 0.42, wide * 0.15, c.ball("#2a2320"))


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
    c.path("M370 150Q500 250 630 150L760 210L840 420L740 470L690 390V640Q720 760 700 860H540L500 700L460 860H300Q280 760 310 640V390L260 470L160 420L240 210z", c.sheen(tone))
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
