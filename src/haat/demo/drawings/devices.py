"""Sound, wrists, cameras and the large machines of a household."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, ink, light, mix

_GLASS = "#1a1e28"


def headphones(c: Canvas, tone: str) -> None:
    c.shadow(500, 850, 330, 36)
    c.line("M230 560C210 120 790 120 770 560", dark(tone, 0.35), 56)
    c.line("M230 556C212 132 788 132 770 556", tone, 42)
    c.line("M300 330C370 190 630 190 700 330", light(tone, 0.25), 14)
    if not c.facts.get("wireless"):
        c.line("M240 800C260 900 340 860 330 930", dark(tone, 0.5), 10)
    for x, side in ((230, 1), (770, -1)):
        c.rect(x - 20, 430, 40, 130, c.round("#b9c0ca"), 16)
        with c.group(f"rotate({side * 8} {x} 650)"):
            c.ellipse(x + side * 44, 660, 74, 150, c.round(dark(tone, 0.5)))
            c.ellipse(x, 660, 96, 164, c.ball(tone))
            c.ellipse(x - side * 8, 660, 58, 112, c.sheen(light(tone, 0.14)))
            c.circle(x - side * 8, 660, 24, dark(tone, 0.25))
    if "Gaming" in " ".join(c.words):
        c.line("M200 760C220 880 360 890 430 850", dark(tone, 0.45), 16)
        c.ellipse(440, 846, 40, 24, dark(tone, 0.6))


def earbuds(c: Canvas, tone: str) -> None:
    c.shadow(500, 830, 330, 40)
    if not c.facts.get("wireless"):
        c.line("M360 330C360 560 480 560 490 700S520 860 620 880", dark(tone, 0.2), 12)
        c.line("M640 330C640 560 510 560 500 700", dark(tone, 0.2), 12)
        for x, side in ((360, -1), (640, 1)):
            c.rect(x - 22, 260, 44, 110, c.round(tone), 22)
            c.circle(x + side * 10, 260, 64, c.ball(tone))
            c.ellipse(x - side * 40, 250, 34, 42, c.ball(NAMED["Silver"]))
        return
    c.path(
        "M210 500Q210 420 300 420H700Q790 420 790 500L770 740Q760 820 670 820H330Q240 820 230 740z",
        c.ball(tone),
    )
    c.path("M226 480Q230 420 310 420H690Q770 420 774 480Q640 520 500 520T226 480z", dark(tone, 0.55))
    c.path(
        "M210 500Q200 330 320 330H680Q800 330 790 500L774 470Q740 380 660 380H340Q260 380 226 470z",
        c.sheen(tone),
    )
    for x, side in ((380, -1), (620, 1)):
        c.rect(x - 24, 330, 48, 150, c.round(light(tone, 0.1)), 24)
        c.circle(x, 300, 70, c.ball(light(tone, 0.08)))
        c.ellipse(x - side * 52, 296, 30, 40, c.ball(mix(tone, "#808894", 0.5)))
    c.circle(500, 610, 10, "#3fd08f")
    c.word(c.words[0], 500, 720, 26, ink(tone))


def speaker(c: Canvas, tone: str) -> None:
    watts = int(str(c.facts.get("output_w", 5)))
    c.shadow(500, 860, 320, 40)
    if watts < 10:
        c.circle(500, 540, 310, c.ball(tone))
        for ring in range(7):
            for dot in range(8 + ring * 6):
                with c.group(f"rotate({dot * 360 / (8 + ring * 6):.1f} 500 540)"):
                    c.circle(500, 540 - 34 - ring * 30, 7, dark(tone, 0.4))
        c.line("M640 260C700 160 800 220 730 330", dark(tone, 0.3), 20)
        return
    c.rect(280, 120, 440, 730, c.sheen(tone), 36)
    if tone == NAMED["Walnut"]:
        for grain in range(6):
            c.line(f"M{300 + grain * 76} 130C{280 + grain * 80} 400 {330 + grain * 74} 600 {304 + grain * 76} 846",
                   dark(tone, 0.2), 5, 0.5)  # fmt: skip
    c.rect(312, 152, 376, 666, _GLASS, 24)
    for y, r in ((300, 92), (590, 160)):
        c.circle(500, y, r, c.ball("#4a5262"), "#788294", 10)
        c.circle(500, y, r * 0.62, c.ball("#2a303c"))
        c.circle(500, y, r * 0.26, c.ball("#8c95a5"))
    if watts > 50:
        for ring, colour in ((172, "#ff8a5c"), (104, "#6fb4e0")):
            c.circle(500, 590 if ring > 150 else 300, ring, "none", colour, 7)
    c.word(c.words[0], 500, 796, 20, "#d8dde6")


def smartwatch(c: Canvas, tone: str) -> None:
    c.shadow(500, 900, 190, 26)
    c.path("M390 360L410 80Q412 60 440 60H560Q588 60 590 80L610 360z", c.round(tone))
    c.path("M390 640L410 920Q412 940 440 940H560Q588 940 590 920L610 640z", c.round(tone))
    for hole in range(4):
        c.ellipse(500, 800 + hole * 34, 12, 8, dark(tone, 0.5))
    circle = float(str(c.facts.get("screen_inch", "1.6"))) < 1.5
    c.rect(690, 470, 40, 70, c.round("#b9c0ca"), 14)
    radius = 210 if circle else 70
    c.rect(290, 290, 420, 420, c.sheen(dark("#c3c9d1", 0.25)), radius)
    c.rect(306, 306, 388, 388, "#0e1118", radius * 0.92)
    accent = c.rng.sample(("#ff8a5c", "#6fd3c0", "#f0c04a", "#e0607e", "#8fb4ff"), 3)
    for place, colour in enumerate(accent):
        r = 160 - place * 26
        c.circle(500, 500, r, "none", dark(colour, 0.6), 15)
        c.line(f"M500 {500 - r}A{r} {r} 0 {place % 2} 1 {500 + r if not place else 500 - r} 500", colour, 15)
    c.word("10:24", 500, 522, 46, "#ffffff", 1.1)


def camera(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 400, 40)
    cube = "Cube" in " ".join(c.words)
    if cube:
        c.rect(270, 280, 460, 500, c.sheen(tone), 60)
        c.rect(300, 310, 190, 130, _GLASS, 20)
        c.word("4K", 395, 400, 50, "#e8edf6")
    else:
        c.path("M380 300L430 200H570L620 300z", c.sheen(tone))
        c.rect(110, 290, 780, 480, c.sheen(tone), 60)
        c.rect(110, 400, 780, 270, c.sheen("#23262e"), 10)
        c.rect(150, 262, 110, 36, c.round("#c3c9d1"), 12)
        c.rect(700, 250, 130, 48, c.round("#a9b1bc"), 12)
        c.circle(660, 345, 16, "#d23b3b")
        c.word(c.words[0], 500, 272, 30, ink(tone))
    x, y = (590, 590) if cube else (500, 540)
    for r, fill in ((215, "#1c2028"), (190, "#343b48"), (160, "#14171e"), (120, "#27406e"), (70, "#0e1322")):
        size = r * (0.72 if cube else 1)
        c.circle(x, y, size, c.ball(fill), light(fill, 0.15), 5)
    c.ellipse(x - 60, y - 66, 34, 20, "#cfe0ff")
    c.circle(x + 40, y + 44, 12, "#9f7ad8")


def refrigerator(c: Canvas, tone: str) -> None:
    doors = int(str(c.facts.get("doors", 1)))
    side = int(str(c.facts.get("capacity_l", 200))) > 400
    wide = 560 if side else 420
    left = 500 - wide / 2
    c.shadow(500, 925, wide * 0.62, 30)
    c.rect(left + 24, 900, wide - 48, 26, "#23262e")
    c.rect(left, 70, wide, 840, c.sheen(tone), 26)
    if side:
        c.line("M500 76V904", dark(tone, 0.5), 6)
        c.rect(462, 330, 16, 260, c.round("#d5dae1"), 8)
        c.rect(522, 330, 16, 260, c.round("#d5dae1"), 8)
        c.rect(300, 380, 110, 160, _GLASS, 12)
    else:
        split = 300 if doors > 1 else 0
        if split:
            c.line(f"M{left} {split}H{left + wide}", dark(tone, 0.5), 6)
            c.rect(left + 30, 180, 16, 90, c.round("#d5dae1"), 8)
        c.rect(left + 30, 340, 16, 200, c.round("#d5dae1"), 8)
        c.path(
            f"M{left + 120} 900C{left + 140} 700 {left + 230} 620 {left + 300} 430",
            "none",
            light(tone, 0.3),
            5,
        )
        for leaf in range(5):
            x, y = left + 135 + leaf * 40, 800 - leaf * 82
            c.path(f"M{x} {y}q50 -60 90 -20q-30 50 -90 20z", light(tone, 0.25))
            c.path(f"M{x} {y}q-60 -40 -70 -90q60 10 70 90z", light(tone, 0.2))
    c.word(c.words[0], 500, 130, 20, mix(tone, ink(tone), 0.7))
    c.gloss(f"M{left + wide - 130} 72h70l-150 836h-70z", 0.1)


def washing_machine(c: Canvas, tone: str) -> None:
    c.shadow(500, 900, 330, 32)
    c.rect(220, 150, 560, 740, c.sheen(tone), 30)
    c.rect(220, 150, 560, 120, c.sheen(light(tone, 0.2) if tone != "#f3f1ec" else "#e2e5ea", 0.1, 0.12), 28)
    c.circle(700, 210, 36, c.ball("#aab2be"))
    c.line("M700 210V182", dark(tone, 0.6), 7)
    c.rect(260, 182, 170, 56, _GLASS, 12)
    c.word("0:20", 345, 224, 28, "#8fe0c4")
    if c.facts.get("loading") == "front":
        c.circle(500, 580, 220, c.sheen("#b9c0ca"))
        c.circle(500, 580, 180, "#2a3446")
        with c.clip("M320 580a180 180 0 1 0 360 0a180 180 0 1 0 -360 0z"):
            c.path("M300 600Q400 560 500 600T700 590V780H300z", "#6fb4e0")
            for x, y, colour in (
                (420, 640, "#d23b3b"),
                (520, 680, "#dfa62f"),
                (590, 620, "#f3f1ec"),
                (470, 600, "#2b8a8c"),
            ):
                c.path(f"M{x - 60} {y}q40 -70 90 -20t60 40q-60 60 -150 -20z", colour)
        c.gloss("M380 460Q440 410 520 412Q430 460 400 560Q370 520 380 460z", 0.35)
    else:
        c.path("M220 270H780L760 320H240z", dark(tone, 0.3))
        for x in (250, 520):
            c.rect(x, 290, 230, 60, c.sheen("#dfe6ee"), 24)
        c.rect(250, 400, 500, 440, c.sheen(light(tone, 0.1)), 24)
        c.word(c.words[0], 500, 640, 34, ink(tone))
    c.rect(250, 886, 60, 22, "#23262e", 6)
    c.rect(690, 886, 60, 22, "#23262e", 6)


def water_purifier(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 260, 32)
    c.rect(300, 120, 400, 750, c.sheen(tone), 48)
    c.rect(330, 160, 340, 360, c.fade("#dff3fa", "#7cc3de", down=True), 30)
    c.path("M330 300Q420 260 500 300T670 290V490Q670 520 640 520H360Q330 520 330 490z", "#3f9fcb")
    for x, y, r in ((400, 420, 14), (470, 370, 9), (560, 440, 18), (610, 360, 8)):
        c.circle(x, y, r, "#bfe6f5")
    c.rect(460, 590, 80, 46, c.round("#9aa3ae"), 14)
    c.rect(486, 630, 28, 40, c.round("#7b8490"), 8)
    c.path("M440 720H560L546 840H454z", "#cfeaf5")
    c.path("M446 764H554L546 840H454z", "#6cbbdc")
    for lamp, colour in enumerate(("#3fd08f", "#3fd08f", "#f0b84a")):
        c.circle(380 + lamp * 34, 562, 9, colour)
