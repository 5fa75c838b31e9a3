"""Coupons: what they take off, how often they were used, and the form that makes or changes one."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post

from haat.contracts.catalog import Catalog
from haat.contracts.promotions import Coupon, CouponRef, CouponsOf, NewCoupon, Promotions, SaveCoupon
from haat.kit.message import DomainError, NotFound
from haat.kit.problem import Precondition
from haat.kit.validation import faults as every_fault
from haat.web.backoffice.desk import Desk, gently, told
from haat.web.backoffice.forms import Faults, Typed, basis_points, minor, moment_in, new_key, plain_amount, typed, whole
from haat.web.backoffice.products import categories
from haat.web.words import SHOP_ZONE

A_PAGE = 50
TAKEN = {"code": "There is a coupon with this code: open it from the list to change it"}
CHANGED = {"title": "Somebody has changed this coupon since you opened it. Saving again puts yours in its place"}
NOWHERE = {"category": "There is no category with this address"}
MONEY = ("amount_minor", "minimum_minor", "maximum_discount_minor")


@get("/coupons", duty="coupons")
async def list_coupons(desk: Desk, promotions: Promotions) -> Response[Any]:
    """The newest first."""
    page = await promotions.coupons(CouponsOf(cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE))
    return desk.page("coupons.html", page=page, currency=desk.settings.currency)


@get("/coupons/new", duty="coupons")
async def new_coupon(desk: Desk) -> Response[Any]:
    """An empty form."""
    return _form(desk, None, {"kind": "percent"})


@get("/coupons/{code:str}", duty="coupons")
async def edit_coupon(desk: Desk, promotions: Promotions, code: str) -> Response[Any]:
    """The form of a coupon that exists."""
    known = await _known(promotions, code)
    if known is None:
        raise NotFound("There is no such coupon")
    return _form(desk, known, {**shown(known.coupon, desk.settings.currency), "version": known.version})


@post("/coupons", duty="coupons", status_code=200)
async def save_coupon(desk: Desk, promotions: Promotions, catalog: Catalog) -> Response[Any]:
    """Make a coupon, or change the one whose form this was; a taken code is never changed by accident."""
    fields = await typed(desk.request)
    wanted, faults = read(fields, desk.settings.currency)
    known = await _known(promotions, fields.get("code", ""))
    changing = fields.get("changing", "") == fields.get("code", "") != ""
    if known is not None and not changing:
        faults |= TAKEN
    if fields.get("category") and not (known and known.coupon.category == fields["category"]):
        # When the catalogue does not answer, it is taken as it is.
        slugs = [slug for slug, _ in await gently(categories(catalog), [])]
        if slugs and fields["category"] not in slugs:
            faults |= NOWHERE
    shown_known = known if changing else None
    if wanted is None or faults:
        return _form(desk, shown_known, fields, faults, 422)
    # A new one must be new, and of an old one only what was seen is overwritten.
    version = (fields.get("version") or None) if changing else ""
    ask = SaveCoupon(coupon=wanted, actor=desk.actor, version=version, idempotency=desk.once(fields))
    try:
        await promotions.save_coupon(ask)
    except Precondition:
        latest = await _known(promotions, wanted.code)
        kept = {**fields, "version": "" if latest is None else latest.version}
        return _form(desk, latest if changing else None, kept, CHANGED if changing else TAKEN, 412)
    except DomainError as error:
        return _form(desk, shown_known, fields, _by_field(error), error.status)
    return desk.go("/admin/coupons?said=saved")


def read(fields: Typed, currency: str) -> tuple[NewCoupon | None, Faults]:
    """The coupon that was typed, or every fault by field."""
    faults: Faults = {}
    wish: dict[str, Any] = {"code": fields.get("code", ""), "title": fields.get("title", "")}
    if fields.get("kind") == "amount":
        wish["amount_minor"] = _amount(fields, "amount_minor", currency, faults, required=True)
    else:
        wish["percent_basis_points"] = basis_points(fields.get("percent", ""))
        if wish["percent_basis_points"] is None:
            faults["percent"] = "Enter a percentage from 0.01 to 100"
        wish["maximum_discount_minor"] = _amount(fields, "maximum_discount_minor", currency, faults)
    wish["minimum_minor"] = _amount(fields, "minimum_minor", currency, faults) or 0
    wish["category"] = fields.get("category") or None
    for name in ("limit_total", "limit_per_user"):
        wish[name] = whole(fields[name], 1, 10**9) if fields.get(name) else None
        if fields.get(name) and wish[name] is None:
            faults[name] = "A whole number above zero, or empty for no limit"
    wish["combinable"] = fields.get("combinable") == "yes"
    starts, ends = (moment_in(fields.get(name, "")) for name in ("starts_at", "ends_at"))
    for name, moment in (("starts_at", starts), ("ends_at", ends)):
        if fields.get(name) and moment is None:
            faults[name] = "Choose a day and a time"
        wish[name] = moment.isoformat() if moment else None
    if not wish["code"]:
        faults["code"] = "Enter the code that shoppers type"
    if not wish["title"]:
        faults["title"] = "Enter what shoppers read beside the discount"
    if starts and ends and ends <= starts:
        faults["ends_at"] = "It ends before it begins"
    for fault in every_fault(NewCoupon, wish):
        name = fault["pointer"].strip("/")
        faults.setdefault(name, "Letters, digits, - and _ only, at most 40" if name == "code" else fault["detail"])
    return (None if faults else msgspec.convert(wish, NewCoupon)), faults


def shown(coupon: NewCoupon, currency: str) -> Typed:
    """A coupon as its form shows it."""
    fields = {"code": coupon.code, "title": coupon.title, "changing": coupon.code}
    fields["kind"] = "percent" if coupon.percent_basis_points else "amount"
    if coupon.percent_basis_points:
        fields["percent"] = plain_amount(coupon.percent_basis_points, "INR")
    for name in MONEY:
        value = getattr(coupon, name)
        fields[name] = plain_amount(value, currency) if value else ""
    for name in ("limit_total", "limit_per_user", "category"):
        fields[name] = str(getattr(coupon, name) or "")
    for name in ("starts_at", "ends_at"):
        moment = getattr(coupon, name)
        # Seconds only where there are some, such as at the end of a day.
        fields[name] = f"{moment.astimezone(SHOP_ZONE):%Y-%m-%dT%H:%M:%S}".removesuffix(":00") if moment else ""
    fields["combinable"] = "yes" if coupon.combinable else ""
    return fields


async def _known(promotions: Promotions, code: str) -> Coupon | None:
    try:
        return await promotions.coupon(CouponRef(code=code[:100]))
    except NotFound:
        return None


def _amount(fields: Typed, name: str, currency: str, faults: Faults, *, required: bool = False) -> int | None:
    text = fields.get(name, "")
    if not text and not required:
        return None
    amount = minor(text, currency)
    if amount is None or amount <= 0:
        faults[name] = "Enter an amount above zero" + ("" if required else ", or leave it empty")
        return None
    return amount


def _by_field(error: DomainError) -> Faults:
    names = {"percent_basis_points": "percent"}
    return {names.get(name, name): text for name, text in told(error).items()}


def _form(
    desk: Desk, known: Coupon | None, fields: Typed, faults: Faults | None = None, status: int = 200
) -> Response[Any]:
    return desk.page(
        "coupon.html",
        status=status,
        known=known,
        fields=fields,
        faults=faults or {},
        currency=desk.settings.currency,
        key=new_key(),
    )


ROUTES = [list_coupons, new_coupon, edit_coupon, save_coupon]
