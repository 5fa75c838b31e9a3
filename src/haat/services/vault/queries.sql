-- name: card(token)^
SELECT * FROM vault.cards WHERE token = :token AND (purge_after IS NULL OR purge_after > now());

-- name: begin_waiting(idempotency_key, token, request_hash)$
-- The row of the call before it is made, for a card that waits in memory: true when there was none under this key.
-- Nobody waits for the disk here: payments has a row of the same call there already, see decision 43.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), begun AS (
    INSERT INTO vault.charges (idempotency_key, token, request_hash)
    SELECT :idempotency_key, :token, :request_hash FROM quick
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING idempotency_key
)
INSERT INTO vault.audit (action, token, detail) SELECT 'charge_begun', :token, idempotency_key FROM begun RETURNING true;

-- name: begin_charge(idempotency_key, token, request_hash, owner, waiting)^
-- As begin_waiting, for a card that waits in memory or is kept for its owner; the kept card, and a charge under the
-- same key that is there already, come along.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), begun AS (
    INSERT INTO vault.charges (idempotency_key, token, request_hash)
    SELECT :idempotency_key, :token, :request_hash FROM quick
    WHERE :waiting::boolean OR EXISTS (SELECT FROM vault.cards WHERE token = :token AND owner = :owner::text
                                       AND ciphertext IS NOT NULL AND (purge_after IS NULL OR purge_after > now()))
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING idempotency_key
), audited AS (
    INSERT INTO vault.audit (action, token, detail) SELECT 'charge_begun', :token, idempotency_key FROM begun
)
SELECT to_jsonb(k) AS charge, c.*
FROM (SELECT 1) one
LEFT JOIN vault.cards c ON NOT :waiting AND c.token = :token AND (c.purge_after IS NULL OR c.purge_after > now())
LEFT JOIN vault.charges k ON k.idempotency_key = :idempotency_key;

-- name: end_charge(idempotency_key, status, answer, provider_id, detail)!
-- Nobody waits for the disk here either: payments writes the same answer down next, and waits.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
), ended AS (
    UPDATE vault.charges SET status = :status, answer = :answer::jsonb, provider_id = :provider_id
    FROM quick WHERE idempotency_key = :idempotency_key AND answer IS NULL RETURNING token
)
INSERT INTO vault.audit (action, token, detail) SELECT 'charge_ended', token, :detail FROM ended;

-- name: end_and_add(idempotency_key, status, answer, provider_id, detail, owner, merchant, kind, kek_id, wrapped_key, nonce, ciphertext, aad_version, fingerprint, fingerprint_key_id, brand, last4, exp_month, exp_year, created_at, purge_after)!
-- As end_charge; what may stay of a card that waited in memory comes to the disk now.
WITH ended AS (
    UPDATE vault.charges SET status = :status, answer = :answer::jsonb, provider_id = :provider_id
    WHERE idempotency_key = :idempotency_key AND answer IS NULL RETURNING token
), audited AS (
    INSERT INTO vault.audit (action, token, detail) SELECT 'charge_ended', token, :detail FROM ended
)
INSERT INTO vault.cards (token, owner, merchant, kind, kek_id, wrapped_key, nonce, ciphertext, aad_version, fingerprint,
    fingerprint_key_id, brand, last4, exp_month, exp_year, created_at, last_used_at, purge_after, provider_id)
SELECT token, :owner, :merchant, :kind, :kek_id, :wrapped_key, :nonce, :ciphertext, :aad_version, :fingerprint,
    :fingerprint_key_id, :brand, :last4, :exp_month, :exp_year, :created_at, now(), :purge_after, :provider_id
FROM ended ON CONFLICT (token) DO NOTHING;

-- name: end_and_use(idempotency_key, status, answer, provider_id, detail, kind, kek_id, wrapped_key, nonce, ciphertext, aad_version)!
-- As end_charge, for a kept card; a secret that is given takes the place of the one it has.
WITH ended AS (
    UPDATE vault.charges SET status = :status, answer = :answer::jsonb, provider_id = :provider_id
    WHERE idempotency_key = :idempotency_key AND answer IS NULL RETURNING token
), audited AS (
    INSERT INTO vault.audit (action, token, detail) SELECT 'charge_ended', token, :detail FROM ended
)
UPDATE vault.cards c SET last_used_at = now(),
    aad_version = CASE WHEN :kind::text IS NULL THEN aad_version ELSE :aad_version END,
    kind = coalesce(:kind, kind), kek_id = coalesce(:kek_id, kek_id), wrapped_key = coalesce(:wrapped_key, wrapped_key),
    nonce = coalesce(:nonce, nonce), ciphertext = coalesce(:ciphertext, ciphertext)
