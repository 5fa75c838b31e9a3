-- name: begin(payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method, user_id, return_url, state, save_wanted, history, next_check_at, created_at, idem_key, request_hash)$
-- One statement, before the provider is asked: the payment and the row of the call. Nothing when the attempt has a
-- payment (or a tombstone) already.
WITH fresh AS (
    INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,
                                   user_id, return_url, state, save_wanted, history, created_at)
    VALUES (:payment_id, :attempt_id, :checkout_id, :provider, :amount_minor, :currency, :method::json,
            :user_id, :return_url, :state, :save_wanted, :history::json, :created_at)
    ON CONFLICT (attempt_id) DO NOTHING
    RETURNING payment_id, amount_minor
), watched AS (
    INSERT INTO payments.due (payment_id, at) SELECT payment_id, :next_check_at FROM fresh
    WHERE :next_check_at::timestamptz IS NOT NULL
)
INSERT INTO payments.provider_calls (idem_key, payment_id, op, request_hash, amount_minor)
SELECT :idem_key::text, payment_id, 'authorize', :request_hash::text, amount_minor FROM fresh
RETURNING payment_id;

-- name: load(payment_id)^
SELECT p.*, CASE WHEN p.has_refunds THEN payments.refunds_of(p.payment_id) END AS refunds
FROM payments.payments p WHERE p.payment_id = :payment_id;

-- name: load_attempt(attempt_id)^
SELECT p.*, CASE WHEN p.has_refunds THEN payments.refunds_of(p.payment_id) END AS refunds
FROM payments.payments p WHERE p.attempt_id = :attempt_id;

-- name: lock(payment_id)^
SELECT payment_id FROM payments.payments WHERE payment_id = :payment_id FOR UPDATE;

-- name: call_of(idem_key)^
SELECT * FROM payments.provider_calls WHERE idem_key = :idem_key;

-- name: open_calls(payment_id)
SELECT * FROM payments.provider_calls
WHERE payment_id = :payment_id AND state IN ('SENT', 'UNKNOWN') ORDER BY sent_at;

-- name: claimed(provider, provider_ids)
-- Which of these payments of the provider are known here already.
SELECT provider_id FROM payments.provider_payments
WHERE provider = :provider AND provider_id = ANY(:provider_ids::text[]);

-- name: awaiting(provider, checkout_id)
-- Payments of a checkout whose answer has not come yet.
SELECT payment_id FROM payments.payments
WHERE provider = :provider AND checkout_id = :checkout_id AND provider_id IS NULL AND NOT tombstone
  AND state IN ('authorizing', 'unknown', 'expired', 'voided');

-- name: save_held(payment_id, version, provider_id, brand, last4, capture_before, history, call_key, event_id, event_name, event_at, event_body)$
-- What nearly every payment by card goes through: the provider holds the money. Null when the payment has moved on.
WITH moved AS (
    UPDATE payments.payments SET
        state = 'authorized', provider_id = :provider_id, action = NULL, decline_code = NULL, brand = :brand,
        last4 = :last4, capture_before = :capture_before, history = :history::json, version = version + 1
    WHERE payment_id = :payment_id AND version = :version
    RETURNING payment_id, attempt_id, checkout_id, provider, provider_id, currency,
              amount_minor - credit_minor AS amount, payment_id || ':' || 'authorize' AS txn_id
), closed AS (
    UPDATE payments.provider_calls c SET state = 'OK', detail = moved.provider_id
    FROM moved WHERE c.idem_key = :call_key
), claimed AS (
    INSERT INTO payments.provider_payments (provider, provider_id, payment_id)
    SELECT provider, provider_id, payment_id FROM moved
), posted AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id)
    SELECT txn_id, 'authorize', 'pending', payment_id FROM moved
), entries AS (
    INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
    SELECT txn_id, 'psp_clearing:' || provider, currency, amount FROM moved
    UNION ALL SELECT txn_id, 'customer_due:' || checkout_id, currency, -amount FROM moved
)
INSERT INTO payments.outbox (id, name, key, at, body)
SELECT :event_id::text, :event_name::text, attempt_id, :event_at::timestamptz, :event_body::bytea FROM moved
RETURNING key;

-- name: begin_captures(payment_ids, request_id, next_check_at)
-- The rest of many payments is about to be taken: the row of each call, and everything the teller has to know. What is
-- not held, is to be let go of, or was asked for under this name before is left out.
WITH moved AS (
    UPDATE payments.payments p SET capturing_minor = amount_minor - credit_minor - captured_minor,
                                   ordered = true, version = version + 1
    WHERE payment_id = ANY(:payment_ids::text[]) AND state = 'authorized' AND void_reason IS NULL
      AND capturing_minor = 0 AND provider <> 'cash'
      AND NOT EXISTS (SELECT FROM payments.provider_calls c
                      WHERE c.idem_key = p.payment_id || ':' || 'capture:' || :request_id::text)
    RETURNING p.*
), calls AS (
    INSERT INTO payments.provider_calls (idem_key, payment_id, op, request_hash, amount_minor)
    SELECT payment_id || ':' || 'capture:' || :request_id, payment_id, 'capture', capturing_minor::text, capturing_minor
    FROM moved
), watched AS (
    -- The row as it is now, not as this statement found it: it may be put off meanwhile.
    INSERT INTO payments.due AS d (payment_id, at) SELECT payment_id, :next_check_at::timestamptz FROM moved
    ON CONFLICT (payment_id) DO UPDATE SET at = excluded.at, checks = 0 WHERE d.at > excluded.at
)
SELECT moved.*, NULL::jsonb AS refunds FROM moved;

