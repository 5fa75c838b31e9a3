"""T-META-01: faults of concurrency and money, each a small change of the source, and the tests that must see it.

A test that never failed proves nothing. Each mutant is applied in a copy of the tree, and its tests have to turn red.
docs/money.md says how many are killed, and why the others live.
"""

from __future__ import annotations

import msgspec

SAGA = "services/checkout/saga.py"
CHECKOUT_SQL = "services/checkout/queries.sql"
CHECKOUT_TABLES = "services/checkout/migrations/0001_begin.py"
CHECKOUT = "services/checkout/service.py"
DRIVER = "services/checkout/driver.py"
PROMOTIONS_SQL = "services/promotions/queries.sql"
ORDERS = "services/orders/service.py"
TASKS = "services/orders/tasks.py"
ORDERS_SQL = "services/orders/queries.sql"
PAYMENTS_SQL = "services/payments/queries.sql"
PAYMENTS = "services/payments/service.py"
PAYMENTS_MODEL = "services/payments/model.py"
STATEMENTS = "services/payments/statements.py"
HEARING = "services/payments/hearing.py"
LEDGER = "services/payments/migrations/0001_begin.py"
STOCK = "services/inventory/migrations/0003_one_pass.py"
CROWDS = "services/inventory/migrations/0004_crowds.py"
CART_SQL = "services/cart/queries.sql"
CART_GOES = "services/cart/migrations/0006_items_go_along.py"
DATABASE = "kit/database.py"
LOG = "engines/events/postgres_log.py"

T_SAGA = "tests/services/checkout/test_saga.py"
T_SIM = "tests/faults/test_simulation.py"
T_STORE = "tests/services/checkout/test_store.py"
T_CHECKOUT = "tests/services/checkout/test_service.py"
T_CRASHES = "tests/services/checkout/test_crashes.py"
T_CART = "tests/services/cart/test_store.py"
T_COUPONS = "tests/services/promotions/test_service.py"
T_PAY = "tests/services/payments/test_service.py"
T_KEPT = "tests/services/payments/test_kept_notices.py"
T_PLACED = "tests/services/payments/test_orders_placed.py"
T_CREDIT = "tests/services/payments/test_credit.py"
T_LEDGER = "tests/services/payments/test_ledger_machine.py"
T_STOCK = "tests/services/inventory/test_service.py"
T_STOCK_RACES = "tests/services/inventory/test_races.py"
# A busy machine takes the buyers of a race for a crowd, and then the ordinary statement holds nothing.
LAST_UNIT = f"{T_STOCK_RACES}::test_the_last_unit_is_held_once_where_nobody_takes_its_buyers_for_a_crowd"
T_CROWDS = "tests/services/inventory/test_crowds.py"
T_EVENTS = "tests/kit/test_events.py"
T_DATABASE = "tests/kit/test_database.py"


def race(name: str) -> str:
    """One of the races through the real gateway, in its small size."""
    return f"tests/faults/test_races.py::test_a_race_has_the_winners_it_may_have[{name}]"


class Mutant(msgspec.Struct, frozen=True):
    """`find` stands in the file exactly once and becomes `instead`; one of `tests` must fail then.

    `lives` says why a mutant may live: what else keeps the promise.
    """

    name: str
    file: str
    find: str
    instead: str
    tests: tuple[str, ...]
    lives: str = ""


# The line at which a level moves, and the keys and checks behind it: what the database refuses as well goes with it.
MOVED = '''        WHERE {where} AND s.available + v_gained >= 0
        RETURNING s.stream, s.sku, s.location, s.version, s.moved_at, s.head, s.available, s.low_stock_at, s.spread,
                  s.hot_until INTO v_row;"""
'''
UNCHECKED = 'DROPPED += "ALTER TABLE inventory.stock DROP CONSTRAINT never_below_zero;"\n'
UNKEYED = 'DROPPED += "ALTER TABLE inventory.events DROP CONSTRAINT events_stream_cause_id_type_key;"\n'
BROUGHT = """    WHERE NOT EXISTS (
        SELECT FROM inventory.events e WHERE e.stream = s.stream AND e.cause_id = p_cause AND e.type = p_type)"""
