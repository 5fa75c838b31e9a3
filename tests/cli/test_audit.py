"""The audit sees each kind of fault that is planted, and nothing else."""

from __future__ import annotations

import asyncio
import http.server
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

import asyncpg
import pytest

from haat.cli import audit
from haat.cli.audit import books, patiently
from haat.cli.audit_questions import BOOKS_TABLE, QUESTIONS
from haat.kit.ids import new_id
from haat.kit.startup import StartupFault

SOUND = """
INSERT INTO checkout.checkouts (id, owner, cart_id, cart_version, status, quote, expires_at, order_id)
VALUES ('chk_a', 'usr_a', 'crt_a', 1, 'completed', '{}', now(), 'ord_a');
INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, provider_id, amount_minor, currency,
    method, state, captured_minor)
VALUES ('pay_a', 'att_a', 'chk_a', 'sandbox', 'psp_a', 1000, 'INR', '{}', 'captured', 1000);
INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id)
VALUES ('txn_a', 'capture', 'posted', 'pay_a');
INSERT INTO payments.ledger_entries VALUES
    ('txn_a', 'psp_clearing:sandbox', 'INR', 1000), ('txn_a', 'customer_due:chk_a', 'INR', -1000);
INSERT INTO payments.credits (account, currency, balance_minor) VALUES ('gift_liability:gft_a', 'INR', 5);
INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id) VALUES ('txn_g', 'credit_issued', 'posted', NULL);
INSERT INTO payments.ledger_entries VALUES
    ('txn_g', 'credit_issued', 'INR', 5), ('txn_g', 'gift_liability:gft_a', 'INR', -5);
INSERT INTO orders.orders (id, number, checkout_id, attempt_id, cart_id, email, status, on_hold, body, product_ids,
    payment_id, payment_status, currency, total_minor, captured_minor)
VALUES ('ord_a', 'HT-A', 'chk_a', 'att_a', 'crt_a', 'a@x.example', 'confirmed', false, '{
    "items": [{"id": "itm_a", "sku": "sku-a", "quantity": 2, "total": {"amount": 900}, "discount": {"amount": 50}}],
    "totals": {"subtotal": {"amount": 950}, "discount": {"amount": 50}, "shipping": {"amount": 100},
               "total": {"amount": 1000}}}', '{}', 'pay_a', 'paid', 'INR', 1000, 1000);
SELECT inventory.book('received', 'one', 'test', 'main', ARRAY['sku-a'], ARRAY[5::bigint], '{}');
SELECT * FROM inventory.reserve('att_a', ARRAY['sku-a'], ARRAY[2::bigint], 60);
SELECT * FROM inventory.commit_hold('att_a');
INSERT INTO promotions.coupons (code, title, amount_minor, minimum_minor, combinable, used)
VALUES ('OFF-A', 'Off', 50, 0, true, 1);
INSERT INTO promotions.uses (code, user_id, used) VALUES ('OFF-A', 'usr_a', 1);
INSERT INTO promotions.redemptions (attempt_id, code, user_id) VALUES ('att_a', 'OFF-A', 'usr_a');
INSERT INTO books VALUES ('psp_a', 'chk_a', 1000, 'INR', 'captured', 1000, 0);
"""
FAULTS = {
    "UPDATE payments.payments SET amount_minor = 2000 WHERE payment_id = 'pay_a'": {"I5", "I8a"},
    "UPDATE payments.payments SET captured_minor = 900 WHERE payment_id = 'pay_a'": {"I1b", "I5c", "I5d", "I8a"},
    "UPDATE orders.orders SET total_minor = 999 WHERE id = 'ord_a'": {"I5", "I5c", "I6"},
    "DELETE FROM orders.orders WHERE id = 'ord_a'": {"I4b", "I5", "I5b", "I11"},
    "UPDATE orders.orders SET status = 'canceled' WHERE id = 'ord_a'": {"I5", "I5b"},
    "UPDATE orders.orders SET refunded_minor = 1 WHERE id = 'ord_a'": {"I5d"},
    "UPDATE orders.orders SET captured_minor = 999 WHERE id = 'ord_a'": {"I5d"},
    "UPDATE orders.orders SET returned = '{\"itm_a\": 3}' WHERE id = 'ord_a'": {"I6b"},
    "INSERT INTO orders.returns (id, order_id, status, items, refund_minor, timeline) VALUES ('ret_a', 'ord_a',"
    ' \'refunded\', \'[{"item_id": "itm_a", "quantity": 1}, {"item_id": "itm_a", "quantity": 1}]\', 900, \'[]\');'
    "SELECT inventory.book('returned', 'ret_a', 'return', 'main', ARRAY['sku-a'], ARRAY[1::bigint], '{}')": {"I11c"},
    "UPDATE checkout.checkouts SET status = 'open', order_id = NULL WHERE id = 'chk_a'": {"I4b"},
    "INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,"
    " state) VALUES ('pay_b', 'att_b', 'chk_a', 'sandbox', 1000, 'INR', '{}', 'authorized')": {"I4"},
    "UPDATE payments.credits SET balance_minor = 4 WHERE account = 'gift_liability:gft_a'": {"I9e"},
    "INSERT INTO books VALUES ('psp_b', 'chk_b', 700, 'INR', 'authorized', 0, 0)": {"I5b", "I8b"},
    "UPDATE books SET refunded = 1 WHERE id = 'psp_a'": {"I8a"},
    "INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, provider_id, amount_minor, currency,"
    " method, state) VALUES ('pay_f', 'att_f', 'chk_f', 'sandbox', 'psp_f', 5, 'INR', '{}', 'authorized');"
    "INSERT INTO books VALUES ('psp_f', 'chk_f', 5, 'INR', 'expired', 0, 0)": {"I8a"},
    "UPDATE inventory.stock SET on_hand = 4, available = 4 WHERE sku = 'sku-a'": {"I9b"},
    "UPDATE inventory.stock SET reserved = 1, available = 2 WHERE sku = 'sku-a'": {"I9b", "I9c"},
    "UPDATE inventory.events SET quantity = 3 WHERE cause_id = 'att_a' AND type = 'committed'": {"I9b", "I9d", "I11"},
    "UPDATE inventory.events SET data = '{\"a\": 1}' WHERE cause_id = 'att_a' AND type = 'reserved'": {"I9d"},
    "UPDATE inventory.reservations SET state = 'released' WHERE attempt_id = 'att_a'": {"I11b"},
    "INSERT INTO checkout.attempts (attempt_id, checkout_id, cart_id, cart_version, account, key, fingerprint, state,"
    " complete, saga, lease_until, next_run_at, created_at) VALUES ('att_c', 'chk_a', 'crt_a', 2, 'a', 'k', 'f',"
    " 'paying', '{}', '{}', now(), now(), now() - interval '1 hour')": {"I12"},
    "INSERT INTO checkout.attempts (attempt_id, checkout_id, cart_id, cart_version, account, key, fingerprint, state,"
    " complete, saga, lease_until, next_run_at, created_at) VALUES ('att_w', 'chk_a', 'crt_a', 2, 'a', 'k', 'f',"
    " 'waiting', '{}', '{\"action\": {\"expires_at\": \"2026-01-01T00:00:00Z\"}}', now(), now(),"
    " now() - interval '1 hour')": {"I12"},
    # What the database itself refuses is planted behind its back.
    "ALTER TABLE payments.ledger_entries DISABLE TRIGGER balanced;"
    "INSERT INTO payments.ledger_entries VALUES ('txn_a', 'bank', 'INR', 5)": {"I1"},
    "ALTER TABLE payments.payments DROP CONSTRAINT amounts;"
    "UPDATE payments.payments SET captured_minor = 1100 WHERE payment_id = 'pay_a'": {"I1b", "I2", "I5c", "I5d", "I8a"},
    "INSERT INTO payments.refunds (refund_id, payment_id, request_id, amount_minor, state, reason)"
    " VALUES ('ref_a', 'pay_a', 'r', 1001, 'pending', 'r')": {"I3"},
    "INSERT INTO payments.refunds (refund_id, payment_id, request_id, amount_minor, state, reason, provider_refund_id)"
    " SELECT 'ref_' || r, 'pay_a', r, 1, 'pending', 'r', 're_a' FROM unnest(ARRAY['b', 'c']) AS r": {"I7"},
    "INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id)"
    " SELECT 'txn_' || t, 'dispute_opened', 'posted', 'pay_a' FROM unnest(ARRAY['b', 'c']) AS t": {"I7"},
    "ALTER TABLE promotions.coupons DROP CONSTRAINT coupons_check1;"
    "INSERT INTO promotions.coupons (code, title, amount_minor, minimum_minor, combinable, limit_total, used)"
    " VALUES ('A', 'A', 1, 0, true, 1, 2)": {"I9", "I9f"},
    "UPDATE promotions.coupons SET used = 2 WHERE code = 'OFF-A'": {"I9f"},
    "UPDATE promotions.uses SET used = 0 WHERE code = 'OFF-A'": {"I9f"},
    "DELETE FROM promotions.redemptions WHERE code = 'OFF-A'": {"I9f"},
    "INSERT INTO promotions.redemptions (attempt_id, code, user_id) VALUES ('att_b', 'OFF-B', NULL)": {"I9f"},
    "UPDATE promotions.redemptions SET limit_per_user = 1 WHERE code = 'OFF-A';"
    "UPDATE promotions.coupons SET used = 2 WHERE code = 'OFF-A';"
    "UPDATE promotions.uses SET used = 2 WHERE code = 'OFF-A';"
    "INSERT INTO promotions.redemptions VALUES ('att_b', 'OFF-A', 'usr_a', now(), 1)": {"I9"},
    "INSERT INTO payments.credits (account, balance_minor, currency) VALUES ('gift_liability:a', 7, 'INR')": {"I9e"},
    'UPDATE payments.payments SET history = \'[{"type": "captured"}, {"type": "authorized"}]\''
    " WHERE payment_id = 'pay_a'": {"I10"},
    "INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,"
    " state, created_at, capture_before) VALUES ('pay_c', 'att_c', 'chk_c', 'sandbox', 5, 'INR', '{}', 'authorized',"
    " now() - interval '7 days', now() + interval '8 hours')": {"I12b"},
    "INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,"
    " state, capturing_minor) VALUES ('pay_d', 'att_d', 'chk_d', 'sandbox', 5, 'INR', '{}', 'authorized', 5);"
    "INSERT INTO payments.due (payment_id, at) VALUES ('pay_d', now() + interval '2 days')": {"I12c"},
    "INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,"
    " state) VALUES ('pay_e', 'att_e', 'chk_e', 'sandbox', 5, 'INR', '{}', 'unknown')": {"I12c"},
}


