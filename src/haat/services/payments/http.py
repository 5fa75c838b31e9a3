"""`/v1/payment-methods`, `/v1/payments/{id}` and the provider's webhooks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from litestar import delete, get, post
from litestar.exceptions import HTTPException
from litestar.params import Parameter
from msgspec import Meta

from haat.contracts.identity import Identity, OfUser
from haat.contracts.payments import (
    AccountBalances,
    AccountRef,
    Break,
    BreakState,
    CreditHistory,
    CreditHistoryOf,
    CreditOf,
    ExplainBreak,
    ExplainFact,
    FactState,
    ForgetMethod,
    GiftCard,
    GiftCardHistory,
    GiftCardHistoryOf,
    GiftCardOf,
    GiftCode,
    GrantCredit,
    IssueGiftCard,
    ListBreaks,
    ListGiftCards,
    ListPutAside,
    MethodsOf,
    Payment,
    PaymentRef,
    Payments,
    PutAside,
    Reason,
    SavedCard,
    StoreCredit,
    VoidGiftCard,
    Webhook,
    WithdrawCredit,
    digest_of_typed,
)
from haat.kit.access import Caller, needs_role, needs_user
from haat.kit.idempotency import Idempotency
from haat.kit.message import Invalid, Message, Page
from haat.kit.money import Money
from haat.kit.problem import problems
from haat.settings import Settings

MAX_WEBHOOK_BYTES = 262_144
# Standard Webhooks, Stripe, Razorpay: nothing else of a notice's headers is of use to a provider's adapter.
SIGNATURE = re.compile(r"webhook-|stripe-signature$|x-razorpay-")
MethodId = Annotated[str, Parameter(description="a saved card, `pm_…`")]
PaymentId = Annotated[str, Parameter(description="a payment, `pay_…`")]
AccountName = Annotated[str, Parameter(max_length=200, description="such as `psp_clearing:sandbox` or `bank`")]
GiftCardId = Annotated[str, Parameter(description="`gft_…`")]
UserId = Annotated[str, Parameter(max_length=100, description="`usr_…`")]
Currency = Annotated[
    str | None, Parameter(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217; the shop's own when left out")
]
Ending = Annotated[
    str | None, Parameter(min_length=4, max_length=4, description="the last four characters of the code")
]
FactId = Annotated[str, Parameter(description="`fct_…`")]
BreakId = Annotated[str, Parameter(description="`brk_…`")]
Cursor = Annotated[str | None, Parameter(max_length=1000, description="`next_cursor` of the page before")]
Limit = Annotated[int, Parameter(ge=1, le=100)]
ProviderName = Annotated[str, Parameter(description="who sends the notice, such as `sandbox`")]


@get("/v1/payment-methods", tags=["payments"], guards=[needs_user], responses=problems(401, 422))
async def payment_methods(
    payments: Payments, caller: Caller, cursor: Cursor = None, limit: Limit = 20
) -> Page[SavedCard]:
    """The signed-in user's saved cards, newest first; `token` pays with one."""
    return await payments.saved_cards(MethodsOf(user_id=caller.signed_in(), cursor=cursor, limit=limit))


@delete("/v1/payment-methods/{method_id:str}", tags=["payments"], guards=[needs_user], responses=problems(401, 404))
async def forget_payment_method(method_id: MethodId, payments: Payments, caller: Caller) -> None:
    """Forget a saved card, here and in the vault."""
    await payments.forget_card(ForgetMethod(user_id=caller.signed_in(), method_id=method_id))


@get("/v1/payments/{payment_id:str}", tags=["payments"], guards=[needs_user], responses=problems(401, 404))
async def payment(payment_id: PaymentId, payments: Payments, caller: Caller) -> Payment:
    """State and history, for the payer and for finance staff."""
    owner = None if caller.has_role("finance") else caller.signed_in()
    return await payments.payment(PaymentRef(payment_id=payment_id, user_id=owner))


@post(
    "/v1/webhooks/payments/{provider:str}",
    status_code=204,
    tags=["webhooks"],
    responses=problems(401, 404, 413, 503),
)
async def payment_webhook(provider: ProviderName, body: bytes, headers: dict[str, str], payments: Payments) -> None:
    """A provider's notice, signed over its raw bytes in its own way. Duplicates and disorder are normal."""
    if len(body) > MAX_WEBHOOK_BYTES:
        raise HTTPException(status_code=413, detail="A notice is at most 256 KiB")
    signed = {name: value for name, value in headers.items() if SIGNATURE.match(name)}
    await payments.webhook(Webhook(provider=provider, body=body, headers=signed))