-- name: save_taken(payment_ids, versions, histories, call_keys, event_ids, event_name, event_ats, event_bodies)
-- The provider has taken all that it was asked for, for each of these payments; gives those that had not moved on.
WITH moved AS (
    UPDATE payments.payments p SET
        state = 'captured', captured_minor = p.amount_minor, capturing_minor = 0, history = n.history,
        version = p.version + 1
    FROM unnest(:payment_ids::text[], :versions::bigint[], :histories::json[], :call_keys::text[],
                :event_ids::text[], :event_ats::timestamptz[], :event_bodies::bytea[])
        AS n (payment_id, version, history, call_key, event_id, event_at, event_body)
    WHERE p.payment_id = n.payment_id AND p.version = n.version
    RETURNING p.payment_id, p.attempt_id, p.checkout_id, p.provider, p.currency, p.amount_minor AS amount,
              p.payment_id || ':' || 'capture:' || p.amount_minor AS txn_id, n.call_key, n.event_id, n.event_at, n.event_body
), closed AS (
    UPDATE payments.provider_calls c SET state = 'OK' FROM moved WHERE c.idem_key = moved.call_key
), posted AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, phase, pending_ref, payment_id)
    SELECT txn_id, 'capture', 'posted', payment_id || ':' || 'authorize', payment_id FROM moved
), entries AS (
    INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
    SELECT txn_id, 'psp_clearing:' || provider, currency, amount FROM moved
    UNION ALL SELECT txn_id, 'customer_due:' || checkout_id, currency, -amount FROM moved
), rested AS (
    DELETE FROM payments.due d USING moved WHERE d.payment_id = moved.payment_id
), told AS (
    INSERT INTO payments.outbox (id, name, key, at, body)
    SELECT event_id, :event_name::text, attempt_id, event_at, event_body FROM moved
)
SELECT payment_id FROM moved;

