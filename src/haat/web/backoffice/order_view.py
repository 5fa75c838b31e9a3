"""What an order's page shows beyond the order itself: what is left to do, what may be done, what it would do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from haat.contracts.orders import Order, ShipItem
from haat.contracts.payments import Payment
from haat.kit.ids import is_id
from haat.kit.money import Money
from haat.web.backoffice.forms import Faults, Typed, minor, whole
from haat.web.words import money

PART = {"partially_shipped": "shipped", "partially_delivered": "delivered"}
ROAD = ("placed", "confirmed", "packed", "shipped", "out_for_delivery", "delivered")
GONE = ("canceled", "failed")
CANCELABLE = ("placed", "confirmed", "packed")
UNTAKEN = ("authorized", "partially_captured")
LONGEST_REASON = 200
ENDED_RETURNS = ("rejected", "refunded")


class Acts(msgspec.Struct, frozen=True):
    """What this member of staff may do to this order now; units by item id, money in minor units."""

    unshipped: dict[str, int]
    ship: bool
    cancel: bool
    capture: int
    refund: int
    unreturned: dict[str, int]

    @property
    def any(self) -> bool:
        return any(self.offers(form) for form in ("ship", "cancel", "capture", "refund"))

    def offers(self, form: str) -> bool:
        return bool(getattr(self, form))


class Step(msgspec.Struct, frozen=True):
    """One milestone of the road; `state` is done, now or ahead."""

    name: str
    state: str


class Refunding(msgspec.Struct, frozen=True):
    """A refund as typed, before it is confirmed."""

    amount: Money
    items: list[ShipItem] | None
    reason: str


def acts_of(order: Order, payment: Payment | None, may: Callable[[str], bool]) -> Acts:
    """The doors that are open; the services still check every one of them."""
    unshipped = left(order, shipped_units(order))
    ready = not order.on_hold and order.status not in ("placed", "canceled", "returned")
    refundable = order.payment.captured.amount - order.payment.refunded.amount
    untaken = 0
    if payment is not None and payment.state in UNTAKEN and order.status != "canceled" and not order.on_hold:
        untaken = payment.amount.amount - payment.captured.amount
        # What credit pays is held with the rest and needs nobody to collect it.
        untaken -= payment.by_credit.amount if payment.by_credit and payment.state == "authorized" else 0
    return Acts(
        unshipped=unshipped,
        ship=may("ship") and ready and bool(unshipped),
        cancel=may("cancel") and order.status in CANCELABLE,
        capture=untaken if may("capture") else 0,
        refund=max(0, refundable) if may("refund") else 0,
        unreturned=left(order, order.returned),
    )


def shipped_units(order: Order) -> dict[str, int]:
    """Units by item id that are in parcels to the customer, or in such as did not reach them and are not back yet."""
    found: dict[str, int] = {}
    for parcel in order.shipments:
        away = parcel.status not in GONE or parcel.id in order.undelivered
        if parcel.direction == "outbound" and away:
            for item in parcel.items:
                found[item.item_id] = found.get(item.item_id, 0) + item.quantity
    return found


def left(order: Order, taken: Mapping[str, int]) -> dict[str, int]:
    """Units by item id that are not taken yet, where there are any."""
    rest = {line.id: line.quantity - taken.get(line.id, 0) for line in order.items}
    return {item_id: quantity for item_id, quantity in rest.items() if quantity > 0}


def steps_of(order: Order) -> list[Step]:
    """The road from placed to delivered, as far as it was walked."""
    if order.status == "canceled":
        return [Step("placed", "done"), Step("canceled", "now")]
    road: tuple[str, ...] = (*ROAD, "returned") if order.status == "returned" else ROAD
    if order.status in PART:
        road = tuple(order.status if name == PART[order.status] else name for name in road)
    here = road.index(order.status)
    return [Step(name, "done" if i < here else "now" if i == here else "ahead") for i, name in enumerate(road)]


def money_rows(order: Order) -> list[tuple[str, Money, str]]:
    """The sums from items to what is kept: label, amount, and a class for its weight."""
    totals, payment = order.totals, order.payment
    rows = [("Items", totals.subtotal, "")]
    if totals.discount.amount:
        codes = "Discount"
        rows.append((codes, Money(-totals.discount.amount, totals.discount.currency), ""))
    rows.append(("Delivery", totals.shipping, ""))
    rows.append(("Total", totals.total, "strong"))
    rows += [
        (f"incl. {line.title}" if line.included else line.title, line.amount, "soft")
        for line in totals.tax_lines
        if line.amount.amount
    ]
    rows.append(("Taken", payment.captured, ""))
    if payment.refunded.amount:
        rows.append(("Given back", Money(-payment.refunded.amount, payment.refunded.currency), ""))
        rows.append(("Kept", payment.captured - payment.refunded, "strong"))
    return rows


def actors_in(order: Order) -> list[str]:
    """Users who have done something to this order."""
    entries = [*order.timeline, *(entry for each in order.returns for entry in each.timeline)]
    return sorted({entry.actor for entry in entries if is_id(entry.actor, "usr")})


def ship_items(order: Order, fields: Typed) -> tuple[list[ShipItem], Faults]:
    """The units to hand over, or what is wrong with them."""
    wanted, faults = _units(order, fields, left(order, shipped_units(order)))
    if not wanted and not faults:
        faults["form"] = "Choose at least one item to hand over"
    return wanted, faults


def refunding(order: Order, fields: Typed) -> tuple[Refunding | None, Faults]:
    """A refund of lines or of an amount, or everything that is wrong with it."""
    faults: Faults = {}
    currency = order.totals.total.currency
    most = order.payment.captured.amount - order.payment.refunded.amount
    items: list[ShipItem] | None = None
    amount: int | None = 0
    if fields.get("by") == "amount":
        amount = minor(fields.get("amount", ""), currency)
        if amount is None or amount <= 0:
            faults["amount"] = "Enter an amount above zero, such as 1299.50"
    else:
        items, faults = _units(order, fields, left(order, order.returned))
        if not items and not faults:
            faults["form"] = "Choose at least one item, or refund an amount"
        amount = worth(order, items)
    # A confirmed form may be the second click: then the service answers what the first one did.
    if not faults and (amount or 0) > most and "confirmed" not in fields:
        name = "amount" if items is None else "form"
        faults[name] = f"At most {money(Money(most, currency))} can go back: that is what was taken and not returned"
    reason = fields.get("reason", "")
    if not 1 <= len(reason) <= LONGEST_REASON:
        faults["reason"] = f"Say why, in 1 to {LONGEST_REASON} characters: the timeline and the books show it"
    return (None if faults else Refunding(Money(amount or 0, currency), items, reason)), faults


def worth(order: Order, items: Iterable[ShipItem]) -> int:
    """What these units cost in minor units, after those that are in returns or refunded already."""
    before = order.returned
    lines = {line.id: line for line in order.items}
    total = 0
    for item in items:
        line, done = lines[item.item_id], before.get(item.item_id, 0)
        share = [line.total.amount * n // line.quantity for n in (done, done + item.quantity)]
        total += share[1] - share[0]
    return total


def refund_consequences(order: Order, wanted: Refunding) -> list[str]:
    """What happens when a refund is confirmed, in words."""
    titles = {line.id: line.title for line in order.items}
    told = [f"{money(wanted.amount)} goes back by {order.payment.summary or order.payment.method}."]
    if order.payment.method == "cod":
        told.append(
            "It was paid in cash and nothing sends it by itself: agree with the customer, and pay it out by hand."
        )
    if wanted.items:
        units = ", ".join(f"{item.quantity} × {titles[item.item_id]}" for item in wanted.items)
        told.append(f"For {units}.")
    rest = order.payment.captured.amount - order.payment.refunded.amount - wanted.amount.amount
    told.append(f"{money(Money(rest, wanted.amount.currency))} of this order stays with the shop.")
    promised = sum(each.refund.amount for each in order.returns if each.status not in ENDED_RETURNS)
    if promised:
        more = money(Money(promised, wanted.amount.currency))
        told.append(f"A return under way gives back another {more} when it is received.")
    told.append("Stock does not change: what comes back in a parcel is received as a return.")
    told.append(f"{order.email} gets a mail about it.")
    return told


def cancel_consequences(order: Order) -> list[str]:
    """What happens when an order is canceled, in words."""
    kept = order.payment.captured - order.payment.refunded
    units = sum(line.quantity for line in order.items)
    if kept.amount > 0:
        told = [f"{money(kept)} goes back by {order.payment.summary or order.payment.method}."]
    elif order.payment.status == "authorized":
        told = ["The money that the bank holds is let go; nothing was taken."]
    else:
        told = ["No money was taken, so none goes back."]
    told.append(f"{units} {'unit goes' if units == 1 else 'units go'} back on sale.")
    if order.shipments:
        told.append("Parcels that the carrier has not picked up are called off; one on its way refuses this.")
    told.append(f"{order.email} gets a mail about it.")
    told.append("A canceled order cannot be opened again.")
    return told


def _units(order: Order, fields: Typed, available: dict[str, int]) -> tuple[list[ShipItem], Faults]:
    wanted: list[ShipItem] = []
    faults: Faults = {}
    for line in order.items:
        text, most = fields.get(f"units.{line.id}", ""), available.get(line.id, 0)
        quantity = whole(text, 0, most) if text else 0
        if quantity is None:
            faults[f"units.{line.id}"] = f"{line.title}: a whole number from 0 to {most}, which is what is left"
        elif quantity:
            wanted.append(ShipItem(item_id=line.id, quantity=quantity))
    return wanted, faults
