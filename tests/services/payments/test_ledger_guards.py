"""The ledger defends itself: nobody changes it, and nothing unbalanced is written."""

from typing import Any

import asyncpg
import pytest

from haat.contracts.payments import CashMethod
from haat.kit.ids import new_id

CHANGES = [
    "UPDATE payments.ledger_entries SET amount = amount + 1",
    "DELETE FROM payments.ledger_entries",
    "UPDATE payments.ledger_txns SET phase = 'voided'",
    "DELETE FROM payments.ledger_txns",
    "TRUNCATE payments.ledger_entries",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_shops_role_may_not_change_the_ledger(shop: Any, change: str):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await shop.rows(change)


@pytest.mark.parametrize("change", CHANGES)
async def test_not_even_its_owner_changes_the_ledger(shop: Any, admin_url: str, change: str):
    await shop.payments.authorize(shop.ask(CashMethod()))
    owner = await asyncpg.connect(admin_url)
    try:
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await owner.execute(change)
    finally:
        await owner.close()


async def test_a_transaction_that_does_not_balance_is_refused(shop: Any):
    txn = new_id("txn")
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await shop.rows(
            "WITH t AS (INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id)"
            " VALUES ($1, 'capture', 'posted', 'pay_x'))"
            " INSERT INTO payments.ledger_entries VALUES ($1, 'a', 'INR', 5), ($1, 'b', 'INR', -4)",
            txn,
        )


async def test_balances_are_per_currency(shop: Any):
    txn = new_id("txn")
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await shop.rows(
            "WITH t AS (INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id)"
            " VALUES ($1, 'capture', 'posted', 'pay_x'))"
            " INSERT INTO payments.ledger_entries VALUES ($1, 'a', 'INR', 5), ($1, 'b', 'USD', -5)",
            txn,
        )


async def test_no_role_but_the_owner_may_change_what_is_written(admin_url: str):
    owner = await asyncpg.connect(admin_url)
    try:
        allowed = await owner.fetch(
            "SELECT r.rolname, t.name, p.name FROM pg_roles r,"
            " unnest(ARRAY['payments.ledger_txns', 'payments.ledger_entries']) AS t (name),"
            " unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS p (name)"
            " WHERE r.rolname LIKE 'haat\\_%' AND NOT r.rolsuper AND has_table_privilege(r.rolname, t.name, p.name)"
        )
        roles = await owner.fetchval("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'haat\\_%' AND NOT rolsuper")
    finally:
        await owner.close()
    assert (allowed, roles > 1) == ([], True)


async def test_an_entry_needs_its_transaction(shop: Any):
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await shop.rows(
            "INSERT INTO payments.ledger_entries VALUES ($1, 'a', 'INR', 5), ($1, 'b', 'INR', -5)", new_id("t")
        )


@pytest.mark.parametrize(
    "amounts",
    [
        "captured_minor = amount_minor + 1",
        "captured_minor = amount_minor, credit_minor = 1",
        "captured_minor = -1",
        "captured_minor = -1, refunded_minor = -1",
        "refunded_minor = -1",
        "refunded_minor = captured_minor + 1",
        "capturing_minor = -1",
        "credit_minor = -1",
        "credit_minor = amount_minor + 1",
        "amount_minor = 0",
    ],
)
async def test_amounts_that_cannot_be_are_refused(shop: Any, amounts: str):
    payment = await shop.payments.authorize(shop.ask(CashMethod()))
    with pytest.raises(asyncpg.CheckViolationError, match="amounts"):
        await shop.rows(f"UPDATE payments.payments SET {amounts} WHERE payment_id = $1", payment.id)