-- name: save(payment_id, version, state, provider_id, claimed_id, captured_minor, refunded_minor, capturing_minor, disputed_minor, dispute, action, decline_code, brand, last4, save_wanted, capture_before, history, next_check_at, call_key, call_state, call_detail, refunds, txn_ids, txn_kinds, txn_phases, txn_pendings, entry_txns, entry_accounts, entry_amounts, webhook_id, credit_state, void_reason, credit_accounts, credit_amounts, event_ids, event_names, event_keys, event_ats, event_bodies)$
-- Any step, in one statement: the payment moves from `version` to the next, the call that taught us is closed, refunds,
-- ledger and events are written. Null when the payment has moved on or the call was closed before.
WITH moved AS (
    UPDATE payments.payments SET
        state = :state, provider_id = :provider_id, captured_minor = :captured_minor,
        refunded_minor = :refunded_minor, capturing_minor = :capturing_minor, disputed_minor = :disputed_minor,
        dispute = :dispute, action = :action::jsonb, decline_code = :decline_code, brand = :brand, last4 = :last4,
        save_wanted = :save_wanted, capture_before = :capture_before, history = :history::json,
        credit_state = :credit_state::text, void_reason = coalesce(void_reason, :void_reason),
        has_refunds = has_refunds OR jsonb_array_length(:refunds::jsonb) > 0, version = version + 1
    WHERE payment_id = :payment_id AND version = :version
      AND (:call_key::text IS NULL OR EXISTS (
          SELECT FROM payments.provider_calls WHERE idem_key = :call_key AND state IN ('SENT', 'UNKNOWN')))
    RETURNING payment_id, version, provider, currency
), closed AS (
    UPDATE payments.provider_calls c SET state = :call_state::text, detail = :call_detail
    FROM moved WHERE c.idem_key = :call_key
), claimed AS (
    INSERT INTO payments.provider_payments (provider, provider_id, payment_id)
    SELECT provider, :claimed_id::text, payment_id FROM moved WHERE :claimed_id::text IS NOT NULL
), watched AS (
    INSERT INTO payments.due (payment_id, at)
    SELECT payment_id, :next_check_at FROM moved WHERE :next_check_at::timestamptz IS NOT NULL
    ON CONFLICT (payment_id) DO UPDATE SET at = excluded.at, checks = 0
), rested AS (
    DELETE FROM payments.due d USING moved
    WHERE d.payment_id = moved.payment_id AND :next_check_at::timestamptz IS NULL
), refunded AS (
    INSERT INTO payments.refunds AS r (refund_id, payment_id, request_id, amount_minor, state, reason,
                                       provider_refund_id, created_at, account)
    SELECT n.refund_id, moved.payment_id, n.request_id, n.amount_minor, n.state, n.reason, n.provider_refund_id,
           n.created_at, n.account
    FROM moved, jsonb_to_recordset(:refunds::jsonb) AS n (refund_id text, request_id text, amount_minor bigint,
        state text, reason text, provider_refund_id text, created_at timestamptz, account text)
    ON CONFLICT (refund_id) DO UPDATE SET state = excluded.state, provider_refund_id = excluded.provider_refund_id
), posted AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, phase, pending_ref, payment_id)
    SELECT t.*, moved.payment_id FROM moved, unnest(:txn_ids::text[], :txn_kinds::text[], :txn_phases::text[],
                                                    :txn_pendings::text[]) AS t
), entries AS (
    INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
    SELECT e.txn_id, e.account, moved.currency, e.amount
    FROM moved, unnest(:entry_txns::text[], :entry_accounts::text[], :entry_amounts::bigint[])
        AS e (txn_id, account, amount)
), credited AS (
    -- What comes back to a card that has run out meanwhile can be spent for a while.
    UPDATE payments.credits c SET balance_minor = c.balance_minor + n.amount,
        expires_at = CASE WHEN c.expires_at < now() THEN now() + interval '30 days' ELSE c.expires_at END
    FROM moved, unnest(:credit_accounts::text[], :credit_amounts::bigint[]) AS n (account, amount)
    WHERE c.account = n.account
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

-- name: begin_capture(payment_id, idem_key, amount_minor, request_hash, next_check_at)$
-- Room for the capture is taken and its call written in one statement; null when there is no such room.
WITH moved AS (
    UPDATE payments.payments SET capturing_minor = capturing_minor + :amount_minor::bigint, version = version + 1
    WHERE payment_id = :payment_id AND void_reason IS NULL AND state IN ('authorized', 'captured')
      AND captured_minor + capturing_minor + :amount_minor::bigint <= amount_minor - credit_minor
      AND NOT EXISTS (SELECT FROM payments.provider_calls WHERE idem_key = :idem_key)
    RETURNING payment_id
), watched AS (
    INSERT INTO payments.due (payment_id, at) SELECT payment_id, :next_check_at::timestamptz FROM moved
    ON CONFLICT (payment_id) DO UPDATE SET at = excluded.at, checks = 0
)
INSERT INTO payments.provider_calls (idem_key, payment_id, op, request_hash, amount_minor)
SELECT :idem_key, payment_id, 'capture', :request_hash, :amount_minor FROM moved RETURNING payment_id;

-- name: begin_refund(payment_id, request_id, amount_minor, refund_id, reason, request_hash, accounts, signs, next_check_at)$
-- Refunds on their way count: together they never exceed what was captured. Null when there is no such room.
WITH moved AS (
    UPDATE payments.payments SET refunded_minor = refunded_minor + :amount_minor::bigint, has_refunds = true,
        version = version + 1
    WHERE payment_id = :payment_id
      AND refunded_minor + :amount_minor::bigint + disputed_minor <= captured_minor
      AND NOT EXISTS (SELECT FROM payments.refunds WHERE payment_id = :payment_id AND request_id = :request_id)
    RETURNING payment_id, currency
), watched AS (
    INSERT INTO payments.due (payment_id, at) SELECT payment_id, :next_check_at::timestamptz FROM moved
    ON CONFLICT (payment_id) DO UPDATE SET at = excluded.at, checks = 0
), made AS (
    INSERT INTO payments.refunds (refund_id, payment_id, request_id, amount_minor, state, reason)
    SELECT :refund_id::text, payment_id, :request_id::text, :amount_minor, 'pending', :reason::text FROM moved
), posted AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id)
    SELECT :refund_id || ':request', 'refund', 'pending', payment_id FROM moved
), entries AS (
    INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
    SELECT :refund_id || ':request', e.account, moved.currency, e.sign * :amount_minor
    FROM moved, unnest(:accounts::text[], :signs::integer[]) AS e (account, sign)
)
INSERT INTO payments.provider_calls (idem_key, payment_id, op, request_hash, amount_minor, refund_id)
SELECT :refund_id, payment_id, 'refund', :request_hash::text, :amount_minor, :refund_id
FROM moved RETURNING payment_id;

-- name: begin_void(payment_id, idem_key)!
INSERT INTO payments.provider_calls (idem_key, payment_id, op, request_hash)
VALUES (:idem_key, :payment_id, 'void', '') ON CONFLICT DO NOTHING;

-- name: mark_call(idem_key, state, detail)!
UPDATE payments.provider_calls SET state = :state, detail = :detail
WHERE idem_key = :idem_key AND state IN ('SENT', 'UNKNOWN');

-- name: want_void(payment_id, attempt_id, reason)$
-- Marks the payment, or, when there is none yet, takes its place so that none can begin.
WITH marked AS (
    INSERT INTO payments.payments AS p (payment_id, attempt_id, checkout_id, provider, amount_minor, currency, method,
                                        state, void_reason, tombstone)
    VALUES (:payment_id, :attempt_id, '', '', 0, 'XXX', '{"method": "cod"}', 'voided', :reason, true)
    ON CONFLICT (attempt_id) DO UPDATE
        SET void_reason = coalesce(p.void_reason, excluded.void_reason), version = p.version + 1
    RETURNING payment_id, tombstone
), watched AS (
    INSERT INTO payments.due (payment_id, at) SELECT payment_id, now() FROM marked WHERE NOT tombstone
    ON CONFLICT (payment_id) DO UPDATE SET at = excluded.at, checks = 0
)
SELECT payment_id FROM marked;