class GiftCardBody(Message, frozen=True):
    """What the card is worth, and until when."""

    amount: Money
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class CodeBody(Message, frozen=True):
    """In a body, because addresses end up in logs."""

    code: GiftCode


class NoteBody(Message, frozen=True):
    note: Annotated[str, Meta(min_length=1, max_length=500)]


class ReasonBody(Message, frozen=True):
    reason: Reason


class CreditBody(Message, frozen=True):
    user_id: Annotated[str, Meta(min_length=1, max_length=100)]
    amount: Money
    reason: Reason


class WithdrawalBody(Message, frozen=True):
    amount: Money
    reason: Reason


@post("/v1/gift-cards", tags=["payments"], guards=[needs_role("finance")], responses=problems(401, 403, 422))
async def issue_gift_card(
    data: GiftCardBody, payments: Payments, settings: Settings, caller: Caller, idempotency: Idempotency | None
) -> GiftCard:
    """A new gift card. `code` is in this answer only: a repeated request with the same key is told everything else."""
    _check_traded_in(data.amount, settings)
    return await payments.issue_gift_card(
        IssueGiftCard(amount=data.amount, actor=caller.signed_in(), expires_at=data.expires_at, idempotency=idempotency)
    )


@post("/v1/gift-cards/balance", status_code=200, tags=["payments"], responses=problems(404, 422))
async def gift_card_balance(data: CodeBody, payments: Payments) -> GiftCard:
    """What is left on the card, for whoever knows its code."""
    return await payments.gift_card(GiftCardOf(code=digest_of_typed(data.code)))


