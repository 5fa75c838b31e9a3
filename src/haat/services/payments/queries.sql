-- name: begin(payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method, user_id, return_url, state, save_wanted, history, next_check_at, created_at, call_id, idem_key, request_hash)^
-- One statement, before the provider is asked: the payment and the row of the call. Nothing when the attempt has a
-- payment (or a tombstone) already.
WITH fresh AS (
    INSERT INTO payments.payments AS p (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,
                                        user_id, return_url, state, save_wanted, history, next_check_at, created_at)
    VALUES (:payment_id, :attempt_id, :checkout_id, :provider, :amount_minor, :currency, :method::jsonb,
            :user_id, :return_url, :state, :save_wanted, :history::jsonb, :next_check_at, :created_at)
    ON CONFLICT (attempt_id) DO NOTHING
    RETURNING *
), call AS (
    INSERT INTO payments.provider_calls (call_id, payment_id, op, n, idem_key, request_hash, amount_minor)
    SELECT :call_id::text, payment_id, 'authorize', 0, :idem_key::text, :request_hash::text, amount_minor FROM fresh
)
SELECT fresh.*, '[]'::jsonb AS refunds FROM fresh;

-- name: load(payment_id, attempt_id, provider, provider_id)^
SELECT p.*, coalesce((SELECT jsonb_agg(to_jsonb(r) ORDER BY r.created_at, r.refund_id)
                      FROM payments.refunds r WHERE r.payment_id = p.payment_id), '[]') AS refunds
FROM payments.payments p
WHERE p.payment_id = :payment_id OR p.attempt_id = :attempt_id
   OR (p.provider = :provider AND p.provider_id = :provider_id);

-- name: lock(payment_id)^
SELECT payment_id FROM payments.payments WHERE payment_id = :payment_id FOR UPDATE;

-- name: call_of(idem_key)^
SELECT * FROM payments.provider_calls WHERE idem_key = :idem_key;

-- name: open_calls(payment_id)
SELECT * FROM payments.provider_calls
WHERE payment_id = :payment_id AND state IN ('SENT', 'UNKNOWN') ORDER BY sent_at;

-- name: claimed(provider, provider_ids)
-- Which of these payments of the provider are known here already.
SELECT provider_id FROM payments.payments WHERE provider = :provider AND provider_id = ANY(:provider_ids::text[]);

-- name: awaiting(provider, checkout_id)
-- Payments of a checkout whose answer has not come yet.
SELECT payment_id FROM payments.payments
WHERE provider = :provider AND checkout_id = :checkout_id AND provider_id IS NULL AND NOT tombstone
  AND state IN ('authorizing', 'unknown', 'expired', 'voided');

-- name: save(payment_id, version, state, provider_id, captured_minor, refunded_minor, capturing_minor, disputed_minor, dispute, action, decline_code, brand, last4, save_wanted, history, next_check_at, call_key, call_state, call_detail, refund_ids, refund_states, refund_provider_ids, txn_ids, txn_kinds, txn_refs, txn_phases, txn_pendings, entry_txns, entry_accounts, entry_amounts, webhook_id, event_ids, event_names, event_keys, event_ats, event_bodies)$
-- One statement: the payment moves from `version` to the next, the call that taught us is closed, refunds, ledger and
-- events are written. Null when the payment has moved on or the call was closed before.
WITH moved AS (
    UPDATE payments.payments SET
        state = :state, provider_id = :provider_id, captured_minor = :captured_minor,
        refunded_minor = :refunded_minor, capturing_minor = :capturing_minor, disputed_minor = :disputed_minor,
        dispute = :dispute, action = :action::jsonb, decline_code = :decline_code, brand = :brand, last4 = :last4,
        save_wanted = :save_wanted, history = :history::jsonb, next_check_at = :next_check_at, checks = 0,
        version = version + 1
    WHERE payment_id = :payment_id AND version = :version
      AND (:call_key::text IS NULL OR EXISTS (
          SELECT FROM payments.provider_calls WHERE idem_key = :call_key AND state IN ('SENT', 'UNKNOWN')))
    RETURNING version, provider, currency
), closed AS (
    UPDATE payments.provider_calls c SET state = :call_state, detail = :call_detail
    FROM moved WHERE c.idem_key = :call_key
), refunded AS (
    UPDATE payments.refunds r SET state = n.state, provider_refund_id = n.provider_refund_id
    FROM moved, unnest(:refund_ids::text[], :refund_states::text[], :refund_provider_ids::text[])
        AS n (refund_id, state, provider_refund_id)
    WHERE r.refund_id = n.refund_id
), posted AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, external_ref, phase, pending_ref, payment_id)
    SELECT t.*, :payment_id FROM moved, unnest(:txn_ids::text[], :txn_kinds::text[], :txn_refs::text[],
                                               :txn_phases::text[], :txn_pendings::text[]) AS t
), entries AS (
    INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
    SELECT e.txn_id, e.account, moved.currency, e.amount
    FROM moved, unnest(:entry_txns::text[], :entry_accounts::text[], :entry_amounts::bigint[])
        AS e (txn_id, account, amount)
), hook AS (
    INSERT INTO payments.webhooks (provider, webhook_id)
    SELECT moved.provider, :webhook_id::text FROM moved WHERE :webhook_id::text IS NOT NULL
    ON CONFLICT DO NOTHING
), told AS (
    INSERT INTO payments.outbox (id, name, key, at, body)
    SELECT e.* FROM moved, unnest(:event_ids::text[], :event_names::text[], :event_keys::text[],
                                  :event_ats::timestamptz[], :event_bodies::bytea[]) AS e
)
SELECT version FROM moved;

