"""`POST /sandbox/buy`: one line of curl that buys something, for a newcomer's first minute."""

from __future__ import annotations

from typing import Annotated

from litestar import post
from litestar.params import Parameter

from haat.contracts.cart import AddItem, Cart, Owner
from haat.contracts.checkout import Checkouts, Complete, OpenCheckout
from haat.contracts.identity import Address
from haat.contracts.orders import Order, OrderOf, Orders
from haat.contracts.payments import CashMethod
from haat.contracts.search import Search, SearchProducts
from haat.kit.idempotency import Idempotency, fingerprint
from haat.kit.ids import new_id
from haat.kit.message import NotFound

HOME = Address(
    name="First Customer",
    line1="1 Market Road",
    city="Bengaluru",
    region="Karnataka",
    postal_code="560001",
    phone="+919876543210",
)


@post("/sandbox/buy", status_code=201, include_in_schema=False)
async def buy(
    search: Search,
    cart: Cart,
    checkout: Checkouts,
    orders: Orders,
    q: Annotated[str, Parameter(max_length=200, description="what to buy")] = "kettle",
) -> Order:
    """What a shopper does in five calls, done as a guest who pays on delivery."""
    found = await search.search(SearchProducts(q=q, in_stock=True, limit=1))
    if not found.data:
        raise NotFound(f"Nothing that is in stock answers to {q!r}")
    filled = await cart.add_item(AddItem(owner=Owner(), quantity=1, product_id=found.data[0].id))
    owner = Owner(token=filled.token)
    opened = await checkout.open(OpenCheckout(owner=owner, email="first@example.com", shipping_address=HOME))
    key = Idempotency(account=filled.id, key=new_id("buy"), fingerprint=fingerprint("buy", q.encode()))
    done = await checkout.complete(Complete(owner=owner, checkout_id=opened.id, payment=CashMethod(), idempotency=key))
    if done.order is None:
        raise NotFound("The order is still being placed; look at the back office")
    return await orders.order(OrderOf(order=done.order.id, cart_token=filled.token))


# In production settings the application leaves this out.
ROUTES = [buy]
