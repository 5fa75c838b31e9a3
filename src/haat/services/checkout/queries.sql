-- name: insert_checkout(id, owner, cart_id, cart_version, quote, ready, valid_seconds)$
-- Times are the database's own, here and everywhere: the clocks of the services may differ.
INSERT INTO checkout.checkouts (id, owner, cart_id, cart_version, quote, ready, expires_at)
VALUES (:id, :owner, :cart_id, :cart_version, :quote, :ready, now() + make_interval(secs => :valid_seconds))
RETURNING expires_at;

-- name: load(id, owner)^
SELECT *, expires_at <= now() AS ran_out FROM checkout.checkouts WHERE id = :id AND owner = :owner;

-- name: contact(id)^
SELECT quote #>> '{choices,email}' AS email, quote #>> '{choices,shipping_address,name}' AS name
FROM checkout.checkouts WHERE id = :id;

-- name: requote(id, owner, version, cart_version, quote, ready, valid_seconds)^
-- Without `valid_seconds` the quote runs out when the one before would have.
UPDATE checkout.checkouts
SET quote = :quote, ready = :ready, expires_at = coalesce(now() + make_interval(secs => :valid_seconds), expires_at),
    cart_version = :cart_version, status = 'open', failure = NULL, version = version + 1
WHERE id = :id AND owner = :owner AND version = :version AND status IN ('open', 'expired')
RETURNING *;

-- name: claim(attempt_id, checkout_id, owner, version, account, key, fingerprint, complete, saga, lease_seconds)^
-- One statement: the open checkout is taken, and its attempt exists with a lease. Nothing when it was not open any
-- more, or not as it was at `version`. Without a version: a checkout of which nothing is missing.
WITH taken AS (
    UPDATE checkout.checkouts
    SET status = 'completing', attempt_id = :attempt_id::text, failure = NULL, version = version + 1
    WHERE id = :checkout_id AND owner = :owner AND status = 'open' AND expires_at > now()
        AND CASE WHEN :version::bigint IS NULL THEN ready ELSE version = :version END
    RETURNING *
), begun AS (
    INSERT INTO checkout.attempts (attempt_id, checkout_id, cart_id, cart_version, account, key, fingerprint, state,
                                   complete, saga, lease_until, next_run_at)
    SELECT :attempt_id::text, id, cart_id, cart_version, :account, :key, :fingerprint, 'claimed', :complete, :saga,
           now() + make_interval(secs => :lease_seconds), now()
    FROM taken
)
SELECT * FROM taken;

-- name: load_with_attempt(id, owner, account, key)^
-- The owner's checkout, and what this idempotency key has come to.
SELECT c.*, c.expires_at <= now() AS ran_out, to_jsonb(a) AS attempt FROM checkout.checkouts c
LEFT JOIN checkout.attempts a ON a.account = :account AND a.key = :key
WHERE c.id = :id AND c.owner = :owner;

-- name: attempt_of_key(account, key)^
SELECT a.*, c.quote, c.owner FROM checkout.attempts a JOIN checkout.checkouts c ON c.id = a.checkout_id
WHERE a.account = :account AND a.key = :key;

-- name: attempt(attempt_id)^
SELECT a.*, c.quote, c.owner FROM checkout.attempts a JOIN checkout.checkouts c ON c.id = a.checkout_id
WHERE a.attempt_id = :attempt_id;

-- name: not_placed(attempt_ids)
-- Of these attempts those without an order, with their state.
SELECT attempt_id, state FROM checkout.attempts WHERE attempt_id = ANY(:attempt_ids::text[]) AND state <> 'placed';

-- name: lease_these(attempt_ids, lease_seconds)
-- Of these attempts, those that still have a way to go and that nobody drives.
UPDATE checkout.attempts a SET lease_until = now() + make_interval(secs => :lease_seconds), version = a.version + 1
FROM checkout.checkouts c
WHERE a.attempt_id = ANY(:attempt_ids::text[]) AND a.lease_until <= now() AND a.state NOT IN ('placed', 'failed')
    AND c.id = a.checkout_id
RETURNING a.*, c.quote, c.owner, extract(epoch FROM now() - a.created_at)::float8 AS age_seconds;

-- name: lease_due(lease_seconds, how_many)
WITH due AS MATERIALIZED (
    SELECT attempt_id FROM checkout.attempts
    WHERE state NOT IN ('placed', 'failed') AND next_run_at <= now() AND lease_until <= now()
    ORDER BY next_run_at LIMIT :how_many FOR UPDATE SKIP LOCKED
)
UPDATE checkout.attempts a SET lease_until = now() + make_interval(secs => :lease_seconds), version = a.version + 1
FROM due, checkout.checkouts c WHERE a.attempt_id = due.attempt_id AND c.id = a.checkout_id
RETURNING a.*, c.quote, c.owner, extract(epoch FROM now() - a.created_at)::float8 AS age_seconds;