-- name: begin_capture(payment_id, idem_key, amount_minor, call_id, request_hash, next_check_at)$
-- Room for the capture is taken and its call written in one statement; null when there is no such room.
WITH moved AS (
    UPDATE payments.payments SET capturing_minor = capturing_minor + :amount_minor::bigint,
        version = version + 1, next_check_at = :next_check_at
    WHERE payment_id = :payment_id AND void_reason IS NULL AND state IN ('authorized', 'captured')
      AND captured_minor + capturing_minor + :amount_minor::bigint <= amount_minor
      AND NOT EXISTS (SELECT FROM payments.provider_calls WHERE idem_key = :idem_key)
    RETURNING version
)
INSERT INTO payments.provider_calls (call_id, payment_id, op, n, idem_key, request_hash, amount_minor)
SELECT :call_id, :payment_id, 'capture', version, :idem_key, :request_hash, :amount_minor
FROM moved RETURNING call_id;

-- name: begin_refund(payment_id, request_id, amount_minor, refund_id, reason, call_id, request_hash, txn_id, accounts, signs, next_check_at)$
-- Refunds on their way count: together they never exceed what was captured. Null when there is no such room.
WITH moved AS (
    UPDATE payments.payments SET refunded_minor = refunded_minor + :amount_minor::bigint,
        version = version + 1, next_check_at = :next_check_at
    WHERE payment_id = :payment_id
      AND refunded_minor + :amount_minor::bigint + disputed_minor <= captured_minor
      AND NOT EXISTS (SELECT FROM payments.refunds WHERE payment_id = :payment_id AND request_id = :request_id)
    RETURNING version, currency
), made AS (
    INSERT INTO payments.refunds (refund_id, payment_id, request_id, amount_minor, state, reason)
    SELECT :refund_id::text, :payment_id, :request_id::text, :amount_minor, 'pending', :reason::text FROM moved
), posted AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, external_ref, phase, payment_id)
    SELECT :txn_id::text, 'refund', :refund_id || ':request', 'pending', :payment_id FROM moved
), entries AS (
    INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
    SELECT :txn_id, e.account, moved.currency, e.sign * :amount_minor
    FROM moved, unnest(:accounts::text[], :signs::integer[]) AS e (account, sign)
)
INSERT INTO payments.provider_calls (call_id, payment_id, op, n, idem_key, request_hash, amount_minor, refund_id)
SELECT :call_id::text, :payment_id, 'refund', version, :refund_id, :request_hash::text, :amount_minor, :refund_id
FROM moved RETURNING call_id;

-- name: begin_void(payment_id, call_id, idem_key)!
INSERT INTO payments.provider_calls (call_id, payment_id, op, n, idem_key, request_hash)
VALUES (:call_id, :payment_id, 'void', 0, :idem_key, '') ON CONFLICT DO NOTHING;