-- name: mark_ordered(payment_ids)!
-- These orders stand, though a person has to look before their money is taken.
UPDATE payments.payments SET ordered = true, version = version + 1
WHERE payment_id = ANY(:payment_ids::text[]) AND NOT ordered;

-- name: gone(payment_ids)
-- Those of which nothing was taken and nothing will be.
SELECT payment_id, attempt_id, checkout_id, CASE state WHEN 'declined' THEN 'declined' ELSE 'expired' END AS state
FROM payments.payments
WHERE payment_id = ANY(:payment_ids::text[]) AND captured_minor = 0 AND NOT tombstone
    AND (state IN ('declined', 'expired', 'voided') OR void_reason IS NOT NULL);

-- name: due(limit)
-- Takes a lease on what is due: whoever dies over it leaves it to the next one.
WITH d AS MATERIALIZED (SELECT payment_id FROM payments.due WHERE at <= now()
      ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE payments.due w
SET checks = w.checks + 1, at = now() + make_interval(secs => LEAST(300, 10 * power(2, LEAST(w.checks, 6))))
FROM d
WHERE w.payment_id = d.payment_id RETURNING w.payment_id;

-- name: look_again(payment_id, version, next_check_at)!
-- Nothing can be done now: until then, or never again when it is null; unless the payment has moved on, or is just
-- moving on: hence the lock, for whoever moves it wants it to be looked at soon.
WITH same AS (
    SELECT payment_id FROM payments.payments WHERE payment_id = :payment_id AND version = :version FOR NO KEY UPDATE
), later AS (
    UPDATE payments.due d SET at = :next_check_at, checks = 0 FROM same
    WHERE d.payment_id = same.payment_id AND :next_check_at::timestamptz IS NOT NULL
)
DELETE FROM payments.due d USING same
WHERE d.payment_id = same.payment_id AND :next_check_at::timestamptz IS NULL;

-- name: heard(providers, webhook_ids, provider_ids)
-- A row for each notice, in their order: whether it was acted on before, and the payment it is about, or nulls.
SELECT EXISTS (
           SELECT FROM payments.webhooks w WHERE w.provider = n.provider AND w.webhook_id = n.webhook_id) AS known,
       p.*, CASE WHEN p.has_refunds THEN payments.refunds_of(p.payment_id) END AS refunds
FROM unnest(:providers::text[], :webhook_ids::text[], :provider_ids::text[])
    WITH ORDINALITY AS n (provider, webhook_id, provider_id, place)
LEFT JOIN LATERAL (
    SELECT p.* FROM payments.provider_payments k JOIN payments.payments p USING (payment_id)
    WHERE k.provider = n.provider AND k.provider_id = n.provider_id LIMIT 1) p ON true
ORDER BY n.place;

-- name: take_webhook(provider, webhook_id)!
INSERT INTO payments.webhooks (provider, webhook_id) VALUES (:provider, :webhook_id) ON CONFLICT DO NOTHING;

-- name: keep_notice(provider, webhook_id, provider_id, payment_id)!
-- Its provider does not answer: the notice is heard, and has still to be looked up.
WITH noted AS (
    INSERT INTO payments.webhooks (provider, webhook_id) VALUES (:provider, :webhook_id) ON CONFLICT DO NOTHING
)
INSERT INTO payments.notices_due (provider, webhook_id, provider_id, payment_id)
VALUES (:provider, :webhook_id, :provider_id, :payment_id) ON CONFLICT DO NOTHING;

-- name: notices_due(limit)
-- A lease, as for payments that are due.
WITH d AS MATERIALIZED (SELECT provider, webhook_id FROM payments.notices_due WHERE at <= now()
      ORDER BY at LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE payments.notices_due n
SET checks = n.checks + 1, at = now() + make_interval(secs => LEAST(300, 10 * power(2, LEAST(n.checks, 6))))
FROM d
WHERE n.provider = d.provider AND n.webhook_id = d.webhook_id
RETURNING n.provider, n.webhook_id, n.provider_id, n.payment_id;

-- name: drop_notice(provider, webhook_id)!
DELETE FROM payments.notices_due WHERE provider = :provider AND webhook_id = :webhook_id;

-- name: forget_webhooks(before)!
DELETE FROM payments.webhooks WHERE received_at < :before;

-- name: put_aside(provider, provider_id, reason, fact)!
-- What a person has explained was money as it stood then: it is open again once more of it was taken.
INSERT INTO payments.quarantine AS q (provider, provider_id, reason, fact)
VALUES (:provider, :provider_id, :reason, :fact::jsonb)
ON CONFLICT (provider, provider_id, reason) DO UPDATE SET fact = excluded.fact, at = now(), state = 'open'
WHERE q.state = 'explained'
  AND (excluded.fact ->> 'captured_minor')::bigint > coalesce((q.fact ->> 'captured_minor')::bigint, 0);

-- name: token_of_same_card(user_id, fingerprint)$
SELECT token FROM payments.saved_cards WHERE user_id = :user_id AND fingerprint = :fingerprint;

-- name: keep_card(payment_id, card_id, user_id, token, fingerprint, brand, last4, exp_month, exp_year, replaces)$
-- The same card saved again keeps its id and takes the new token; null when it has another token than `replaces` now.
WITH kept AS (
    INSERT INTO payments.saved_cards AS c (card_id, user_id, token, fingerprint, brand, last4, exp_month, exp_year)
    VALUES (:card_id, :user_id, :token, :fingerprint, :brand, :last4, :exp_month, :exp_year)
    ON CONFLICT (user_id, fingerprint) DO UPDATE
        SET token = excluded.token, exp_month = excluded.exp_month, exp_year = excluded.exp_year
        WHERE c.token = :replaces::text
    RETURNING c.card_id
)
UPDATE payments.payments SET save_wanted = false, version = version + 1 FROM kept
WHERE payment_id = :payment_id RETURNING card_id;

-- name: give_up_keeping(payment_id)!
UPDATE payments.payments SET save_wanted = false, version = version + 1 WHERE payment_id = :payment_id;

-- name: saved_cards(user_id, before, count)
SELECT card_id, token, brand, last4, exp_month, exp_year, created_at FROM payments.saved_cards
WHERE user_id = :user_id AND card_id < coalesce(:before::text, '~') ORDER BY card_id DESC LIMIT :count::integer;

-- name: saved_card(user_id, card_id)$
SELECT token FROM payments.saved_cards WHERE user_id = :user_id AND card_id = :card_id;

-- name: forget_card(user_id, card_id)!
DELETE FROM payments.saved_cards WHERE user_id = :user_id AND card_id = :card_id;


-- name: credits_to_spend(digests, user_id, currency)
-- What can pay first; the rows are held until the transaction ends.
SELECT account, currency, balance_minor, code_digest, coalesce(expires_at < now(), false) AS expired,
       voided_at IS NOT NULL AS voided
FROM payments.credits
WHERE code_digest = ANY(:digests::text[]) OR (user_id = :user_id AND currency = :currency)
ORDER BY account FOR UPDATE;

-- name: spend(accounts, amounts)
UPDATE payments.credits c SET balance_minor = c.balance_minor - n.amount
FROM unnest(:accounts::text[], :amounts::bigint[]) AS n (account, amount)
WHERE c.account = n.account AND c.balance_minor >= n.amount RETURNING c.account;

-- name: put_credits(payment_id, provider, state, history, credits, credit_minor, credit_state)!
UPDATE payments.payments SET provider = :provider, state = :state, history = :history::json,
    credits = :credits::jsonb, credit_minor = :credit_minor, credit_state = :credit_state::text
WHERE payment_id = :payment_id;

-- name: post(payment_id, currency, txn_ids, txn_kinds, txn_phases, txn_pendings, entry_txns, entry_accounts, entry_amounts)!
WITH posted AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, phase, pending_ref, payment_id)
    SELECT t.*, :payment_id FROM unnest(:txn_ids::text[], :txn_kinds::text[], :txn_phases::text[],
                                        :txn_pendings::text[]) AS t
)
INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
SELECT e.txn_id, e.account, :currency, e.amount
FROM unnest(:entry_txns::text[], :entry_accounts::text[], :entry_amounts::bigint[]) AS e (txn_id, account, amount);

