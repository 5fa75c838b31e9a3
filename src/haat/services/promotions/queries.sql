-- name: coupons_by_code(codes, user_id)
SELECT c.*, coalesce(u.used, 0) AS used_by_user
FROM promotions.coupons c LEFT JOIN promotions.uses u ON u.code = c.code AND u.user_id = :user_id::text
WHERE c.code = ANY(:codes::text[]);

-- name: redeem(attempt_id, codes, user_id)^
-- Counts and records in one statement. `counted` below the number of codes means that the caller must roll back;
-- `first` is false when the attempt was known before, and then nothing was counted.
WITH attempt AS (
    INSERT INTO promotions.attempts (attempt_id, state) VALUES (:attempt_id, 'redeemed')
    ON CONFLICT DO NOTHING RETURNING attempt_id
), locked AS MATERIALIZED (
    SELECT code FROM promotions.coupons
    WHERE code = ANY(:codes::text[]) AND EXISTS (SELECT FROM attempt) ORDER BY code FOR NO KEY UPDATE
), counted AS (
    UPDATE promotions.coupons c SET used = c.used + 1 FROM locked
    WHERE c.code = locked.code AND (c.limit_total IS NULL OR c.used < c.limit_total)
      AND (c.starts_at IS NULL OR c.starts_at <= now()) AND (c.ends_at IS NULL OR c.ends_at > now())
      AND (c.limit_per_user IS NULL OR :user_id::text IS NOT NULL)
    RETURNING c.code, c.limit_per_user
), of_user AS (
    INSERT INTO promotions.uses AS u (code, user_id, used)
    SELECT code, :user_id::text, 1 FROM counted WHERE :user_id::text IS NOT NULL ORDER BY code
    ON CONFLICT (code, user_id) DO UPDATE SET used = u.used + 1
        WHERE u.used < coalesce((SELECT limit_per_user FROM counted WHERE counted.code = u.code), u.used + 1)
    RETURNING code
), recorded AS (
    INSERT INTO promotions.redemptions (attempt_id, code, user_id, limit_per_user)
    SELECT :attempt_id, counted.code, :user_id::text, counted.limit_per_user
    FROM counted LEFT JOIN of_user USING (code) WHERE :user_id::text IS NULL OR of_user.code IS NOT NULL
    RETURNING code
)
SELECT EXISTS (SELECT FROM attempt) AS first, (SELECT count(*) FROM recorded) AS counted;

-- name: attempt_state(attempt_id)$
SELECT state FROM promotions.attempts WHERE attempt_id = :attempt_id;

-- name: close_attempt(attempt_id)$
-- The attempt's id when this call is the one that closes it with something to give back.
INSERT INTO promotions.attempts AS a (attempt_id, state) VALUES (:attempt_id, 'given_back')
ON CONFLICT (attempt_id) DO UPDATE SET state = 'given_back' WHERE a.state = 'redeemed'
RETURNING attempt_id;

-- name: give_back(attempt_id)!
WITH gone AS (
    DELETE FROM promotions.redemptions WHERE attempt_id = :attempt_id RETURNING code, user_id
), locked AS MATERIALIZED (
    SELECT c.code FROM promotions.coupons c JOIN gone USING (code) ORDER BY c.code FOR NO KEY UPDATE OF c
), fewer AS (
    UPDATE promotions.coupons c SET used = c.used - 1 FROM locked WHERE c.code = locked.code
)
UPDATE promotions.uses u SET used = u.used - 1 FROM gone, locked
WHERE u.code = gone.code AND u.user_id = gone.user_id AND locked.code = gone.code;

-- name: held_coupon(code)^
SELECT * FROM promotions.coupons WHERE code = :code FOR NO KEY UPDATE;

-- name: save_coupon(only_new, code, title, percent_basis_points, amount_minor, minimum_minor, maximum_discount_minor, category, limit_total, limit_per_user, combinable, starts_at, ends_at)^
-- No row when the new limit is below what is used already, or when the coupon exists and must be new.
INSERT INTO promotions.coupons AS c (
    code, title, percent_basis_points, amount_minor, minimum_minor, maximum_discount_minor, category,
    limit_total, limit_per_user, combinable, starts_at, ends_at)
VALUES (
    :code, :title, :percent_basis_points, :amount_minor, :minimum_minor, :maximum_discount_minor, :category,
    :limit_total, :limit_per_user, :combinable, :starts_at, :ends_at)
ON CONFLICT (code) DO UPDATE SET
    title = excluded.title, percent_basis_points = excluded.percent_basis_points,
    amount_minor = excluded.amount_minor, minimum_minor = excluded.minimum_minor,
    maximum_discount_minor = excluded.maximum_discount_minor, category = excluded.category,
    limit_total = excluded.limit_total, limit_per_user = excluded.limit_per_user,
    combinable = excluded.combinable, starts_at = excluded.starts_at, ends_at = excluded.ends_at
    WHERE (excluded.limit_total IS NULL OR c.used <= excluded.limit_total) AND NOT :only_new::boolean
RETURNING *;

-- name: coupons(before_at, before_code, size)
SELECT * FROM promotions.coupons
WHERE (created_at, code) < (coalesce(:before_at::timestamptz, 'infinity'), :before_code::text)
ORDER BY created_at DESC, code DESC LIMIT :size;
