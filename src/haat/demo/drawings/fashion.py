"""Clothes, shoes, bags and what glitters."""

from haat.demo.drawings.canvas import Canvas
from haat.demo.drawings.palette import NAMED, dark, ink, light

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
    shape = "M340 130Q500 210 660 130L790 180L930 380L800 470L736 400Q726 640 744 860Q500 890 256 860Q274 640 264 400L200 470L70 380L210 180z"
    c.path(shape, c.sheen(tone))
    kind = str(c.facts.get("print", ""))
    _print(c, shape, tone, kind)
    if "sun" in kind:
        c.circle(500, 440, 100, "#f0a04a")
        c.path("M360 520Q430 420 500 500T640 470V560H360z", dark("#2b8a8c", 0.1))
        c.path("M360 560Q450 490 530 550T640 530V600H360z", "#2c4474")
    c.shade("M736 400Q726 640 744 860L700 866Q690 600 700 380z", 0.12)
    c.shade("M264 400Q274 640 256 860L290 864Q300 600 290 376z", 0.08)
    c.line("M264 400L300 330M736 400L700 330M330 700Q360 740 340 800M640 640Q660 700 630 780", dark(tone, 0.3), 5, 0.45)
    if polo:
        c.path("M340 130Q420 150 500 240Q580 150 660 130L690 180Q590 200 500 320Q410 200 310 180z", c.sheen(dark(tone, 0.15)))
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
        shape = "M370 110L500 160L630 110L780 170L900 400L780 460L734 380V880Q500 900 266 880V380L220 460L100 400L220 170z"
    else:
        shape = "M370 110L500 160L630 110L770 170L900 780L800 800L734 420V880Q500 900 266 880V420L200 800L100 780L230 170z"
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
                    c.path(f"M{x} {y}q14 -26 0 -40q-14 14 0 40q22 -4 30 10q-20 10 -30 -10z", light(tone, 0.75) if "white" in work else _GOLD)
    trim = _GOLD if "border" in work else light(tone, 0.55)
    c.path("M478 96H522V430L500 456L478 430z", c.sheen(trim, 0.2, 0.2))
    for button in range(4):
        c.circle(500, 180 + button * 64, 9, "#6b4526")
    c.path("M400 70Q500 130 600 70L606 40Q500 90 394 40z", c.sheen(trim, 0.2, 0.2))
    c.path(f"M262 {long - 24}H738L740 {long}H260zM156 536L246 566L240 590L150 560zM844 536L754 566L760 590L850 560z", trim)
    c.line(f"M300 {long - 170}L{286} {long}M700 {long - 170}L{714} {long}", dark(tone, 0.4), 6)
    c.line("M330 560Q350 700 330 860M660 520Q640 660 668 820M430 640Q440 760 426 880", dark(tone, 0.25), 5, 0.4)


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
    shape = f"M390 80Q500 210 610 80L730 140L810 480L720 506L668 330Q650 430 {680 + spread * 0.5:g} {low - 200}L{700 + spread} {low}H{300 - spread}L{320 - spread * 0.5:g} {low - 200}Q350 430 332 330L280 506L190 480L270 140z"
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
    shape = f"M400 90Q430 220 500 230Q570 220 600 90L640 96Q640 240 660 300Q610 400 620 450L800 {low}Q500 {low + 40} 200 {low}L380 450Q390 400 340 300Q360 240 360 96z"
    c.path(shape, c.sheen(tone))
    _print(c, shape, tone, str(c.facts.get("print", "")))
    c.rect(378, 430, 244, 36, c.sheen(dark(tone, 0.3)), 10)
    for fold, x in enumerate((420, 470, 530, 580)):
        c.line(f"M{x} 470Q{x + (fold - 1.5) * 30:g} 680 {x + (fold - 1.5) * 110:g} {low - 10}", dark(tone, 0.28), 6, 0.5)
    if low > 900:
        for y in (610, 770):
            wide = (y - 450) * 0.36 + 125
            c.line(f"M{500 - wide} {y}Q500 {y + 36} {500 + wide} {y}", light(tone, 0.4), 7, 0.8)
    if "Shirt" in " ".join(c.words):
        c.line(f"M500 232V{low}", dark(tone, 0.35), 4)
        for y in range(270, low - 40, 74):
            c.circle(500, y, 8, light(tone, 0.75))