-- name: insert_gift_card(account, currency, balance_minor, code_digest, ending, expires_at, created_at)!
INSERT INTO payments.credits (account, currency, balance_minor, code_digest, ending, expires_at, created_at)
VALUES (:account, :currency, :balance_minor, :code_digest, :ending, :expires_at, :created_at);

-- name: void_gift_card(account)^
UPDATE payments.credits SET balance_minor = 0, voided_at = coalesce(voided_at, now())
WHERE account = :account AND code_digest IS NOT NULL AND balance_minor > 0
RETURNING new.*, old.balance_minor AS taken_minor;

-- name: note_credit(txn_id, actor, reason)!
INSERT INTO payments.credit_notes (txn_id, actor, reason) VALUES (:txn_id, :actor, :reason);

-- name: grant_credit(account, user_id, currency, amount_minor)$
INSERT INTO payments.credits AS c (account, currency, balance_minor, user_id)
VALUES (:account, :currency, :amount_minor, :user_id)
ON CONFLICT (account) DO UPDATE SET balance_minor = c.balance_minor + excluded.balance_minor
RETURNING balance_minor;

-- name: withdraw_credit(account, amount_minor)$
UPDATE payments.credits SET balance_minor = balance_minor - :amount_minor
WHERE account = :account AND balance_minor >= :amount_minor RETURNING balance_minor;

-- name: gift_card(code_digest)^
SELECT * FROM payments.credits WHERE code_digest = :code_digest;

-- name: gift_cards(ending, before, limit)
-- Two roads, of which one is walked: those whose code ends so, or all.
WITH found AS (
    (SELECT * FROM payments.credits
     WHERE ending = :ending::text AND account < coalesce(:before::text, 'gift_liability:~')
     ORDER BY account DESC LIMIT :limit)
    UNION ALL
    (SELECT * FROM payments.credits
     WHERE :ending IS NULL AND code_digest IS NOT NULL AND account < coalesce(:before, 'gift_liability:~')
     ORDER BY account DESC LIMIT :limit)
)
SELECT * FROM found ORDER BY account DESC LIMIT :limit;

