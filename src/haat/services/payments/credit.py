"""Gift cards and store credit: issued, spent, shown. Balance and ledger are written in one transaction."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from haat.contracts.payments import (
    AccountBalances,
    Balance,
    CreditEntry,
    CreditHistory,
    CreditHistoryOf,
    CreditOf,
    CreditTooLow,
    GiftCard,
    GiftCardEmpty,
    GiftCardHistory,
    GiftCardHistoryOf,
    GiftCardOf,
    GrantCredit,
    IssueGiftCard,
    ListGiftCards,
    StoreCredit,
    VoidGiftCard,
    WithdrawCredit,
    digest,
)
from haat.kit.clock import now
from haat.kit.cursor import Moment, decode_cursor, id_in, paged
from haat.kit.database import Connection, Database, Transaction
from haat.kit.ids import ALPHABET, new_id
from haat.kit.message import Invalid, NotFound, Page
from haat.kit.money import Money
from haat.services.payments.ledger import Posting, credit_hold, events, postings
from haat.services.payments.model import GIFT, STORE_CREDIT, PaymentState
from haat.services.payments.spending import Spendable, paid_by_credit
from haat.services.payments.sql import queries
from haat.services.payments.statements import CallResult, authorize_key, begin, ledger_columns

ISSUED = "credit_issued"
CODE_LENGTH = 16


class _BegunBefore(Exception):
    """The attempt has a payment already: nothing is spent."""


class CreditStore:
    """Lock order: the credits by account, then the payment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, payment: PaymentState, request_hash: str) -> PaymentState | None:
        """Write a payment that credit pays first; None when the attempt has one already. Raises PaymentDeclined."""
        try:
            async with self._database.transaction("payments") as transaction:
                return await _begin(transaction, payment, request_hash)
        except _BegunBefore:
            return None

    async def issue(self, ask: IssueGiftCard) -> GiftCard:
        """A new card; only the very first answer has its code. Raises Invalid for a card that has ended already."""
        async with self._database.transaction("payments") as transaction:
            stored = await transaction.replay(ask.idempotency, GiftCard)
            if stored is not None:
                return stored
            if ask.expires_at is not None and ask.expires_at <= now():
                ended = {"pointer": "/expires_at", "code": "out_of_range", "detail": "must be a moment to come"}
                raise Invalid(errors=[ended])
            code = "".join(secrets.choice(ALPHABET).upper() for _ in range(CODE_LENGTH))
            card = GiftCard(
                id=new_id("gft"),
                balance=ask.amount,
                ending=code[-4:],
                created_at=now(),
                expires_at=ask.expires_at,
            )
            account = GIFT + card.id
            await queries.insert_gift_card(
                transaction.connection,
                account=account,
                currency=ask.amount.currency,
                balance_minor=ask.amount.amount,
                code_digest=digest(code),
                ending=card.ending,
                expires_at=ask.expires_at,
                created_at=card.created_at,
            )
            await _post_by_hand(
                transaction.connection, "credit_issued", f"{card.id}:issued", account, ask.amount, ask.actor
            )
            transaction.remember(card)
        return msgspec.structs.replace(card, code="-".join(code[i : i + 4] for i in range(0, CODE_LENGTH, 4)))

    async def void(self, ask: VoidGiftCard) -> GiftCard:
        """What is left goes back to where issued credit comes from. Raises NotFound, GiftCardEmpty."""
        account = GIFT + ask.gift_card_id
        async with self._database.transaction("payments") as transaction:
            stored = await transaction.replay(ask.idempotency, GiftCard)
            if stored is not None:
                return stored
            row = await queries.void_gift_card(transaction.connection, account=account)
            if row is None:
                _card(await queries.gift_card_at(transaction.connection, account=account))
                raise GiftCardEmpty()
            card = _card(row)
            taken = Money(-row["taken_minor"], card.balance.currency)
            await _post_by_hand(
                transaction.connection, "credit_withdrawn", new_id("wdr"), account, taken, ask.actor, ask.reason
            )
            return transaction.remember(card)

    async def grant(self, ask: GrantCredit) -> StoreCredit:
        """Add to what a user may spend."""
        account = _of_user(ask.user_id, ask.amount.currency)
        async with self._database.transaction("payments") as transaction:
            stored = await transaction.replay(ask.idempotency, StoreCredit)
            if stored is not None:
                return stored
            balance = await queries.grant_credit(
                transaction.connection,
                account=account,
                user_id=ask.user_id,
                currency=ask.amount.currency,
                amount_minor=ask.amount.amount,
            )
            await _post_by_hand(
                transaction.connection, "credit_issued", new_id("grt"), account, ask.amount, ask.actor, ask.reason
            )
            return transaction.remember(StoreCredit(user_id=ask.user_id, balance=Money(balance, ask.amount.currency)))

    async def withdraw(self, ask: WithdrawCredit) -> StoreCredit:
        """Take from what a user may spend, and give it back to where issued credit comes from. Raises CreditTooLow."""
        account, currency = _of_user(ask.user_id, ask.amount.currency), ask.amount.currency
        async with self._database.transaction("payments") as transaction:
            stored = await transaction.replay(ask.idempotency, StoreCredit)
            if stored is not None:
                return stored
            left = await queries.withdraw_credit(
                transaction.connection, account=account, amount_minor=ask.amount.amount
            )
            if left is None:
                balance = await queries.credit_of_user(transaction.connection, user_id=ask.user_id, currency=currency)
                raise CreditTooLow(balance=Money(balance or 0, currency))
            taken = Money(-ask.amount.amount, currency)
            await _post_by_hand(
                transaction.connection, "credit_withdrawn", new_id("wdr"), account, taken, ask.actor, ask.reason
            )
            return transaction.remember(StoreCredit(user_id=ask.user_id, balance=Money(left, currency)))

    async def gift_card(self, ask: GiftCardOf) -> GiftCard:
        async with self._database.connection() as connection:
            row = await queries.gift_card(connection, code_digest=digest(ask.code))
        return _card(row)

    async def gift_cards(self, ask: ListGiftCards) -> Page[GiftCard]:
        """The newest first."""
        filters = f"gift-cards|{ask.ending}"
        before = id_in(filters, ask.cursor)
        async with self._database.connection() as connection:
            ending = ask.ending.upper() if ask.ending else None
            rows = queries.gift_cards(connection, ending=ending, before=before, limit=ask.limit + 1)
            found = [_card(row) async for row in rows]
        return paged(filters, found, ask.limit, lambda each: (GIFT + each.id,))

    async def history(self, ask: GiftCardHistoryOf) -> GiftCardHistory:
        """A card and what the ledger has of it, the latest first."""
        account = GIFT + ask.gift_card_id
        async with self._database.connection() as connection:
            card = _card(await queries.gift_card_at(connection, account=account))
            page = await _entries(connection, account, ask.cursor, ask.limit)
        return GiftCardHistory(card=card, data=page.data, has_more=page.has_more, next_cursor=page.next_cursor)

    async def history_of_user(self, ask: CreditHistoryOf) -> CreditHistory:
        """A user's credit and what the ledger has of it, the latest first."""
        async with self._database.connection() as connection:
            balance = await queries.credit_of_user(connection, user_id=ask.user_id, currency=ask.currency)
            page = await _entries(connection, _of_user(ask.user_id, ask.currency), ask.cursor, ask.limit)
        credit = StoreCredit(user_id=ask.user_id, balance=Money(balance or 0, ask.currency))
        return CreditHistory(credit=credit, data=page.data, has_more=page.has_more, next_cursor=page.next_cursor)

    async def of_user(self, ask: CreditOf) -> StoreCredit:
        async with self._database.connection() as connection:
            balance = await queries.credit_of_user(connection, user_id=ask.user_id, currency=ask.currency)
        return StoreCredit(user_id=ask.user_id, balance=Money(balance or 0, ask.currency))

    async def balances(self, account: str) -> AccountBalances:
        async with self._database.connection() as connection:
            found = [
                Balance(posted=Money(row["posted"], row["currency"]), pending=Money(row["pending"], row["currency"]))
                async for row in queries.balances(connection, account=account)
            ]
        return AccountBalances(account=account, balances=found)