@pytest.fixture
async def shop(admin_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A database with one sound order of its own, all of it taken back afterwards."""
    connection = await asyncpg.connect(admin_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(BOOKS_TABLE)
        await connection.execute(SOUND.replace("HT-A", new_id("x")))
        yield connection
    finally:
        await transaction.rollback()
        await connection.close()


async def _broken(connection: asyncpg.Connection) -> dict[str, int]:
    """How often each invariant is broken; other tests leave broken things of their own in this database."""
    return {invariant: len(await connection.fetch(sql)) for invariant, _, sql in QUESTIONS}


LOST = (
    "UPDATE payments.payments SET dispute = 'lost', disputed_minor = 1000 WHERE payment_id = 'pay_a';"
    "UPDATE orders.orders SET status = 'canceled', refunded_minor = 1000 WHERE id = 'ord_a'"
)


async def test_money_of_a_canceled_order_that_a_dispute_took_is_not_held(shop: asyncpg.Connection):
    before = await _broken(shop)
    await shop.execute(LOST)
    after = await _broken(shop)
    assert {invariant for invariant, found in after.items() if found > before[invariant]} == set()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: " ".join(fault.split()[:4]))
async def test_the_audit_finds_what_is_wrong(shop: asyncpg.Connection, fault: str):
    before = await _broken(shop)
    await shop.execute(fault)
    after = await _broken(shop)
    assert {invariant for invariant, found in after.items() if found > before[invariant]} == FAULTS[fault]


def test_each_invariant_has_a_name_of_its_own_and_has_been_seen_broken():
    assert len({invariant for invariant, _, _ in QUESTIONS}) == len(QUESTIONS)
    assert set().union(*FAULTS.values()) == {invariant for invariant, _, _ in QUESTIONS}


async def test_a_sound_order_breaks_nothing(shop: asyncpg.Connection):
    sql = {invariant: sql for invariant, _, sql in QUESTIONS}
    ours = ("_a", "sku-a", "OFF-A")
    found = {
        invariant: [row[0] for row in await shop.fetch(query) if str(row[0]).split()[0].endswith(ours)]
        for invariant, query in sql.items()
    }
    assert {invariant: rows for invariant, rows in found.items() if rows} == {}


class _Books(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/sandbox/books" else 404)
        self.end_headers()
        self.wfile.write(b'{"data": []}')


class _OtherBooks(_Books):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.rpartition("?")[2].encode())


class _InTrouble(_Books):
    """Away behind the shop at first, then dead amid its books, then as ever."""

    troubles: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "away":
            self.send_error(503)
        elif trouble == "dies":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"data": [')
        else:
            super().do_GET()


def test_a_provider_in_trouble_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(_InTrouble, "troubles", ["away", "dies"])
    server = http.server.HTTPServer(("127.0.0.1", 0), _InTrouble)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    read = books(f"http://127.0.0.1:{server.server_port}/sandbox/books", time.monotonic() + 120)
    server.shutdown()
    thread.join()
    server.server_close()
    assert read == []


@pytest.mark.parametrize("told", ["[]", '{"data":[1]}', '{"data":[{"id":"psp_a"}]}'])
def test_what_is_no_book_of_a_provider_is_not_read(told: str):
    server = http.server.HTTPServer(("127.0.0.1", 0), _OtherBooks)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    read = books(f"http://127.0.0.1:{server.server_port}/sandbox/books?{told}", 0.0)
    thread.join()
    server.server_close()
    assert read is None


@pytest.fixture
def provider_away() -> Iterator[http.server.HTTPServer]:
    """A provider at an address where nobody listens until it is activated."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Books, bind_and_activate=False)
    server.server_bind()
    yield server
    server.server_close()


def _open(provider: http.server.HTTPServer) -> None:
    provider.server_activate()
    threading.Thread(target=provider.handle_request).start()


@pytest.mark.slow
def test_a_provider_that_is_coming_back_is_waited_for(provider_away: http.server.HTTPServer):
    threading.Timer(0.2, _open, [provider_away]).start()
    url = f"http://127.0.0.1:{provider_away.server_port}/sandbox/books"
    assert books(url, time.monotonic() + 120) == []


def test_a_provider_that_stays_away_is_not_waited_for_longer_than_told(provider_away: http.server.HTTPServer):
    url = f"http://127.0.0.1:{provider_away.server_port}/sandbox/books"
    assert books(url, time.monotonic()) is None


def test_a_provider_without_books_is_not_waited_for(provider_away: http.server.HTTPServer):
    _open(provider_away)
    started = time.monotonic()
    assert books(f"http://127.0.0.1:{provider_away.server_port}/", started + 120) is None
    assert time.monotonic() < started + 120


@pytest.mark.slow
def test_a_database_that_goes_away_amid_is_waited_for(database_away: str):
    assert len(asyncio.run(patiently(database_away, None, time.monotonic() + 120))) == len(QUESTIONS)


def test_a_database_that_stays_away_is_explained(nowhere: str):
    with pytest.raises(StartupFault, match=r"cannot be reached: .*No such file"):
        asyncio.run(patiently(nowhere, None, 0.0))