def shoe(c: Canvas, tone: str) -> None:
    c.shadow(500, 770, 440, 40)
    sneaker = c.facts.get("use") == "casual"
    accent = "#f3f1ec" if tone != NAMED["White"] else c.rng.choice(("#2c4474", "#2f6b4f", "#d23b3b"))
    sole = "#f4f1ea" if not sneaker or tone != NAMED["White"] else "#e3d9c6"
    c.path("M70 640Q60 720 120 730H860Q950 730 944 660Q930 620 860 640H120z", c.fade(sole, dark(sole, 0.25), down=True))
    if not sneaker:
        c.path("M70 690Q70 750 130 752H850Q930 750 942 700Q500 730 70 690z", c.sheen(dark(tone, 0.4)))
    if c.facts.get("use") == "trail":
        for lug in range(17):
            c.rect(96 + lug * 49, 738, 32, 28, "#23262e", 5)
    c.path("M90 660Q70 500 110 350Q190 300 290 330Q340 420 420 420L560 500Q700 540 830 560Q930 580 930 660z", c.sheen(tone))
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
            outline = "M500 120Q620 120 630 280Q640 420 600 560Q630 700 590 810Q560 870 500 870T410 810Q370 700 400 560Q360 420 370 280Q380 120 500 120z"
            with c.group("translate(10 16)"):
                c.path(outline, dark(tone, 0.6))
            c.path(outline, c.sheen(light("#b98a5a", 0.1) if "leather" in str(c.facts.get("upper")) else light(tone, 0.3)))
            if "Slides" in " ".join(c.words):
                c.path("M350 300Q500 200 650 300L640 470Q500 380 360 470z", c.sheen(tone))
            elif "Trek" in " ".join(c.words):
                for y in (280, 420, 640):
                    c.path(f"M366 {y}Q500 {y - 60} 634 {y}V{y + 54}Q500 {y - 4} 366 {y + 54}z", c.sheen(tone))
                    c.rect(470, y - 36, 60, 52, "#c3c9d1", 8)
            else:
                c.path("M480 200L520 200Q560 340 640 440L610 500Q500 400 500 300Q500 400 390 500L360 440Q440 340 480 200z", c.sheen(tone))
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
    c.line("M350 420C330 90 670 90 650 420" if tote else "M250 470C300 60 700 60 750 470", dark(tone, 0.3), 22 if tote else 14)
    if tote:
        c.path("M200 390H800L770 850Q768 876 740 876H260Q232 876 230 850z", c.sheen(tone))
        c.circle(500, 620, 130, light(tone, 0.6) if tone != NAMED["Cream"] else "#c8643f")
        for turn in range(12):
            with c.group(f"rotate({turn * 30} 500 620)"):
                c.path("M500 510q24 40 0 80q-24 -40 0 -80z", tone)
    else:
        c.rect(210, 450, 580, 400, c.sheen(tone), 60)
        c.path("M210 500Q210 440 280 440H720Q790 440 790 500V590Q650 700 500 700T210 590z", c.sheen(light(tone, 0.12)), dark(tone, 0.3), 4)
        c.circle(500, 660, 30, c.ball(_GOLD))
    c.word(c.words[0], 500, 830, 18, ink(tone))


def watch(c: Canvas, tone: str) -> None:
    mesh = "mesh" in str(c.facts.get("strap"))
    strap = NAMED["Silver"] if mesh else dark(tone, 0.1)
    case = tone if mesh else NAMED["Silver"]
    c.shadow(500, 930, 170, 22)
    for top, bottom in ((50, 330), (670, 950)):
        c.path(f"M410 {top}H590L606 {bottom}H394z" if top < 100 else f"M394 {top}H606L590 {bottom}H410z", c.round(strap))
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
            c.path(f"M{x - 180} 400H{x + 170}Q{x + 190} 560 {x + 60} 670Q{x - 40} 720 {x - 130} 600Q{x - 180} 520 {x - 180} 400z", c.sheen(tone))
            c.path(f"M{x - 160} 418H{x + 152}Q{x + 166} 550 {x + 50} 650Q{x - 40} 694 {x - 114} 588Q{x - 160} 516 {x - 160} 418z", c.fade(dark(lens, 0.5), light(lens, 0.3), down=True))
        c.gloss(f"M{x - 110} 450L{x - 30} 440L{x - 90} 580Q{x - 130} 520 {x - 110} 450z", 0.3)


def necklace(c: Canvas, tone: str) -> None:
    c.shadow(500, 890, 300, 34)
    velvet = c.rng.choice(("#3a2748", "#5b1f33", "#1f3a45"))
    c.path("M390 60Q400 260 250 330Q130 400 120 900H880Q870 400 750 330Q600 260 610 60Q500 110 390 60z", c.sheen(velvet))
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
