-- name: create(id, request_id, order_id, direction, carrier, body, lease_seconds)^
-- The row stands before the carrier is called; none comes back when this request was made before.
INSERT INTO shipping.shipments (id, request_id, order_id, direction, carrier, body, next_try_at)
VALUES (:id, :request_id, :order_id, :direction, :carrier, :body, now() + :lease_seconds * interval '1 second')
ON CONFLICT (request_id) DO NOTHING
RETURNING *;

-- name: by_request(request_id)^
SELECT * FROM shipping.shipments WHERE request_id = :request_id;

-- name: claim(id, lease_seconds)^
-- The right to ask the carrier about a queued shipment, unless somebody is asking already.
UPDATE shipping.shipments
SET tries = tries + 1, next_try_at = now() + :lease_seconds * interval '1 second'
WHERE id = :id AND booking = 'queued' AND next_try_at <= now()
RETURNING *;

-- name: claim_due(lease_seconds, at_most)
WITH due AS MATERIALIZED (
    SELECT id FROM shipping.shipments
    WHERE booking = 'queued' AND next_try_at <= now()
    ORDER BY next_try_at LIMIT :at_most FOR UPDATE SKIP LOCKED
)
UPDATE shipping.shipments s
SET tries = tries + 1, next_try_at = now() + :lease_seconds * interval '1 second'
FROM due
WHERE s.id = due.id
RETURNING s.*;

-- name: claim_unheard(wait_seconds, at_most)
-- Parcels that are not at their end and of which nothing was heard for long; each is given to one worker.
WITH due AS MATERIALIZED (
    SELECT id FROM shipping.shipments
    WHERE booking = 'booked' AND status NOT IN ('delivered', 'failed', 'canceled')
        AND next_try_at <= now() AND created_at > now() - interval '60 days'
    ORDER BY next_try_at LIMIT :at_most FOR UPDATE SKIP LOCKED
)
UPDATE shipping.shipments s SET next_try_at = now() + :wait_seconds * interval '1 second'
FROM due
WHERE s.id = due.id
RETURNING s.*;

-- name: put_off(id, wait_seconds)!
UPDATE shipping.shipments SET next_try_at = now() + :wait_seconds * interval '1 second'
WHERE id = :id AND booking = 'queued';

-- name: lock(id)^
SELECT * FROM shipping.shipments WHERE id = :id FOR UPDATE;

-- name: lock_for_notice(notice_id, id)^
-- Marks the notice as read and locks its parcel in one go; `fresh` is false for a notice that came before.
WITH noted AS (
    INSERT INTO shipping.inbox (event_id) VALUES (:notice_id) ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT s.*, EXISTS (SELECT FROM noted) AS fresh FROM shipping.shipments s WHERE s.id = :id FOR UPDATE;

-- name: refuse(id)!
UPDATE shipping.shipments SET booking = 'refused', status = 'failed' WHERE id = :id;

-- name: save_fact(id, status, carrier_reference, tracking_number, label_url, estimated_delivery, wait_seconds, ats, codes, locations, descriptions)!
-- What is older than what was heard before tells no day any more.
WITH told AS (
    INSERT INTO shipping.tracking (shipment_id, at, code, location, description)
    SELECT :id::text, e.at, e.code, e.location, e.description
    FROM unnest(:ats::timestamptz[], :codes::text[], :locations::text[], :descriptions::text[])
         AS e (at, code, location, description)
    ON CONFLICT DO NOTHING
)
UPDATE shipping.shipments
SET booking = 'booked', status = :status::text, carrier_reference = :carrier_reference::text,
    tracking_number = :tracking_number::text, label_url = :label_url::text,
    next_try_at = now() + :wait_seconds * interval '1 second',
    estimated_delivery = CASE
        WHEN (SELECT max(t.at) FROM shipping.tracking t WHERE t.shipment_id = :id)
            > (SELECT max(e.at) FROM unnest(:ats::timestamptz[]) AS e (at)) THEN estimated_delivery
        ELSE :estimated_delivery::date END
WHERE id = :id;

-- name: of_orders(order_ids)
SELECT s.*, t.events
FROM shipping.shipments s
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('at', t.at, 'code', t.code, 'description', t.description,
                                        'location', t.location) ORDER BY t.at) AS events
    FROM shipping.tracking t WHERE t.shipment_id = s.id
) t ON true
WHERE s.order_id = ANY(:order_ids::text[])
ORDER BY s.created_at, s.id;

-- name: of_shipment(id)^
SELECT s.*, t.events
FROM shipping.shipments s
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('at', t.at, 'code', t.code, 'description', t.description,
                                        'location', t.location) ORDER BY t.at) AS events
    FROM shipping.tracking t WHERE t.shipment_id = s.id
) t ON true
WHERE s.id = :id;
