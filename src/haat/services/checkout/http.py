"""`/v1/checkouts`: from the cart to an order."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from msgspec import Meta

from haat.contracts.cart import Owner, owner_of
from haat.contracts.checkout import (
    AttemptIds,
    ChangeCheckout,
    Checkout,
    CheckoutRef,
    Checkouts,
    Codes,
    Complete,
    GoOn,
    OpenCheckout,
    ParkedAttempt,
    ParkedCheckout,
    ParkedOf,
    ParkedRef,
)
from haat.contracts.identity import Address, Email
from haat.contracts.payments import Method, sealed
from haat.kit.access import Caller, needs_role
from haat.kit.idempotency import Idempotency, IdempotencyKeyMissing
from haat.kit.message import Message, NotFound, Page
from haat.kit.problem import problems

CheckoutId = Annotated[str, Parameter(description="`chk_…`")]
Cursor = Annotated[str | None, Parameter(max_length=1_000, description="where the last page ended")]
ShippingMethod = Annotated[str, Meta(max_length=100)]
_UNDER_WAY = ResponseSpec(
    data_container=Checkout,
    description="The shopper must act at `action.url`, or the provider is still working: poll the checkout",
    generate_examples=False,
)


class OpenBody(Message, frozen=True):
    """What is known already; the rest can follow by PATCH."""

    email: Email | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: ShippingMethod | None = None
    coupon_codes: Codes = []


class ChangeBody(Message, frozen=True):
    """Fields that are given replace the old ones."""

    email: Email | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_method: ShippingMethod | None = None
    coupon_codes: Codes | None = None


class CompleteBody(Message, frozen=True):
    """How to pay; `return_url` is where a payment page leads back to, an http or https address."""

    payment: Method
    # No brackets in its host: half of a pair, or what is no address inside one, is read by few.
    return_url: Annotated[str, Meta(max_length=2000, pattern=r"^https?://[^\s/?#\[\]]+([/?#]\S*)?$(?!\n)")] | None = (
        None
    )


class GoOnBody(Message, frozen=True):
    """Parked attempts, `att_…`; others are left alone."""

    attempt_ids: AttemptIds


@post("/v1/checkouts", tags=["checkout"], responses=problems(401, 404, 409, 422))
async def open_checkout(
    data: OpenBody, checkout: Checkouts, caller: Caller, idempotency: Idempotency | None
) -> Checkout:
    """Freeze the cart into a quote; `requirements` tell what is still missing."""
    return await checkout.open(
        OpenCheckout(
            owner=owner_of(caller),
            email=data.email,
            shipping_address=data.shipping_address,
            billing_address=data.billing_address,
            shipping_method=data.shipping_method,
            coupon_codes=data.coupon_codes,
            network_address=caller.address,
            idempotency=idempotency,
        )
    )


@get("/v1/checkouts/{checkout_id:str}", tags=["checkout"], responses=problems(401, 404))
async def view_checkout(checkout_id: CheckoutId, checkout: Checkouts, caller: Caller) -> Checkout:
    """Where it stands; poll this after an action. Whoever signs in meanwhile follows what they began as a guest by the
    `Cart-Token`."""
    try:
        return await checkout.checkout(CheckoutRef(owner=owner_of(caller), checkout_id=checkout_id))
    except NotFound:
        if caller.user_id is None or caller.cart_token is None:
            raise
    return await checkout.checkout(CheckoutRef(owner=Owner(token=caller.cart_token), checkout_id=checkout_id))


@patch("/v1/checkouts/{checkout_id:str}", tags=["checkout"], responses=problems(401, 404, 409, 422))
async def change_checkout(checkout_id: CheckoutId, data: ChangeBody, checkout: Checkouts, caller: Caller) -> Checkout:
    """Add or change what the shopper tells; gives the whole checkout.

    Items and prices are frozen until `expires_at`, which does not move; coupons, delivery and tax are worked out anew.
    Later the cart is quoted anew, and `messages` say `price_changed` when it is not the same any more.
    """
    return await checkout.change(
        ChangeCheckout(
            owner=owner_of(caller),
            checkout_id=checkout_id,
            email=data.email,
            shipping_address=data.shipping_address,
            billing_address=data.billing_address,
            shipping_method=data.shipping_method,
            coupon_codes=data.coupon_codes,
        )
    )


@post(
    "/v1/checkouts/{checkout_id:str}/cancel", status_code=200, tags=["checkout"], responses=problems(401, 404, 409, 422)
)
async def cancel_checkout(
    checkout_id: CheckoutId, checkout: Checkouts, caller: Caller, idempotency: Idempotency | None
) -> Checkout:
    """Give it up: nothing stays held. Repeating it changes nothing, with or without a key."""
    return await checkout.cancel(CheckoutRef(owner=owner_of(caller), checkout_id=checkout_id))


@post(
    "/v1/checkouts/{checkout_id:str}/complete",
    status_code=200,
    tags=["checkout"],
    responses={**problems(401, 402, 404, 409, 422, 503), 202: _UNDER_WAY},
)
async def complete_checkout(
    checkout_id: CheckoutId,
    data: CompleteBody,
    checkout: Checkouts,
    caller: Caller,
    idempotency: Idempotency | None,
) -> Response[Checkout]:
    """Pay and order: 200 completed, 202 when the shopper must act or the provider is still working."""
    if idempotency is None:
        raise IdempotencyKeyMissing()
    done = await checkout.complete(
        Complete(
            owner=owner_of(caller),
            checkout_id=checkout_id,
            payment=sealed(data.payment),
            idempotency=idempotency,
            return_url=data.return_url,
            network_address=caller.address,
        )
    )
    return Response(done, status_code=200 if done.status == "completed" else 202)


@get("/v1/parked-checkouts", tags=["staff"], guards=[needs_role("support")], responses=problems(401, 403, 422))
async def parked_checkouts(
    checkout: Checkouts, limit: Annotated[int, Parameter(ge=1, le=100)] = 20, cursor: Cursor = None
) -> Page[ParkedAttempt]:
    """Staff: checkouts that cannot go on by themselves, with the reason, the oldest first."""
    return await checkout.parked(ParkedOf(limit=limit, cursor=cursor))


@get(
    "/v1/parked-checkouts/{attempt_id:str}",
    tags=["staff"],
    guards=[needs_role("support")],
    responses=problems(401, 403, 404),
)
async def parked_checkout(
    attempt_id: Annotated[str, Parameter(description="`att_…`")], checkout: Checkouts
) -> ParkedCheckout:
    """Staff: one parked checkout with what is at stake, also after it has gone on."""
    return await checkout.parked_one(ParkedRef(attempt_id=attempt_id))


@post(
    "/v1/parked-checkouts/go-on",
    status_code=204,
    tags=["staff"],
    guards=[needs_role("support")],
    responses=problems(401, 403, 422),
)
async def go_on(data: GoOnBody, checkout: Checkouts, idempotency: Idempotency | None) -> None:
    """Staff: try these again now rather than within the hour. Repeating it does no harm."""
    await checkout.go_on(GoOn(attempt_ids=data.attempt_ids, idempotency=idempotency))


ROUTES = [
    open_checkout,
    view_checkout,
    change_checkout,
    cancel_checkout,
    complete_checkout,
    parked_checkouts,
    parked_checkout,
    go_on,
]
