"""The writes of one journey, as the stores speak them: their own statements with values for pgbench."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

SERVICES = Path(__file__).parents[2] / "services"
SKUS = 200
CARDS = 1_000
_EVENT = {
    "event_id": ":e1", "event_name": "'bench.Written'", "event_key": ":e1", "event_at": "now()", "event_body": ":event",
}  # fmt: skip
_ITEM = {
    "cart_id": ":cart", "user_id": "NULL", "secret_hash": "'\\x00'", "product_id": "'prd_bench'", "quantity": "1",
    "price_minor": "49900", "added_at": "now()", **_EVENT,
}  # fmt: skip
# (service, query, values): a value is SQL, or `:name`, a variable of pgbench.
WRITES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("cart", "save_item", {**_ITEM, "version": "0", "item_id": ":item1", "variant_id": ":sku1"}),
    ("cart", "save_item", {**_ITEM, "version": "1", "item_id": ":item2", "variant_id": ":sku2"}),
    ("checkout", "insert_checkout", {
        "id": ":checkout", "owner": "'guest'", "cart_id": ":cart", "cart_version": "2", "quote": ":quote",
        "ready": "true", "valid_seconds": "1800",
    }),
    ("checkout", "claim", {
        "attempt_id": ":attempt", "checkout_id": ":checkout", "owner": "'guest'", "version": "NULL",
        "account": "'guest'", "key": ":attempt", "fingerprint": "'f'", "complete": ":asked",
        "saga": """'{"state": "claimed"}'""",
        "lease_seconds": "30",
    }),
    ("inventory", "reserve", {
        "attempt_id": ":attempt", "skus": "ARRAY[:sku1, :sku2]", "quantities": "ARRAY[1, 1]", "hold_seconds": "600",
        "state": "'held'",
    }),
    ("fraud", "assess", {
        "attempt_id": ":attempt", "user_id": "NULL", "email": ":attempt || '@example.com'", "network_address": "NULL",
        "card": ":card", "most": "100",
    }),
    ("payments", "begin", {
        "payment_id": ":payment", "attempt_id": ":attempt", "checkout_id": ":checkout", "provider": "'sandbox'",
        "amount_minor": "99800", "currency": "'INR'", "method": """'{"method": "card", "token": "x"}'""",
        "user_id": "NULL", "return_url": "NULL", "state": "'authorizing'", "save_wanted": "false",
        "history": "'[]'", "next_check_at": "(now() + interval '30 seconds')", "created_at": "now()",
        "idem_key": ":authorize", "request_hash": "'h'",
    }),
    ("vault", "begin_waiting", {"idempotency_key": ":authorize", "token": ":card", "request_hash": "'h'"}),
    ("vault", "end_charge", {
        "idempotency_key": ":authorize", "status": "200", "answer": ":answer", "provider_id": ":psp",
        "detail": "'200 authorized'",
    }),
    ("payments", "save_held", {
        "payment_id": ":payment", "version": "1", "provider_id": ":psp", "brand": "'visa'", "last4": "'4242'",
        "capture_before": "now() + interval '7 days'", "history": ":history", "call_key": ":authorize",
        "event_id": ":e1", "event_name": "'bench.Written'", "event_at": "now()", "event_body": ":event",
    }),
    ("inventory", "commit_hold", {"attempt_id": ":attempt"}),
    ("cart", "take_ordered", {
        "quickly": "true", "checkout_id": ":checkout", "cart_id": ":cart",
        "variant_ids": "ARRAY[:sku1, :sku2]", "quantities": "ARRAY[1, 1]",
    }),
    ("orders", "place", {
        "id": ":order", "number": ":order", "checkout_id": ":checkout", "attempt_id": ":attempt", "cart_id": ":cart",
        "user_id": "NULL", "guest_hash": "'g'", "email": ":attempt || '@example.com'", "status": "'placed'",
        "on_hold": "false", "body": ":body", "product_ids": "ARRAY['prd_bench']", "payment_id": ":payment",
        "payment_status": "'authorized'", "currency": "'INR'", "total_minor": "99800", "captured_minor": "0", **_EVENT,
    }),
    ("checkout", "save", {
        "attempt_id": ":attempt", "version": "1", "state": "'placed'", "saga": ":saga", "lease_seconds": "0",
        "run_in_seconds": "5", "tries": "0", "last_error": "NULL", "checkout_status": "'completed'", "action": "NULL",
        "failure": "NULL", "order_id": ":order", "order_number": ":order",
    }),
    ("payments", "begin_captures", {
        "payment_ids": "ARRAY[:payment]", "request_id": "'order-placed'",
        "next_check_at": "(now() + interval '30 seconds')",
    }),
    ("payments", "save_taken", {
        "payment_ids": "ARRAY[:payment]", "versions": "ARRAY[3]", "histories": "ARRAY[:history]::json[]",
        "call_keys": "ARRAY[:payment || ':' || 'capture' || ':' || 'order-placed']", "event_ids": "ARRAY[:e1]",
        "event_name": "'bench.Written'", "event_ats": "ARRAY[now()]", "event_bodies": "ARRAY[:event]::bytea[]",
    }),
)  # fmt: skip

_IDS = [
    "cart",
    "item1",
    "item2",
    "checkout",
    "attempt",
    "payment",
    "psp",
    "authorize",
    "order",
    "e1",
]
# Two SKUs in the order of their bytes, as a cart's lines reach the inventory.
_BEGIN = f"""SELECT {", ".join(f"'{name}_' || id AS {name}" for name in _IDS)},
    'tok_' || (random() * {CARDS - 1})::integer AS card,
    'sku_a' || sku AS sku1, 'sku_b' || (sku + 1) % {SKUS} AS sku2
FROM (SELECT uuidv7()::text AS id, (random() * {SKUS - 1})::integer AS sku) AS made \\gset
"""  # noqa: S608 - our own names
# What a scratch database needs before the first journey, whose carts go from version to version as written above.
STOCK = f"""
ALTER TABLE cart.carts ALTER COLUMN version SET DEFAULT 1;
SELECT inventory.book('received', 'bench', 'bench', 'main', array_agg(s || n), array_agg(10000000::bigint), '{{}}')
FROM generate_series(0, {SKUS - 1}) AS n, unnest(ARRAY['sku_a', 'sku_b']) AS s;
"""  # noqa: S608 - our own numbers


def script() -> str:
    """A pgbench script: one journey's writes. Raises KeyError when a statement takes a value that is not given here."""
    return "\n".join([_BEGIN, *(statement(service, query, values) for service, query, values in WRITES)])


def statement(service: str, query: str, values: Mapping[str, str]) -> str:
    """A service's statement by its name in queries.sql, with its parameters replaced, ended by a semicolon."""
    text = (SERVICES / service / "queries.sql").read_text()
    found = re.search(rf"^-- name: {query}\(.*?$(.*?);\s*(?=^-- name:|\Z)", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise KeyError(f"{service} has no query {query}")
    body = re.sub(r"--.*$", "", found.group(1), flags=re.MULTILINE).strip()
    return re.sub(r"(?<!:):([a-z]\w*)", lambda name: values[name.group(1)], body) + ";\n"
