"""The writes that pgbench does are the stores' own: same statements, same parameters, same rows."""

from __future__ import annotations

import re

import psycopg
import pytest

from haat.cli.load import pgbench
from haat.cli.load.writes import SERVICES, WRITES

DOCUMENT = '{"a": 1}'
SAMPLES = {**dict.fromkeys(pgbench.SAMPLES, DOCUMENT), "history": "[]", "event": "\\x7b7d"}
ROWS = """
SELECT (SELECT quantity FROM inventory.events WHERE type = 'committed' AND cause_id = a.attempt_id LIMIT 1),
       (SELECT version FROM cart.carts t WHERE t.cart_id = a.cart_id),
       (SELECT count(*) FROM cart.items i WHERE i.cart_id = a.cart_id), c.status, a.state, o.status, p.state,
       p.captured_minor, (SELECT status FROM vault.charges WHERE provider_id = p.provider_id),
       (SELECT count(*) FROM payments.ledger_entries JOIN payments.ledger_txns USING (txn_id)
        WHERE payment_id = p.payment_id)
FROM checkout.attempts a JOIN checkout.checkouts c ON c.id = a.checkout_id
JOIN orders.orders o ON o.checkout_id = c.id JOIN payments.payments p ON p.attempt_id = a.attempt_id
"""


@pytest.mark.parametrize(("service", "query", "values"), WRITES)
def test_a_write_names_the_parameters_of_its_query(service, query, values):
    text = (SERVICES / service / "queries.sql").read_text()
    header = re.search(rf"^-- name: {query}\((.*?)\)", text, re.MULTILINE)
    assert header is not None
    assert set(values) == {name.strip() for name in header.group(1).split(",")}


@pytest.mark.slow
def test_every_write_of_a_journey_happens(admin_url):
    with pgbench.scratch(admin_url) as url:
        assert pgbench.run(url, SAMPLES, "-c", "1", "-t", "1") > 0
        with psycopg.connect(url) as connection:
            rows = connection.execute(ROWS).fetchall()
    assert rows == [(1, 3, 0, "completed", "placed", "placed", "captured", 99800, 200, 4)]
