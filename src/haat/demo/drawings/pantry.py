"""Packets, jars, bottles and tubes: grocery, care and baby."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import dark, ink, light

_CREAM = "#f7f0df"
_GOLD = "#d9ac45"


def _label(c: Canvas, x: float, y: float, w: float, h: float, tone: str, word: str) -> None:
    c.rect(x, y, w, h, c.sheen(_CREAM, 0.2, 0.08), 10)
    c.rect(x + 10, y + 10, w - 20, h - 20, "none", 6, tone, 4)
    c.fit(word, x + w / 2, y + h * 0.42, w - 50, min(46, h * 0.2), dark(tone, 0.35), 1.6)
    leaf = x + w / 2, y + h * 0.7
    c.path(f"M{leaf[0]} {leaf[1] + 34}q-62 -20 -56 -70q56 6 56 70q0 -64 56 -70q6 50 -56 70z", tone)
    c.path(f"M{leaf[0]} {leaf[1] + 34}q-26 -50 0 -92q26 42 0 92z", dark(tone, 0.2))


def _last(c: Canvas) -> str:
    """The word that says what is inside: the last long one before any `with`, `from` or `for`."""
    stops = [place for place, word in enumerate(c.words) if word in {"with", "from", "for"}]
    words = c.words[1 : stops[0]] if stops else c.words[1:]
    return next((word for word in reversed(words) if len(word) > 3 or word == "Tea"), c.words[-1])


def _pouch(c: Canvas, tone: str, window: str) -> None:
    c.shadow(500, 890, 300, 36)
    c.path(
        "M280 130H720L740 300Q760 600 750 840Q740 880 700 880H300Q260 880 250 840Q240 600 260 300z",
        c.round(tone),
    )
    c.path("M280 130H720L726 190H274z", c.round(dark(tone, 0.2)))
    c.line("M284 160H716", light(tone, 0.3), 3, 0.7)
    _label(c, 330, 270, 340, 270, tone, _last(c))
    with c.clip("M360 620Q500 580 640 620V780Q500 830 360 780z"):
        c.rect(340, 570, 320, 270, light(window, 0.2))
        for _ in range(150):
            x, y = c.rng.uniform(350, 650), c.rng.uniform(590, 830)
            c.ellipse(x, y, c.rng.uniform(7, 12), 6, c.ball(window))
    c.path("M360 620Q500 580 640 620V780Q500 830 360 780z", "none", light(tone, 0.5), 6)
    c.word(c.words[0], 500, 240, 22, ink(tone))
    c.gloss("M296 210H340Q310 540 320 860L286 850Q274 500 296 210z", 0.25)


def tea(c: Canvas, tone: str) -> None:
    c.shadow(480, 870, 360, 38)
    c.path("M620 240L780 290V800L620 870z", c.sheen(dark(tone, 0.35)))
    c.path("M240 240H620V870H240z", c.sheen(tone))
    c.path("M240 240L400 190H780V290L620 240z", c.sheen(light(tone, 0.35)))
    _label(c, 280, 330, 300, 330, tone, _last(c))
    c.word(c.words[0], 430, 300, 22, ink(tone))
    with c.clip("M240 690H620V870H240z"):
        for hill in range(3):
            y = 720 + hill * 46
            c.path(f"M240 {y}Q340 {y - 50} 440 {y}T640 {y - 10}V880H240z", dark(tone, 0.2 + hill * 0.14))
    c.path("M700 720H890L876 840Q870 870 830 870H760Q720 870 714 840z", c.round("#fbf7ee"))
    c.ellipse(795, 720, 95, 22, "#c07a35", "#fbf7ee", 8)
    c.line("M780 690C750 650 810 620 780 580M820 690C790 650 850 620 820 580", "#ffffff", 9, 0.7)


def coffee(c: Canvas, tone: str) -> None:
    _pouch(c, tone, "#5a3722")


def staple(c: Canvas, tone: str) -> None:
    grain = str(c.facts.get("grain", ""))
    hues = {
        "Basmati": "#f4ecd6",
        "Short": "#f7f3e8",
        "Parboiled": "#b5624a",
        "Split": "#e3aa3a",
        "Large": "#e6cf9c",
        "Small": "#8a2f3a",
    }
    _pouch(c, tone, next((hue for word, hue in hues.items() if grain.startswith(word)), "#e3aa3a"))


def snack(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 320, 36)
    edge = "".join(f"l19 {(-1) ** n * 18}" for n in range(24))
    c.path(f"M272 150{edge}Q700 500 728 870H272Q300 500 272 150z", c.round(tone))
    c.circle(500, 420, 170, c.sheen(light(tone, 0.75)))
    c.fit(_last(c), 500, 440, 280, 54, dark(tone, 0.5), 1.9)
    c.word(c.words[0], 500, 240, 24, ink(tone))
    for _ in range(26):
        x, y = c.rng.uniform(340, 660), c.rng.uniform(640, 800)
        with c.group(f"rotate({c.rng.randrange(180)} {x:.0f} {y:.0f})"):
            c.rect(x - 40, y - 9, 80, 18, c.sheen(c.rng.choice(("#e6a53a", "#d98a2c", "#f0c468"))), 9)
    c.gloss("M310 200Q350 190 360 200Q340 520 350 860H310Q330 500 310 200z", 0.3)


def chocolate(c: Canvas, tone: str) -> None:
    c.shadow(500, 790, 380, 40)
    with c.group("rotate(-12 500 500)"):
        for row in range(3):
            for column in range(6):
                x, y = 150 + column * 118, 330 + row * 118
                c.rect(x, y, 114, 114, c.sheen("#5b3421"), 10)
                c.rect(x + 18, y + 18, 78, 78, c.sheen("#6d4029"), 6)
        c.path("M400 310H880V700H400L420 660L396 610L424 560L398 500L426 440L396 380z", c.sheen(tone))
        c.path(
            (
                "M396 310L424 310L450 380L424 440L452 500L424 560L450 610L430 700L400 700L420 660"
                "L396 610L424 560L398 500L426 440L396 380z"
            ),
            c.sheen("#e5c987"),
        )
        c.fit(c.words[0], 660, 470, 330, 54, ink(tone), 1.6)
        c.word(f"{c.facts.get('cocoa_percent', 60)}", 660, 590, 70, light(tone, 0.6), 1)


def honey(c: Canvas, tone: str) -> None:
    _jar(c, "#e09a22", tone, "#8a5a3b")
    c.line("M620 110L560 300", "#a8733f", 22)


def ghee(c: Canvas, tone: str) -> None:
    _jar(c, "#f3cf63", tone, "#c9a23b")


def dry_fruit(c: Canvas, tone: str) -> None:
    _pouch(c, dark(tone, 0.15), "#c58a52" if tone != "#f1e4c8" else "#f1dfb4")


def spice(c: Canvas, tone: str) -> None:
    _jar(c, tone, tone, "#2b2f3a")
    for x, y, s in ((180, 850, 1.0), (240, 870, 0.8), (820, 860, 0.9)):
        c.ellipse(x, y, 46 * s, 22 * s, c.ball(tone))


def _jar(c: Canvas, content: str, tone: str, lid: str) -> None:
    c.shadow(500, 890, 290, 36)
    body = "M320 270H680Q740 300 740 380V820Q740 880 680 884H320Q260 880 260 820V380Q260 300 320 270z"
    c.path(body, c.fade("#eef5f6", "#c5d6da"))
    with c.clip(body):
        c.path("M270 380Q500 350 730 380V874H270z", c.round(content))
        if "powder" not in str(c.facts.get("form", "powder")):
            for _ in range(240):
                c.circle(c.rng.uniform(276, 724), c.rng.uniform(380, 870), c.rng.uniform(5, 10), c.ball(content))
    c.rect(300, 180, 400, 96, c.round(lid), 22)
    for ridge in range(13):
        c.line(f"M{318 + ridge * 30} 196V262", dark(lid, 0.3), 4, 0.6)
    _label(c, 330, 470, 340, 300, tone, _last(c))
    c.gloss("M284 380Q290 340 316 320V850Q284 840 282 800z", 0.5)


def oil(c: Canvas, tone: str) -> None:
    c.shadow(500, 930, 190, 26)
    body = "M440 190H560L566 290Q670 340 670 430V870Q670 920 620 922H380Q330 920 330 870V430Q330 340 434 290z"
    c.path(body, c.round("#dba32a"))
    c.rect(430, 110, 140, 90, c.round("#2f6b4f"), 16)
    _label(c, 352, 500, 296, 280, tone, _last(c))
    c.gloss("M360 430Q366 380 400 360V880Q362 870 360 850z", 0.45)


def shampoo(c: Canvas, tone: str) -> None:
    c.shadow(500, 930, 210, 28)
    pump = c.rng.random() < 0.5
    if pump:
        c.path("M470 200V110H330Q300 112 300 140H440V200z", c.round(dark(tone, 0.35)))
        c.rect(430, 190, 140, 70, c.round(dark(tone, 0.35)), 14)
    else:
        c.rect(400, 130, 200, 130, c.round(dark(tone, 0.35)), 22)
    c.path(
        "M380 250H620Q700 290 700 390V850Q700 920 640 924H360Q300 920 300 850V390Q300 290 380 250z",
        c.round(tone),
    )
    _label(c, 345, 440, 310, 340, tone, _last(c))
    c.word(c.words[0], 500, 380, 24, ink(tone))
    c.gloss("M330 400Q334 330 376 300V890Q334 880 330 840z", 0.4)


def hair_oil(c: Canvas, tone: str) -> None:
    oil(c, tone)


def cream(c: Canvas, tone: str) -> None:
    c.shadow(500, 900, 220, 30)
    if "Balm" in " ".join(c.words):
        c.ellipse(500, 760, 330, 120, c.sheen(dark(tone, 0.25)))
        c.rect(170, 560, 660, 200, c.round(tone), 30)
        c.ellipse(500, 560, 330, 120, c.sheen(light(tone, 0.3)))
        c.fit(c.words[0], 500, 576, 420, 40, dark(tone, 0.55))
        return
    c.rect(410, 790, 180, 110, c.round(dark(tone, 0.3)), 22)
    c.path("M300 110H700L620 800H380z", c.round(light(tone, 0.6)))
    c.path("M300 110H700L694 160H306z", c.round(light(tone, 0.35)))
    c.path("M324 330Q500 260 672 340L640 620Q500 560 358 620z", c.sheen(tone))
    c.fit(c.words[0], 500, 250, 240, 36, dark(tone, 0.5))
    c.fit(_last(c), 500, 480, 230, 34, ink(tone), 1.5)
    c.gloss("M340 170H380L424 780H396z", 0.5)


def soap(c: Canvas, tone: str) -> None:
    c.shadow(500, 760, 380, 46)
    for bar in range(min(2, int(str(c.facts.get("bars", 1))) - 1)):
        c.rect(210 + bar * 40, 300 - bar * 90, 560, 250, c.sheen(light(tone, 0.2)), 50)
    c.path(
        "M140 470Q150 400 240 396H760Q850 400 860 470V640Q856 740 750 744H250Q144 740 140 640z",
        c.sheen(dark(tone, 0.1)),
    )
    c.rect(140, 370, 720, 280, c.ball(tone), 110)
    c.rect(220, 420, 560, 180, "none", 70, dark(tone, 0.18), 7)
    c.fit(c.words[0], 500, 535, 440, 50, dark(tone, 0.35) if tone != "#2b2f3a" else "#9098a8", 1.6)
    for x, y, r in ((180, 340, 40), (240, 300, 24), (840, 360, 30), (790, 320, 18)):
        c.circle(x, y, r, c.fade("#ffffff", "#cfe6f2"))


def toothbrush(c: Canvas, tone: str) -> None:
    c.shadow(500, 860, 240, 34)
    for number in range(4):
        with c.group(f"rotate({-18 + number * 12} 500 800)"):
            c.path("M482 200Q500 180 518 200L526 860Q500 880 474 860z", c.round(tone))
            c.rect(508, 190, 56, 140, c.sheen(("#2b2f3a", "#f3f1ec", "#5d6a78", "#c8643f")[number]), 8)
            for notch in range(number + 1):
                c.line(f"M484 {700 + notch * 20}H516", dark(tone, 0.5), 6)
    c.path("M340 600H660L640 880Q500 910 360 880z", c.round("#2b8a8c"))
    c.ellipse(500, 600, 160, 30, dark("#2b8a8c", 0.4))


def perfume(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 240, 32)
    c.rect(440, 130, 120, 140, c.round(_GOLD), 18)
    c.rect(466, 262, 68, 50, c.round(dark(_GOLD, 0.2)))
    if c.rng.random() < 0.5:
        c.circle(500, 590, 288, c.fade("#f4fafb", "#b9cdd6"))
        c.path("M222 560Q500 500 778 560A288 288 0 0 1 222 660z", c.ball(light(tone, 0.15)))
        c.circle(500, 590, 288, "none", "#ffffff", 10)
    else:
        c.path("M330 310H670L740 400V820Q740 880 690 880H310Q260 880 260 820V400z", c.fade("#f4fafb", "#b9cdd6"))
        c.path("M282 500Q500 470 718 500V810Q716 858 680 858H320Q284 858 282 810z", c.ball(light(tone, 0.15)))
    c.rect(380, 570, 240, 130, c.sheen(_CREAM), 8)
    c.fit("ITTAR & INK", 500, 650, 200, 32, "#4a3a2a")
    c.gloss("M310 470Q330 400 380 380V800Q310 720 310 470z", 0.45)


def diapers(c: Canvas, tone: str) -> None:
    c.shadow(500, 860, 380, 40)
    c.path("M170 300Q500 220 830 300L860 820Q500 900 140 820z", c.round(tone))
    c.path("M170 300Q500 380 830 300Q820 250 780 244H220Q180 250 170 300z", c.sheen(light(tone, 0.25)))
    c.circle(500, 590, 190, _CREAM)
    c.path(
        "M350 520H650Q640 700 560 720Q500 640 440 720Q360 700 350 520z",
        c.sheen("#ffffff", 0.1, 0.1),
        "#b9cbe0",
        6,
    )
    c.rect(350, 520, 300, 40, light(tone, 0.3), 10)
    c.word(c.words[0], 500, 450, 34, dark(tone, 0.4), 1.7)


def baby_bottle(c: Canvas, tone: str) -> None:
    c.shadow(500, 920, 190, 26)
    c.path("M470 90Q500 40 530 90Q530 160 580 200H420Q470 160 470 90z", c.sheen("#f0d0b0"))
    c.rect(370, 196, 260, 80, c.round(tone), 20)
    body = (
        "M390 270H610Q660 320 640 440Q620 520 650 620V850Q650 914 590 916H410Q350 914 350"
        " 850V620Q380 520 360 440Q340 320 390 270z"
    )
    c.path(body, c.fade("#f2f9fb", "#c6dae2"))
    with c.clip(body):
        c.rect(330, 480, 340, 450, c.round("#fdfaf2"))
    for mark in range(6):
        c.line(f"M560 {560 + mark * 52}H{620 - mark % 2 * 24}", tone, 7)
    c.circle(450, 680, 50, c.ball(tone))
    c.circle(424, 630, 20, tone)
    c.circle(478, 630, 20, tone)
    if "Sipper" in " ".join(c.words):
        c.line("M350 400C220 420 220 640 360 640M650 400C780 420 780 640 640 640", tone, 30)


def pet_food(c: Canvas, tone: str) -> None:
    _pouch(c, tone, "#a8683a")
    for dx, dy, r in ((0, 0, 34), (-40, -44, 15), (-12, -62, 15), (22, -58, 15), (46, -34, 15)):
        c.circle(820 + dx, 830 + dy, r, c.ball("#8a5a3b"))


def seeds(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 260, 34)
    c.rect(290, 110, 420, 760, c.sheen(_CREAM), 14)
    c.rect(290, 110, 420, 100, c.sheen("#2f6b4f"), 14)
    c.word(c.words[0], 500, 176, 30, "#f7f0df")
    flower = "Marigold" in " ".join(c.words)
    for x, y, s in ((500, 420, 1.0), (400, 560, 0.75), (600, 570, 0.75)):
        c.line(f"M{x} {y}Q{x + 10} 680 500 790", "#4f8a3c", 12)
        if flower:
            for ring in (80, 56, 34):
                for turn in range(12):
                    with c.group(f"rotate({turn * 30 + ring} {x} {y})"):
                        c.ellipse(x, y - ring * s, 24 * s, 30 * s, c.ball("#ee9a1c" if ring > 40 else "#f6bf3c"))
        else:
            for lean in (-60, -20, 20, 60):
                with c.group(f"rotate({lean} {x} {y + 60})"):
                    c.path(f"M{x} {y + 60}q-40 -70 0 -130q40 60 0 130z", c.sheen("#4f9a4a"))
    c.fit(" ".join(c.words[1:]), 500, 850, 360, 26, dark(tone, 0.4))
