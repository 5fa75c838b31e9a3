"""Who works here: owners give roles to accounts, and take them away."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.identity import Identity, ListStaff, StaffRole
from haat.kit.message import DomainError
from haat.web.backoffice.desk import Desk, told
from haat.web.backoffice.forms import Faults, Typed, typed
from haat.web.backoffice.roles import OWNER, STAFF

A_PAGE = 50
# What each role is for, in the order in which they are offered.
DOES = {
    "catalogue": "products, imports, coupons",
    "fulfilment": "parcels, returns, stock",
    "finance": "captures, refunds, gift cards, fraud",
    "support": "orders, customers, mail",
    OWNER: "everything, and these roles",
}


@get("/staff", duty="staff")
async def list_staff(desk: Desk, identity: Identity) -> Response[Any]:
    """The accounts that have a role, the newest first; and a form that gives one."""
    return await _page(desk, identity)


@post("/staff", duty="staff", status_code=200)
async def give_role(desk: Desk, identity: Identity) -> Response[Any]:
    """A role for the account with this e-mail, as often as it is sent."""
    fields = await typed(desk.request)
    faults = _faults(fields)
    if not faults:
        try:
            await identity.give_role(_role(desk, fields))
        except DomainError as error:
            faults = {"email": error.detail} if error.status in (404, 409) else told(error)
    return await _page(desk, identity, fields, faults) if faults else desk.go("/admin/staff?said=role-given")


@post("/staff/take", duty="staff", status_code=200)
async def take_role(desk: Desk, identity: Identity) -> Response[Any]:
    """It is gone from every device at the next click; the shop keeps its last owner."""
    fields = await typed(desk.request)
    if _faults(fields):
        return await _page(desk, identity, {}, {"form": "Choose the role again from the list"})
    try:
        await identity.take_role(_role(desk, fields))
    except DomainError as error:
        return await _page(desk, identity, {}, {"form": error.detail}, error.status)
    return desk.go("/admin/staff?said=role-taken")


def _faults(fields: Typed) -> Faults:
    faults: Faults = {}
    if not 3 <= len(fields.get("email", "")) <= 254 or "@" not in fields["email"]:
        faults["email"] = "Type the e-mail of their account"
    if fields.get("role") not in (*STAFF, OWNER):
        faults["role"] = "Choose a role"
    return faults


def _role(desk: Desk, fields: Typed) -> StaffRole:
    return StaffRole(email=fields["email"], role=fields["role"], actor=desk.actor)


async def _page(
    desk: Desk, identity: Identity, fields: Typed | None = None, faults: Faults | None = None, status: int = 422
) -> Response[Any]:
    page = await identity.staff(ListStaff(cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE))
    return desk.page(
        "staff.html",
        status=status if faults else 200,
        page=page,
        roles=DOES,
        fields=fields or {},
        faults=faults or {},
    )


ROUTES = [list_staff, give_role, take_role]
