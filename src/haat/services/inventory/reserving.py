"""Reserving: the plain statement for most carts, locations chosen where needed, a crowd's way for hot SKUs."""

from __future__ import annotations

import msgspec

from haat.contracts.inventory import Line, Reservation, ReservationGone, Reserve
from haat.kit.message import Unavailable
from haat.services.inventory.crowds import Crowds
from haat.services.inventory.model import by_sku, out_of_stock
from haat.services.inventory.sourcing import Rule, source
from haat.services.inventory.store import InventoryStore, Request, TooSlow

TRIES = 12


class Reserving:
    """Holds all lines of a cart or none. Every way writes by the same conditional update of the same rows."""

    def __init__(self, store: InventoryStore, rule: Rule) -> None:
        self._store = store
        self._rule: Rule = rule
        self.crowds = Crowds(store)

    async def reserve(self, ask: Reserve) -> Reservation:
        """The reservation; raises OutOfStock, ReservationGone, Invalid or Unavailable."""
        wanted = by_sku(ask.lines)
        hot = self.crowds.hot(wanted)
        if not hot:
            with self.crowds.counted(wanted):
                whole = await self._plain(ask, wanted, "held")
            if whole.state != "filling":
                return not_gone(whole)
        # Hot lines last, each in a transaction of its own: nobody who wants another SKU waits for the crowd.
        calm = {sku: quantity for sku, quantity in wanted.items() if sku not in hot}
        reservation = await self._plain(ask, calm, "filling") if calm else None
        if reservation is not None and reservation.state != "filling":
            return not_gone(reservation)
        held = {line.sku for line in reservation.lines} if reservation else set()
        return await self._fill(ask, {sku: q for sku, q in wanted.items() if sku not in held}, wanted)

    async def commit(self, attempt_id: str) -> Reservation:
        """The committed reservation; units of one that has run out may lie elsewhere now. Raises ReservationGone."""
        async with self._store.connection() as connection:
            reservation = await self._store.commit_hold(connection, attempt_id)
        if reservation is not None and reservation.state == "expired":
            reservation = await self._commit_from_elsewhere(attempt_id)
        return not_gone(reservation)

    async def _commit_from_elsewhere(self, attempt_id: str) -> Reservation | None:
        async with self._store.transaction() as transaction:
            connection = transaction.connection
            # Once more, for its locks: nobody takes what is chosen here.
            reservation = await self._store.commit_hold(connection, attempt_id)
            if reservation is None or reservation.state != "expired":
                return reservation
            wanted = by_sku(reservation.lines)
            takes = source(await self._store.shelves(connection, list(wanted)), wanted, self._rule)
            if takes is None:
                return reservation
            await self._store.commit_from(connection, attempt_id, takes)
            return msgspec.structs.replace(reservation, state="committed")

    async def _fill(self, ask: Reserve, missing: dict[str, int], wanted: dict[str, int]) -> Reservation:
        for place, (sku, quantity) in enumerate(missing.items(), start=1):
            whole = place == len(missing)
            request = Request(sku, ask.attempt_id, quantity, ask.hold_seconds, whole)
            try:
                outcome = await self.crowds.join(request)
            except TooSlow as error:
                raise Unavailable("others were quicker again and again") from error
            if outcome.state is None:
                # The other lines go back; the attempt stays refused.
                if len(missing) < len(wanted) or place > 1:
                    async with self._store.connection() as connection:
                        await self._store.release_hold(connection, ask.attempt_id)
                raise out_of_stock([{"sku": sku, "requested": quantity, "available": outcome.available}])
            if outcome.state == "filling":
                continue
            assert outcome.expires_at is not None
            lines = [Line(sku=each, quantity=units) for each, units in wanted.items()]
            return not_gone(
                Reservation(attempt_id=ask.attempt_id, state=outcome.state, lines=lines, expires_at=outcome.expires_at)
            )
        # Every line is held, but none of them was the last to the call that held it: others are hot now than were then.
        async with self._store.connection() as connection:
            return not_gone(await self._store.whole(connection, ask.attempt_id))

    async def _plain(self, ask: Reserve, wanted: dict[str, int], state: str) -> Reservation:
        """The reservation as it stands now. Raises OutOfStock, or Unavailable when others were quicker each time."""
        for _ in range(TRIES):
            try:
                async with self._store.connection() as connection:
                    granted = await self._store.reserve(connection, ask.attempt_id, wanted, ask.hold_seconds, state)
            except TooSlow:
                granted = None
            if granted is not None:
                self.crowds.heat(granted.hot)
                if granted.short:
                    raise out_of_stock(granted.short)
                if granted.reservation is not None:
                    return granted.reservation
            reservation = await self._chosen(ask, wanted, state)
            if reservation is not None:
                return reservation
        raise Unavailable("others were quicker again and again")

    async def _chosen(self, ask: Reserve, wanted: dict[str, int], state: str) -> Reservation | None:
        """Choose locations by the rule; None when somebody was quicker. Raises OutOfStock."""
        async with self._store.connection() as connection:
            shelves = await self._store.shelves(connection, list(wanted))
            takes = source(shelves, wanted, self._rule)
            if takes is None:
                # Perhaps it was the same attempt, called twice, that took them.
                known = await self._store.known(connection, ask.attempt_id)
                if known is not None:
                    return known
        if takes is None:
            free = dict.fromkeys(wanted, 0)
            for shelf in shelves:
                free[shelf.sku] += shelf.available
            raise out_of_stock(
                [{"sku": s, "requested": q, "available": free[s]} for s, q in wanted.items() if free[s] < q]
            )
        if len(shelves) == len(wanted):
            # One location each: the plain statement knows the way.
            return None
        try:
            async with self._store.connection() as connection:
                return await self._store.reserve_from(
                    connection, ask.attempt_id, takes, wanted, ask.hold_seconds, state
                )
        except TooSlow:
            return None


def not_gone(reservation: Reservation | None) -> Reservation:
    """The reservation if it is held or committed. Raises ReservationGone."""
    if reservation is None or reservation.state not in ("held", "committed"):
        raise ReservationGone(state=reservation.state if reservation else "unknown")
    return reservation
