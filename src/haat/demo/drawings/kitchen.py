"""Appliances of the slab, pots and the table."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, ink, light, mix

_STEEL = "#c9ced6"


def mixer_grinder(c: Canvas, tone: str) -> None:
    c.shadow(500, 890, 290, 34)
    if "Hand" in " ".join(c.words):
        with c.group("rotate(16 500 500)"):
            c.rect(430, 80, 140, 420, c.round(tone), 66)
            c.rect(480, 500, 40, 270, c.round(_STEEL))
            c.path("M440 770H560L600 880Q500 910 400 880z", c.round(_STEEL))
            c.rect(470, 150, 60, 40, dark(tone, 0.5), 18)
            c.word(c.words[0], 500, 330, 20, ink(tone))
        return
    c.path("M350 590H650L720 850Q722 880 690 880H310Q278 880 280 850z", c.round(tone))
    c.path("M350 590H650L660 630H340z", dark(tone, 0.35))
    c.circle(500, 760, 58, c.ball(_STEEL))
    c.line("M500 760V716", dark(tone, 0.6), 9)
    c.path("M340 210H660L630 590H370z", c.round(_STEEL))
    c.path("M345 250H656L652 300H349z", mix(_STEEL, "#ffffff", 0.5))
    c.line("M655 270C800 260 790 520 640 510", dark(tone, 0.2), 40)
    c.line("M655 270C800 260 790 520 640 510", tone, 26)
    c.rect(330, 170, 340, 46, c.round(dark(tone, 0.3)), 22)
    c.rect(440, 130, 120, 44, c.round(light(tone, 0.1)), 18)
    c.gloss("M392 240H420L436 580H412z", 0.5)
    c.word(c.words[0], 500, 680, 22, ink(tone))


def kettle(c: Canvas, tone: str) -> None:
    clear, goose = tone == NAMED["Clear"], "Gooseneck" in " ".join(c.words)
    c.shadow(510, 870, 310, 36)
    c.ellipse(500, 850, 250, 32, c.sheen("#2b2f3a"))
    if goose:
        c.line("M330 700C180 680 240 420 140 360", dark(tone, 0.3), 34)
        c.line("M330 696C184 674 246 420 142 358", tone, 24)
    else:
        c.path("M330 400L210 330L216 300L350 330z", c.sheen(tone))
    c.line("M660 330C860 300 850 720 680 730", "#1d2028", 52)
    c.line("M664 336C842 312 836 706 684 716", "#383d4a", 26)
    body = "M360 290H640Q690 560 710 830Q600 856 500 856T290 830Q310 560 360 290z"
    c.path(body, c.round(tone))
    if clear:
        with c.clip(body):
            c.rect(250, 480, 500, 400, c.fade("#9fd4ee", "#2f7fd0", down=True))
            for _ in range(22):
                c.circle(c.rng.uniform(300, 700), c.rng.uniform(500, 830), c.rng.uniform(4, 13), "#e3f5ff")
    c.path("M360 290Q370 236 500 232T640 290Q500 312 360 290z", c.round(light(tone, 0.1)))
    c.rect(470, 196, 60, 44, c.round("#23262e"), 16)
    c.gloss("M396 330Q420 326 424 332Q400 560 392 800Q362 794 350 786Q366 540 396 330z", 0.4)
    for mark in range(3):
        c.line(f"M590 {560 + mark * 80}H626", mix(tone, "#141a33", 0.45), 7)


def toaster(c: Canvas, tone: str) -> None:
    c.shadow(500, 830, 380, 40)
    for x in (330, 560):
        c.path(f"M{x - 80} 430V270Q{x - 100} 190 {x} 190T{x + 90} 270V430z", c.sheen("#b5712f"))
        c.path(f"M{x - 62} 430V284Q{x - 76} 214 {x} 212T{x + 70} 284V430z", c.sheen("#e6b873"))
    c.path("M150 480Q150 380 250 380H690Q800 380 800 480V760Q800 810 750 810H200Q150 810 150 760z", c.sheen(tone))
    c.rect(220, 392, 220, 26, "#20242c", 12)
    c.rect(470, 392, 210, 26, "#20242c", 12)
    c.rect(800, 500, 50, 44, c.round("#2b2f3a"), 14)
    c.circle(640, 680, 46, c.ball(_STEEL))
    c.line("M640 680V646", "#2b2f3a", 8)
    c.gloss("M190 430Q200 410 240 408H330Q240 440 210 560Q190 520 190 430z", 0.35)
    c.word(c.words[0], 330, 700, 26, ink(tone))


def induction_cooktop(c: Canvas, tone: str) -> None:
    c.shadow(500, 770, 440, 44)
    c.path("M180 330H820L940 700Q944 730 910 730H90Q56 730 60 700z", c.sheen("#20242e", 0.25, 0.3))
    c.path("M60 704Q60 740 92 740H908Q940 740 940 704V722Q940 768 900 768H100Q60 768 60 722z", dark(tone, 0.5))
    for rx in (230, 180, 120):
        c.ellipse(500, 490, rx, rx * 0.45, "none", "#f08a4a", 6)
    c.ellipse(500, 490, 70, 32, c.ball("#c7502a"))
    for key in range(5):
        c.circle(300 + key * 100, 672, 17, "#3a4152")
        c.circle(300 + key * 100, 672, 6, "#8fe0c4" if key != 2 else "#f0b84a")
    c.word("1600", 500, 635, 24, "#f08a4a")
    c.gloss("M200 336H420L190 724H100z", 0.1)


def air_fryer(c: Canvas, tone: str) -> None:
    c.shadow(500, 880, 310, 36)
    c.path(
        "M300 160Q310 100 500 100T700 160Q760 480 740 830Q730 870 690 870H310Q270 870 260 830Q240 480 300 160z",
        c.round(tone),
    )
    c.path("M262 500Q500 540 738 500L738 800Q736 830 700 836H300Q264 830 262 800z", c.round(light(tone, 0.1)))
    c.rect(340, 560, 320, 150, "#171b24", 26)
    for x in (390, 450, 510, 570, 610):
        c.path(f"M{x} 690l34 -70l30 70z", c.sheen("#d99a3c"))
    c.rect(430, 730, 140, 90, c.round(dark(tone, 0.4)), 40)
    c.ellipse(500, 290, 110, 84, "#10131a")
    c.word("180", 500, 316, 56, "#ffb46a")
    c.gloss("M310 190Q330 150 400 140Q350 260 330 470Q300 470 290 462Q294 300 310 190z", 0.25)


def pressure_cooker(c: Canvas, tone: str) -> None:
    dim = "#4a4f58" if "anodised" in str(c.facts.get("material")) else _STEEL
    c.shadow(470, 860, 340, 38)
    c.rect(660, 430, 300, 56, c.sheen("#20232b"), 26)
    c.rect(660, 520, 260, 50, c.sheen("#2c303a"), 24)
    c.rect(120, 520, 90, 48, c.sheen("#20232b"), 20)
    c.path("M190 500H710V800Q706 850 640 854H260Q194 850 190 800z", c.round(dim))
    c.path("M190 560H710V584H190z", light(dim, 0.35))
    c.rect(170, 468, 560, 48, c.round(light(dim, 0.1)), 20)
    c.path("M190 470Q220 370 450 366T710 470z", c.round(dim))
    c.rect(425, 300, 50, 74, c.round("#9aa1ab"), 8)
    c.rect(412, 262, 76, 50, c.round("#3b404a"), 14)
    c.circle(580, 400, 18, c.ball("#d23b3b"))
    for puff, (x, y, r) in enumerate(((470, 210, 26), (512, 160, 36), (460, 110, 44))):
        with c.group("", 0.75 - puff * 0.18):
            c.circle(x, y, r, "#ffffff")
    c.gloss("M240 600H290L296 830Q262 832 244 806z", 0.45)
    c.word(c.words[0], 450, 730, 24, mix(dim, ink(dim), 0.6))


def kadhai(c: Canvas, tone: str) -> None:
    title = " ".join(c.words)
    c.shadow(480, 780, 400, 46)
    if "Tawa" in title or "Pan" in title:
        c.path("M700 560L960 420Q990 440 980 466L730 640z", c.sheen("#2b2f3a"))
        c.ellipse(430, 620, 350, 150, c.sheen(dark(tone, 0.3)))
        c.ellipse(430, 596, 350, 146, c.sheen(tone))
        c.ellipse(430, 602, 306, 120, c.sheen("#343943" if "Pan" in title else dark(tone, 0.15)))
        if "Tawa" in title:
            c.ellipse(430, 596, 210, 80, c.ball("#e6b35a"))
            c.ellipse(430, 596, 140, 50, "none", "#c98d35", 8)
        else:
            c.path("M330 600q-10 -60 70 -60t130 20t10 80t-140 30t-70 -70z", "#fbf7ee")
            c.circle(430, 596, 36, c.ball("#f0b02e"))
        return
    for side in (-1, 1):
        x = 480 + side * 390
        c.line(f"M{x} 470C{x + side * 90} 440 {x + side * 90} 560 {x - side * 20} 560", dark(tone, 0.35), 26)
    c.path("M80 470H880C870 700 700 800 480 800S90 700 80 470z", c.round(tone))
    c.ellipse(480, 470, 400, 96, c.sheen(light(tone, 0.25)))
    c.ellipse(480, 476, 366, 78, dark(tone, 0.35))
    c.ellipse(480, 496, 300, 52, c.ball("#c8742c"))
    for _ in range(16):
        left, top = c.rng.uniform(270, 690), c.rng.uniform(470, 524)
        c.ellipse(left, top, 22, 13, c.ball(c.rng.choice(("#4f8a3c", "#d8553a", "#f0c54a", "#6da04e"))))
    c.gloss("M120 540Q170 680 300 740Q200 720 140 630Q110 580 120 540z", 0.3)


def dinner_set(c: Canvas, tone: str) -> None:
    c.shadow(500, 800, 440, 52)
    c.circle(430, 500, 330, c.sheen(dark(tone, 0.1)))
    c.circle(430, 494, 322, c.sheen(light(tone, 0.15)))
    c.circle(430, 494, 236, c.sheen(light(tone, 0.78), 0.1, 0.06))
    petals = c.rng.choice((12, 16, 20))
    for turn in range(petals):
        with c.group(f"rotate({turn * 360 / petals:.1f} 430 494)"):
            c.path("M430 190Q454 214 430 244Q406 214 430 190z", light(tone, 0.7))
            c.circle(430, 262, 6, tone)
    c.circle(430, 494, 150, c.sheen(light(tone, 0.6)))
    c.circle(430, 494, 60, "none", tone, 6)
    c.path("M640 640H920Q910 800 780 806T640 640z", c.round(tone))
    c.ellipse(780, 640, 140, 34, c.sheen(light(tone, 0.3)))
    c.ellipse(780, 644, 118, 24, dark(tone, 0.3))
    c.path("M790 330H930L912 560Q860 574 808 560z", c.round(light(tone, 0.2)))
    c.ellipse(860, 330, 70, 18, dark(tone, 0.2))


def mug(c: Canvas, tone: str) -> None:
    if "Kulhad" in " ".join(c.words):
        c.shadow(500, 820, 430, 44)
        for x, y, s in ((260, 560, 0.8), (740, 560, 0.8), (500, 620, 1.0)):
            with c.group(f"translate({x} {y}) scale({s})"):
                c.path("M-130 -190H130L84 190Q0 210 -84 190z", c.round(tone))
                for band in (-120, -90, 120):
                    c.path(
                        f"M{-122 - band * 0.06} {band}Q0 {band + 18} {122 + band * -0.06} {band}",
                        "none",
                        dark(tone, 0.25),
                        7,
                    )
                c.ellipse(0, -190, 130, 34, c.sheen(light(tone, 0.2)))
                c.ellipse(0, -184, 108, 24, "#a5672f")
        steam = 420
    else:
        c.shadow(480, 830, 320, 40)
        c.line("M640 430C860 400 850 700 630 690", dark(tone, 0.28), 56)
        c.line("M640 426C846 402 838 690 630 680", tone, 40)
        c.path("M230 340H670L650 760Q640 820 560 824H340Q260 820 250 760z", c.round(tone))
        with c.clip("M230 340H670L650 760Q640 820 560 824H340Q260 820 250 760z"):
            for _ in range(90):
                c.circle(c.rng.uniform(230, 670), c.rng.uniform(370, 820), c.rng.uniform(1.5, 5), dark(tone, 0.4))
        c.ellipse(450, 340, 220, 52, c.sheen(light(tone, 0.3)))
        c.ellipse(450, 348, 192, 38, c.sheen("#a5672f"))
        c.gloss("M280 400H320L336 780Q300 776 290 750z", 0.35)
        steam = 280
    for x in (400, 470):
        c.line(
            f"M{x} {steam}C{x - 40} {steam - 60} {x + 50} {steam - 100} {x} {steam - 170}",
            "#ffffff",
            12,
            0.55,
        )


def bottle(c: Canvas, tone: str) -> None:
    c.shadow(500, 920, 190, 28)
    flask = "Flask" in " ".join(c.words)
    if flask:
        c.rect(400, 90, 200, 190, c.round(dark(tone, 0.25)), 26)
        c.path("M390 270H610L640 340V860Q640 910 590 912H410Q360 910 360 860V340z", c.round(tone))
        c.rect(360, 380, 280, 26, dark(tone, 0.3))
    else:
        c.rect(436, 70, 128, 100, c.round(dark(tone, 0.45)), 18)
        if "Sports" in " ".join(c.words):
            c.line("M440 110C380 90 380 190 446 180", dark(tone, 0.45), 18)
        c.path((
            "M440 160H560Q566 220 620 270Q640 300 640 350V850Q640 910 580 914H420Q360 910 360"
            " 850V350Q360 300 380 270Q434 220 440 160z"
        ),
               c.round(tone))  # fmt: skip
    if tone == NAMED["Copper"]:
        for row in range(11):
            for column in range(6):
                c.circle(388 + column * 45 + row % 2 * 18, 350 + row * 50, 17, c.ball(tone))
    else:
        c.word(c.words[0], 500, 620, 26, mix(tone, ink(tone), 0.7))
    c.gloss("M404 360H436V880H410Z", 0.4)


def lunch_box(c: Canvas, tone: str) -> None:
    c.shadow(500, 870, 280, 34)
    if "Bento" in " ".join(c.words):
        c.rect(170, 330, 660, 480, c.sheen(tone), 70)
        c.rect(200, 360, 340, 420, light(tone, 0.75), 46)
        c.rect(560, 360, 240, 200, light(tone, 0.75), 40)
        c.rect(560, 580, 240, 200, light(tone, 0.75), 40)
        c.ellipse(370, 570, 120, 160, c.sheen("#e9c27d"))
        for x, y in ((620, 430), (690, 420), (740, 480), (640, 500)):
            c.circle(x, y, 38, c.ball("#8c2f6b"))
        for x in (600, 660, 720):
            c.rect(x, 620, 44, 130, c.sheen("#e8823a"), 18)
        return
    c.line("M280 440V160Q280 120 330 120H670Q720 120 720 160V440", "#8f98a4", 22)
    for tier in range(int(str(c.facts.get("containers", 3)))):
        y = 690 - tier * 160
        c.path(
            f"M290 {y}H710V{y + 130}Q706 {y + 158} 670 {y + 160}H330Q294 {y + 158} 290 {y + 130}z",
            c.round(tone),
        )
        c.rect(278, y - 12, 444, 30, c.round(light(tone, 0.25)), 14)
        c.gloss(f"M326 {y + 30}H366L370 {y + 150}H332z", 0.4)
    c.rect(270, 420, 24, 440, c.round("#8f98a4"), 10)
    c.rect(706, 420, 24, 440, c.round("#8f98a4"), 10)
