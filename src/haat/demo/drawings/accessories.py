"""Shoes, bags, watches and what glitters."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, ink, light

_GOLD = "#d9ac45"


def shoe(c: Canvas, tone: str) -> None:
    c.shadow(500, 770, 440, 40)
    sneaker = c.facts.get("use") == "casual"
    accent = "#f3f1ec" if tone != NAMED["White"] else c.rng.choice(("#2c4474", "#2f6b4f", "#d23b3b"))
    sole = "#f4f1ea" if not sneaker or tone != NAMED["White"] else "#e3d9c6"
    c.path(
        "M70 640Q60 720 120 730H860Q950 730 944 660Q930 620 860 640H120z",
        c.fade(sole, dark(sole, 0.25), down=True),
    )
    if not sneaker:
        c.path("M70 690Q70 750 130 752H850Q930 750 942 700Q500 730 70 690z", c.sheen(dark(tone, 0.4)))
    if c.facts.get("use") == "trail":
        for lug in range(17):
            c.rect(96 + lug * 49, 738, 32, 28, "#23262e", 5)
    c.path(
        "M90 660Q70 500 110 350Q190 300 290 330Q340 420 420 420L560 500Q700 540 830 560Q930 580 930 660z",
        c.sheen(tone),
    )
    c.path("M760 552Q930 570 930 660H720Q700 600 760 552z", c.sheen(dark(tone, 0.15)))
    c.path("M90 660Q76 540 96 420L190 440Q230 560 210 660z", c.sheen(dark(tone, 0.22)))
    c.path("M110 350Q190 300 290 330Q300 370 320 390Q200 360 120 400z", dark(tone, 0.5))
    c.path("M290 330L420 420L580 508L540 560L300 440z", c.sheen(light(tone, 0.14)))
    for lace in range(5):
        x, y = 340 + lace * 48, 392 + lace * 30
        c.line(f"M{x} {y}L{x - 36} {y + 56}", accent, 13)
    c.path("M330 640Q470 610 560 520L620 540Q540 640 420 656z", accent)
    c.line("M120 652Q500 664 900 654", dark(tone, 0.35), 5, 0.6)
    c.gloss("M640 545Q760 566 850 590Q760 590 660 570z", 0.4)


def sandal(c: Canvas, tone: str) -> None:
    c.shadow(500, 820, 400, 44)
    for shift, tilt in ((-190, -8), (190, 8)):
        with c.group(f"translate({shift} 0) rotate({tilt} 500 500)"):
            outline = (
                "M500 120Q620 120 630 280Q640 420 600 560Q630 700 590 810Q560 870 500 870T410 810"
                "Q370 700 400 560Q360 420 370 280Q380 120 500 120z"
            )
            with c.group("translate(10 16)"):
                c.path(outline, dark(tone, 0.6))
            c.path(
                outline,
                c.sheen(light("#b98a5a", 0.1) if "leather" in str(c.facts.get("upper")) else light(tone, 0.3)),
            )
            if "Slides" in " ".join(c.words):
                c.path("M350 300Q500 200 650 300L640 470Q500 380 360 470z", c.sheen(tone))
            elif "Trek" in " ".join(c.words):
                for y in (280, 420, 640):
                    c.path(f"M366 {y}Q500 {y - 60} 634 {y}V{y + 54}Q500 {y - 4} 366 {y + 54}z", c.sheen(tone))
                    c.rect(470, y - 36, 60, 52, "#c3c9d1", 8)
            else:
                c.path(
                    "M480 200L520 200Q560 340 640 440L610 500Q500 400 500 300Q500 400 390 500L360 440Q440 340 480 200z",
                    c.sheen(tone),
                )
                c.circle(500, 215, 34, c.ball(_GOLD))
                for braid in range(5):
                    c.line(f"M{420 + braid * 40} 440L{430 + braid * 40} 420", _GOLD, 8)


def backpack(c: Canvas, tone: str) -> None:
    c.shadow(500, 900, 320, 34)
    title = " ".join(c.words)
    if "Sleeve" in title:
        c.line("M330 420C320 180 680 180 670 420", dark(tone, 0.4), 24)
        c.rect(150, 380, 700, 480, c.sheen(tone), 46)
        c.rect(190, 560, 620, 260, c.sheen(dark(tone, 0.1)), 30)
        c.line("M210 440H790", dark(tone, 0.5), 12)
        c.rect(770, 424, 50, 30, _GOLD, 8)
        return
    c.line("M430 150C430 60 570 60 570 150", dark(tone, 0.45), 26)
    tall = "Rucksack" in title or "Rolltop" in title
    c.path("M300 330Q290 130 500 130T700 330L740 820Q744 880 680 884H320Q256 880 260 820z", c.sheen(tone))
    if tall:
        c.path("M300 130H700L720 260H280z", c.sheen(dark(tone, 0.2)))
        c.rect(462, 110, 76, 240, c.sheen("#20242c"), 8)
        c.rect(452, 300, 96, 56, c.sheen(_GOLD), 10)
    c.line("M310 330Q320 190 500 190T690 330", dark(tone, 0.5), 9)
    for x in (236, 700):
        c.rect(x, 560, 66, 260, c.sheen(dark(tone, 0.18)), 26)
    c.rect(330, 500, 340, 320, c.sheen(light(tone, 0.1)), 46)
    c.line("M350 570H650", dark(tone, 0.5), 9)
    c.rect(630, 560, 18, 56, _GOLD, 8)
    c.rect(430, 400, 140, 46, c.sheen("#8a5a3b"), 10)
    c.word(c.words[0], 500, 433, 20, "#f1e4c8")
    c.gloss("M340 260Q380 190 460 176Q370 270 350 440Q330 400 340 260z", 0.2)


def handbag(c: Canvas, tone: str) -> None:
    title = " ".join(c.words)
    c.shadow(500, 880, 350, 36)
    if "Potli" in title:
        c.line("M430 330C300 40 700 40 570 330", _GOLD, 14)
        c.path("M400 320Q500 370 600 320Q800 560 740 760Q700 870 500 872T260 760Q200 560 400 320z", c.ball(tone))
        c.path("M360 250Q500 330 640 250L600 330Q500 376 400 330z", c.sheen(light(tone, 0.2)))
        for row, count in ((520, 5), (620, 6), (720, 5)):
            for dot in range(count):
                x = 500 + (dot - (count - 1) / 2) * 84
                c.path(f"M{x} {row - 30}q26 30 0 60q-26 -30 0 -60z", _GOLD)
                c.circle(x, row, 8, "#fff3c4")
        return
    tote = "Tote" in title
    c.line(
        "M350 420C330 90 670 90 650 420" if tote else "M250 470C300 60 700 60 750 470",
        dark(tone, 0.3),
        22 if tote else 14,
    )
    if tote:
        c.path("M200 390H800L770 850Q768 876 740 876H260Q232 876 230 850z", c.sheen(tone))
        c.circle(500, 620, 130, light(tone, 0.6) if tone != NAMED["Cream"] else "#c8643f")
        for turn in range(12):
            with c.group(f"rotate({turn * 30} 500 620)"):
                c.path("M500 510q24 40 0 80q-24 -40 0 -80z", tone)
    else:
        c.rect(210, 450, 580, 400, c.sheen(tone), 60)
        c.path(
            "M210 500Q210 440 280 440H720Q790 440 790 500V590Q650 700 500 700T210 590z",
            c.sheen(light(tone, 0.12)),
            dark(tone, 0.3),
            4,
        )
        c.circle(500, 660, 30, c.ball(_GOLD))
    c.word(c.words[0], 500, 830, 18, ink(tone))


def watch(c: Canvas, tone: str) -> None:
    mesh = "mesh" in str(c.facts.get("strap"))
    strap = NAMED["Silver"] if mesh else dark(tone, 0.1)
    case = tone if mesh else NAMED["Silver"]
    c.shadow(500, 930, 170, 22)
    for top, bottom in ((50, 330), (670, 950)):
        c.path(
            f"M410 {top}H590L606 {bottom}H394z" if top < 100 else f"M394 {top}H606L590 {bottom}H410z",
            c.round(strap),
        )
        if not mesh:
            c.line(f"M424 {top + 20}V{bottom - 20}M576 {top + 20}V{bottom - 20}", light(strap, 0.35), 4)
    c.rect(706, 474, 40, 54, c.round(case), 12)
    c.circle(500, 500, 222, c.sheen(dark(case, 0.1)))
    c.circle(500, 500, 196, c.sheen(light(case, 0.2)))
    face = "#f8f5ec" if tone in (NAMED["Walnut"], NAMED["Midnight black"], NAMED["Silver"]) else dark(tone, 0.25)
    c.circle(500, 500, 176, c.sheen(face, 0.15, 0.15))
    for hour in range(12):
        with c.group(f"rotate({hour * 30} 500 500)"):
            c.rect(494, 334, 12, 34 if hour % 3 else 46, ink(face), 4)
    for turn, length, width in ((305, 90, 14), (60, 136, 9)):
        with c.group(f"rotate({turn} 500 500)"):
            c.rect(500 - width / 2, 500 - length, width, length, ink(face), 4)
    with c.group("rotate(160 500 500)"):
        c.rect(498, 350, 4, 190, "#d23b3b")
    c.circle(500, 500, 10, "#d23b3b")
    c.word(c.words[0], 500, 440, 13, ink(face), 1.1)
    c.gloss("M390 400Q440 340 520 338L400 600Q350 500 390 400z", 0.18)


def sunglasses(c: Canvas, tone: str) -> None:
    c.shadow(500, 690, 430, 44)
    round_ = "Round" in " ".join(c.words)
    c.line("M120 430L60 380Q40 340 120 330L330 300", dark(tone, 0.35), 22)
    c.line("M880 430L940 380Q960 340 880 330L670 300", dark(tone, 0.35), 22)
    c.line("M430 440Q500 380 570 440", tone, 24)
    for x in (280, 720):
        lens = "#3f5f4c" if round_ else "#4a4038"
        if round_:
            c.circle(x, 510, 176, c.sheen(tone))
            c.circle(x, 510, 146, c.fade(dark(lens, 0.4), light(lens, 0.25), down=True))
        else:
            c.path(
                (
                    f"M{x - 180} 400H{x + 170}Q{x + 190} 560 {x + 60} 670Q{x - 40} 720 {x - 130} 600Q{x - 180}"
                    f" 520 {x - 180} 400z"
                ),
                c.sheen(tone),
            )
            c.path(
                (
                    f"M{x - 160} 418H{x + 152}Q{x + 166} 550 {x + 50} 650Q{x - 40} 694 {x - 114} 588Q{x - 160}"
                    f" 516 {x - 160} 418z"
                ),
                c.fade(dark(lens, 0.5), light(lens, 0.3), down=True),
            )
        c.gloss(f"M{x - 110} 450L{x - 30} 440L{x - 90} 580Q{x - 130} 520 {x - 110} 450z", 0.3)


def necklace(c: Canvas, tone: str) -> None:
    c.shadow(500, 890, 300, 34)
    velvet = c.rng.choice(("#3a2748", "#5b1f33", "#1f3a45"))
    c.path(
        "M390 60Q400 260 250 330Q130 400 120 900H880Q870 400 750 330Q600 260 610 60Q500 110 390 60z",
        c.sheen(velvet),
    )
    metal = _GOLD if tone == NAMED["Mustard"] else tone
    pearls = "Pearl" in " ".join(c.words)
    for step in range(-11, 12):
        x = 500 + step * 22
        y = 700 - step * step * 2.9
        c.circle(x, y, 15 if pearls else 13, c.ball("#f6efe4" if pearls else metal))
        if not pearls and step % 2 == 0:
            c.path(f"M{x} {y + 14}q22 34 0 62q-22 -28 0 -62z", c.ball("#b3213b" if metal == _GOLD else metal))
    c.path("M500 700q70 80 0 170q-70 -90 0 -170z", c.ball(metal))
    c.circle(500, 775, 26, c.ball("#b3213b" if not pearls else "#f6efe4"))
    for x in (230, 770):
        c.circle(x, 560, 16, c.ball(metal))
        c.path(f"M{x} 580q46 60 0 110q-46 -50 0 -110z", c.ball(metal))
        c.circle(x, 706, 10, c.ball("#f6efe4"))
