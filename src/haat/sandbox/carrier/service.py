"""The carrier at work: books shipments, moves them as time passes, and tells."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from haat.sandbox.calls import Answer, Calls
from haat.sandbox.carrier import model
from haat.sandbox.carrier.messages import Empty, NewShipment, Shipment, TrackingEvent
from haat.sandbox.carrier.store import ShipmentStore, encode
from haat.sandbox.clock import Timers, VirtualClock
from haat.sandbox.problems import Problem
from haat.sandbox.storage import transaction
from haat.sandbox.webhooks import Message, Outbox

# What a call does: the shipment as it is afterwards, the rest of its plan, and the event to tell.
Change = tuple[Shipment, model.Plan, TrackingEvent]


class Carrier:
    """Every method runs without an await, so calls cannot interleave."""

    def __init__(
        self,
        store: ShipmentStore,
        calls: Calls,
        outbox: Outbox,
        clock: VirtualClock,
        public_url: str,
        step: timedelta,
    ) -> None:
        self._store = store
        self._calls = calls
        self._outbox = outbox
        self._clock = clock
        self._public_url = public_url
        self._step = step
        self._timers = Timers(clock, self._ring, store.moving)

    def book(self, key: str, ask: NewShipment) -> Answer:
        def act(now: datetime) -> Change:
            first, *rest = model.plan(ask, now, self._step)
            return model.happened(self._new(ask, now), first), tuple(rest), first

        return self._once("book", key, None, ask, act)

    def cancel(self, key: str, shipment_id: str) -> Answer:
        """Raises 409 once the parcel is picked up."""

        def act(now: datetime) -> Change:
            shipment, _ = self._load(shipment_id)
            event = model.cancel(shipment, now)
            return model.happened(shipment, event), (), event

        return self._once("cancel", key, shipment_id, Empty(), act)

    def shipment(self, shipment_id: str) -> Shipment:
        return self._load(shipment_id)[0]

    def tracked(self, number: str) -> Shipment:
        shipment = self._store.by_tracking_number(number)
        if shipment is None:
            raise Problem(404, "not_found", "There is no such tracking number.")
        return shipment

    def run_due(self) -> None:
        self._timers.run_due()

    def close(self) -> None:
        self._timers.close()

    def _new(self, ask: NewShipment, now: datetime) -> Shipment:
        number = f"HC{secrets.randbelow(10**12):012d}IN"
        return Shipment(
            id=f"shc_{int(now.timestamp() * 1000):011x}{secrets.token_hex(8)}",
            reference=ask.reference,
            direction=ask.direction,
            service=ask.service,
            status="accepted",
            tracking_number=number,
            tracking_url=f"{self._public_url}/sandbox/parcels/{number}",
            label_url=f"{self._public_url}/sandbox/labels/{number}",
            estimated_delivery=now + model.STEPS * model.step_of(ask.service, self._step),
            created_at=now,
            parcels=ask.parcels,
            origin=ask.origin,
            destination=ask.destination,
        )

    def _once(
        self, op: str, key: str, shipment_id: str | None, ask: Struct, act: Callable[[datetime], Change]
    ) -> Answer:
        now = self._clock.now()
        fingerprint = self._calls.fingerprint(op.encode(), (shipment_id or "").encode(), encode(ask))
        answered = self._calls.answered(op, key, fingerprint, now)
        if answered is not None:
            return answered
        change = act(now)
        with transaction(self._store.database):
            body = self._save(*change)
            status = 201 if shipment_id is None else 200
            answer = Answer(status=status, body=body, subject=change[0].id, outcome=change[0].status)
            self._calls.record(op, key, fingerprint, now, answer)
        self._schedule(change[0], change[1])
        return answer

    def _save(self, shipment: Shipment, rest: model.Plan, event: TrackingEvent) -> bytes:
        body = self._store.save(shipment, rest)
        data = {"shipment": msgspec.Raw(body), "event": msgspec.Raw(encode(event))}
        self._outbox.add(Message(type=f"shipment.{event.code}", timestamp=event.at, data=data))
        return body

    def _schedule(self, shipment: Shipment, rest: model.Plan) -> None:
        for event in rest:
            self._timers.schedule(event.at, shipment.id, event.code)

    def _ring(self, due: datetime, shipment_id: str, code: str) -> None:
        found = self._store.load(shipment_id)
        # What is not next in the plan is a leftover of one that was given up.
        if found is None or [(event.at, event.code) for event in found[1][:1]] != [(due, code)]:
            return
        shipment, (event, *rest) = found
        with transaction(self._store.database):
            self._save(model.happened(shipment, event), tuple(rest), event)

    def _load(self, shipment_id: str) -> tuple[Shipment, model.Plan]:
        found = self._store.load(shipment_id)
        if found is None:
            raise Problem(404, "not_found", "There is no such shipment.")
        return found