-- name: park(attempt_id, version, seconds, error)!
-- Put aside what cannot even be read; it is looked at again after a while, when newer code may run.
UPDATE checkout.attempts SET state = 'parked', last_error = :error, version = version + 1, lease_until = now(),
    next_run_at = now() + make_interval(secs => :seconds)
WHERE attempt_id = :attempt_id AND version = :version;

-- name: parked(after, how_many)
-- The oldest first: ids rise with time.
SELECT attempt_id, checkout_id, saga ->> 'state' AS state, coalesce(last_error, '') AS error, created_at
FROM checkout.attempts WHERE state = 'parked' AND attempt_id > :after ORDER BY attempt_id LIMIT :how_many;

-- name: parked_one(attempt_id)^
-- Field by field: what another version wrote must be possible to look at, too.
SELECT a.attempt_id, a.checkout_id, a.saga ->> 'state' AS state, coalesce(a.last_error, '') AS error, a.created_at,
       a.state = 'parked' AS parked, a.tries, a.next_run_at, a.complete #>> '{payment,method}' AS method,
       a.complete #>> '{owner,user_id}' AS user_id, a.saga ->> 'payment_id' AS payment_id,
       coalesce(a.saga ->> 'payment_summary', '') AS payment_summary, a.saga #>> '{failure,code}' AS failure,
       coalesce((a.saga ->> 'pivoted')::boolean, false) AS sold, a.saga ->> 'order_id' AS order_id,
       a.saga ->> 'order_number' AS order_number, c.quote
FROM checkout.attempts a JOIN checkout.checkouts c ON c.id = a.checkout_id WHERE a.attempt_id = :attempt_id;

-- name: go_on(attempt_ids)!
UPDATE checkout.attempts SET next_run_at = now() WHERE attempt_id = ANY(:attempt_ids::text[]) AND state = 'parked';

-- name: save(attempt_id, version, state, saga, lease_seconds, run_in_seconds, tries, last_error, checkout_status, action, failure, order_id, order_number)$
-- One statement: the attempt's state behind its version fence, and what the shopper sees of it.
-- Null when another driver has taken over meanwhile. `checkout_status` null leaves the checkout as it is.
WITH saved AS (
    UPDATE checkout.attempts
    SET state = :state, saga = :saga, version = version + 1, tries = :tries, last_error = :last_error,
        lease_until = now() + make_interval(secs => :lease_seconds),
        next_run_at = now() + make_interval(secs => :run_in_seconds)
    WHERE attempt_id = :attempt_id AND version = :version
    RETURNING checkout_id, attempt_id, version
), shown AS (
    UPDATE checkout.checkouts c
    SET status = :checkout_status::text, action = :action, failure = :failure::text, order_id = :order_id::text,
        order_number = :order_number::text, version = c.version + 1,
        attempt_id = CASE WHEN :checkout_status::text = 'open' THEN NULL ELSE c.attempt_id END
    FROM saved WHERE c.id = saved.checkout_id AND :checkout_status::text IS NOT NULL
        AND c.attempt_id = saved.attempt_id AND c.status NOT IN ('completed', 'canceled')
)
SELECT version FROM saved;

-- name: cancel(id, owner)^
UPDATE checkout.checkouts SET status = 'canceled', version = version + 1
WHERE id = :id AND owner = :owner AND status IN ('open', 'expired') RETURNING *;

-- name: expire(how_many)
WITH due AS MATERIALIZED (
    SELECT id FROM checkout.checkouts WHERE status = 'open' AND expires_at < now()
    ORDER BY expires_at LIMIT :how_many FOR UPDATE SKIP LOCKED
)
UPDATE checkout.checkouts c SET status = 'expired', version = version + 1
FROM due WHERE c.id = due.id
RETURNING c.id;

-- name: tax_rates()
SELECT tax_class, from_date, price_from_minor, rate_basis_points FROM checkout.tax_rates;

-- name: save_tax_rates(classes, dates, prices, rates)!
INSERT INTO checkout.tax_rates (tax_class, from_date, price_from_minor, rate_basis_points)
SELECT * FROM unnest(:classes::text[], :dates::date[], :prices::bigint[], :rates::integer[])
ON CONFLICT (tax_class, from_date, price_from_minor) DO UPDATE SET rate_basis_points = excluded.rate_basis_points;