-- name: gift_card_at(account)^
SELECT * FROM payments.credits WHERE account = :account AND code_digest IS NOT NULL;

-- name: credit_entries(account, before_at, before_txn, limit)
-- The latest first; what is taken was held before. The condition on the account's name is that of its index.
SELECT e.txn_id, t.kind, e.amount, e.currency::text AS currency, t.recorded_at AS at, t.payment_id, p.checkout_id,
       CASE WHEN t.phase = 'posted' AND t.pending_ref IS NOT NULL THEN 0 ELSE -e.amount END AS spendable,
       n.actor, n.reason
FROM payments.ledger_entries e JOIN payments.ledger_txns t USING (txn_id)
LEFT JOIN payments.payments p ON p.payment_id = t.payment_id
LEFT JOIN payments.credit_notes n ON n.txn_id = t.txn_id
WHERE e.account = :account AND (e.account LIKE 'gift_liability:%' OR e.account LIKE 'store_credit:%')
  AND (t.recorded_at, t.txn_id) < (coalesce(:before_at::timestamptz, 'infinity'), :before_txn::text)
ORDER BY t.recorded_at DESC, t.txn_id DESC LIMIT :limit;

-- name: credit_of_user(user_id, currency)$
SELECT balance_minor FROM payments.credits WHERE user_id = :user_id AND currency = :currency;

-- name: balances(account)
-- A posted transaction that settles an announced one takes the announcement back by as much.
SELECT e.currency, coalesce(sum(e.amount) FILTER (WHERE t.phase = 'posted'), 0)::bigint AS posted,
       coalesce(sum(CASE WHEN t.phase <> 'posted' THEN e.amount WHEN t.pending_ref IS NOT NULL THEN -e.amount END), 0)
       ::bigint AS pending
FROM payments.ledger_entries e JOIN payments.ledger_txns t USING (txn_id)
WHERE e.account = :account GROUP BY e.currency ORDER BY e.currency;

-- name: put_movements(provider, ids, kinds, matters, provider_ids, amounts, currencies, fees, fee_currencies, ats)!
-- Those that were not known yet have still to be booked.
INSERT INTO payments.movements (provider, movement_id, kind, matter, provider_id, amount_minor, currency, fee_minor,
                                fee_currency, at, booked)
SELECT :provider, n.*, false FROM unnest(:ids::text[], :kinds::text[], :matters::text[], :provider_ids::text[],
                                  :amounts::bigint[], :currencies::text[], :fees::bigint[], :fee_currencies::text[],
                                  :ats::timestamptz[]) AS n
ON CONFLICT DO NOTHING;

-- name: join_at_once()!
-- How many lines a day has is a guess before they are counted, and row by row a wrong guess is quadratic: ten minutes for
-- what takes three seconds. Until the transaction ends, tables are joined as a whole.
SET LOCAL enable_nestloop = off;

