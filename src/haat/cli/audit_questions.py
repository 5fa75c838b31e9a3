"""What `haat audit` asks: an invariant, its promise, and the SQL that names whatever breaks it, one text a row."""

from __future__ import annotations

BOOKS_TABLE = """
CREATE TEMPORARY TABLE books (
    id text, reference text, amount bigint, currency text, state text, captured bigint, refunded bigint)
"""
AGAINST_THE_BOOKS = frozenset({"I5b", "I8a", "I8b"})

LEDGER = [
    (
        "I1",
        "every ledger transaction sums to zero in each currency",
        """SELECT txn_id || ' ' || currency FROM payments.ledger_entries
           GROUP BY txn_id, currency HAVING sum(amount) <> 0""",
    ),
    (
        "I1b",
        "the ledger holds what each payment captured and gave back",
        """SELECT p.payment_id FROM payments.payments p LEFT JOIN (
               SELECT t.payment_id, sum(e.amount) AS net FROM payments.ledger_txns t
               JOIN payments.ledger_entries e USING (txn_id)
               WHERE t.phase = 'posted' AND t.kind IN ('capture', 'refund', 'refund_returned')
                 AND e.account LIKE 'psp_clearing:%' GROUP BY t.payment_id) l USING (payment_id)
           WHERE coalesce(l.net, 0) <> p.captured_minor - (
               SELECT coalesce(sum(r.amount_minor), 0) FROM payments.refunds r
               WHERE r.payment_id = p.payment_id AND r.state = 'succeeded' AND r.account IS NULL)""",
    ),
    (
        "I2",
        "no payment captured more than was authorised",
        "SELECT payment_id FROM payments.payments WHERE captured_minor > amount_minor AND NOT tombstone",
    ),
    (
        "I3",
        "refunds and lost disputes never exceed what was captured",
        """SELECT p.payment_id FROM payments.payments p
           LEFT JOIN payments.refunds r ON r.payment_id = p.payment_id AND r.state <> 'failed' AND r.account IS NULL
           GROUP BY p.payment_id
           HAVING coalesce(sum(r.amount_minor), 0) + CASE p.dispute WHEN 'lost' THEN p.disputed_minor ELSE 0 END
                  > p.captured_minor OR min(r.amount_minor) <= 0""",
    ),
]
ORDERS = [
    (
        "I4",
        "a checkout has at most one living payment",
        """SELECT checkout_id FROM payments.payments
           WHERE state IN ('authorized', 'captured') AND void_reason IS NULL AND NOT tombstone
           GROUP BY checkout_id HAVING count(*) > 1""",
    ),
    (
        "I4b",
        "a completed checkout has exactly one order, and an order one completed checkout",
        """SELECT coalesce(c.id, o.checkout_id) FROM (
               SELECT id, order_id FROM checkout.checkouts WHERE status = 'completed') c
           FULL JOIN orders.orders o ON o.checkout_id = c.id
           WHERE c.order_id IS DISTINCT FROM o.id
             -- Orders of the seeded history were never checked out.
             AND (c.id IS NOT NULL OR EXISTS (SELECT FROM checkout.checkouts k WHERE k.id = o.checkout_id))""",
    ),
    (
        "I5",
        "captured money belongs to exactly one living order of the same amount, or went back",
        """SELECT p.payment_id FROM payments.payments p
           LEFT JOIN orders.orders o ON o.payment_id = p.payment_id AND o.status <> 'canceled'
           -- What the payer's bank has taken back, or may, needs no order any more.
           WHERE (p.captured_minor > p.refunded_minor
                      + CASE WHEN o.id IS NULL AND p.dispute IN ('opened', 'lost') THEN p.disputed_minor ELSE 0 END
                  OR p.credit_state = 'taken' AND p.credit_minor > (
                      SELECT coalesce(sum(r.amount_minor), 0) FROM payments.refunds r
                      WHERE r.payment_id = p.payment_id AND r.account IS NOT NULL))
             AND (o.id IS NULL OR o.total_minor <> p.amount_minor OR o.currency <> p.currency)""",
    ),
    (
        "I5b",
        "the provider holds money only for living orders",
        """SELECT b.reference FROM books b
           LEFT JOIN payments.payments p ON p.provider_id = b.id
           LEFT JOIN orders.orders o ON o.payment_id = p.payment_id AND o.status <> 'canceled'
           WHERE o.id IS NULL AND (b.state = 'authorized' OR b.captured > b.refunded
               + CASE WHEN p.dispute IN ('opened', 'lost') THEN p.disputed_minor ELSE 0 END)""",
    ),
    (
        "I5c",
        "a living order that nobody holds back is paid, or is paid in cash at the door",
        """SELECT o.id FROM orders.orders o JOIN checkout.checkouts c ON c.id = o.checkout_id
           LEFT JOIN payments.payments p ON p.payment_id = o.payment_id
           WHERE o.status <> 'canceled' AND NOT o.on_hold AND o.total_minor IS DISTINCT FROM
                 p.captured_minor + CASE p.credit_state WHEN 'taken' THEN p.credit_minor ELSE 0 END
             AND NOT (coalesce(p.provider, '') = 'cash' AND o.status <> 'delivered')""",
    ),
    (
        "I5d",
        "what an order says was taken and went back is what its payment took and gave back, once nothing is under way",
        """SELECT o.id FROM orders.orders o JOIN payments.payments p USING (payment_id), LATERAL (
               SELECT coalesce(sum(r.amount_minor) FILTER (WHERE r.account IS NOT NULL), 0) AS to_credit,
                      coalesce(bool_or(r.state = 'pending'), false) AS pending
               FROM payments.refunds r WHERE p.has_refunds AND r.payment_id = p.payment_id) back
           WHERE (o.captured_minor <> p.captured_minor + CASE p.credit_state WHEN 'taken' THEN p.credit_minor ELSE 0 END
                  -- A cancellation gives all back, and finds a part of it disputed away.
                  OR o.refunded_minor <> back.to_credit + CASE
                      WHEN o.status = 'canceled' AND p.dispute IN ('opened', 'lost')
                      THEN LEAST(p.captured_minor, p.refunded_minor + p.disputed_minor) ELSE p.refunded_minor END)
             AND NOT back.pending
             AND NOT EXISTS (SELECT FROM orders.tasks t WHERE t.order_id = o.id AND NOT t.done)""",
    ),
    (
        "I6",
        "an order's total is its lines with their discounts, and shipping",
        """SELECT o.id FROM orders.orders o JOIN checkout.checkouts c ON c.id = o.checkout_id, LATERAL (
               SELECT sum((line -> 'total' ->> 'amount')::bigint) AS total,
                      sum((line -> 'discount' ->> 'amount')::bigint) AS discount
               FROM json_array_elements(o.body -> 'items') AS line) lines
           WHERE o.total_minor <> lines.total + (o.body #>> '{totals,shipping,amount}')::bigint
              OR o.total_minor <> (o.body #>> '{totals,total,amount}')::bigint
              OR lines.total <> (o.body #>> '{totals,subtotal,amount}')::bigint - lines.discount
              OR lines.discount <> (o.body #>> '{totals,discount,amount}')::bigint""",
    ),
    (
        "I6b",
        "no more units of an item are sent, or come back or are refunded, than were bought",
        """SELECT o.id || ' ' || (line ->> 'id') FROM orders.orders o, json_array_elements(o.body -> 'items') AS line
           WHERE (o.shipped <> '{}' OR o.returned <> '{}') AND (line ->> 'quantity')::bigint < greatest(
               (o.shipped ->> (line ->> 'id'))::bigint, (o.returned ->> (line ->> 'id'))::bigint)""",
    ),
]
CREDIT = [
    (
        "I9e",
        "what can be spent of gift cards and store credit is what the ledger owes them, and never below zero",
        """SELECT c.account FROM payments.credits c LEFT JOIN (
               SELECT e.account, -sum(e.amount) AS owed FROM payments.ledger_entries e
               JOIN payments.ledger_txns t USING (txn_id)
               WHERE (e.account LIKE 'gift_liability:%' OR e.account LIKE 'store_credit:%')
                 -- What settles an announcement was counted with it.
                 AND NOT (t.phase = 'posted' AND t.pending_ref IS NOT NULL) GROUP BY e.account) l USING (account)
           WHERE c.balance_minor <> coalesce(l.owed, 0) OR c.balance_minor < 0""",
    ),
]
BOOKS = [
    (
        "I7",
        "what notices of the provider tell is booked once, however often they came",
        # That a notice is taken once is its key's doing; this is what one that acted twice would leave.
        """SELECT payment_id || ' ' || provider_refund_id FROM payments.refunds WHERE provider_refund_id IS NOT NULL
           GROUP BY payment_id, provider_refund_id HAVING count(*) > 1
           UNION ALL SELECT payment_id || ' ' || kind FROM payments.ledger_txns
           WHERE kind IN ('dispute_opened', 'dispute_won', 'dispute_lost')
           GROUP BY payment_id, kind HAVING count(*) > 1""",
    ),
    (
        "I8a",
        "our payments are those of the provider's books",
        """SELECT p.payment_id FROM payments.payments p LEFT JOIN books b ON b.id = p.provider_id
           WHERE p.provider = 'sandbox' AND p.provider_id IS NOT NULL
             AND (b.id IS NULL OR b.amount <> p.amount_minor - p.credit_minor OR b.currency <> p.currency
                  OR b.captured <> p.captured_minor OR b.refunded <> p.refunded_minor
                  -- A hold that ran out there is told here within seconds, like all that is in motion.
                  OR (b.state = 'authorized') <> (p.state = 'authorized')
                  OR b.state = 'voided' AND p.state NOT IN ('voided', 'declined', 'expired'))""",
    ),
    (
        "I8b",
        "every payment in the provider's books is known here",
        """SELECT b.reference FROM books b LEFT JOIN payments.payments p ON p.provider_id = b.id
           WHERE p.payment_id IS NULL AND b.state NOT IN ('declined', 'expired', 'voided')""",
    ),
]
COURSE = [
    (
        "I10",
        "a payment's states only go forward",
        """SELECT DISTINCT payment_id FROM (
               SELECT p.payment_id, r.rank, lag(r.rank) OVER (PARTITION BY p.payment_id ORDER BY e.nth) AS before
               FROM payments.payments p, json_array_elements(p.history) WITH ORDINALITY AS e (event, nth), LATERAL (
                   SELECT CASE e.event ->> 'type' WHEN 'authorizing' THEN 0 WHEN 'unknown' THEN 1
                          WHEN 'requires_action' THEN 2 WHEN 'pending' THEN 3 WHEN 'declined' THEN 4
                          WHEN 'expired' THEN 4 WHEN 'authorized' THEN 5 WHEN 'voided' THEN 6
                          WHEN 'partially_captured' THEN 7 WHEN 'captured' THEN 8 WHEN 'refunded' THEN 8
                          WHEN 'partially_refunded' THEN 8 WHEN 'disputed' THEN 8 END AS rank) r
               WHERE r.rank IS NOT NULL) steps
           WHERE rank < before""",
    ),
    (
        "I12",
        "no checkout is half-done for a quarter of an hour, no alarm raised, or for that long past its shopper's time",
        """SELECT attempt_id FROM checkout.attempts
           WHERE state NOT IN ('placed', 'failed', 'parked') AND created_at < now() - interval '15 minutes'
             AND (state <> 'waiting'
                  OR (saga -> 'action' ->> 'expires_at')::timestamptz < now() - interval '15 minutes')""",
    ),
    (
        "I12b",
        "no hold is undecided when more than nine tenths of its time are gone",
        # Payments decide at eight tenths; the rest is for a neighbour that is away for a while.
        """SELECT payment_id FROM payments.payments
           WHERE state = 'authorized' AND void_reason IS NULL AND capture_before IS NOT NULL
             AND now() > created_at + (capture_before - created_at) * 0.9""",
    ),
    (
        "I12c",
        "what is under way at a provider is looked at again within a quarter of an hour",
        """SELECT p.payment_id FROM payments.payments p
           WHERE NOT p.tombstone AND (p.state IN ('authorizing', 'unknown', 'requires_action', 'pending')
                 OR p.capturing_minor > 0 OR p.void_reason IS NOT NULL AND p.state = 'authorized'
                 OR p.has_refunds AND EXISTS (SELECT FROM payments.refunds r
                                              WHERE r.payment_id = p.payment_id AND r.state = 'pending'))
             AND NOT EXISTS (SELECT FROM payments.due d
                             WHERE d.payment_id = p.payment_id AND d.at < now() + interval '15 minutes')""",
    ),
]
STOCK = [
    (
        "I9",
        "stock is never negative, and coupons are used no more than allowed, by each customer too",
        """SELECT sku || ' ' || location FROM inventory.stock WHERE available < 0 OR on_hand < 0 OR reserved < 0
           UNION ALL SELECT code FROM promotions.coupons WHERE used > limit_total
           -- By the limits as they were: whoever came last of these was within theirs, whatever staff did after.
           UNION ALL SELECT code || ' ' || user_id FROM promotions.redemptions WHERE user_id IS NOT NULL
           GROUP BY code, user_id HAVING bool_and(limit_per_user IS NOT NULL) AND count(*) > max(limit_per_user)""",
    ),
    (
        "I9f",
        "a coupon was used as often as its redemptions say, by each customer too",
        # What was given back is no redemption any more.
        """SELECT coalesce(c.code, r.code) FROM promotions.coupons c FULL JOIN (
               SELECT code, count(*) AS used FROM promotions.redemptions GROUP BY code) r USING (code)
           WHERE coalesce(c.used, 0) <> coalesce(r.used, 0)
           UNION ALL
           SELECT code || ' ' || user_id FROM promotions.uses u FULL JOIN (
               SELECT code, user_id, count(*) AS used FROM promotions.redemptions WHERE user_id IS NOT NULL
               GROUP BY code, user_id) r USING (code, user_id)
           WHERE coalesce(u.used, 0) <> coalesce(r.used, 0)""",
    ),
    (
        "I9b",
        "the level of stock is the fold of its events",
        """SELECT s.sku || ' ' || s.location FROM inventory.stock s LEFT JOIN LATERAL (
               SELECT coalesce(sum(f.on_hand * e.quantity), 0) AS on_hand, coalesce(sum(f.reserved * e.quantity), 0)
                      AS reserved, coalesce(max(e.version), 0) AS version, count(*) AS events
               FROM inventory.events e JOIN inventory.effects f USING (type) WHERE e.stream = s.stream) fold ON true
           WHERE (s.on_hand, s.reserved, s.version) IS DISTINCT FROM (fold.on_hand, fold.reserved, fold.version)
              OR fold.events <> s.version""",
    ),
    (
        "I9d",
        "no event of stock was changed: each carries the hash of itself and the one before",
        """SELECT s.sku || ' ' || s.location || ' ' || coalesce(f.fault, 'the newest event is another one')
           FROM inventory.stock s JOIN inventory.fold(ARRAY(SELECT stream FROM inventory.stock), true, 32767) f
           USING (stream) WHERE f.fault IS NOT NULL OR f.head <> s.head""",
    ),
    (
        "I9c",
        "what is reserved is what reservations hold",
        """SELECT s.sku || ' ' || s.location FROM inventory.stock s LEFT JOIN (
               SELECT l.stream, sum(l.quantity) AS held
               FROM inventory.reservations r CROSS JOIN unnest(r.streams, r.quantities) AS l (stream, quantity)
               WHERE r.state IN ('held', 'filling') GROUP BY l.stream) h USING (stream)
           WHERE s.reserved <> coalesce(h.held, 0)""",
    ),
    (
        "I11",
        "an order's units were taken from stock exactly once, and no other sale took any",
        """SELECT coalesce(o.id, r.attempt_id) FROM (
               SELECT o.id, o.attempt_id FROM orders.orders o JOIN checkout.checkouts c ON c.id = o.checkout_id) o
           -- Reservations are forgotten after a while, events never.
           FULL JOIN (SELECT DISTINCT cause_id AS attempt_id FROM inventory.events
                      WHERE type = 'committed' AND cause_kind = 'attempt') r USING (attempt_id)
           WHERE o.id IS NULL OR r.attempt_id IS NULL
           UNION ALL
           SELECT o.id FROM orders.orders o JOIN checkout.checkouts c ON c.id = o.checkout_id, LATERAL (
               SELECT jsonb_object_agg(sku, quantity) AS sold FROM (
                   SELECT line ->> 'sku' AS sku, sum((line ->> 'quantity')::bigint) AS quantity
                   FROM json_array_elements(o.body -> 'items') AS line GROUP BY 1) each) wanted, LATERAL (
               SELECT jsonb_object_agg(sku, quantity) AS taken FROM (
                   SELECT s.sku, sum(e.quantity) AS quantity
                   FROM inventory.events e JOIN inventory.stock s USING (stream)
                   WHERE e.cause_id = o.attempt_id AND e.type = 'committed' GROUP BY s.sku) each) given
           WHERE wanted.sold IS DISTINCT FROM given.taken""",
    ),
    (
        "I11b",
        "a reservation is committed when its events say so, and only then",
        """SELECT r.attempt_id FROM inventory.reservations r WHERE (r.state = 'committed') <> EXISTS (
               SELECT FROM inventory.events e
               WHERE e.stream = ANY(r.streams) AND e.cause_id = r.attempt_id AND e.type = 'committed')""",
    ),
    (
        "I11c",
        "a return that was put back on the shelf was put back whole",
        """SELECT r.id FROM orders.returns r JOIN (
               SELECT cause_id, sum(quantity) AS units FROM inventory.events
               WHERE type = 'returned' AND cause_kind = 'return' GROUP BY cause_id) e ON e.cause_id = r.id
           WHERE e.units <> (SELECT sum((item ->> 'quantity')::bigint) FROM jsonb_array_elements(r.items) AS item)""",
    ),
]
QUESTIONS = [*LEDGER, *ORDERS, *CREDIT, *BOOKS, *COURSE, *STOCK]
