-- name: add(token, kind, kek_id, wrapped_key, nonce, ciphertext, fingerprint, fingerprint_key_id, brand, last4, exp_month, exp_year, purge_after)!
WITH audited AS (INSERT INTO vault.audit (action, token) VALUES ('tokenized', :token))
INSERT INTO vault.cards (token, kind, kek_id, wrapped_key, nonce, ciphertext, fingerprint, fingerprint_key_id, brand,
                         last4, exp_month, exp_year, purge_after)
VALUES (:token, :kind, :kek_id, :wrapped_key, :nonce, :ciphertext, :fingerprint, :fingerprint_key_id, :brand,
        :last4, :exp_month, :exp_year, :purge_after);

-- name: card(token)^
SELECT * FROM vault.cards WHERE token = :token AND (purge_after IS NULL OR purge_after > now());

-- name: begin_charge(idempotency_key, token, request_hash)^
-- The card, and the row of the call before it is made; a charge under the same key that is there already comes along.
WITH begun AS (
    INSERT INTO vault.charges (idempotency_key, token, request_hash)
    SELECT :idempotency_key, :token, :request_hash
    WHERE EXISTS (SELECT FROM vault.cards WHERE token = :token AND (purge_after IS NULL OR purge_after > now()))
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING idempotency_key
), audited AS (
    INSERT INTO vault.audit (action, token, detail) SELECT 'charge_begun', :token, idempotency_key FROM begun
)
SELECT to_jsonb(k) AS charge, c.*,
       -- A card nobody keeps pays once: another charge was, or may have been, accepted before this one.
       EXISTS (SELECT FROM vault.charges o
               WHERE o.token = :token AND o.idempotency_key <> :idempotency_key
                 AND o.created_at <= coalesce(k.created_at, now())
                 AND (o.answer IS NULL
                      OR (o.status < 300 AND o.answer->>'state' NOT IN ('declined', 'expired', 'voided')))) AS used
FROM (SELECT 1) one
LEFT JOIN vault.cards c ON c.token = :token AND (c.purge_after IS NULL OR c.purge_after > now())
LEFT JOIN vault.charges k ON k.idempotency_key = :idempotency_key;

-- name: end_charge(idempotency_key, status, answer, provider_id, detail, replace, kind, kek_id, wrapped_key, nonce, ciphertext)!
-- The answer is kept under its key; with `replace` the card's secret gives way to what is given, or to nothing.
WITH ended AS (
    UPDATE vault.charges SET status = :status, answer = :answer::jsonb, provider_id = :provider_id
    WHERE idempotency_key = :idempotency_key AND answer IS NULL RETURNING token
), audited AS (
    INSERT INTO vault.audit (action, token, detail) SELECT 'charge_ended', token, :detail::text FROM ended
)
UPDATE vault.cards c SET last_used_at = now(),
    kind = CASE WHEN :replace::boolean THEN :kind::text ELSE kind END,
    kek_id = CASE WHEN :replace THEN :kek_id::text ELSE kek_id END,
    wrapped_key = CASE WHEN :replace THEN :wrapped_key::bytea ELSE wrapped_key END,
    nonce = CASE WHEN :replace THEN :nonce::bytea ELSE nonce END,
    ciphertext = CASE WHEN :replace THEN :ciphertext::bytea ELSE ciphertext END
FROM ended WHERE c.token = ended.token;

-- name: provider_ids(token)
SELECT provider_id FROM vault.charges WHERE token = :token AND provider_id IS NOT NULL ORDER BY created_at DESC LIMIT 3;

-- name: keep(token, owner, kind, kek_id, wrapped_key, nonce, ciphertext)!
WITH audited AS (INSERT INTO vault.audit (action, token, detail) VALUES ('kept', :token, :owner))
UPDATE vault.cards SET owner = :owner, purge_after = NULL, kind = :kind, kek_id = :kek_id, wrapped_key = :wrapped_key,
    nonce = :nonce, ciphertext = :ciphertext
WHERE token = :token;

-- name: forget(token)!
WITH gone AS (DELETE FROM vault.cards WHERE token = :token RETURNING token)
INSERT INTO vault.audit (action, token) SELECT 'forgotten', token FROM gone;

-- name: purge(charges_before)!
WITH gone AS (DELETE FROM vault.cards WHERE purge_after <= now() RETURNING token),
     old AS (DELETE FROM vault.charges WHERE created_at < :charges_before::timestamptz)
INSERT INTO vault.audit (action, token) SELECT 'purged', token FROM gone;
