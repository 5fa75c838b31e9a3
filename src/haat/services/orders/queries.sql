-- name: place(id, number, checkout_id, attempt_id, cart_id, user_id, guest_hash, email, status, on_hold, body, product_ids, payment_id, payment_status, currency, total_minor, captured_minor, event_id, event_name, event_key, event_at, event_body)^
-- One statement: the order, its first timeline entry, the event. An order that exists already for this checkout is
-- answered as it is.
WITH made AS (
    INSERT INTO orders.orders (id, number, checkout_id, attempt_id, cart_id, user_id, guest_hash, email, status, on_hold,
        body, product_ids, payment_id, payment_status, currency, total_minor, captured_minor)
    VALUES (:id, :number, :checkout_id, :attempt_id, :cart_id, :user_id, :guest_hash, :email, :status, :on_hold,
        :body, :product_ids, :payment_id, :payment_status, :currency, :total_minor, :captured_minor)
    ON CONFLICT (checkout_id) DO NOTHING
    RETURNING id, number
), noted AS (
    INSERT INTO orders.timeline (order_id, type, detail)
    SELECT id, 'placed', CASE WHEN :on_hold THEN 'Order placed, waiting for a review' ELSE 'Order placed' END FROM made
), told AS (
    INSERT INTO orders.outbox (id, name, key, at, body)
    SELECT :event_id, :event_name, :event_key, :event_at, :event_body FROM made
)
SELECT id, number FROM made
UNION ALL SELECT id, number FROM orders.orders WHERE checkout_id = :checkout_id
LIMIT 1;

-- name: placed(checkout_id)^
SELECT id, number FROM orders.orders WHERE checkout_id = :checkout_id;

-- name: id_of_number(number)$
SELECT id FROM orders.orders WHERE number = :number;

-- name: load(id)^
SELECT * FROM orders.orders WHERE id = :id;

-- name: load_whole(id)^
-- The order with what happened to it and what came back, in one look.
SELECT o.*,
    (SELECT json_agg(json_build_object('at', t.at, 'type', t.type, 'detail', t.detail, 'actor', t.actor)
        ORDER BY t.position) FROM orders.timeline t WHERE t.order_id = o.id) AS timeline,
    (SELECT json_agg(to_json(r) ORDER BY r.created_at, r.id) FROM orders.returns r WHERE r.order_id = o.id) AS returns
FROM orders.orders o WHERE o.id = :id;

-- name: load_for_update(id)^
SELECT * FROM orders.orders WHERE id = :id FOR UPDATE;

-- name: around(order_ids)
-- What happened to these orders and what came back, in one look; one row an order.
SELECT o.id,
    (SELECT json_agg(json_build_object('at', t.at, 'type', t.type, 'detail', t.detail, 'actor', t.actor)
        ORDER BY t.position) FROM orders.timeline t WHERE t.order_id = o.id) AS timeline,
    (SELECT json_agg(to_json(r) ORDER BY r.created_at, r.id) FROM orders.returns r WHERE r.order_id = o.id) AS returns
FROM unnest(:order_ids::text[]) AS o (id);

-- name: one_return(id)^
SELECT r.*, o.currency FROM orders.returns r JOIN orders.orders o ON o.id = r.order_id WHERE r.id = :id;

-- name: lock_return(id)^
SELECT r.*, o.currency FROM orders.returns r JOIN orders.orders o ON o.id = r.order_id WHERE r.id = :id FOR UPDATE OF r;

-- name: return_of_parcel(order_id, shipment_id)^
SELECT r.*, o.currency FROM orders.returns r JOIN orders.orders o ON o.id = r.order_id
WHERE r.order_id = :order_id AND r.shipment_id = :shipment_id FOR UPDATE OF r;

-- name: parcel_of_return(id)$
SELECT shipment_id FROM orders.returns WHERE id = :id;

-- name: approve_return(id, shipment_id, entries)!
UPDATE orders.returns
SET status = 'approved', shipment_id = :shipment_id, timeline = timeline || :entries::jsonb
WHERE id = :id;

-- name: returns_waiting(at, id, how_many)
SELECT r.*, o.currency, o.number, o.body -> 'shipping_address' ->> 'name' AS name,
    (SELECT json_object_agg(i ->> 'id', i ->> 'title') FROM json_array_elements(o.body -> 'items') i) AS titles
FROM orders.returns r JOIN orders.orders o ON o.id = r.order_id
WHERE r.status NOT IN ('refunded', 'rejected') AND (:at::timestamptz IS NULL OR (r.created_at, r.id) > (:at, :id))
ORDER BY r.created_at, r.id LIMIT :how_many;

