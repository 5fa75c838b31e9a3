-- name: put_pending(product_ids, versions, bodies)!
INSERT INTO search.pending AS p (product_id, version, body)
SELECT * FROM unnest(:product_ids::text[], :versions::bigint[], :bodies::bytea[]) AS n (product_id, version, body)
ORDER BY product_id
ON CONFLICT (product_id) DO UPDATE SET version = excluded.version, body = excluded.body
    WHERE p.version <= excluded.version;

-- name: pending(count)
SELECT product_id, version, body FROM search.pending LIMIT :count;

-- name: count_pending()^
SELECT count(*) AS waiting FROM search.pending;

-- name: settle(product_ids, versions)!
-- What came in since it was read has another version and stays.
DELETE FROM search.pending p USING unnest(:product_ids::text[], :versions::bigint[]) AS d (product_id, version)
WHERE p.product_id = d.product_id AND p.version = d.version;

-- name: add_points(product_ids, points, at, half_life_seconds)!
INSERT INTO search.popularity AS p (product_id, points, at)
SELECT n.product_id, n.points, :at::timestamptz
FROM unnest(:product_ids::text[], :points::double precision[]) AS n (product_id, points)
ORDER BY product_id
ON CONFLICT (product_id) DO UPDATE SET
    points = p.points
        * power(0.5, GREATEST(0, extract(epoch FROM excluded.at - p.at)) / :half_life_seconds::double precision)
        + excluded.points,
    at = excluded.at;

-- name: popularity(product_ids, at, half_life_seconds)
SELECT product_id,
       points * power(0.5, GREATEST(0, extract(epoch FROM :at::timestamptz - at))
                           / :half_life_seconds::double precision)::double precision AS points
FROM search.popularity WHERE product_id = ANY(:product_ids::text[]);

-- name: moved(at, half_life_seconds, count)
-- Products whose popularity has moved by a tenth (and a point) from what the index shows, the furthest first.
SELECT product_id FROM (
    SELECT product_id, shown,
           points * power(0.5, GREATEST(0, extract(epoch FROM :at::timestamptz - at))
                               / :half_life_seconds::double precision) AS points
    FROM search.popularity
) AS p
WHERE abs(points - shown) >= GREATEST(1, shown / 10) ORDER BY abs(points - shown) DESC, product_id LIMIT :count;

-- name: mark_shown(product_ids, points)!
UPDATE search.popularity p SET shown = n.points
FROM unnest(:product_ids::text[], :points::double precision[]) AS n (product_id, points)
WHERE p.product_id = n.product_id;

-- name: forget_popularity(product_ids)!
DELETE FROM search.popularity WHERE product_id = ANY(:product_ids::text[]);

-- name: ask_rebuild(request_id)!
WITH old AS (DELETE FROM search.rebuilds WHERE requested_at < now() - interval '1 day')
INSERT INTO search.rebuilds (request_id) VALUES (:request_id);

-- name: rebuilds_asked()
SELECT request_id FROM search.rebuilds WHERE seconds IS NULL;

-- name: rebuild_answer(request_id)^
SELECT products, seconds FROM search.rebuilds WHERE request_id = :request_id AND seconds IS NOT NULL;

-- name: answer_rebuilds(request_ids, products, seconds)!
UPDATE search.rebuilds SET products = :products::bigint, seconds = :seconds::double precision
WHERE request_id = ANY(:request_ids::text[]);
