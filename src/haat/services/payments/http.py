"""`/v1/payment-methods`, `/v1/payments/{id}` and the provider's webhooks."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request, delete, get, post
from litestar.exceptions import HTTPException
from litestar.params import Parameter

from haat.contracts.payments import ForgetMethod, MethodsOf, Payment, PaymentRef, Payments, SavedCard, Webhook
from haat.kit.access import Caller, needs_user
from haat.kit.message import Page
from haat.kit.problem import problems

MAX_WEBHOOK_BYTES = 262_144
# Standard Webhooks, Stripe, Razorpay: nothing else of a notice's headers is of use to a provider's adapter.
SIGNATURE = re.compile(r"webhook-|stripe-signature$|x-razorpay-")
MethodId = Annotated[str, Parameter(description="a saved card, `pm_…`")]
PaymentId = Annotated[str, Parameter(description="a payment, `pay_…`")]
ProviderName = Annotated[str, Parameter(description="who sends the notice, such as `sandbox`")]


@get("/v1/payment-methods", tags=["payments"], guards=[needs_user], responses=problems(401))
async def payment_methods(payments: Payments, caller: Caller) -> Page[SavedCard]:
    """The signed-in user's saved cards; `token` pays with one."""
    return await payments.saved_cards(MethodsOf(user_id=caller.signed_in()))


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
async def payment_webhook(provider: ProviderName, request: Request[Any, Any, Any], payments: Payments) -> None:
    """A provider's notice, signed over its raw bytes in its own way. Duplicates and disorder are normal."""
    body = await request.body()
    if len(body) > MAX_WEBHOOK_BYTES:
        raise HTTPException(status_code=413, detail="A notice is at most 256 KiB")
    headers = {name: value for name, value in request.headers.items() if SIGNATURE.match(name)}
    await payments.webhook(Webhook(provider=provider, body=body, headers=headers))


ROUTES = [payment_methods, forget_payment_method, payment, payment_webhook]
