"""Gift cards, store credit, and the balances of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.contracts.payments.methods import GiftCode
from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Message
from haat.kit.money import Money

Reason = Annotated[str, Meta(min_length=1, max_length=200)]


class IssueGiftCard(Message, frozen=True):
    """A new card of this value. Its code is told in the first answer only: it is not kept."""

    amount: Money
    actor: str
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    idempotency: Idempotency | None = None


class GiftCard(Message, frozen=True):
    """`balance` is what can be spent until `expires_at`; `ending` are the last four characters of the code.

    What comes back to a card that has run out meanwhile can be spent for thirty days from then.
    """

    id: str
    balance: Money
    ending: str
    created_at: datetime
    code: str | None = None
    expires_at: datetime | None = None
    voided_at: datetime | None = None


class VoidGiftCard(Message, frozen=True):
    """Staff: take back what is left on a card that was lost, stolen or sold by mistake. It pays for nothing any more.

    What payments hold of it stays held. What they give back to it later waits there for staff to take it back too.
    """

    gift_card_id: str
    reason: Reason
    actor: str
    idempotency: Idempotency | None = None


class GiftCardEmpty(DomainError):
    """There is nothing to take back."""

    code = "gift_card_empty"
    title = "Nothing is left on this gift card"


class GiftCardOf(Message, frozen=True):
    """The card with this code, as its holder asks."""

    code: GiftCode


class ListGiftCards(Message, frozen=True):
    """Staff: the newest first; with `ending` only those whose code ends so."""

    ending: Annotated[str, Meta(min_length=4, max_length=4)] | None = None
    cursor: str | None = None
    limit: int = 20


class GiftCardHistoryOf(Message, frozen=True):
    """Staff: a card by its id, `gft_…`, and a page of what happened to it, the latest first."""

    gift_card_id: str
    cursor: str | None = None
    limit: int = 50


class CreditEntry(Message, frozen=True):
    """A transaction of the ledger on a card's or a user's account. `spendable` is what it adds to what can be spent.

    `kind` is credit_issued, credit_hold (announced for a payment), credit (taken: it was held before), credit_void
    (given back), credit_refund, credit_withdrawn (staff took it back). `payment_id` and `checkout_id` say for
    what; `actor` and `reason` who of the staff did it, and why.
    """

    txn_id: str
    kind: str
    amount: Money
    spendable: Money
    at: datetime
    payment_id: str | None = None
    checkout_id: str | None = None
    actor: str | None = None
    reason: str | None = None


class GiftCardHistory(Message, frozen=True):
    """Why the balance is what it is."""

    card: GiftCard
    data: Sequence[CreditEntry]
    has_more: bool = False
    next_cursor: str | None = None


class GrantCredit(Message, frozen=True):
    """Money that a user may spend here, such as goodwill."""

    user_id: str
    amount: Money
    reason: Reason
    actor: str
    idempotency: Idempotency | None = None


class WithdrawCredit(Message, frozen=True):
    """Staff: take back credit that was given by mistake, as far as it is not spent. All of `amount` or nothing."""

    user_id: str
    amount: Money
    reason: Reason
    actor: str
    idempotency: Idempotency | None = None


class CreditTooLow(DomainError):
    """Less is left than was to be taken; `balance` says how much."""

    code = "credit_too_low"
    title = "Not that much credit is left"


class CreditOf(Message, frozen=True):
    user_id: str
    currency: str = "INR"


class StoreCredit(Message, frozen=True):
    """What a user can spend now."""

    user_id: str
    balance: Money


class CreditHistoryOf(Message, frozen=True):
    """Staff: a user's credit, and a page of what happened to it, the latest first."""

    user_id: str
    currency: str = "INR"
    cursor: str | None = None
    limit: int = 50


class CreditHistory(Message, frozen=True):
    """Why a user can spend as much."""

    credit: StoreCredit
    data: Sequence[CreditEntry]
    has_more: bool = False
    next_cursor: str | None = None


class AccountRef(Message, frozen=True):
    """An account of the ledger, such as `psp_clearing:sandbox`, `gift_liability:gft_…`, `store_credit:usr_…`."""

    account: str


class Balance(Message, frozen=True):
    """In one currency: what is posted, and what is announced and neither posted nor taken back yet."""

    posted: Money
    pending: Money


class AccountBalances(Message, frozen=True):
    """What the house owns or is owed is above zero, what it owes below."""

    account: str
    balances: Sequence[Balance]