BOOKED = ''';
    RETURN v_streams IS NULL
        OR inventory.apply(p_type, p_cause, p_cause_kind, v_streams, v_quantities, p_data) IS NOT NULL;
END $$
"""
'''

MUTANTS = (
    # The saga
    Mutant("undo only what this driver did", SAGA, "reach = max(saga.reach, REACHES[effect])", "reach = REACHES[effect]", (T_SIM,)),
    Mutant("trust the stored reach", SAGA, "    if saga.state in UNDOING or saga.reach is Reach.MONEY:\n        return saga", "    if True:\n        return saga", (T_SAGA, T_SIM)),
    Mutant("undo the payment before the stock", SAGA, "state=State.UNDO_STOCK, failure=failure", "state=State.UNDO_PAYMENT, failure=failure", (T_SAGA, T_SIM)),
    Mutant("never void", SAGA, "if following is State.UNDO_PAYMENT and saga.reach >= Reach.MONEY:", "if False:", (T_SAGA, T_SIM)),
    Mutant("never give coupons back", SAGA, "if saga.has_coupons and saga.reach >= Reach.COUPONS:", "if False:", (T_SAGA, T_SIM)),
    Mutant("take a timeout for a decline", SAGA, 'case "declined" | "expired" | "voided" | "refunded":', 'case "declined" | "expired" | "voided" | "refunded" | "unknown":', (T_SAGA, T_SIM)),
    Mutant("undo what is sold", SAGA, "    if saga.pivoted:\n        return _forward", "    if False:\n        return _forward", (T_SAGA, T_SIM)),
    Mutant("fail though another has sold", SAGA, "state=State.ASSESSED, failure=None, action=None, pivoted=True", "state=State.FAILED, pivoted=True", (T_SAGA, T_SIM)),
    Mutant("forget why it failed", SAGA, "return saga.reach is Reach.MONEY\n    return saga.state not in UNSTORED", "return False\n    return saga.state not in UNSTORED", (T_SAGA,)),
    Mutant("never park", SAGA, "parked = tries > MOST_TRIES", "parked = False", (T_SAGA,)),
    Mutant("hold money for ever", SAGA, "if age_seconds >= GIVE_UP_SECONDS and", "if False and", (T_SAGA,)),
    # The checkout's driver, service and store
    Mutant("take any amount", DRIVER, "if payment.amount != attempt.quote.totals.total:", "if False:", (T_CHECKOUT, T_CRASHES)),
    Mutant("let units expire while the shopper acts", DRIVER, "if payment.action is not None and attempt.saga.state is not State.WAITING:", "if False:", (T_CHECKOUT, T_CRASHES)),
    Mutant("believe oneself the first driver", DRIVER, "reach=Reach.NOTHING if first else attempt.saga.reach", "reach=Reach.NOTHING", (T_CRASHES, T_SIM)),
    Mutant("keep late money", CHECKOUT, "if isinstance(event, PaymentAuthorized) and states.get(event.attempt_id) == State.FAILED:", "if False:", (T_CHECKOUT,)),
    Mutant("answer a key for any body", CHECKOUT, "    if known.fingerprint != ask.idempotency.fingerprint:\n        raise IdempotencyConflict()", "    pass", (T_CHECKOUT,)),
    Mutant("write without the version fence", CHECKOUT_SQL, "WHERE attempt_id = :attempt_id AND version = :version\n    RETURNING checkout_id", "WHERE attempt_id = :attempt_id AND :version > 0\n    RETURNING checkout_id", (T_STORE,)),
    Mutant("lease what is leased", CHECKOUT_SQL, "WHERE a.attempt_id = ANY(:attempt_ids::text[]) AND a.lease_until <= now() AND", "WHERE a.attempt_id = ANY(:attempt_ids::text[]) AND", (T_STORE,)),
    Mutant("lease what is due though it is driven", CHECKOUT_SQL, "next_run_at <= now() AND lease_until <= now()\n", "next_run_at <= now()\n", (T_STORE,)),
    Mutant("claim a quote that has run out", CHECKOUT_SQL, "AND status = 'open' AND expires_at > now()", "AND status = 'open'", (T_STORE,)),
    Mutant("claim a quote that was changed", CHECKOUT_SQL, "ELSE version = :version END", "ELSE true END", (T_STORE,)),
    Mutant("claim what is not complete", CHECKOUT_SQL, "THEN ready ELSE", "THEN true ELSE", (T_STORE,)),
    Mutant("order a cart from two tabs", CHECKOUT_TABLES, "CREATE UNIQUE INDEX attempts_cart", "CREATE INDEX attempts_cart", (T_STORE,)),
    Mutant("use a key for two checkouts", CHECKOUT_TABLES, "        UNIQUE (account, key)\n", "        CHECK (true)\n", (T_CHECKOUT, T_STORE)),
    Mutant("let an old attempt reopen a canceled checkout", CHECKOUT_SQL, "AND c.status NOT IN ('completed', 'canceled')", "AND true", (T_STORE,)),
    Mutant("stop at a state of another version", "services/checkout/store.py", "except msgspec.ValidationError as error:", "except ZeroDivisionError as error:", (T_STORE,)),
    # Coupons
    Mutant("count a coupon without its limit", PROMOTIONS_SQL, "(c.limit_total IS NULL OR c.used < c.limit_total)", "true", (T_COUPONS,)),
    Mutant("count a customer without the limit", PROMOTIONS_SQL, "WHERE u.used < coalesce(", "WHERE u.used < 1000 + coalesce(", (T_COUPONS,)),
    Mutant("count a repeated redeem again", PROMOTIONS_SQL, "WHERE code = ANY(:codes::text[]) AND EXISTS (SELECT FROM attempt) ORDER BY", "WHERE code = ANY(:codes::text[]) ORDER BY", (T_COUPONS,)),
    Mutant("redeem after giving back", "services/promotions/service.py", 'if state != "redeemed":', "if False:", (T_COUPONS,)),
    Mutant("give back without counting", PROMOTIONS_SQL, "UPDATE promotions.coupons c SET used = c.used - 1", "UPDATE promotions.coupons c SET used = c.used", (T_COUPONS,)),
    # Orders
    Mutant("place a second order", ORDERS_SQL, "ON CONFLICT (checkout_id) DO NOTHING\n    RETURNING id, number", "RETURNING id, number", ("tests/services/orders/test_store.py",)),
    Mutant("end a task twice", ORDERS_SQL, "WHERE id = :id AND NOT done\nRETURNING COALESCE", "WHERE id = :id\nRETURNING COALESCE", ("tests/services/orders/test_tasks.py", "tests/services/orders/test_store.py")),
    Mutant("write an order decided on an older look", ORDERS_SQL, "WHERE id = :id AND version = :version RETURNING version", "WHERE id = :id AND :version > 0 RETURNING version", ("tests/services/orders/test_store.py",)),
    # Payments
    Mutant("ask under a new key each time", STATEMENTS, 'return f"{payment.payment_id}{AUTHORIZE}"', 'return f"{payment.payment_id}:{now().timestamp()}{AUTHORIZE}"', (T_PAY,)),
    Mutant("refund more than was taken", PAYMENTS_SQL, "AND refunded_minor + :amount_minor::bigint + disputed_minor <= captured_minor\n      AND NOT EXISTS", "AND NOT EXISTS", (T_PAY,)),
    Mutant("capture more than was authorised", PAYMENTS_SQL, "AND captured_minor + capturing_minor + :amount_minor::bigint <= amount_minor - credit_minor\n      AND NOT EXISTS (SELECT FROM payments.provider_calls WHERE idem_key = :idem_key)\n    RETURNING payment_id\n", "AND NOT EXISTS (SELECT FROM payments.provider_calls WHERE idem_key = :idem_key)\n    RETURNING payment_id\n", (T_PAY,)),
    Mutant("capture what is being voided", PAYMENTS_SQL, "WHERE payment_id = :payment_id AND void_reason IS NULL AND state IN ('authorized', 'captured')", "WHERE payment_id = :payment_id AND state IN ('authorized', 'captured')", (T_PAY,)),
    Mutant("write a payment decided on an older look", PAYMENTS_SQL, "    WHERE payment_id = :payment_id AND version = :version\n      AND (:call_key::text IS NULL", "    WHERE payment_id = :payment_id AND :version > 0\n      AND (:call_key::text IS NULL", ("tests/services/payments/test_store.py", T_PAY)),
    Mutant("begin after the void", PAYMENTS, "if payment.tombstone or payment.void_reason is not None:\n            raise", "if False:\n            raise", (T_PAY,), "a tombstone has no call, and the next line refuses a payment without one; a voided payment is answered as voided"),
    Mutant("change the amount of an attempt", PAYMENTS, "if call is None or call.request_hash != _request_hash(ask):", "if call is None:", (T_PAY,)),
    Mutant("take another amount for ours", PAYMENTS_MODEL, "    if fact.amount != payment.asked:\n", "    if False:\n", ("tests/services/payments/test_webhooks.py", "tests/services/payments/test_model.py")),
    Mutant("let an old notice turn a payment back", PAYMENTS_MODEL, "state = told if RANK[told] > RANK[payment.state] else payment.state", "state = told", ("tests/services/payments/test_model.py", "tests/services/payments/test_webhooks.py")),
    Mutant("accept any signature", "engines/payment_provider/sandbox.py", "if not any(_signed(webhook, body, lowered) for webhook in self._webhooks):", "if False:", ("tests/services/payments/test_webhooks.py",)),
    Mutant("forget a notice that nobody could look up", HEARING, "await self._store.keep_notice(KeptNotice(provider.name, notice.id, heard.provider_id, payment.payment_id))", "await self._store.take_webhook(provider.name, notice.id)", (T_KEPT,)),
    Mutant("look a kept notice up once", HEARING, "            raise Unavailable(outcome.why)\n", "            pass\n", (T_KEPT,)),
    Mutant("put a payment off as it was when looked at", PAYMENTS_SQL, "AND version = :version FOR NO KEY UPDATE\n", "AND version = :version\n", (T_PLACED,)),
    Mutant("trust a watch as it was when looked at", PAYMENTS_SQL, "SELECT payment_id, :next_check_at::timestamptz FROM moved\n    ON CONFLICT (payment_id) DO UPDATE SET at = excluded.at, checks = 0 WHERE d.at > excluded.at\n", "SELECT payment_id, :next_check_at::timestamptz FROM moved m\n    WHERE NOT EXISTS (SELECT FROM payments.due o WHERE o.payment_id = m.payment_id AND o.at <= :next_check_at)\n    ON CONFLICT (payment_id) DO UPDATE SET at = excluded.at\n", (T_PLACED,)),
    Mutant("post what does not balance", "services/payments/migrations/0007_checked_by_the_statement.py", "GROUP BY txn_id, currency HAVING sum(amount) <> 0 LIMIT 1;", "GROUP BY txn_id, currency HAVING false LIMIT 1;", ("tests/services/payments/test_ledger_guards.py",)),
    Mutant("correct the ledger in place", LEDGER, "RAISE EXCEPTION 'the ledger is append-only: correct it by a reversing transaction' USING ERRCODE = '23001';", "RETURN NULL;", ("tests/services/payments/test_ledger_guards.py",)),
    Mutant("void a gift card as it was when looked at", PAYMENTS_SQL, "RETURNING new.*, old.balance_minor AS taken_minor;", "RETURNING new.*, (SELECT o.balance_minor FROM payments.credits o WHERE o.account = :account) AS taken_minor;", (T_CREDIT,)),
    Mutant("take back credit as it was when looked at", PAYMENTS_SQL, "UPDATE payments.credits SET balance_minor = balance_minor - :amount_minor\nWHERE account = :account AND balance_minor >= :amount_minor RETURNING", "WITH seen AS MATERIALIZED (\n    SELECT account, balance_minor FROM payments.credits WHERE account = :account AND balance_minor >= :amount_minor\n)\nUPDATE payments.credits c SET balance_minor = seen.balance_minor - :amount_minor\nFROM seen WHERE c.account = seen.account RETURNING c.", (T_CREDIT,)),
    Mutant("spend a voided gift card", PAYMENTS_SQL, "voided_at IS NOT NULL AS voided", "false AS voided", (T_CREDIT,)),
    Mutant("count everybody's tries to give money back", PAYMENTS_MODEL, "for refund in self.refunds if refund.request_id.startswith(GIVE_BACK))", "for refund in self.refunds)", (T_LEDGER,)),
    # What only a whole shop shows: several services, several processes
    Mutant("spend a gift card as it was when looked at", PAYMENTS_SQL, "ORDER BY account FOR UPDATE;\n\n-- name: spend(accounts, amounts)\nUPDATE payments.credits c SET balance_minor = c.balance_minor - n.amount\nFROM unnest(:accounts::text[], :amounts::bigint[]) AS n (account, amount)\nWHERE c.account = n.account AND c.balance_minor >= n.amount RETURNING", "ORDER BY account;\n\n-- name: spend(accounts, amounts)\nUPDATE payments.credits c SET balance_minor = greatest(c.balance_minor - n.amount, 0)\nFROM unnest(:accounts::text[], :amounts::bigint[]) AS n (account, amount)\nWHERE c.account = n.account RETURNING", (race("T-RACE-04/alone"),)),
    Mutant("keep the credit before a declined card", PAYMENTS_MODEL, 'after.state in ("captured", "declined", "expired", "voided"):', 'after.state in ("captured", "expired", "voided"):', (race("T-RACE-04/before a card"),)),
    Mutant("refund as often as a key is repeated", ORDERS, "begun = await transaction.replay(idempotency, _Begun)", "begun = None", (race("T-RACE-05/one key"),)),
    Mutant("say yes to a refund that is not decided", ORDERS, "        if under_way:\n", "        if False:\n", (race("T-RACE-05/one key too much"),)),
    Mutant("cancel an order and keep its money", TASKS, '        await self._payments.void(Void(attempt_id=order.attempt_id, reason="order canceled"))\n', "", (race("T-RACE-06/fresh"),)),
    Mutant("take the money of another merchant for ours", PAYMENTS_MODEL, "    if fact.foreign_merchant is not None:\n", "    if False:\n", ("tests/services/payments/test_model.py", "tests/services/payments/test_webhooks.py")),
    Mutant("keep no units for a bank that has not decided", "services/checkout/driver.py", "    if payment.state in UNDECIDED:\n", "    if False:\n", (T_CRASHES,)),
    Mutant("end refused work without its order", TASKS, "                await self._store.load_for_update(transaction.connection, order.id)\n                refusal", "                refusal", ("tests/services/orders/test_tasks.py",)),
    Mutant("tell an order nothing of a payment that is gone", PAYMENTS, "        if others:\n", "        if False:\n", (T_CRASHES,)),
    Mutant("wait for a person when money is gone and units are sold", SAGA, "        return _forward(saga, failure)\n", '        raise Impossible("the stock is sold")\n', (T_SIM,)),
    Mutant("hear nothing of holds that ran out", "services/orders/following.py", "                if order.status in CANCELABLE:\n                    data", "                if False:\n                    data", (race("T-RACE-06/held"),)),
    Mutant("void only what was not taken yet", "services/payments/teller.py", "return await self.refund(payment, payment.give_back_request, refundable(payment), reason)", "return payment", (race("T-RACE-06/waiting"),)),
    Mutant("order a cart from two tabs of a shop", CHECKOUT_TABLES, "CREATE UNIQUE INDEX attempts_cart", "CREATE INDEX attempts_cart", (race("T-RACE-01/two tabs"),)),
    Mutant("change what is being ordered", CHECKOUT_SQL, "AND version = :version AND status IN ('open', 'expired')", "AND :version > 0", (T_STORE, race("T-RACE-02"))),
    Mutant("count a customer's devices without the limit", PROMOTIONS_SQL, "WHERE u.used < coalesce(", "WHERE u.used < 1000 + coalesce(", (race("T-RACE-03/one a customer"),)),
    Mutant("keep the use of a declined card", PROMOTIONS_SQL, "UPDATE promotions.uses u SET used = u.used - 1", "UPDATE promotions.uses u SET used = u.used", (race("T-RACE-03/one a customer"),)),
    Mutant("let an older price win", "services/catalog/writing.py", "if each.merged_on is not None and check_version(old, document, each.read_at) != each.merged_on:", "if False:", (race("T-RACE-07"),)),
    Mutant("leave a cart filling that two have filled", "services/inventory/queries.sql", "SET state = CASE state WHEN 'filling' THEN 'held' ELSE state END", "SET state = state", (T_CROWDS,)),
    Mutant("let an older low mark win", "services/inventory/queries.sql", "AND (:expected::bigint IS NULL OR low_stock_at = :expected::bigint)", "AND (:expected::bigint IS NULL OR low_stock_at >= 0)", (race("T-RACE-07"),)),
    # Stock
    Mutant("hold more than there is", STOCK, MOVED, MOVED.replace(" AND s.available + v_gained >= 0", "") + UNCHECKED, (race("T-INV-01/normal"), LAST_UNIT)),
    Mutant("hold what was there when looked at", STOCK, MOVED, MOVED.replace("AND s.available", "AND (SELECT o.available FROM inventory.stock o WHERE o.stream = s.stream)") + UNCHECKED, (LAST_UNIT,)),
    Mutant("sell several units too many", STOCK, MOVED, MOVED.replace("s.available + v_gained >= 0", "s.available > 0") + UNCHECKED, (T_STOCK_RACES,)),
    Mutant("hold an attempt as often as it asks at once", STOCK, "    VALUES (p_cause, p_state, r_expires_at, v_streams, p_quantities);\nEND $$\n\"\"\"  # noqa: S608 - our own words\n", "    VALUES (p_cause, p_state, r_expires_at, v_streams, p_quantities) ON CONFLICT DO NOTHING;\nEND $$\n\"\"\"\n" + UNKEYED, (f"{T_STOCK_RACES}::test_the_same_attempt_from_many_workers_holds_once_though_there_is_plenty",)),
    Mutant("receive a delivery as often as it is told", STOCK, BROUGHT + BOOKED, BOOKED + UNKEYED, (T_STOCK_RACES,)),
    Mutant("commit what was released", STOCK, "IF r_state IS DISTINCT FROM 'expired' THEN RETURN; END IF;", "IF r_state IS NULL OR r_state NOT IN ('expired', 'released') THEN RETURN; END IF;", (T_STOCK, T_STOCK_RACES)),
    Mutant("commit what is not held", STOCK, "WHERE r.attempt_id = p_attempt AND r.state = 'held'\n    RETURNING", "WHERE r.attempt_id = p_attempt\n    RETURNING", (T_STOCK, T_STOCK_RACES)),
    Mutant("expire what is not due", STOCK, "WHERE state IN ('held', 'filling') AND expires_at < clock_timestamp()", "WHERE state IN ('held', 'filling')", (T_STOCK,)),
    Mutant("keep an expired hold committable after its release", STOCK, "UPDATE inventory.reservations SET state = 'released' WHERE attempt_id = p_attempt;", "UPDATE inventory.reservations SET state = 'released' WHERE attempt_id = p_attempt AND r_state = 'held';", (T_STOCK,)),
    Mutant("leave no tombstone", STOCK, "INSERT INTO inventory.reservations (attempt_id, state, expires_at) VALUES (p_attempt, 'released', now())\n    ON CONFLICT DO NOTHING;", "PERFORM 1 WHERE NOT EXISTS (SELECT FROM inventory.reservations WHERE attempt_id = p_attempt);", (T_STOCK, T_STOCK_RACES)),
    Mutant("grant a crowd more than there is", CROWDS, "CONTINUE WHEN r_states[i] IS NOT NULL OR v_want > r_available;", "CONTINUE WHEN r_states[i] IS NOT NULL;", (T_CROWDS,)),
    Mutant("grant one of a crowd twice", CROWDS, "CONTINUE WHEN r_states[i] IS NOT NULL OR v_want > r_available;", "CONTINUE WHEN v_want > r_available;", (T_CROWDS,)),
    # Carts
    Mutant("lose what another adds to the cart", CART_SQL, "WHERE cart_id = :cart_id AND version = :version::bigint\n    RETURNING version\n), begun", "WHERE cart_id = :cart_id AND :version::bigint > 0\n    RETURNING version\n), begun", (T_CART,)),
    Mutant("bring a joined cart back", CART_SQL, ":secret_hash WHERE :version = 0", ":secret_hash WHERE :version >= 0", (T_CART,)),
    Mutant("let items outlive their cart", CART_GOES, "        DELETE FROM cart.items WHERE cart_id = OLD.cart_id;\n", "", (T_CART,)),
    Mutant("take an order out of the cart as often as it is told", CART_SQL, "FROM locked, fresh, unnest(", "FROM locked, (SELECT count(*) FROM fresh) f, unnest(", (T_CART,)),
    Mutant("take out what was added since the order", CART_SQL, "WHEN MATCHED AND i.quantity > o.quantity THEN UPDATE SET quantity = i.quantity - o.quantity\n", "", (T_CART,)),
    Mutant("decide on a quantity as it was seen", CART_SQL, "\n)\nMERGE INTO cart.items i USING ordered o\nON i.cart_id = o.cart_id AND i.variant_id = o.variant_id\nWHEN MATCHED AND i.quantity > o.quantity THEN UPDATE SET quantity = i.quantity - o.quantity\nWHEN MATCHED THEN DELETE;", "\n), fewer AS (\n    UPDATE cart.items i SET quantity = i.quantity - o.quantity FROM ordered o\n    WHERE i.cart_id = o.cart_id AND i.variant_id = o.variant_id AND i.quantity > o.quantity\n)\nDELETE FROM cart.items i USING ordered o\nWHERE i.cart_id = o.cart_id AND i.variant_id = o.variant_id AND i.quantity <= o.quantity;", (T_CART,)),
    Mutant("look for a guest's order in the cart that is gone", CART_SQL, "coalesce((SELECT cart_id FROM cart.carts WHERE cart_id = :cart_id),\n                             (SELECT into_cart FROM cart.joined WHERE cart_id = :cart_id))", ":cart_id", (T_CART,)),
    Mutant("note an order whose cart was not found", CART_SQL, "SELECT :checkout_id::text FROM locked, quick", "SELECT :checkout_id::text FROM quick, (SELECT count(*) FROM locked) l", (T_CART,)),
    Mutant("save a cart over its emptying", CART_SQL, "UPDATE cart.carts c SET version = c.version + 1,", "UPDATE cart.carts c SET version = c.version,", (T_CART,)),
    Mutant("leave the cart to the order's event", DRIVER, "                await self._cart.take_ordered(ask)\n", "                pass\n", (T_CHECKOUT, T_CRASHES)),
    Mutant("wait for the cart for ever", DRIVER, "asyncio.timeout(CART_SECONDS)", "asyncio.timeout(None)", (T_CRASHES,)),
    Mutant("fail with the cart", DRIVER, "        except Exception as error:\n            log.warning(\"cart", "        except TimeoutError as error:\n            log.warning(\"cart", (T_CRASHES,)),
    # Idempotency, inboxes, the log
    Mutant("accept an event twice", DATABASE, "return [event for event in once.values() if event.id in ids]", "return list(once.values())", (T_EVENTS, T_DATABASE)),
    Mutant("answer another body under the key", DATABASE, "    if stored_fingerprint != idempotency.fingerprint:\n        raise IdempotencyConflict()\n", "", (T_DATABASE,)),
    Mutant("run two requests of one key side by side", DATABASE, '        if not row["free"]:\n            raise IdempotencyInFlight()\n', "", (T_DATABASE,)),
    Mutant("read past a running transaction", LOG, "AND tx < pg_snapshot_xmin(pg_current_snapshot())", "AND true", (T_EVENTS,)),
    Mutant("sort transactions as text", LOG, "ORDER BY log.tx, log.position", "ORDER BY log.tx::text, log.position", (T_EVENTS,)),
    Mutant("take a reader's place back", LOG, "if place > self._places.get(reader, BEGINNING):", "if True:", (T_EVENTS,)),
    Mutant("lose an event in an outage", "kit/reactions.py", "        if isinstance(error, Unavailable):\n", "        if False:\n", (T_EVENTS,)),
    # Money
    Mutant("lose the odd paisa", "kit/money.py", "shares[i] += 1", "shares[i] += 0", ("tests/kit/test_money.py", "tests/services/checkout/test_totals.py")),
    Mutant("round down", "kit/money.py", "(abs(numerator) * 2 + abs(denominator)) //", "(abs(numerator) * 2) //", ("tests/kit/test_money.py",)),
)  # fmt: skip