FROM ended WHERE c.token = ended.token;

-- name: keep(token, owner, kind, kek_id, wrapped_key, nonce, ciphertext, aad_version, purge_after)!
WITH kept AS (
    UPDATE vault.cards SET owner = :owner, purge_after = :purge_after, kind = :kind, kek_id = :kek_id,
        wrapped_key = :wrapped_key, nonce = :nonce, ciphertext = :ciphertext, aad_version = :aad_version
    WHERE token = :token AND owner IS NULL RETURNING token
)
INSERT INTO vault.audit (action, token, detail) SELECT 'kept', token, :owner FROM kept;

-- name: forget(token)!
WITH gone AS (DELETE FROM vault.cards WHERE token = :token RETURNING token)
INSERT INTO vault.audit (action, token) SELECT 'forgotten', token FROM gone;

-- name: purge(charges_before)!
WITH gone AS (DELETE FROM vault.cards WHERE purge_after <= now() RETURNING token),
     old AS (DELETE FROM vault.charges WHERE created_at < :charges_before::timestamptz)
INSERT INTO vault.audit (action, token) SELECT 'purged', token FROM gone;

-- name: record(ats, actions, tokens, details, addresses)!
INSERT INTO vault.audit (at, action, token, detail, address)
SELECT * FROM unnest(:ats::timestamptz[], :actions::text[], :tokens::text[], :details::text[], :addresses::text[]);

-- name: under_key(kek_id, after, most)
-- One batch of the records whose data keys lie wrapped under this key, in the order of their tokens.
SELECT token, owner, merchant, kind, kek_id, wrapped_key, nonce, ciphertext, aad_version
FROM vault.cards WHERE kek_id = :kek_id AND token > :after ORDER BY token LIMIT :most;

-- name: rewrap(kek_id, tokens, before, keks, wrapped, nonces, ciphertexts, versions)$
-- A record that was changed since it was read keeps what it has by now.
WITH changed AS (
    UPDATE vault.cards c SET kek_id = n.kek, wrapped_key = n.wrapped, nonce = n.nonce, ciphertext = n.ciphertext,
        aad_version = n.version
    FROM unnest(:tokens::text[], :before::bytea[], :keks::text[], :wrapped::bytea[], :nonces::bytea[],
                :ciphertexts::bytea[], :versions::smallint[]) AS n (token, before, kek, wrapped, nonce, ciphertext, version)
    WHERE c.token = n.token AND c.kek_id = :kek_id AND c.wrapped_key = n.before RETURNING 1
)
SELECT count(*) FROM changed;

-- name: forbid_key(kek_id)$
SELECT vault.forbid_key(:kek_id);

-- name: prove_key_gone(kek_id)$
SELECT vault.prove_key_gone(:kek_id);

-- name: key_counts()
SELECT kek_id, count(*) AS cards FROM vault.cards WHERE kek_id IS NOT NULL GROUP BY kek_id ORDER BY kek_id;

-- name: seal_turn()$
SELECT pg_try_advisory_xact_lock(7262040);

-- name: last_seal()^
SELECT number, horizon, head FROM vault.audit_seals ORDER BY number DESC LIMIT 1;

-- name: horizon()$
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: unsealed(since, until)
SELECT position, at, action, token, detail, address FROM vault.audit
WHERE txid >= :since AND txid < :until ORDER BY position;

-- name: add_seal(number, horizon, positions, marks, head)!
INSERT INTO vault.audit_seals (number, horizon, positions, marks, head)
VALUES (:number, :horizon, :positions::bigint[], :marks, :head);

-- name: seals_after(number, most)
SELECT number, horizon, positions, marks, head FROM vault.audit_seals
WHERE number > :number ORDER BY number LIMIT :most;

-- name: entries(positions)
SELECT position, at, action, token, detail, address FROM vault.audit WHERE position = ANY(:positions::bigint[]);

-- name: count_before(horizon)$
SELECT count(*) FROM vault.audit WHERE txid < :horizon;

-- name: outside_seals(horizon)
-- Entries put in behind the chain's back: older than its end, and in none of its links.
SELECT position FROM vault.audit a WHERE txid < :horizon
    AND NOT EXISTS (SELECT FROM vault.audit_seals s WHERE a.position = ANY(s.positions)) ORDER BY position LIMIT 100;