-- name: mark_call(idem_key, state, detail)!
UPDATE payments.provider_calls SET state = :state, detail = :detail
WHERE idem_key = :idem_key AND state IN ('SENT', 'UNKNOWN');

-- name: want_void(payment_id, attempt_id, reason)$
-- Marks the payment, or, when there is none yet, takes its place so that none can begin.
INSERT INTO payments.payments AS p (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,
                                    state, void_reason, tombstone)
VALUES (:payment_id, :attempt_id, '', '', 0, 'XXX', '{"method": "cod"}', 'voided', :reason, true)
ON CONFLICT (attempt_id) DO UPDATE
    SET void_reason = coalesce(p.void_reason, excluded.void_reason), version = p.version + 1, next_check_at = now()
RETURNING payment_id;

-- name: due(limit)
-- Takes a lease on what is due: whoever dies over it leaves it to the next one.
WITH d AS MATERIALIZED (SELECT payment_id FROM payments.payments WHERE next_check_at <= now()
      ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE payments.payments p
SET checks = p.checks + 1, next_check_at = now() + make_interval(secs => LEAST(300, 10 * power(2, LEAST(p.checks, 6))))
FROM d
WHERE p.payment_id = d.payment_id RETURNING p.payment_id;

-- name: nothing_to_check(payment_id, version)!
UPDATE payments.payments SET next_check_at = NULL WHERE payment_id = :payment_id AND version = :version;

-- name: heard(provider, webhook_id, provider_id)^
-- One row: whether this notice was acted on before, and the payment it is about, or nulls.
SELECT EXISTS (SELECT FROM payments.webhooks WHERE provider = :provider AND webhook_id = :webhook_id) AS known, p.*,
       coalesce((SELECT jsonb_agg(to_jsonb(r) ORDER BY r.created_at, r.refund_id)
                 FROM payments.refunds r WHERE r.payment_id = p.payment_id), '[]') AS refunds
FROM (SELECT 1) one LEFT JOIN payments.payments p ON p.provider = :provider AND p.provider_id = :provider_id;

-- name: take_webhook(provider, webhook_id)!
INSERT INTO payments.webhooks (provider, webhook_id) VALUES (:provider, :webhook_id) ON CONFLICT DO NOTHING;

-- name: forget_webhooks(before)!
DELETE FROM payments.webhooks WHERE received_at < :before;

-- name: put_aside(provider, provider_id, reason, fact)!
INSERT INTO payments.quarantine (provider, provider_id, reason, fact)
VALUES (:provider, :provider_id, :reason, :fact::jsonb) ON CONFLICT DO NOTHING;

-- name: keep_card(payment_id, card_id, user_id, token, fingerprint, brand, last4, exp_month, exp_year)^
-- The same card saved again keeps its id and takes the new token; the old token is given back to be forgotten.
WITH old AS (
    SELECT token FROM payments.saved_cards WHERE user_id = :user_id AND fingerprint = :fingerprint
), kept AS (
    INSERT INTO payments.saved_cards AS c (card_id, user_id, token, fingerprint, brand, last4, exp_month, exp_year)
    VALUES (:card_id, :user_id, :token, :fingerprint, :brand, :last4, :exp_month, :exp_year)
    ON CONFLICT (user_id, fingerprint) DO UPDATE
        SET token = excluded.token, exp_month = excluded.exp_month, exp_year = excluded.exp_year
), done AS (
    UPDATE payments.payments SET save_wanted = false, version = version + 1 WHERE payment_id = :payment_id
)
SELECT (SELECT token FROM old) AS old_token;

-- name: give_up_keeping(payment_id)!
UPDATE payments.payments SET save_wanted = false, version = version + 1 WHERE payment_id = :payment_id;

-- name: saved_cards(user_id)
SELECT card_id, token, brand, last4, exp_month, exp_year, created_at FROM payments.saved_cards
WHERE user_id = :user_id ORDER BY created_at DESC, card_id LIMIT 100;

-- name: saved_card(user_id, card_id)$
SELECT token FROM payments.saved_cards WHERE user_id = :user_id AND card_id = :card_id;

-- name: forget_card(user_id, card_id)!
DELETE FROM payments.saved_cards WHERE user_id = :user_id AND card_id = :card_id;
