-- name: load(cart_ids)
-- The carts with their items in the order they were added; one row per item, or one with nulls for an empty cart.
SELECT c.cart_id, c.secret_hash, c.version,
       i.item_id, i.product_id, i.variant_id, i.quantity, i.seen_price_minor, i.added_at
FROM cart.carts c LEFT JOIN cart.items i USING (cart_id)
WHERE c.cart_id = ANY(:cart_ids::text[]) ORDER BY i.added_at, i.item_id;

-- name: save_item(cart_id, user_id, secret_hash, version, item_id, product_id, variant_id, quantity, price_minor, added_at, event_id, event_name, event_key, event_at, event_body)$
-- One statement: the cart moves from `version` to the next (0 begins it), the item is written, the event (if any) is told.
-- Null when somebody else was faster, or has joined the cart to another: what was decided on it must not bring it back.
WITH moved AS (
    UPDATE cart.carts SET version = version + 1, updated_at = now() WHERE cart_id = :cart_id AND version = :version::bigint
    RETURNING version
), begun AS (
    INSERT INTO cart.carts (cart_id, user_id, secret_hash) SELECT :cart_id, :user_id, :secret_hash WHERE :version = 0
    ON CONFLICT DO NOTHING RETURNING version
), changed AS (
    SELECT version FROM moved UNION ALL SELECT version FROM begun
), item AS (
    INSERT INTO cart.items AS i (item_id, cart_id, product_id, variant_id, quantity, seen_price_minor, added_at)
    SELECT :item_id::text, :cart_id, :product_id::text, :variant_id::text, :quantity::integer,
           :price_minor::bigint, :added_at::timestamptz FROM changed
    ON CONFLICT (cart_id, variant_id) DO UPDATE
        SET quantity = excluded.quantity, seen_price_minor = excluded.seen_price_minor
), told AS (
    INSERT INTO cart.outbox (id, name, key, at, body)
    SELECT :event_id::text, :event_name, :event_key, :event_at, :event_body FROM changed
    WHERE :event_id::text IS NOT NULL
)
SELECT version FROM changed;

-- name: remove_item(cart_id, version, item_id)$
WITH changed AS (
    UPDATE cart.carts SET version = version + 1, updated_at = now()
    WHERE cart_id = :cart_id AND version = :version RETURNING version
), gone AS (
    DELETE FROM cart.items USING changed WHERE cart_id = :cart_id AND item_id = :item_id
)
SELECT version FROM changed;

-- name: not_taken(checkout_ids)
-- Of these checkouts those whose order has not left a cart yet.
SELECT checkout_id FROM unnest(:checkout_ids::text[]) AS c (checkout_id)
WHERE NOT EXISTS (SELECT FROM cart.inbox WHERE event_id = checkout_id);

-- name: take_ordered(quickly, checkout_id, cart_id, variant_ids, quantities)!
-- What was ordered leaves the cart, once for each checkout: who comes second finds it in the inbox. Units added meanwhile
-- stay. The cart is locked before its items, and MERGE decides on each item as it then is, whatever was seen before. A
-- guest's cart that has joined a user's is looked for there; one that is joining just now is found nowhere, and nothing
-- is noted: the order's event comes later. `quickly` waits for no disk: the event would do it again.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit',
                      CASE WHEN :quickly::boolean THEN 'off' ELSE current_setting('synchronous_commit') END, true)
), locked AS MATERIALIZED (
    SELECT cart_id FROM cart.carts
    WHERE cart_id = coalesce((SELECT cart_id FROM cart.carts WHERE cart_id = :cart_id),
                             (SELECT into_cart FROM cart.joined WHERE cart_id = :cart_id))
    FOR UPDATE
), fresh AS MATERIALIZED (
    INSERT INTO cart.inbox (event_id) SELECT :checkout_id::text FROM locked, quick
    ON CONFLICT DO NOTHING RETURNING true
), moved AS (
    UPDATE cart.carts c SET version = c.version + 1, updated_at = now()
    FROM locked, fresh WHERE c.cart_id = locked.cart_id
), ordered AS (
    SELECT locked.cart_id, line.variant_id, line.quantity
    FROM locked, fresh, unnest(:variant_ids::text[], :quantities::integer[]) AS line (variant_id, quantity)
)
MERGE INTO cart.items i USING ordered o
ON i.cart_id = o.cart_id AND i.variant_id = o.variant_id
WHEN MATCHED AND i.quantity > o.quantity THEN UPDATE SET quantity = i.quantity - o.quantity
WHEN MATCHED THEN DELETE;

