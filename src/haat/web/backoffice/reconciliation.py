"""Where providers and our books differ: breaks of their reports, and facts that were not applied; each is explained."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from litestar import Response, get, post

from haat.contracts.identity import Identity
from haat.contracts.payments import (
    BreakState,
    ExplainBreak,
    ExplainFact,
    FactState,
    ListBreaks,
    ListPutAside,
    Payments,
)
from haat.kit.ids import is_id
from haat.kit.message import DomainError
from haat.web.backoffice.desk import Desk
from haat.web.backoffice.forms import new_key, typed
from haat.web.backoffice.people import names_of

A_PAGE = 25
LONGEST_NOTE = 400
BREAK_STATES = ("open", "explained", "healed")
FACT_STATES = ("open", "explained")
EVERY = "all"
# What a person reads of a kind: its name, and what it means.
KINDS = {
    "missing": ("They do not report it", "We booked it; their report of that day has nothing of it."),
    "extra": ("We do not know it", "Their report has it; our ledger has nothing of it."),
    "amount": ("Amounts differ", "Both have it, and not with the same amount."),
    "fee": ("Another fee", "The fee they kept is not the one that was agreed."),
    "currency": ("Another currency", "They report it in a currency that was not agreed."),
    "duplicate": ("Reported twice", "The same line came more than once."),
}
REASONS = {
    "amount": "They tell of another amount than was agreed.",
    "reference": "They tell of another checkout than it was made for.",
    "payment": "They tell of a payment that is not the one we know.",
    "captured": "They tell of more money taken than was agreed.",
    "refunds": "They tell of more refunded than was taken.",
}


class Note(msgspec.Struct, frozen=True):
    """An explanation and who gave it."""

    by: str
    text: str


class Refused(msgspec.Struct, frozen=True):
    """An explanation that was not taken: of what, why, as it was typed, and the status of the answer."""

    subject: str
    fault: str
    note: str
    status: int


NOTHING_REFUSED = Refused("", "", "", 200)


@get("/reconciliation", duty="reconcile")
async def list_breaks(desk: Desk, payments: Payments, identity: Identity) -> Response[Any]:
    """The newest first; those that are open unless another state is asked for."""
    return await _breaks(desk, payments, identity)


@post("/reconciliation/breaks/{break_id:str}", duty="reconcile", status_code=200)
async def explain_break(desk: Desk, payments: Payments, identity: Identity, break_id: str) -> Response[Any]:
    """Say why it is so."""

    async def explain(note: str) -> object:
        return await payments.explain_break(ExplainBreak(break_id=break_id, note=note, actor=desk.actor))

    refused = await _refused(desk, break_id, explain)
    if refused is None:
        return desk.go("/admin/reconciliation?said=explained")
    return await _breaks(desk, payments, identity, refused)


@get("/reconciliation/facts", duty="reconcile")
async def list_facts(desk: Desk, payments: Payments, identity: Identity) -> Response[Any]:
    """What providers told that was not applied, the newest first."""
    return await _facts(desk, payments, identity)


@post("/reconciliation/facts/{fact_id:str}", duty="reconcile", status_code=200)
async def explain_fact(desk: Desk, payments: Payments, identity: Identity, fact_id: str) -> Response[Any]:
    """Say what came of it."""

    async def explain(note: str) -> object:
        return await payments.explain_fact(ExplainFact(fact_id=fact_id, note=note, actor=desk.actor))

    refused = await _refused(desk, fact_id, explain)
    if refused is None:
        return desk.go("/admin/reconciliation/facts?said=explained")
    return await _facts(desk, payments, identity, refused)


def fault_of(note: str) -> str:
    """What is wrong with an explanation, "" for nothing."""
    if not note:
        return "Say why, so that whoever closes the books knows"
    return f"At most {LONGEST_NOTE} characters" if len(note) > LONGEST_NOTE else ""


def noted(text: str) -> Note:
    """`usr_…: it was a test` apart; notes that others wrote stay whole."""
    by, parted, rest = text.partition(": ")
    return Note(by, rest) if parted and is_id(by, "usr") else Note("", text)


async def _refused(desk: Desk, subject: str, explain: Callable[[str], Awaitable[object]]) -> Refused | None:
    """Take the note that was typed; why it was not taken, None when it was."""
    note = (await typed(desk.request)).get("note", "")
    fault = fault_of(note)
    if fault:
        return Refused(subject, fault, note, 422)
    try:
        await explain(note)
    except DomainError as error:
        return Refused(subject, error.detail, note, error.status)
    return None


async def _breaks(
    desk: Desk, payments: Payments, identity: Identity, refused: Refused = NOTHING_REFUSED
) -> Response[Any]:
    state = _state(desk, BREAK_STATES)
    asked = cast(BreakState | None, None if state == EVERY else state)
    page = await payments.breaks(ListBreaks(state=asked, cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE))
    notes = {each.id: noted(each.note) for each in page.data}
    return desk.page(
        "breaks.html",
        status=refused.status,
        page=page,
        notes=notes,
        names=await names_of(identity, (note.by for note in notes.values())),
        kinds=KINDS,
        state=state,
        states=(*BREAK_STATES, EVERY),
        refused=refused.subject,
        fault=refused.fault,
        note=refused.note,
        key=new_key(),
    )


async def _facts(
    desk: Desk, payments: Payments, identity: Identity, refused: Refused = NOTHING_REFUSED
) -> Response[Any]:
    state = _state(desk, FACT_STATES)
    asked = cast(FactState | None, None if state == EVERY else state)
    ask = ListPutAside(state=asked, cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE)
    page = await payments.facts_put_aside(ask)
    notes = {each.id: noted(each.note) for each in page.data}
    return desk.page(
        "facts.html",
        status=refused.status,
        page=page,
        told={each.id: msgspec.json.format(msgspec.json.encode(each.fact), indent=2).decode() for each in page.data},
        notes=notes,
        names=await names_of(identity, (note.by for note in notes.values())),
        reasons=REASONS,
        state=state,
        states=(*FACT_STATES, EVERY),
        refused=refused.subject,
        fault=refused.fault,
        note=refused.note,
        key=new_key(),
    )


def _state(desk: Desk, states: tuple[str, ...]) -> str:
    asked = desk.asked("state")
    return asked if asked in (*states, EVERY) else "open"


ROUTES = [list_breaks, explain_break, list_facts, explain_fact]
