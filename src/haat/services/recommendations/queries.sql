-- name: record(sessions, user_id, kinds, ats, product_ids, queries, rates, event_ids, event_names, event_keys, event_ats, event_bodies)!
-- One statement: the clicks, and the event that tells them if any of them is new.
WITH added AS (
    INSERT INTO recommendations.interactions (at, session_id, user_id, kind, product_id, query, value)
    SELECT at, session_id, :user_id::text, kind, product_id, query, value
    FROM unnest(:ats::timestamptz[], :sessions::text[], :kinds::text[], :product_ids::text[], :queries::text[],
                :rates::smallint[]) AS n (at, session_id, kind, product_id, query, value)
    ON CONFLICT DO NOTHING RETURNING 1
)
INSERT INTO recommendations.outbox (id, name, key, at, body)
SELECT * FROM unnest(:event_ids::text[], :event_names::text[], :event_keys::text[], :event_ats::timestamptz[],
                     :event_bodies::bytea[]) WHERE EXISTS (SELECT FROM added);

-- name: begin_source(source)$
-- Null when the source was recorded before.
INSERT INTO recommendations.sources (source) VALUES (:source) ON CONFLICT DO NOTHING RETURNING source;

-- name: record_many(ats, sessions, user_ids, kinds, product_ids, queries, rates, baskets)!
INSERT INTO recommendations.interactions (at, session_id, user_id, kind, product_id, query, value, basket)
SELECT * FROM unnest(:ats::timestamptz[], :sessions::text[], :user_ids::text[], :kinds::text[], :product_ids::text[],
                     :queries::text[], :rates::smallint[], :baskets::text[])
ON CONFLICT DO NOTHING;

-- name: save_products(product_ids, versions, published, in_stock, categories, cards, words)!
INSERT INTO recommendations.products AS p (product_id, version, published, in_stock, category, card, words)
SELECT product_id, version, published, in_stock, category, card, convert_from(words, 'UTF8')::jsonb
FROM unnest(:product_ids::text[], :versions::bigint[], :published::boolean[], :in_stock::boolean[],
            :categories::text[], :cards::bytea[], :words::bytea[])
     AS n (product_id, version, published, in_stock, category, card, words)
ORDER BY product_id
ON CONFLICT (product_id) DO UPDATE SET
    version = excluded.version, published = excluded.published, in_stock = excluded.in_stock,
    category = excluded.category, card = excluded.card, words = excluded.words
    WHERE p.version < excluded.version;

-- name: known(product_ids)
SELECT product_id, card, published, in_stock, category FROM recommendations.products
WHERE product_id = ANY(:product_ids::text[]);

-- name: of_category(category, product_id, count)
-- Others of the category, the newest first: ids grow with time.
SELECT product_id FROM recommendations.products
WHERE category = :category AND published AND in_stock AND product_id <> :product_id
ORDER BY product_id DESC LIMIT :count;

-- name: newest(count)
SELECT product_id FROM recommendations.products WHERE published AND in_stock ORDER BY product_id DESC LIMIT :count;

-- name: behaviour_of_user(user_id, looked, bought)^
SELECT ARRAY(
    SELECT product_id FROM (
        SELECT product_id, max(at) AS at FROM (
            SELECT product_id, at FROM recommendations.interactions
            WHERE user_id = :user_id AND product_id IS NOT NULL ORDER BY at DESC LIMIT 200
        ) AS latest GROUP BY product_id ORDER BY 2 DESC LIMIT :looked
    ) AS recent ORDER BY at
) AS looked, ARRAY(
    SELECT DISTINCT product_id FROM recommendations.interactions
    WHERE user_id = :user_id AND basket <> '' LIMIT :bought
) AS bought;

-- name: behaviour_of_session(session_id, looked)^
SELECT ARRAY(
    SELECT product_id FROM (
        SELECT product_id, max(at) AS at FROM (
            SELECT product_id, at FROM recommendations.interactions
            WHERE session_id = :session_id AND at > now() - interval '1 day' AND product_id IS NOT NULL
            ORDER BY at DESC LIMIT 200
        ) AS latest GROUP BY product_id ORDER BY 2 DESC LIMIT :looked
    ) AS recent ORDER BY at
) AS looked, ARRAY[]::text[] AS bought;

-- name: forget(user_id)!
DELETE FROM recommendations.interactions WHERE user_id = :user_id;

-- name: newest_model()^
SELECT model_id, name, trained_at FROM recommendations.models ORDER BY trained_at DESC, model_id DESC LIMIT 1;

-- name: add_model(model_id, name, trained_at, bytes, interactions, products)!
WITH old AS (DELETE FROM recommendations.models WHERE trained_at < now() - interval '30 days')
INSERT INTO recommendations.models (model_id, name, trained_at, bytes, interactions, products)
VALUES (:model_id, :name, :trained_at::timestamptz, :bytes, :interactions, :products);

-- name: claim_training(seconds)$
UPDATE recommendations.training SET until = now() + make_interval(secs => :seconds) WHERE until < now() RETURNING one;

-- name: end_training()!
UPDATE recommendations.training SET until = '-infinity';

-- name: training_due(interactions, products)$
-- Without a model: as soon as products have come in and no more are coming. With one: after a quarter of an hour, if
-- enough is new.
WITH model AS (SELECT max(trained_at) AS at FROM recommendations.models)
SELECT CASE
    WHEN at IS NULL THEN
        COALESCE((SELECT max(saved_at) < now() - interval '15 seconds' FROM recommendations.products), false)
    WHEN at > now() - interval '15 minutes' THEN false
    ELSE (SELECT count(*) FROM (SELECT FROM recommendations.interactions
                                WHERE recorded_at > model.at LIMIT :interactions) i) >= :interactions::bigint
      OR (SELECT count(*) FROM (SELECT FROM recommendations.products
                                WHERE saved_at > model.at LIMIT :products) p) >= :products::bigint
END FROM model;

-- name: begin_after(count)$
-- What was done after this moment: the newest so many interactions, at most a year of them.
SELECT GREATEST(now() - interval '1 year', (
    SELECT at FROM recommendations.interactions WHERE product_id IS NOT NULL ORDER BY at DESC OFFSET :count LIMIT 1));

-- name: interactions_after(after, count)
-- Purchases that a client only claims are left out: those that count come with their order.
SELECT COALESCE(i.user_id, 'session:' || i.session_id) AS person, i.product_id, i.kind, i.value, i.basket,
       i.at
FROM recommendations.interactions i JOIN recommendations.products p USING (product_id)
WHERE i.at > :after::timestamptz AND (i.kind <> 'purchase' OR i.basket <> '')
ORDER BY i.at FETCH FIRST (:count::bigint) ROWS WITH TIES;

-- name: words(before, count)
-- The newest first: ids grow with time.
SELECT product_id, words FROM recommendations.products
WHERE published AND product_id < :before ORDER BY product_id DESC LIMIT :count;