def _card(row: Any) -> GiftCard:
    if row is None:
        raise NotFound("There is no such gift card")
    return GiftCard(
        id=row["account"].removeprefix(GIFT),
        balance=Money(row["balance_minor"], row["currency"]),
        ending=row["ending"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        voided_at=row["voided_at"],
    )


def _of_user(user_id: str, currency: str) -> str:
    return f"{STORE_CREDIT}{user_id}:{currency}"


async def _entries(connection: Connection, account: str, cursor: str | None, limit: int) -> Page[CreditEntry]:
    before_at, before_txn = decode_cursor(account, cursor, tuple[Moment, str]) or (None, "")
    rows = queries.credit_entries(
        connection, account=account, before_at=before_at, before_txn=before_txn, limit=limit + 1
    )
    found = [_entry(row) async for row in rows]
    return paged(account, found, limit, lambda each: (each.at, each.txn_id))


def _entry(row: Any) -> CreditEntry:
    return CreditEntry(
        txn_id=row["txn_id"],
        kind=row["kind"],
        amount=Money(row["amount"], row["currency"]),
        spendable=Money(row["spendable"], row["currency"]),
        at=row["at"],
        payment_id=row["payment_id"],
        checkout_id=row["checkout_id"],
        actor=row["actor"],
        reason=row["reason"],
    )


async def _begin(transaction: Transaction, payment: PaymentState, request_hash: str) -> PaymentState:
    connection, method = transaction.connection, payment.method
    rows = queries.credits_to_spend(
        connection,
        digests=[digest(code) for code in method.gift_cards],
        user_id=payment.user_id if method.store_credit else None,
        currency=payment.amount.currency,
    )
    found = [msgspec.convert(dict(row), Spendable) async for row in rows]
    after = paid_by_credit(payment, found, now())
    if not await begin(connection, after, request_hash):
        raise _BegunBefore
    if not after.credits and after.state != "captured":
        return after
    accounts, amounts = [use.account for use in after.credits], [use.amount_minor for use in after.credits]
    spent = [row["account"] async for row in queries.spend(connection, accounts=accounts, amounts=amounts)]
    assert len(spent) == len(accounts), "a balance changed under its lock"
    await queries.put_credits(
        connection,
        payment_id=after.payment_id,
        provider=after.provider,
        state=after.state,
        history=after.history,
        credits=after.credits,
        credit_minor=after.credit_minor,
        credit_state=after.credit_state,
    )
    held = msgspec.structs.replace(payment, credits=after.credits, credit_state="held" if after.credits else None)
    announced = [credit_hold(after)] if after.credits else []
    await _post(connection, after.payment_id, after.amount.currency, [*announced, *postings(held, after)])
    if after.state == "captured":
        done = CallResult(authorize_key(after), "OK")
        await queries.mark_call(connection, idem_key=done.idem_key, state=done.state, detail="paid by credit")
        transaction.publish(*events(held, after))
    return after


async def _post_by_hand(
    connection: Connection, kind: str, txn_id: str, account: str, added: Money, actor: str, reason: str | None = None
) -> None:
    posting = Posting(kind, txn_id, "posted", ((ISSUED, added.amount), (account, -added.amount)))
    await _post(connection, None, added.currency, [posting])
    await queries.note_credit(connection, txn_id=txn_id, actor=actor, reason=reason)


async def _post(connection: Connection, payment_id: str | None, currency: str, found: Sequence[Posting]) -> None:
    await queries.post(connection, payment_id=payment_id, currency=currency, **ledger_columns(found))
