-- name: assess(attempt_id, user_id, email, network_address, card, most)^
-- One statement: what happened lately with the same user, e-mail, address and card, and this attempt's row with it.
-- At most `most` rows of each are looked at, so that a busy key costs no more than a quiet one.
WITH seen AS (
    (SELECT 'user' AS what, at FROM fraud.assessments
     WHERE user_id = :user_id::text AND at > now() - interval '24 hours' ORDER BY at DESC LIMIT :most::integer)
    UNION ALL
    (SELECT 'email', at FROM fraud.assessments
     WHERE email = :email AND at > now() - interval '24 hours' ORDER BY at DESC LIMIT :most)
    UNION ALL
    (SELECT 'network', at FROM fraud.assessments
     WHERE network_address = :network_address::text AND at > now() - interval '24 hours' ORDER BY at DESC LIMIT :most)
    UNION ALL
    (SELECT 'card', at FROM fraud.assessments
     WHERE card = :card::text AND at > now() - interval '24 hours' ORDER BY at DESC LIMIT :most)
), counted AS (
    SELECT coalesce(jsonb_object_agg(what, numbers), '{}') AS counts
    FROM (SELECT what, jsonb_build_array(count(*) FILTER (WHERE at > now() - interval '10 minutes'),
                                         count(*) FILTER (WHERE at > now() - interval '1 hour'), count(*)) AS numbers
          FROM seen GROUP BY what) each
), fresh AS (
    INSERT INTO fraud.assessments (attempt_id, user_id, email, network_address, card, counts)
    SELECT :attempt_id::text, :user_id, :email, :network_address, :card, counts FROM counted
    ON CONFLICT (attempt_id) DO NOTHING RETURNING counts, at
)
-- An attempt that was assessed before is judged by what was counted then: the verdict does not change.
SELECT counts, at FROM fraud.assessments WHERE attempt_id = :attempt_id
UNION ALL SELECT counts, at FROM fresh
UNION ALL SELECT counts, now() FROM counted
LIMIT 1;

-- name: keep_review(review_id, attempt_id, checkout_id, amount_minor, currency, email, score, reasons)!
INSERT INTO fraud.reviews (review_id, attempt_id, checkout_id, amount_minor, currency, email, score, reasons, state)
VALUES (:review_id, :attempt_id, :checkout_id, :amount_minor, :currency, :email, :score, :reasons::jsonb, 'waiting')
ON CONFLICT (attempt_id) DO NOTHING;

-- name: open_review(review_id, attempt_id, checkout_id, order_id, amount_minor, currency, reasons)^
-- The review that was kept, or one with these reasons when none was. A decision that was made stands.
INSERT INTO fraud.reviews AS r (review_id, attempt_id, checkout_id, order_id, amount_minor, currency, email, score,
                                reasons, state)
VALUES (:review_id, :attempt_id, :checkout_id, :order_id, :amount_minor, :currency, '', 0, :reasons::jsonb, 'open')
ON CONFLICT (attempt_id) DO UPDATE SET
    order_id = excluded.order_id, state = CASE WHEN r.state = 'waiting' THEN 'open' ELSE r.state END
RETURNING *;

-- name: end_reviews(order_ids)!
UPDATE fraud.reviews SET state = 'canceled' WHERE order_id = ANY(:order_ids::text[]) AND state = 'open';

-- name: reviews(state, after, most)
SELECT * FROM fraud.reviews
WHERE state = :state AND review_id > coalesce(:after::text, '') ORDER BY review_id LIMIT :most::integer;

-- name: decide(review_id, state, actor, note)^
UPDATE fraud.reviews SET state = :state, decided_by = :actor, note = :note, decided_at = now()
WHERE review_id = :review_id AND state = 'open' RETURNING *;

-- name: state(review_id)$
SELECT state FROM fraud.reviews WHERE review_id = :review_id AND state <> 'waiting';

-- name: forget(before)!
WITH never_ordered AS (
    DELETE FROM fraud.reviews WHERE state = 'waiting' AND created_at < :before::timestamptz
)
DELETE FROM fraud.assessments WHERE at < :before;
