-- name: add(id, hash, alt, source, width, height, size)^
-- The same bytes under the same words are the same media: whoever comes second gets the row of the first.
WITH made AS (
    INSERT INTO media.items (id, hash, alt, source, width, height, size)
    VALUES (:id, :hash, :alt, :source, :width, :height, :size)
    ON CONFLICT (hash, alt) DO UPDATE SET alt = excluded.alt
    RETURNING *
)
SELECT id, hash, alt, source, width, height FROM made;

-- name: by_hash(hash)^
SELECT id, hash, alt, source, width, height FROM media.items WHERE hash = :hash LIMIT 1;

-- name: by_ids(ids)
SELECT id, hash, alt, source, width, height FROM media.items WHERE id = ANY(:ids::text[]);