-- name: put_breaks(provider, since, until, grace_seconds, fee_basis_points)!
-- Sums of a payment in all lines of the provider's that are known against those in the ledger. What was posted within the
-- grace before the end may be in a later report, and what we learned late was posted after it: with or without any of
-- these the ledger is right. A payment is looked at when it has lines on this day, when the grace of what was posted ends
-- on it, and when a break of its sums is open: of this day, and, unless an old day is run again, of earlier ones.
WITH scope AS (
    SELECT m.provider_id FROM payments.movements m
    WHERE m.provider = :provider AND m.at >= :since AND m.at < :until AND m.matter IS NOT NULL
      AND m.provider_id IS NOT NULL
    UNION
    SELECT p.provider_id FROM payments.ledger_txns t JOIN payments.payments p USING (payment_id)
    WHERE t.phase = 'posted' AND t.recorded_at >= :since::timestamptz - make_interval(secs => :grace_seconds)
      AND t.recorded_at < :until::timestamptz - make_interval(secs => :grace_seconds)
      AND p.provider = :provider AND p.provider_id IS NOT NULL
    UNION
    SELECT b.subject FROM payments.breaks b
    WHERE b.provider = :provider AND b.state = 'open' AND b.kind <> 'fee' AND b.matter <> 'lines'
      AND (b.day = :since::date OR b.day < :since::date AND NOT EXISTS (
          SELECT FROM payments.reconciliations r WHERE r.provider = :provider AND r.day > :since::date))
), known AS MATERIALIZED (
    SELECT s.provider_id, p.payment_id, p.currency::text AS currency
    FROM scope s LEFT JOIN payments.provider_payments k ON k.provider = :provider AND k.provider_id = s.provider_id
    LEFT JOIN payments.payments p ON p.payment_id = k.payment_id
), lines AS MATERIALIZED (
    SELECT m.*, k.payment_id, k.currency AS agreed FROM known k
    JOIN payments.movements m ON m.provider = :provider AND m.provider_id = k.provider_id
    WHERE m.matter IS NOT NULL
), theirs AS (
    SELECT provider_id, matter, sum(amount_minor)::bigint AS amount, count(*) AS lines, max(payment_id) AS payment_id,
           bool_or(currency <> agreed) AS foreign_currency, max(currency) AS currency,
           -- The same amount more than once, beyond its first time.
           sum(amount_minor) - sum(DISTINCT amount_minor) AS repeated
    FROM lines GROUP BY provider_id, matter
), ours AS (
    SELECT k.provider_id, g.matter, max(k.currency) AS currency, sum(e.amount)::bigint AS now,
           -- Without what came in, or what went out, within the grace: a refund may be reported days before its return.
           coalesce(sum(e.amount) FILTER (WHERE e.amount < 0 OR NOT in_grace), 0)::bigint AS low,
           coalesce(sum(e.amount) FILTER (WHERE e.amount > 0 OR NOT in_grace), 0)::bigint AS high
    FROM known k JOIN payments.ledger_txns t ON t.payment_id = k.payment_id AND t.phase = 'posted'
    JOIN (VALUES ('capture', 'captures'), ('refund', 'refunds'), ('refund_returned', 'refunds'),
                 ('dispute_opened', 'disputes'), ('dispute_won', 'disputes'),
                 ('dispute_lost', 'disputes')) AS g (kind, matter) ON g.kind = t.kind
    JOIN payments.ledger_entries e ON e.txn_id = t.txn_id AND e.account = 'psp_clearing:' || :provider
    CROSS JOIN LATERAL (
        SELECT t.recorded_at >= :until::timestamptz - make_interval(secs => :grace_seconds) AS in_grace) AS at_the_end
    GROUP BY k.provider_id, g.matter
), under_way AS (
    -- Refunds that are neither made nor refused yet: some providers take the money when they are asked.
    SELECT k.provider_id, sum(e.amount)::bigint AS amount
    FROM known k JOIN payments.ledger_txns t ON t.payment_id = k.payment_id AND t.phase = 'pending' AND t.kind = 'refund'
    JOIN payments.ledger_entries e ON e.txn_id = t.txn_id AND e.account = 'psp_clearing:' || :provider
    WHERE NOT EXISTS (SELECT FROM payments.ledger_txns s WHERE s.payment_id = t.payment_id AND s.pending_ref = t.txn_id
                      AND s.kind IN ('refund', 'refund_failed'))
    GROUP BY k.provider_id
), pairs AS (
    SELECT coalesce(t.provider_id, o.provider_id) AS provider_id, coalesce(t.matter, o.matter) AS matter,
           coalesce(t.amount, 0) AS theirs, coalesce(o.now, 0) AS now,
           coalesce(o.low, 0) + coalesce(u.amount, 0) AS low, coalesce(o.high, 0) AS high,
           coalesce(t.currency, o.currency) AS currency, t.payment_id IS NULL AND t.lines > 0 AS unknown,
           coalesce(t.foreign_currency, false) AS foreign_currency, coalesce(t.lines, 0) AS lines, t.repeated
    FROM theirs t FULL JOIN ours o ON o.provider_id = t.provider_id AND o.matter = t.matter
    LEFT JOIN under_way u ON u.provider_id = coalesce(t.provider_id, o.provider_id)
        AND coalesce(t.matter, o.matter) = 'refunds'
), sums AS MATERIALIZED (
    SELECT CASE WHEN unknown THEN 'extra' WHEN foreign_currency THEN 'currency' WHEN lines = 0 THEN 'missing'
                WHEN now = 0 THEN 'extra' WHEN repeated <> 0 AND theirs - now = repeated THEN 'duplicate'
                ELSE 'amount' END AS kind,
           provider_id AS subject, matter, now AS ours, theirs, currency
    FROM pairs WHERE unknown OR foreign_currency OR theirs NOT BETWEEN low AND high
), fees AS (
    SELECT 'fee', l.movement_id, l.matter, e.fee, l.fee_minor, l.fee_currency
    FROM lines l, LATERAL (
        SELECT (l.amount_minor * :fee_basis_points::bigint + 9999) / 10000 AS fee) e
    WHERE l.kind = 'capture' AND l.at >= :since AND l.at < :until AND l.fee_currency = l.currency AND l.fee_minor <> e.fee
      AND NOT EXISTS (SELECT FROM sums s WHERE s.subject = l.provider_id)
), nameless AS (
    -- In no payment's sum, whoever it belongs to.
    SELECT 'extra', m.movement_id, 'lines', 0::bigint, m.amount_minor, m.currency FROM payments.movements m
    WHERE m.provider = :provider AND m.at >= :since AND m.at < :until AND m.matter IS NOT NULL
      AND m.provider_id IS NULL AND m.amount_minor <> 0
)
INSERT INTO payments.breaks AS b (break_id, provider, kind, subject, matter, ours_minor, theirs_minor, currency, day)
SELECT 'brk_' || replace(uuidv7()::text, '-', ''), :provider, f.*, :since::date
FROM (SELECT * FROM sums UNION ALL SELECT * FROM fees UNION ALL SELECT * FROM nameless) AS f (kind, subject, matter, ours, theirs, currency)
ON CONFLICT (provider, kind, subject, matter) DO UPDATE
    SET ours_minor = excluded.ours_minor, theirs_minor = excluded.theirs_minor, seen_at = now(),
        -- What a person has explained was this difference: another one is found anew, as what had healed is.
        (day, state) = (SELECT CASE WHEN known THEN b.day ELSE excluded.day END, CASE WHEN known THEN b.state ELSE 'open' END
                        FROM (SELECT b.state = 'open' OR b.state = 'explained' AND b.ours_minor - b.theirs_minor =
                                     excluded.ours_minor - excluded.theirs_minor AS known) AS look);

