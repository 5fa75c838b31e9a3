-- name: save(review_id, product_id, user_id, author, rating, title, body, verified, created_at)^
INSERT INTO catalog.reviews AS r (review_id, product_id, user_id, author, rating, title, body, verified, created_at)
VALUES (:review_id, :product_id, :user_id, :author, :rating, :title, :body, :verified, :created_at::timestamptz)
ON CONFLICT (product_id, user_id) DO UPDATE SET
    author = excluded.author, rating = excluded.rating, title = excluded.title, body = excluded.body,
    verified = r.verified OR excluded.verified, created_at = excluded.created_at
RETURNING review_id, product_id, author, rating, title, body, verified, created_at;

-- name: count(product_id)^
-- Counted again under the product's lock rather than added up: a sum cannot drift.
WITH counted AS (
    SELECT coalesce(sum(rating), 0) * 100 AS total, count(*) AS count
    FROM catalog.reviews WHERE product_id = :product_id
)
UPDATE catalog.products p SET review_sum = counted.total, review_count = counted.count
FROM counted WHERE p.product_id = :product_id
RETURNING (review_sum + imported_sum)::bigint AS total, (review_count + imported_count)::bigint AS count;

-- name: newest(product_id, created_at, review_id, count)
SELECT review_id, product_id, author, rating, title, body, verified, created_at FROM catalog.reviews
WHERE product_id = :product_id AND (created_at, review_id) < (:created_at::timestamptz, :review_id)
ORDER BY created_at DESC, review_id DESC LIMIT :count;
