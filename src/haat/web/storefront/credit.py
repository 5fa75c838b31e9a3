"""Gift cards and store credit at the checkout: what pays first, and what is left to pay."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from typing import Any

import msgspec
from litestar import Response, get, post

from haat.contracts.payments import (
    CreditMethod,
    CreditOf,
    GiftCard,
    GiftCardOf,
    Method,
    Payments,
    StoreCredit,
    digest,
)
from haat.kit.clock import now
from haat.kit.message import DomainError, NotFound
from haat.kit.money import Money
from haat.web.storefront.forms import Typed, typed
from haat.web.storefront.shell import Shop, gently
from haat.web.storefront.templates import day
from haat.web.words import money

COOKIE = "haat_credit"
# Each look at the checkout begins it anew; a browser that somebody else uses next should not pay for them.
COOKIE_SECONDS = 3600
MOST_CARDS = 5
STORE = "store"
APPLY, TAKE_OFF = "gift", "ungift."
UNREADABLE = "A gift card’s code has 16 letters and digits, such as 7K2M-9QXT-04FA-HWB3."
UNKNOWN = "We do not know this code. Please compare it with your gift card once more."
VOIDED = "This gift card is not valid any more."
EMPTY = "Nothing is left on this gift card."
HELD = "It waits for the payment that is under way. When you pay another way, it is yours to use again."
SILENT = "Gift cards cannot be looked up at the moment. Please try again in a few seconds."


class Purse(msgspec.Struct, frozen=True):
    """What shall pay first: the digests of gift cards' codes as they were entered, then the user's store credit.

    It lies in the shopper's browser, signed: a digest that was not entered here pays nothing, or whoever reads our
    database could pay. The code itself is turned into its digest when it comes, and is kept nowhere.
    """

    digests: tuple[str, ...] = ()
    store: bool = False


class Applied(msgspec.Struct, frozen=True):
    """A gift card in the purse: `fault` says why it pays nothing. `key` names it in forms, and opens nothing."""

    key: str
    code: str
    ending: str = ""
    pays: int = 0
    left: int = 0
    fault: str = ""


class Credit(msgspec.Struct, frozen=True):
    """What a purse pays of a total. `store` is the user's store credit, of which `by_store` is spent."""

    purse: Purse
    cards: tuple[Applied, ...]
    store: Money
    by_store: Money
    paid: Money
    due: Money

    def before(self, method: Method) -> Method:
        """The method with all that pays before it."""
        codes = [card.code for card in self.cards if card.pays]
        return msgspec.structs.replace(method, gift_cards=codes, store_credit=self.by_store.amount > 0)

    def alone(self) -> Method | None:
        """The way to pay when nothing is due, else None."""
        return None if self.due.amount else self.before(CreditMethod())


def purse_of(shop: Shop) -> Purse:
    """What this browser has entered before."""
    text, _, signature = shop.request.cookies.get(COOKIE, "").rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(shop, text).encode()):
        return Purse()
    parts = text.split(".")
    known = tuple(f"sha256:{each}" for each in parts if re.fullmatch(r"[0-9a-f]{64}", each))
    return Purse(known[:MOST_CARDS], STORE in parts and shop.caller.user_id is not None)


async def entered(shop: Shop, payments: Payments, fields: Typed, total: Money) -> tuple[Credit, str]:
    """What pays first after this form, and what is wrong with the code that was typed into it."""
    purse, act, text = purse_of(shop), fields.get("do", ""), fields.get("gift_code", "")
    if act.startswith(TAKE_OFF):
        gone = act.removeprefix(TAKE_OFF)
        purse = msgspec.structs.replace(purse, digests=tuple(code for code in purse.digests if _key(code) != gone))
    if "credit_asked" in fields:
        purse = msgspec.structs.replace(purse, store="store_credit" in fields and shop.caller.user_id is not None)
    found, fault = await credit_of(shop, payments, purse, total), ""
    if text and not typing(shop, fields):
        fault = await _fault_of_entry(payments, found, text)
        if not fault:
            purse = msgspec.structs.replace(purse, digests=(*purse.digests, digest(text)))
            found = await credit_of(shop, payments, purse, total)
    elif act == APPLY:
        fault = UNREADABLE
    keep(shop, purse)
    return found, fault


def typing(shop: Shop, fields: Typed) -> bool:
    """Whether a script only asks for prices while somebody types; whoever sends the whole form has done typing."""
    return shop.hypermedia and fields.get("do") != APPLY


def keep(shop: Shop, purse: Purse) -> None:
    """Remember the purse in this browser."""
    parts = [code.removeprefix("sha256:") for code in purse.digests] + [STORE] * purse.store
    if parts:
        text = ".".join(parts)
        shop.set_cookie(COOKIE, f"{text}.{_signature(shop, text)}", COOKIE_SECONDS)
    elif COOKIE in shop.request.cookies:
        shop.drop_cookie(COOKIE)