-- name: put_repeated(provider, movement_ids, day)!
INSERT INTO payments.breaks AS b (break_id, provider, kind, subject, matter, ours_minor, theirs_minor, currency, day)
SELECT 'brk_' || replace(uuidv7()::text, '-', ''), provider, 'duplicate', movement_id, 'lines', amount_minor,
       2 * amount_minor, currency, :day::date
FROM payments.movements WHERE provider = :provider AND movement_id = ANY(:movement_ids::text[])
ON CONFLICT (provider, kind, subject, matter) DO UPDATE SET seen_at = now();

-- name: end_reconciliation(provider, day, lines)$
-- What was found for this day before and is there no more has healed, and sums of earlier days that are in order by now;
-- gives how much of this day is open.
WITH healed AS (
    UPDATE payments.breaks SET state = 'healed'
    WHERE provider = :provider AND state = 'open' AND seen_at < now()
      AND (day = :day::date OR day < :day::date AND kind <> 'fee' AND matter <> 'lines' AND NOT EXISTS (
          SELECT FROM payments.reconciliations r WHERE r.provider = :provider AND r.day > :day::date))
    RETURNING 1
), counted AS (
    SELECT count(*) AS open FROM payments.breaks
    WHERE provider = :provider AND day = :day AND state = 'open' AND seen_at >= now()
), done AS (
    INSERT INTO payments.reconciliations (provider, day, lines, breaks)
    SELECT :provider, :day, :lines::bigint, open FROM counted
    ON CONFLICT (provider, day) DO UPDATE SET lines = excluded.lines, breaks = excluded.breaks, done_at = now()
)
SELECT open FROM counted;

-- name: settle_lines(provider, day)
-- The money that lines moved on which are not booked yet: fees by currency, and payouts one by one. Those of a report that
-- broke off, or of a process that died, are booked with the next.
WITH fresh AS (
    UPDATE payments.movements SET booked = true WHERE provider = :provider AND NOT booked RETURNING *
), costs AS (
    SELECT movement_id, fee_currency AS currency, fee_minor AS cost FROM fresh WHERE fee_minor <> 0
    -- What it charges by itself is no part of another line.
    UNION ALL SELECT movement_id, currency, -amount_minor FROM fresh WHERE kind = 'fee' AND amount_minor <> 0
)
SELECT 'fees' AS kind, 'fees:' || :provider || ':' || :day || ':' || min(movement_id) AS txn_id,
       currency::text AS currency, sum(cost)::bigint AS amount
-- What came and went alike is nothing to book.
FROM costs GROUP BY currency HAVING sum(cost) <> 0
UNION ALL
SELECT 'settlement', 'settlement:' || provider || ':' || movement_id, currency::text, -amount_minor
FROM fresh WHERE kind = 'settlement' AND amount_minor <> 0;

-- name: days_due(provider, last, days, settled_seconds)
-- Days up to the last one that were not reconciled since their reports were complete, the oldest first, and none before
-- the provider's first payment. That one is looked for in all payments, so only when there is such a day.
WITH undone AS MATERIALIZED (
    SELECT d.day::date AS day FROM generate_series(0, :days::integer - 1) AS n, LATERAL (SELECT :last::date - n AS day) AS d
    WHERE NOT EXISTS (
        SELECT FROM payments.reconciliations r WHERE r.provider = :provider AND r.day = d.day AND r.done_at >=
            (d.day + 1)::timestamp AT TIME ZONE 'UTC' + make_interval(secs => :settled_seconds))
)
SELECT day FROM undone
WHERE day >= (SELECT (min(created_at) AT TIME ZONE 'UTC')::date FROM payments.payments WHERE provider = :provider)
ORDER BY day;

-- name: breaks(state, before, limit)
SELECT b.*, payments.checkout_of(b.provider, b.subject) AS checkout_id FROM payments.breaks b
WHERE (:state::text IS NULL OR state = :state) AND break_id < coalesce(:before::text, '~')
ORDER BY break_id DESC LIMIT :limit;

-- name: explain_break(break_id, note)^
UPDATE payments.breaks SET state = 'explained', note = :note
WHERE break_id = :break_id AND state <> 'healed' RETURNING *, payments.checkout_of(provider, subject) AS checkout_id;

-- name: quarantined(state, before_at, before_id, limit)
SELECT q.*, payments.checkout_of(q.provider, q.provider_id) AS checkout_id FROM payments.quarantine q
WHERE (:state::text IS NULL OR state = :state)
  AND (at, fact_id) < (coalesce(:before_at::timestamptz, 'infinity'), :before_id::text)
ORDER BY at DESC, fact_id DESC LIMIT :limit;

-- name: explain_fact(fact_id, note)^
UPDATE payments.quarantine SET state = 'explained', note = :note
WHERE fact_id = :fact_id RETURNING *, payments.checkout_of(provider, provider_id) AS checkout_id;
