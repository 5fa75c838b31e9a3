"""A placed order is captured, also when the database goes away at the worst moment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from haat.kit.database import Connection, Database, Transaction
from haat.kit.message import Unavailable
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore


class Unplugged:
    """A database that does not answer the call of this number."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        self._left = number

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        self._left -= 1
        if self._left == 0:
            raise Unavailable("the database does not answer")
        async with self._database.connection() as connection:
            yield connection

    def replica(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.replica()

    def transaction(self, schema: str) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction(schema)


@pytest.mark.parametrize("number", [1, 2])
async def test_a_capture_that_could_not_be_written_down_is_asked_for_again(shop: Any, number: int):
    payment = await shop.payments.authorize(shop.ask(await shop.card()))
    store = PaymentStore(Unplugged(shop.database, number))
    payments = PaymentsService(store, shop.provider, shop.vault)
    with pytest.raises(Unavailable):
        await payments.take_for_orders([payment.id])
    await payments.take_for_orders([payment.id])
    assert (await store.load(payment_id=payment.id)).state == "captured"
