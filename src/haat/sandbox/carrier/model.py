"""How a parcel moves: a plan of tracking events made at the start, and what may still change it."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from haat.sandbox.carrier.hubs import hub_of
from haat.sandbox.carrier.messages import NewShipment, Shipment, TrackingEvent
from haat.sandbox.problems import Problem

STEPS = 4
# Whoever is called so never opens: the parcel goes back.
NOBODY_HOME = "nobody home"
Plan = tuple[TrackingEvent, ...]


def step_of(service: str, step: timedelta) -> timedelta:
    return step / 2 if service.startswith("express") else step


def plan(ask: NewShipment, now: datetime, step: timedelta) -> Plan:
    """Everything that will happen unless the shipment is canceled, the first of it now."""
    start, end = hub_of(ask.origin), hub_of(ask.destination)
    step = step_of(ask.service, step)
    back = ask.direction == "return"
    sender, receiver = ("customer", "seller") if back else ("seller", "customer")
    events = [
        TrackingEvent(now, "accepted", "Shipment booked, waiting for pickup", ask.origin.city),
        TrackingEvent(now + step, "picked_up", f"Picked up from the {sender}", ask.origin.city),
        TrackingEvent(now + 2 * step, "in_transit", f"Left the {start} hub", start),
        TrackingEvent(now + 3 * step, "out_for_delivery", f"On its way to the {receiver}", ask.destination.city),
        TrackingEvent(now + 4 * step, "delivered", f"Handed over to the {receiver}", ask.destination.city),
    ]
    if ask.destination.name.strip().casefold() == NOBODY_HOME:
        told = f"Nobody opened: it goes back to the {sender}"
        events[-1] = TrackingEvent(now + 4 * step, "failed", told, ask.destination.city)
    if start != end:
        arrival = TrackingEvent(now + 2 * step + step / 2, "in_transit", f"Reached the {end} hub", end)
        events.insert(3, arrival)
    return tuple(events)


def happened(shipment: Shipment, event: TrackingEvent) -> Shipment:
    return replace(shipment, status=event.code, events=(*shipment.events, event))


def cancel(shipment: Shipment, now: datetime) -> TrackingEvent:
    """Only until the parcel is picked up; raises 409 afterwards."""
    if shipment.status != "accepted":
        raise Problem(
            409,
            "invalid_state",
            f"A shipment that is {shipment.status} cannot be canceled.",
            state=shipment.status,
        )
    return TrackingEvent(now, "canceled", "Canceled by the sender before pickup", shipment.origin.city)