@get("/v1/gift-cards", tags=["payments"], guards=[needs_role("finance")], responses=problems(401, 403, 422))
async def gift_cards(
    payments: Payments, ending: Ending = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[GiftCard]:
    """Gift cards that were issued, the newest first."""
    return await payments.gift_cards(ListGiftCards(ending=ending, cursor=cursor, limit=limit))


@get(
    "/v1/gift-cards/{gift_card_id:str}",
    tags=["payments"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 404, 422),
)
async def gift_card_history(
    gift_card_id: GiftCardId, payments: Payments, cursor: Cursor = None, limit: Limit = 20
) -> GiftCardHistory:
    """Why the balance of a gift card is what it is: what the ledger has of it, the latest first."""
    return await payments.gift_card_history(GiftCardHistoryOf(gift_card_id=gift_card_id, cursor=cursor, limit=limit))


@post(
    "/v1/gift-cards/{gift_card_id:str}/void",
    status_code=200,
    tags=["payments"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 404, 409, 422),
)
async def void_gift_card(
    gift_card_id: GiftCardId, data: ReasonBody, payments: Payments, caller: Caller, idempotency: Idempotency | None
) -> GiftCard:
    """Take back what is left on a card that was lost, stolen or sold by mistake: it pays for nothing any more."""
    return await payments.void_gift_card(
        VoidGiftCard(gift_card_id=gift_card_id, reason=data.reason, actor=caller.signed_in(), idempotency=idempotency)
    )


@get("/v1/store-credit", tags=["payments"], guards=[needs_user], responses=problems(401))
async def store_credit(payments: Payments, settings: Settings, caller: Caller) -> StoreCredit:
    """What the signed-in user can spend."""
    return await payments.store_credit(CreditOf(user_id=caller.signed_in(), currency=settings.currency))


@post("/v1/store-credit", tags=["payments"], guards=[needs_role("finance")], responses=problems(401, 403, 404, 422))
async def grant_store_credit(
    data: CreditBody,
    payments: Payments,
    identity: Identity,
    settings: Settings,
    caller: Caller,
    idempotency: Idempotency | None,
) -> StoreCredit:
    """Give a user credit."""
    _check_traded_in(data.amount, settings)
    # What nobody has, nobody can spend: a slip must not make it.
    await identity.user(OfUser(user_id=data.user_id))
    return await payments.grant_credit(
        GrantCredit(
            user_id=data.user_id,
            amount=data.amount,
            reason=data.reason,
            actor=caller.signed_in(),
            idempotency=idempotency,
        )
    )


@post(
    "/v1/store-credit/{user_id:str}/withdraw",
    status_code=200,
    tags=["payments"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 409, 422),
)
async def withdraw_store_credit(
    user_id: UserId, data: WithdrawalBody, payments: Payments, caller: Caller, idempotency: Idempotency | None
) -> StoreCredit:
    """Take back credit that was given by mistake, as far as it is not spent: all of it or nothing."""
    return await payments.withdraw_credit(
        WithdrawCredit(
            user_id=user_id,
            amount=data.amount,
            reason=data.reason,
            actor=caller.signed_in(),
            idempotency=idempotency,
        )
    )


@get(
    "/v1/store-credit/{user_id:str}",
    tags=["payments"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 422),
)
async def store_credit_history(
    user_id: UserId,
    payments: Payments,
    settings: Settings,
    currency: Currency = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> CreditHistory:
    """Why a user can spend as much: what the ledger has of their credit, the latest first."""
    return await payments.credit_history(
        CreditHistoryOf(user_id=user_id, currency=currency or settings.currency, cursor=cursor, limit=limit)
    )


@get(
    "/v1/ledger/accounts/{account:str}", tags=["payments"], guards=[needs_role("finance")], responses=problems(401, 403)
)
async def ledger_account(account: AccountName, payments: Payments) -> AccountBalances:
    """What is posted to an account of the ledger, and what is announced."""
    return await payments.balances(AccountRef(account=account))


@get("/v1/reconciliation/breaks", tags=["payments"], guards=[needs_role("finance")], responses=problems(401, 403, 422))
async def reconciliation_breaks(
    payments: Payments, status: BreakState | None = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Break]:
    """Where the provider's reports and the ledger differ, the newest first."""
    return await payments.breaks(ListBreaks(state=status, cursor=cursor, limit=limit))


@post(
    "/v1/reconciliation/breaks/{break_id:str}/explanation",
    status_code=200,
    tags=["payments"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 404, 422),
)
async def explain_break(
    break_id: BreakId, data: NoteBody, payments: Payments, caller: Caller, idempotency: Idempotency | None
) -> Break:
    """Say why it is so: the break stays on record, and is open no more."""
    return await payments.explain_break(
        ExplainBreak(break_id=break_id, note=data.note, actor=caller.signed_in(), idempotency=idempotency)
    )


@get("/v1/payment-facts", tags=["payments"], guards=[needs_role("finance")], responses=problems(401, 403, 422))
async def facts_put_aside(
    payments: Payments, status: FactState | None = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[PutAside]:
    """What providers told that fits no agreement here and was not applied, the newest first."""
    return await payments.facts_put_aside(ListPutAside(state=status, cursor=cursor, limit=limit))


@post(
    "/v1/payment-facts/{fact_id:str}/explanation",
    status_code=200,
    tags=["payments"],
    guards=[needs_role("finance")],
    responses=problems(401, 403, 404, 422),
)
async def explain_fact(
    fact_id: FactId, data: NoteBody, payments: Payments, caller: Caller, idempotency: Idempotency | None
) -> PutAside:
    """Say what came of it: the fact stays on record, and is open no more."""
    return await payments.explain_fact(
        ExplainFact(fact_id=fact_id, note=data.note, actor=caller.signed_in(), idempotency=idempotency)
    )


def _check_traded_in(amount: Money, settings: Settings) -> None:
    """Raises Invalid for money that nothing here can be bought with."""
    if amount.currency != settings.currency:
        detail = f"must be {settings.currency}, which this shop trades in"
        raise Invalid(errors=[{"pointer": "/amount/currency", "code": "not_allowed", "detail": detail}])


ROUTES = [
    reconciliation_breaks,
    explain_break,
    facts_put_aside,
    explain_fact,
    gift_cards,
    gift_card_history,
    void_gift_card,
    store_credit_history,
    payment_methods,
    forget_payment_method,
    payment,
    payment_webhook,
    issue_gift_card,
    gift_card_balance,
    store_credit,
    grant_store_credit,
    withdraw_store_credit,
    ledger_account,
]