-- name: lock_carts(cart_ids)
SELECT cart_id, secret_hash FROM cart.carts WHERE cart_id = ANY(:cart_ids::text[]) ORDER BY cart_id FOR UPDATE;

-- name: evict_guests(cart_ids)!
-- A token names its cart, and anybody can write one: a guest's cart that lies under a user's id goes when the user comes,
-- or both would look into it.
DELETE FROM cart.carts WHERE cart_id = ANY(:cart_ids::text[]) AND user_id IS NULL;

-- name: ensure_user_cart(cart_id, user_id)!
INSERT INTO cart.carts (cart_id, user_id) VALUES (:cart_id, :user_id) ON CONFLICT DO NOTHING;

-- name: move_items(from_cart, to_cart, max_items, max_quantity)!
-- A guest's items join the user's, the oldest first while there is room; units of the same variant add up to the limit.
-- Both carts are locked: nothing is added to either meanwhile. What stays behind goes with the guest's cart.
WITH guests AS (
    SELECT i.item_id, i.quantity, u.item_id AS there,
        count(*) FILTER (WHERE u.item_id IS NULL) OVER (ORDER BY i.added_at, i.item_id) AS place
    FROM cart.items i LEFT JOIN cart.items u ON u.cart_id = :to_cart AND u.variant_id = i.variant_id
    WHERE i.cart_id = :from_cart
), added AS (
    UPDATE cart.items i SET quantity = LEAST(i.quantity + g.quantity, :max_quantity::integer)
    FROM guests g WHERE i.item_id = g.there
), moved AS (
    UPDATE cart.items i SET cart_id = :to_cart
    FROM guests g WHERE i.item_id = g.item_id AND g.there IS NULL
      AND g.place <= :max_items::integer - (SELECT count(*) FROM cart.items WHERE cart_id = :to_cart)
)
UPDATE cart.carts SET version = version + 1, updated_at = now() WHERE cart_id = :to_cart;

-- name: remove_joined(cart_id, into_cart)!
WITH gone AS (
    DELETE FROM cart.carts WHERE cart_id = :cart_id
)
INSERT INTO cart.joined (cart_id, into_cart) VALUES (:cart_id, :into_cart)
ON CONFLICT (cart_id) DO UPDATE SET into_cart = excluded.into_cart, at = now();

-- name: forget_old_guests(before)!
WITH gone AS (
    DELETE FROM cart.joined WHERE at < :before::timestamptz
)
DELETE FROM cart.carts WHERE user_id IS NULL AND updated_at < :before::timestamptz;

-- name: wishes(user_id)
SELECT product_id, added_at FROM cart.wishes WHERE user_id = :user_id ORDER BY added_at DESC, product_id;

-- name: wish(user_id, product_id, most)$
-- True when it is on the list, now or already; false when the list is full.
WITH made AS (
    INSERT INTO cart.wishes (user_id, product_id)
    SELECT :user_id::text, :product_id::text
    WHERE (SELECT count(*) FROM cart.wishes WHERE user_id = :user_id) < :most::integer
    -- Not DO NOTHING: of what came at the same moment this statement would see neither.
    ON CONFLICT (user_id, product_id) DO UPDATE SET product_id = excluded.product_id RETURNING 1
)
SELECT EXISTS (SELECT FROM made)
    OR EXISTS (SELECT FROM cart.wishes WHERE user_id = :user_id AND product_id = :product_id);

-- name: unwish(user_id, product_id)!
DELETE FROM cart.wishes WHERE user_id = :user_id AND product_id = :product_id;

-- name: wishes_back(product_ids, ats, pause_days)!
-- Wishes that are older than the news, and whose owners were not told of late.
UPDATE cart.wishes w SET back_at = n.at
FROM unnest(:product_ids::text[], :ats::timestamptz[]) AS n (product_id, at)
WHERE w.product_id = n.product_id AND w.added_at < n.at
  AND (w.told_at IS NULL OR w.told_at < n.at - make_interval(days => :pause_days::integer));

-- name: tell_wishes(how_many)
WITH due AS MATERIALIZED (
    SELECT user_id, product_id FROM cart.wishes WHERE back_at IS NOT NULL
    ORDER BY back_at LIMIT :how_many FOR UPDATE SKIP LOCKED
)
UPDATE cart.wishes w SET back_at = NULL, told_at = now()
FROM due WHERE w.user_id = due.user_id AND w.product_id = due.product_id
RETURNING w.user_id, w.product_id;

-- name: not_told(user_id, product_id)!
UPDATE cart.wishes SET told_at = NULL WHERE user_id = :user_id AND product_id = :product_id;
