"""The rules of shipping: zones and rates of India, delivery dates, and how a parcel's status may move."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Final, Literal

import msgspec

from haat.contracts.identity import Address
from haat.contracts.shipping import Parcel, RatesFor, ShippingOption
from haat.kit.money import Money
from haat.ports.carrier import Booking, CarrierEvent, Place, State

Zone = Literal["local", "metro", "rest", "remote"]

COUNTRY: Final = "IN"
CURRENCY: Final = "INR"
STEP_GRAMS: Final = 500
FREE_FROM_MINOR: Final = 99_900
MAX_BOX_GRAMS: Final = 30_000
MAX_BOXES: Final = 50
CARRIER_LIMIT_GRAMS: Final = 100_000
SUNDAY: Final = 6
INDIA: Final = timezone(timedelta(hours=5, minutes=30))
_PIN = re.compile(r"[1-9][0-9]{5}")

WAREHOUSE: Final = Place(
    name="haat warehouse",
    line1="Plot 12, KIADB Industrial Area",
    city="Hoskote",
    region="KA",
    postal_code="562114",
    country="IN",
)


class Rate(msgspec.Struct, frozen=True):
    """Prices in paise with tax: the first 500 g, and each 500 g begun after it; `days` are working days."""

    id: str
    title: str
    first_minor: int
    step_minor: int
    days: int


RATES: Final[dict[Zone, tuple[Rate, ...]]] = {
    "local": (
        Rate("standard", "Standard delivery", 4_000, 1_500, 2),
        Rate("express", "Express delivery", 9_000, 3_000, 1),
    ),
    "metro": (
        Rate("standard", "Standard delivery", 5_000, 2_000, 3),
        Rate("express", "Express delivery", 12_000, 4_000, 2),
    ),
    "rest": (
        Rate("standard", "Standard delivery", 6_000, 2_500, 5),
        Rate("express", "Express delivery", 15_000, 5_000, 3),
    ),
    "remote": (
        Rate("standard", "Standard delivery", 9_000, 4_000, 8),
        Rate("express", "Express delivery", 24_000, 8_000, 5),
    ),
}

# Delhi, Mumbai, Kolkata, Chennai, Bengaluru, Hyderabad, Ahmedabad, Pune.
_METRO_PINS = ("110", "400", "700", "600", "560", "500", "380", "411")
# Jammu, Kashmir and Ladakh; Sikkim; the Andamans; Lakshadweep; the north-east.
_REMOTE_PINS = ("18", "19", "737", "744", "68255", "78", "79")
_REMOTE_STATES = frozenset(
    {"AN", "AR", "AS", "JK", "LA", "LD", "ML", "MN", "MZ", "NL", "SK", "TR"}
    | {"ANDAMANANDNICOBARISLANDS", "ARUNACHALPRADESH", "ASSAM", "JAMMUANDKASHMIR", "LADAKH", "LAKSHADWEEP"}
    | {"MEGHALAYA", "MANIPUR", "MIZORAM", "NAGALAND", "SIKKIM", "TRIPURA"}
)
# The first digits of the PINs of a state: India Post's circles.
_STATE_PINS: Final[dict[str, tuple[str, ...]]] = {
    "AP": ("51", "52", "53"),
    "BR": ("80", "81", "82", "84", "85"),
    "CG": ("49",),
    "DL": ("11",),
    "GA": ("403",),
    "GJ": ("36", "37", "38", "39"),
    "HP": ("17",),
    "HR": ("12", "13"),
    "JH": ("81", "82", "83"),
    "KA": ("56", "57", "58", "59"),
    "KL": ("67", "68", "69"),
    "MH": ("40", "41", "42", "43", "44"),
    "MP": ("45", "46", "47", "48"),
    "OD": ("75", "76", "77"),
    "PB": ("14", "15", "16"),
    "RJ": ("30", "31", "32", "33", "34"),
    "TN": ("60", "61", "62", "63", "64"),
    "TS": ("50",),
    "UK": ("24", "26"),
    "UP": ("20", "21", "22", "23", "24", "25", "26", "27", "28"),
    "WB": ("70", "71", "72", "73", "74"),
}
_RANK: Final[dict[str, int]] = {
    "created": 0,
    "picked_up": 1,
    "in_transit": 2,
    "out_for_delivery": 3,
    "delivered": 4,
    "failed": 4,
}


class DispatchBody(msgspec.Struct, frozen=True):
    """What the carrier was, or will be, asked: kept whole, because a repeated key must repeat the same words.

    `promised` is the day that the customer was told to expect it, in India.
    """

    booking: Booking
    items: Sequence[Parcel]
    promised: date | None = None


def units_in(body: DispatchBody) -> dict[str, int]:
    """Units by item id in a parcel."""
    units: dict[str, int] = {}
    for item in body.items:
        if item.item_id:
            units[item.item_id] = units.get(item.item_id, 0) + item.quantity
    return units


def pin_of(address: Address) -> str | None:
    """The six digits of an Indian PIN (a space may part them); None when it is not one."""
    digits = address.postal_code.replace(" ", "")
    return digits if _PIN.fullmatch(digits) else None


def zone_of(pin: str, region: str, seller_region: str) -> Zone:
    """The zone of an address; where PIN and state disagree the farther one counts, and the parcel travels."""
    state = re.sub("[^A-Z]", "", region.upper().removeprefix("IN-"))
    if pin.startswith(_REMOTE_PINS) or state in _REMOTE_STATES:
        return "remote"
    if pin.startswith(_STATE_PINS.get(seller_region, ())):
        return "local"
    return "metro" if pin.startswith(_METRO_PINS) else "rest"


def options_for(ask: RatesFor, seller_region: str, moment: datetime) -> list[ShippingOption]:
    """Every way to send it; none outside India, to a PIN that cannot exist, or in another currency."""
    pin = pin_of(ask.address)
    if ask.address.country != COUNTRY or pin is None or ask.subtotal.currency != CURRENCY:
        return []
    today = moment.astimezone(INDIA).date()
    return [
        ShippingOption(
            id=rate.id,
            title=rate.title,
            price=Money(_price_minor(rate, ask.weight_grams, ask.subtotal.amount), CURRENCY),
            delivery_date=delivery_date(today, rate.days),
        )
        for rate in RATES[zone_of(pin, ask.address.region, seller_region)]
    ]


def _price_minor(rate: Rate, weight_grams: int, subtotal_minor: int) -> int:
    if rate.id == "standard" and subtotal_minor >= FREE_FROM_MINOR:
        return 0
    steps = max(1, -(-weight_grams // STEP_GRAMS))
    return rate.first_minor + (steps - 1) * rate.step_minor


def delivery_date(today: date, days: int) -> date:
    """`days` working days after today; nobody delivers on a Sunday."""
    day = today
    while days:
        day += timedelta(days=1)
        days -= day.weekday() != SUNDAY
    return day


def promised(address: Address, method: str, seller_region: str, moment: datetime) -> date | None:
    """The delivery day of a parcel handed over now, by the terms it was bought on; None where there are none."""
    pin = pin_of(address)
    if address.country != COUNTRY or pin is None:
        return None
    today = moment.astimezone(INDIA).date()
    rates = RATES[zone_of(pin, address.region, seller_region)]
    return next((delivery_date(today, rate.days) for rate in rates if rate.id == method), None)


def expected(promise: date | None, estimate: datetime) -> date:
    """The day to tell, in India: the carrier's, unless that is before the promise. Early is nobody's disappointment."""
    day = estimate.astimezone(INDIA).date()
    return max(promise or day, day)


def boxes(weight_grams: int) -> tuple[int, ...]:
    """A weight as boxes of at most 30 kg; more than 50 of those travel as 50 heavier ones."""
    weight = max(1, min(weight_grams, MAX_BOXES * CARRIER_LIMIT_GRAMS))
    number = min(MAX_BOXES, -(-weight // MAX_BOX_GRAMS))
    share, rest = divmod(weight, number)
    return tuple(share + (1 if i < rest else 0) for i in range(number))


def forward(current: str, told: State) -> str:
    """The status after a notice: it never goes back, and only what waits for its pickup can be canceled."""
    if current in ("delivered", "failed", "canceled"):
        return current
    if told == "canceled":
        return "canceled" if current == "created" else current
    return told if _RANK[told] > _RANK[current] else current


def unheard(current: str, status: str, events: Sequence[CarrierEvent]) -> CarrierEvent | None:
    """That a parcel had left which failed before any notice of its way was read: it is not where it was sent from."""
    if status != "failed" or under_way(current):
        return None
    way = (event for event in events if under_way(event.code))
    return min(way, key=lambda event: event.at, default=None)


def under_way(status: str) -> bool:
    """Whether the carrier has the parcel, or has handed it over."""
    return status in ("picked_up", "in_transit", "out_for_delivery", "delivered")
