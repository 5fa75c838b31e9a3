"""Who may see and do what: the same walls as the public API's staff routes, drawn once for pages and buttons."""

from __future__ import annotations

from collections.abc import Mapping

from haat.kit.access import Caller

OWNER = "owner"
STAFF = ("catalogue", "finance", "fulfilment", "support")
# A role at the desk's door: what a route demands and what a button asks for have the same names.
DUTIES: Mapping[str, tuple[str, ...]] = {
    "home": STAFF,
    "see_orders": ("fulfilment", "finance", "support"),
    "cancel": ("fulfilment", "finance", "support"),
    "ship": ("fulfilment",),
    "capture": ("finance",),
    "refund": ("finance",),
    "see_returns": ("fulfilment", "finance", "support"),
    "receive": ("fulfilment",),
    "products": ("catalogue",),
    "coupons": ("catalogue",),
    "see_stock": ("fulfilment", "catalogue", "support"),
    "adjust": ("fulfilment",),
    "customers": ("support", "finance"),
    "fraud": ("finance",),
    "gift_cards": ("finance",),
    "reconcile": ("finance",),
    "parked": ("support",),
    "mail": ("support",),
    "staff": (OWNER,),
    "system": STAFF,
    "events": ("fulfilment", "finance"),
}


def may(caller: Caller, duty: str) -> bool:
    """Whether the caller's roles include one that carries this duty; owners may everything."""
    return any(caller.has_role(role) for role in DUTIES[duty])


def is_staff(caller: Caller) -> bool:
    """Whether this is anybody of the house."""
    return any(caller.has_role(role) for role in STAFF)


def duties(caller: Caller) -> frozenset[str]:
    """All that the caller may do."""
    return frozenset(duty for duty in DUTIES if may(caller, duty))
