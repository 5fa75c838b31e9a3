"""A card number that goes through every way of paying is afterwards nowhere but at the provider."""

import base64
import io
import logging
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import structlog

from haat.contracts.payments import Capture, Refund, Void
from haat.kit.ids import new_id

CANARY = "4539578763621486"


def spellings(number: str) -> list[str]:
    spaced = " ".join(number[i : i + 4] for i in range(0, 16, 4))
    raw = number.encode()
    return [
        number,
        spaced,
        spaced.replace(" ", "-"),
        number[::-1],
        raw.hex(),
        number.encode("utf-16-le").hex(),
        *(base64.b64encode(b"x" * shift + raw).decode()[4:-4] for shift in range(3)),
    ]


async def everything(admin_url: str) -> str:
    """Every row of every table of every schema, as text; bytes in hexadecimal and as they are."""
    owner = await asyncpg.connect(admin_url)
    try:
        tables = await owner.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = [await owner.fetch(f"SELECT t::text AS row FROM {table['name']} t") for table in tables]
        outbox = await owner.fetch("SELECT convert_from(body, 'UTF8') AS row FROM payments.outbox")
        return "\n".join(row["row"] for rows in (*found, outbox) for row in rows)
    finally:
        await owner.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Every log line as it is before anything is taken out of it."""
    lines = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(lines),
        cache_logger_on_first_use=False,
    )
    yield lines
    structlog.reset_defaults()


async def test_a_card_number_is_nowhere_after_payment(
    shop: Any, admin_url: str, logged: io.StringIO, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    user = new_id("usr")
    ask = shop.ask(await shop.card(CANARY, save=True), user_id=user)
    paid = await shop.payments.authorize(ask)
    await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))
    await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="damaged"))
    for mode in ("drop_before", "drop_after", "500_after"):
        await shop.fault("authorize", mode)
        broken = shop.ask(await shop.card(CANARY), user_id=user)
        await shop.payments.authorize(broken)
        await shop.payments.void(Void(attempt_id=broken.attempt_id, reason="canceled"))
    texts = [await everything(admin_url), logged.getvalue(), caplog.text, "".join(capfd.readouterr())]
    assert paid.state == "authorized"
    assert [spelling for spelling in spellings(CANARY) if any(spelling in text for text in texts)] == []


async def test_the_hunt_would_find_a_number(shop: Any, admin_url: str):
    await shop.rows(
        "INSERT INTO payments.quarantine (provider, provider_id, reason, fact) VALUES ('x', $1, 'hunt', $2)",
        new_id("psp"),
        {"number": "4929 4212 3460 0821"},
    )
    text = await everything(admin_url)
    assert [spelling for spelling in spellings("4929421234600821") if spelling in text] == ["4929 4212 3460 0821"]