-- name: returns_ended(at, id, how_many)
SELECT r.*, o.currency, o.number, o.body -> 'shipping_address' ->> 'name' AS name,
    (SELECT json_object_agg(i ->> 'id', i ->> 'title') FROM json_array_elements(o.body -> 'items') i) AS titles
FROM orders.returns r JOIN orders.orders o ON o.id = r.order_id
WHERE r.status IN ('refunded', 'rejected') AND (:at::timestamptz IS NULL OR (r.created_at, r.id) < (:at, :id))
ORDER BY r.created_at DESC, r.id DESC LIMIT :how_many;

-- name: invoice(order_id)^
SELECT number, issued_at FROM orders.invoices WHERE order_id = :order_id;

-- name: next_invoice(year)$
INSERT INTO orders.invoice_years AS y (year, last) VALUES (:year, 1)
ON CONFLICT (year) DO UPDATE SET last = y.last + 1 RETURNING last;

-- name: insert_invoice(order_id, number)^
INSERT INTO orders.invoices (order_id, number) VALUES (:order_id, :number) RETURNING number, issued_at;

-- name: figures(currency, since, until, zone, first, end)
-- Ids carry the moment they were made: the days are a stretch of the primary key.
SELECT (placed_at AT TIME ZONE :zone)::date AS day, count(*) AS count, sum(total_minor)::bigint AS total
FROM orders.orders
WHERE id >= :first AND id < :end AND placed_at >= :since AND placed_at < :until
    AND currency = :currency AND status <> 'canceled'
GROUP BY 1 ORDER BY 1;

-- name: list_of_user(user_id, status, before, how_many)
SELECT * FROM orders.orders
WHERE user_id = :user_id AND (:status::text IS NULL OR status = :status) AND id < coalesce(:before::text, '~')
ORDER BY id DESC LIMIT :how_many;

-- name: list_all(status, text, before, how_many)
-- Three roads, of which one is walked: what was searched for, one status, or all.
WITH found AS (
    SELECT * FROM orders.orders
    WHERE :text::text <> '' AND (number = upper(:text) OR lower(email) = lower(:text) OR id = :text OR checkout_id = :text)
      AND (:status::text IS NULL OR status = :status) AND id < coalesce(:before::text, '~')
    UNION ALL
    (SELECT * FROM orders.orders WHERE :text = '' AND status = :status AND id < coalesce(:before, '~')
     ORDER BY id DESC LIMIT :how_many)
    UNION ALL
    (SELECT * FROM orders.orders WHERE :text = '' AND :status IS NULL AND id < coalesce(:before, '~')
     ORDER BY id DESC LIMIT :how_many)
)
SELECT * FROM found ORDER BY id DESC LIMIT :how_many;

-- name: bought(user_id, product_id)$
SELECT EXISTS (
    SELECT 1 FROM orders.orders
    WHERE user_id = :user_id AND product_ids @> ARRAY[:product_id::text] AND status <> 'canceled'
);

-- name: update(id, version, status, on_hold, payment_status, captured_minor, refunded_minor, shipped, returned, parcels, refunds, uneven)$
UPDATE orders.orders
SET status = :status, on_hold = :on_hold, payment_status = :payment_status, captured_minor = :captured_minor,
    refunded_minor = :refunded_minor, shipped = :shipped, returned = :returned, parcels = :parcels, refunds = :refunds,
    uneven = :uneven, version = version + 1
WHERE id = :id AND version = :version RETURNING version;

-- name: note(order_id, type, detail, actor)!
INSERT INTO orders.timeline (order_id, type, detail, actor) VALUES (:order_id, :type, :detail, :actor);

-- name: returns_open(order_id)$
SELECT EXISTS (SELECT 1 FROM orders.returns WHERE order_id = :order_id AND status NOT IN ('refunded', 'rejected'));

-- name: insert_return(id, order_id, status, items, refund_minor, timeline, shares)!
INSERT INTO orders.returns (id, order_id, status, items, refund_minor, timeline, shares)
VALUES (:id, :order_id, :status, :items, :refund_minor, :timeline, :shares);

-- name: move_return(id, status, entries, refund_minor)!
UPDATE orders.returns
SET status = :status, timeline = timeline || :entries::jsonb, refund_minor = COALESCE(:refund_minor, refund_minor)
WHERE id = :id;

-- name: being_refunded(order_id)^
SELECT data -> 'units' AS units, data -> 'shares' AS shares
FROM orders.tasks WHERE order_id = :order_id AND NOT done AND kind = 'refund';

-- name: busy(order_id)$
SELECT EXISTS (SELECT 1 FROM orders.tasks WHERE order_id = :order_id AND NOT done);

-- name: begin_task(id, order_id, kind, data, lease_seconds)$
INSERT INTO orders.tasks (id, order_id, kind, data, lease_until)
VALUES (:id, :order_id, :kind, :data, now() + make_interval(secs => :lease_seconds))
ON CONFLICT DO NOTHING RETURNING id;

