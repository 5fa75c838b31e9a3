"""Sport, garden and music."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import dark, ink, light, mix


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
        spots = (
            (500, 500, 96),
            (230, 420, 84),
            (770, 420, 84),
            (340, 770, 84),
            (660, 770, 84),
            (500, 216, 80),
        )
        for x, y, r in spots:
            c.path(
                (
                    f"M{x} {y - r}L{x + r * 0.95:.0f} {y - r * 0.3:.0f}L{x + r * 0.59:.0f} {y + r * 0.8:.0f}"
                    f"L{x - r * 0.59:.0f} {y + r * 0.8:.0f}L{x - r * 0.95:.0f} {y - r * 0.3:.0f}z"
                ),
                c.ball("#2c4474"),
            )
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
                c.path(
                    f"M{x - 90} -120L{x - 60} -150H{x + 60}L{x + 90} -120V120L{x + 60} 150H{x - 60}L{x - 90} 120z",
                    c.sheen(tone, 0.35, 0.3),
                )
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
    c.path(
        "M110 600Q100 250 480 230Q860 240 900 590Q880 650 760 640Q500 590 240 650Q130 660 110 600z",
        c.ball(tone),
    )
    for vent in range(5):
        x = 260 + vent * 110
        c.path(
            f"M{x} 520Q{x - 20} 400 {x + 60} {300 + abs(2 - vent) * 16}Q{x + 70} 420 {x + 50} 520z",
            dark(tone, 0.65),
        )
    c.path(
        (
            "M110 600Q130 660 240 650Q500 590 760 640Q880 650 900 590L896 620Q860 690 760 674"
            "Q500 630 240 686Q120 690 110 600z"
        ),
        dark(tone, 0.4),
    )
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
                    c.line(
                        f"M480 {320 + band * 60}Q500 {340 + band * 60} 520 {320 + band * 60}",
                        light(leaf, 0.4),
                        6,
                        0.7,
                    )
    elif "Palm" in title:
        for lean in (-62, -40, -20, 0, 20, 40, 62):
            with c.group(f"rotate({lean} 500 690)"):
                c.line("M500 690Q520 400 500 120", dark(leaf, 0.1), 9)
                for step in range(11):
                    y = 150 + step * 36
                    c.path(
                        f"M504 {y + 20}q70 -50 110 -20q-50 40 -110 20zM504 {y + 20}q-70 -50 -110 -20q50 40 110 20z",
                        c.sheen(leaf),
                    )
    else:
        for _ in range(46 if "Tulsi" in title else 26):
            left, top = c.rng.gauss(500, 130), c.rng.gauss(400, 120)
            size = 46 if "Tulsi" in title else 84
            c.line(f"M500 700Q{(left + 500) / 2:.0f} 560 {left:.0f} {top:.0f}", dark(leaf, 0.15), 5)
            with c.group(f"translate({left:.0f} {top:.0f}) rotate({c.rng.randrange(-70, 70)})"):
                c.path(
                    f"M0 {size}Q{-size} 0 0 {-size}Q{size} 0 0 {size}z",
                    c.sheen(mix(leaf, "#9ccf6a", c.rng.random() * 0.6)),
                )
                c.line(f"M0 {size * 0.8}V{-size * 0.7}", light(leaf, 0.35), 3)
    _nursery_pot(c, "#c8643f")


def _nursery_pot(c: Canvas, tone: str) -> None:
    c.path("M330 660H670L630 880Q500 910 370 880z", c.round(tone))
    c.rect(310, 640, 380, 60, c.round(light(tone, 0.1)), 14)


def plant_pot(c: Canvas, tone: str) -> None:
    c.shadow(500, 890, 300, 36)
    c.path("M240 400H760L690 850Q500 910 310 850z", c.round(tone))
    c.rect(210, 340, 580, 90, c.round(light(tone, 0.1)), 20)
    c.ellipse(500, 346, 270, 40, "#4a3628")
    for wave in range(4):
        y = 520 + wave * 80
        c.line(
            f"M{270 + wave * 12} {y}Q{330} {y - 30} {390} {y}T{510} {y}T{630} {y}T{730 - wave * 12} {y}",
            light(tone, 0.4),
            8,
            0.7,
        )
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
        body = (
            "M500 400Q640 390 650 500Q650 560 620 600Q720 660 710 780Q690 920 500 922T290 780"
            "Q280 660 380 600Q350 560 350 500Q360 390 500 400z"
        )
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
        c.path(
            f"M{x - wide} {high}Q{x - wide} 840 {x} 850T{x + wide} {high}z"
            if wide > 200
            else f"M{x - wide} {high}L{x - wide * 0.8} 850H{x + wide * 0.8}L{x + wide} {high}z",
            c.round(shell),
        )
        for strap in range(9):
            at = x - wide + strap * wide / 4
            c.line(f"M{at:g} {high}L{x + (at - x) * 0.62:g} 840", "#f1e2c2", 6, 0.8)
        c.ellipse(x, high, wide, wide * 0.36, c.sheen("#8a5a3b"))
        c.ellipse(x, high - 8, wide * 0.94, wide * 0.32, c.sheen("#f4e9d2"))
        c.ellipse(x + (18 if wide > 200 else 0), high - 8, wide * 0.42, wide * 0.15, c.ball("#2a2320"))