def _signature(shop: Shop, text: str) -> str:
    secret = shop.settings.service_secret.encode()
    return hmac.digest(secret, b"purse:" + text.encode(), hashlib.sha256).hex()[:32]


async def credit_of(shop: Shop, payments: Payments, purse: Purse, total: Money, *, under_way: bool = False) -> Credit:
    """What the purse pays of a total as things stand: the gift cards as they were entered, then store credit.

    With a payment `under_way` an empty card may be empty only because that payment holds what was on it.
    """
    looked_up, store = await asyncio.gather(
        asyncio.gather(*(_look_up(payments, code) for code in purse.digests)),
        _store_credit(shop, payments, total.currency),
    )
    left, cards = total.amount, []
    for code, card in zip(purse.digests, looked_up, strict=True):
        fault = _fault_of_card(card, total.currency)
        if fault or not isinstance(card, GiftCard):
            ending = card.ending if isinstance(card, GiftCard) else ""
            cards.append(Applied(_key(code), code, ending, fault=HELD if under_way and fault == EMPTY else fault))
            continue
        pays = min(left, card.balance.amount)
        left -= pays
        cards.append(Applied(_key(code), code, card.ending, pays, card.balance.amount - pays))
    by_store = min(left, store.amount) if purse.store else 0
    return Credit(
        purse=purse,
        cards=tuple(cards),
        store=store,
        by_store=Money(by_store, total.currency),
        paid=Money(total.amount - left + by_store, total.currency),
        due=Money(left - by_store, total.currency),
    )


async def _store_credit(shop: Shop, payments: Payments, currency: str) -> Money:
    nothing = Money(0, currency)
    if shop.caller.user_id is None:
        return nothing
    ask = CreditOf(user_id=shop.caller.user_id, currency=currency)
    found: StoreCredit = await gently(payments.store_credit(ask), StoreCredit(user_id=ask.user_id, balance=nothing))
    return found.balance


async def _look_up(payments: Payments, code: str) -> GiftCard | str:
    """The card with this code or digest, or why there is none."""
    try:
        return await payments.gift_card(GiftCardOf(code=code))
    except NotFound:
        return UNKNOWN
    except DomainError:
        return SILENT


def _fault_of_card(card: GiftCard | str, currency: str) -> str:
    """Why a card cannot pay in this currency now, "" when it can."""
    if isinstance(card, str):
        return card
    if card.voided_at is not None:
        return VOIDED
    if card.expires_at is not None and card.expires_at <= now():
        return f"This gift card ran out on {day(card.expires_at, weekday=False)}."
    if card.balance.currency != currency:
        return f"This gift card holds {money(card.balance)}, and this shop sells in {currency} only."
    return "" if card.balance.amount else EMPTY


async def _fault_of_entry(payments: Payments, known: Credit, text: str) -> str:
    """What keeps a typed code from joining the others, "" when nothing does."""
    if not _readable(text):
        return UNREADABLE
    code = digest(text)
    if code in [card.code for card in known.cards]:
        return "You have entered this gift card already."
    fault = _fault_of_card(await _look_up(payments, code), known.due.currency)
    if fault:
        return fault
    if len(known.cards) >= MOST_CARDS:
        return f"One order takes at most {MOST_CARDS} gift cards."
    return "" if known.due.amount else "There is nothing left to pay: this gift card stays untouched."


def _readable(text: str) -> bool:
    plain = re.sub(r"[\s-]", "", text)
    return len(plain) == 16 and plain.isascii() and plain.isalnum()


def _key(code: str) -> str:
    return code.removeprefix("sha256:")[:12]


@get("/gift-card")
async def gift_card_page(shop: Shop) -> Response[str]:
    """What is left on a gift card, for whoever has its code."""
    return await shop.page("gift_card.html", fields={}, faults={}, card=None)


@post("/gift-card")
async def gift_card_balance(shop: Shop, payments: Payments) -> Response[Any]:
    """The answer; the code is never part of an address."""
    fields = await typed(shop.request)
    text = fields.get("gift_code", "")
    card = await _look_up(payments, digest(text)) if _readable(text) else UNREADABLE
    if not isinstance(card, str) and card.voided_at is not None:
        card = VOIDED
    if isinstance(card, str):
        return await shop.page("gift_card.html", status=422, fields=fields, faults={"gift_code": card}, card=None)
    gone = card.expires_at is not None and card.expires_at <= now()
    return await shop.page("gift_card.html", fields={}, faults={}, card=card, gone=gone)


ROUTES = [gift_card_page, gift_card_balance]
