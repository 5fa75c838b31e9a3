"""Writes the letters: MJML and text by Jinja, light and dark, from an order or from the facts of an event."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import mrml
import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from haat.kit.money import Money, format_money
from haat.services.notifications.model import Kind

INDIA: Final = timezone(timedelta(hours=5, minutes=30))
# What XML, which letters are written in, cannot hold however it is escaped.
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FOLDER = Path(__file__).with_name("templates")


class Words(msgspec.Struct, frozen=True):
    """What one kind of letter says; `{number}` and `{name}` are filled in."""

    subject: str
    title: str
    lead: str
    button: str
    template: str = "order"
    # Why it comes, at the foot of a plain one.
    why: str = "You get this mail because you have an account at haat."


WORDS: Final[dict[Kind, Words]] = {
    "order_placed": Words(
        "Your order {number}",
        "Thank you, {name}",
        "We have your order {number} and {doing}. You will hear from us when it leaves.",
        "Follow your order",
    ),
    "order_partially_shipped": Words(
        "A part of order {number} is on its way",
        "A part of it is on its way",
        "A part of your order {number} has left our warehouse. The rest follows in another parcel.",
        "Follow your parcels",
    ),
    "order_shipped": Words(
        "Order {number} is on its way",
        "It is on its way",
        "Your order {number} has left our warehouse.",
        "Follow your parcel",
    ),
    "order_out_for_delivery": Words(
        "Order {number} arrives today",
        "It arrives today",
        "Your order {number} is out for delivery. Please keep your phone near.",
        "Follow your parcel",
    ),
    "order_delivered": Words(
        "Order {number} was delivered",
        "It has arrived",
        "Your order {number} was delivered. If something is not right, you can send it back from your order's page.",
        "View your order",
    ),
    "order_canceled": Words(
        "Order {number} was canceled",
        "Your order was canceled",
        "Order {number} was canceled. What you have paid goes back the way it came.",
        "View your order",
    ),
    "order_returned": Words(
        "Your return for order {number}",
        "Your return is complete",
        "What you sent back from order {number} is here.",
        "View your order",
    ),
    "parcel_undelivered": Words(
        "A parcel of order {number} comes back to us",
        "We could not deliver it",
        "The carrier could not deliver a parcel of your order {number} and brings it back to us. Once it is here "
        "we send it again, or cancel it and your money goes back. If your address or phone number is wrong, tell us.",
        "View your order",
    ),
    "return_approved": Words(
        "Your return for order {number} is approved",
        "The carrier comes for it",
        "What you want to send back from order {number} is fetched at your delivery address. "
        "Please have it packed; your money goes back once it is here.",
        "Follow your return",
    ),
    "return_rejected": Words(
        "Your return for order {number}",
        "We could not take it back",
        "The return that you asked for with order {number} was not accepted: {reason}. "
        "If that is not how it is, you can ask for it again from your order's page.",
        "View your order",
    ),
    "refunded": Words(
        "Your refund for order {number}",
        "Your money is on its way back",
        "We have sent {amount} back for order {number}. {where}",
        "View your order",
    ),
    "refunded_in_cash": Words(
        "Your refund for order {number}",
        "Your money comes back to you",
        "{amount} of what you paid in cash for order {number} comes back to you. You paid at the door, so we get in "
        "touch with you about how you receive it; if you do not hear from us, write to us.",
        "View your order",
    ),
    "refunded_beside_order": Words(
        "Your second payment for order {number} is on its way back",
        "Your money is on its way back",
        "Your order {number} is paid with another payment than one of {amount} that reached us, too, so we have sent "
        "this one back. {where} Nothing changes for your order.",
        "View your order",
    ),
    "refunded_without_order": Words(
        "Your payment is on its way back",
        "Your money is on its way back",
        "Your payment of {amount} reached us when it could no longer become an order, so we have sent it back. "
        "{where} Nothing was ordered.",
        "Go shopping",
        "plain",
        "You get this mail because of a payment at haat.",
    ),
    "welcome": Words(
        "Welcome to haat",
        "Welcome, {name}",
        "Your account is ready. Your orders, addresses and cart are now in one place.",
        "Go shopping",
        "plain",
    ),
    "session_ended": Words(
        "We ended a sign-in to your account",
        "We ended a sign-in",
        "A sign-in to your account was used in two places, so we ended it. If it was not you, change your password.",
        "Look at your account",
        "plain",
    ),
    "password_reset": Words(
        "A new password for haat",
        "Choose a new password",
        "Somebody asked for a new password for your account. The link works once, for an hour. "
        "If it was not you, nothing has changed and there is nothing to do.",
        "Choose a new password",
        "plain",
    ),
    "password_changed": Words(
        "Your password was changed",
        "Your password was changed",
        "Your account has a new password, and every other device was signed out. "
        "If it was not you, ask for a new password at once.",
        "Look at your account",
        "plain",
    ),
    "email_change": Words(
        "Confirm your new e-mail address",
        "Is this your new address?",
        "Somebody, we hope it was you, wants to sign in to haat with this e-mail address. "
        "The link works once, for an hour.",
        "Confirm this address",
        "plain",
    ),
    "email_changed": Words(
        "Your e-mail address was changed",
        "Your account has a new e-mail address",
        "From now on our mails go there, and not to this address any more, and every other device was signed out. "
        "If it was not you, contact us at once.",
        "Contact us",
        "plain",
    ),
    "wish_came_back": Words(
        "{title} is back",
        "It is back",
        "{name}, {title} can be had again. There may not be many. You hear of it because it is on your wishlist: "
        "take it off there, and we keep quiet.",
        "Look at it",
        "plain",
    ),
    "stock_low": Words(
        "Stock of {sku}: {available} left",
        "{sku} is running low",
        "{available} left at {location}.",
        "Open the stock",
        "plain",
        "You get this mail because you look after the stock of haat.",
    ),
}

# Where a refund went, and when it is seen there.
TO_BANK: Final = "Banks take up to seven working days to show it."
TO_CREDIT: Final = "It is on the gift card or the store credit that paid, to be spent again."


class Written(msgspec.Struct, frozen=True):
    subject: str
    html: str
    text: str


class Scribe:
    """Renders letters of one shop; `public_url` is where its pages are."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url.rstrip("/") + "/"
        self._templates = _environment()
        self._options = mrml.RenderOptions(fonts={})

    def write(self, kind: Kind, path: str, facts: dict[str, Any], order: object | None = None) -> Written:
        """One letter; `path` is where its button leads, `facts` fill in the words."""
        words = WORDS[kind]
        filled = {name: getattr(words, name).format_map(facts) for name in ("subject", "title", "lead", "button")}
        about = {"facts": facts, "order": order, "why": words.why}
        context = {**filled, **about, "shop": self._url, "link": urljoin(self._url, path)}
        source, text = (self._rendered(f"{words.template}.{form}.j2", context) for form in ("mjml", "txt"))
        html = mrml.to_html(source, render_options=self._options).content
        subject = _UNWRITABLE.sub(" ", filled["subject"])
        return Written(" ".join(subject.split()), html, text.strip() + "\n")

    def _rendered(self, template: str, context: dict[str, Any]) -> str:
        return _UNWRITABLE.sub(" ", self._templates.get_template(template).render(context))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=select_autoescape(enabled_extensions=("mjml.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = _money
    environment.filters["day"] = _day
    environment.filters["absolute"] = _absolute
    return environment


def _money(money: Money) -> str:
    return format_money(money)


def _day(moment: datetime | date) -> str:
    day = moment.astimezone(INDIA) if isinstance(moment, datetime) else moment
    return f"{day.day} {day:%B %Y}"


def _absolute(path: str, shop: str) -> str:
    return urljoin(shop, path)