-- name: end_task(id, refused)^
-- Null when another worker has ended it meanwhile. A refusal is kept, to be told again under the same key.
UPDATE orders.tasks SET done = true, data = data || jsonb_strip_nulls(jsonb_build_object('refused', :refused::jsonb))
WHERE id = :id AND NOT done
RETURNING COALESCE(data -> 'next', '[]') AS next;

-- name: follow_task(order_id, next)$
-- What is to be done once the work under way is over. Null when none is.
UPDATE orders.tasks SET data = data || jsonb_build_object('next', COALESCE(data -> 'next', '[]') || :next::jsonb)
WHERE order_id = :order_id AND NOT done RETURNING id;

-- name: end_of(id)^
-- What was put off has been answered with the order as it stands.
SELECT NOT done AND tries = 0 AS under_way, data -> 'refused' AS refused FROM orders.tasks WHERE id = :id;

-- name: decide_amount(id, amount)$
UPDATE orders.tasks SET data = jsonb_build_object('amount', :amount::bigint) || data WHERE id = :id
RETURNING (data -> 'amount')::bigint;

-- name: put_off_task(id, seconds, error)$
UPDATE orders.tasks SET tries = tries + 1, last_error = :error, lease_until = now() + make_interval(secs => :seconds)
WHERE id = :id AND NOT done RETURNING tries;

-- name: stuck(tries, after, how_many)
SELECT t.id AS task_id, t.order_id, o.number, t.kind, t.tries, COALESCE(t.last_error, '') AS error, t.created_at,
    t.lease_until AS next_try_at
FROM orders.tasks t JOIN orders.orders o ON o.id = t.order_id
WHERE NOT t.done AND t.tries >= :tries AND t.id > :after ORDER BY t.id LIMIT :how_many;

-- name: lease_tasks(lease_seconds, how_many)
WITH due AS MATERIALIZED (
    SELECT id FROM orders.tasks WHERE NOT done AND lease_until <= now()
    ORDER BY lease_until LIMIT :how_many FOR UPDATE SKIP LOCKED
)
UPDATE orders.tasks t SET lease_until = now() + make_interval(secs => :lease_seconds)
FROM due WHERE t.id = due.id
RETURNING t.id, t.order_id, t.kind, t.data, t.tries;

-- name: to_fulfil(before, how_many)
-- What a carrier refused or brought back is for people: sent again by itself it would come back again.
SELECT id FROM orders.orders o
WHERE status = 'confirmed' AND NOT on_hold AND placed_at < :before AND parcels = '{}'
    AND NOT EXISTS (SELECT 1 FROM orders.tasks t WHERE t.order_id = o.id AND NOT t.done)
ORDER BY id LIMIT :how_many;

-- name: lock_by_checkouts(checkout_ids)
SELECT * FROM orders.orders WHERE checkout_id = ANY(:checkout_ids::text[]) ORDER BY id FOR UPDATE;

-- name: lock_by_ids(ids)
SELECT * FROM orders.orders WHERE id = ANY(:ids::text[]) ORDER BY id FOR UPDATE;

-- name: paid(checkout_ids, payment_ids, amounts)
-- Set-based, because every order of a busy minute comes through here: money taken, the order confirmed. The amounts are
-- all that was taken so far, so notices may come twice or out of order. What was canceled meanwhile is answered. Another
-- payment of the checkout is none of the order's: one that was given up, and paid late, goes back.
WITH paid AS (
    SELECT checkout_id, payment_id, max(amount) AS amount
    FROM unnest(:checkout_ids::text[], :payment_ids::text[], :amounts::bigint[]) AS p (checkout_id, payment_id, amount)
    GROUP BY checkout_id, payment_id
), changed AS (
    UPDATE orders.orders o
    SET captured_minor = LEAST(p.amount, o.total_minor), version = version + 1,
        payment_status = CASE WHEN o.status = 'canceled' THEN o.payment_status
                              WHEN o.refunded_minor > 0 THEN 'partially_refunded'
                              WHEN p.amount >= o.total_minor THEN 'paid' ELSE o.payment_status END,
        status = CASE WHEN o.status = 'placed' AND NOT o.on_hold THEN 'confirmed' ELSE o.status END
    FROM paid p
    WHERE o.checkout_id = p.checkout_id AND o.payment_id = p.payment_id AND o.captured_minor < p.amount
    RETURNING o.id, o.status
), noted AS (
    INSERT INTO orders.timeline (order_id, type, detail)
    SELECT id, 'paid', 'Payment received' FROM changed WHERE status <> 'canceled'
)
SELECT id FROM changed WHERE status = 'canceled';
