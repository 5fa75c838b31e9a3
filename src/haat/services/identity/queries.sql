-- name: count_attempts(keys, window)
-- One more attempt on each key, counted before anything is hashed; a count starts anew when its window is over.
INSERT INTO identity.attempts AS a (key, count, since)
SELECT k, 1, now() FROM unnest(:keys::text[]) AS k ORDER BY k
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN a.since < now() - :window::interval THEN 1 ELSE a.count + 1 END,
    since = CASE WHEN a.since < now() - :window::interval THEN now() ELSE a.since END
RETURNING key, count, since;

-- name: forget_attempts(window)!
DELETE FROM identity.attempts WHERE since < now() - :window::interval;

-- name: insert_user(user_id, email, email_key, name, roles, password_hash)^
INSERT INTO identity.users (user_id, email, email_key, name, roles, password_hash)
VALUES (:user_id, :email, :email_key, :name, :roles::text[], :password_hash)
ON CONFLICT (email_key) DO NOTHING
RETURNING user_id, email, name, phone, roles, created_at;

-- name: user_by_email(email_key)^
SELECT user_id, email, name, phone, roles, created_at, password_hash FROM identity.users WHERE email_key = :email_key;

-- name: user_by_id(user_id)^
SELECT user_id, email, name, phone, roles, created_at, password_hash FROM identity.users WHERE user_id = :user_id;

-- name: lock_user(user_id)$
SELECT user_id FROM identity.users WHERE user_id = :user_id FOR UPDATE;

-- name: find_users(pattern, ids, before, count)
-- Two roads, of which one is never walked: all users by their order, or the given ones by their ids.
WITH found AS (
    (SELECT * FROM identity.users
     WHERE :ids::text[] IS NULL AND (:pattern::text IS NULL OR email ILIKE :pattern OR name ILIKE :pattern)
       AND user_id < coalesce(:before::text, '~')
     ORDER BY user_id DESC LIMIT :count::integer)
    UNION ALL
    SELECT * FROM identity.users
    WHERE user_id = ANY(:ids) AND (:pattern IS NULL OR email ILIKE :pattern OR name ILIKE :pattern)
      AND user_id < coalesce(:before, '~')
)
SELECT user_id, email, name, phone, roles, created_at FROM found ORDER BY user_id DESC LIMIT :count::integer;

-- name: change_user(user_id, name, phone, phone_stays, roles, password_hash)^
UPDATE identity.users SET
    name = coalesce(:name, name),
    phone = CASE WHEN :phone_stays::boolean THEN phone ELSE :phone END,
    roles = coalesce(:roles::text[], roles),
    password_hash = coalesce(:password_hash, password_hash)
WHERE user_id = :user_id
RETURNING user_id, email, name, phone, roles, created_at;

-- name: staff(before, how_many)
SELECT user_id, email, name, phone, roles, created_at FROM identity.users
WHERE roles <> '{}' AND user_id < coalesce(:before::text, '~') ORDER BY user_id DESC LIMIT :how_many;

-- name: lock_owners()
SELECT email_key FROM identity.users
WHERE roles <> '{}' AND 'owner' = ANY(roles) ORDER BY user_id FOR UPDATE;

-- name: give_role(email_key, role)^
UPDATE identity.users SET roles = ARRAY(SELECT DISTINCT unnest(roles || :role::text) ORDER BY 1)
WHERE email_key = :email_key
RETURNING user_id, email, name, phone, roles, created_at;

-- name: take_role(email_key, role)^
UPDATE identity.users SET roles = array_remove(roles, :role::text)
WHERE email_key = :email_key
RETURNING user_id, email, name, phone, roles, created_at;

-- name: rehash(user_id, old, new)!
UPDATE identity.users SET password_hash = :new WHERE user_id = :user_id AND password_hash = :old;

-- name: proven(user_id, password_hash)$
-- Holds the user as their password was verified: who changes it waits, and who comes after a change gets no row.
SELECT user_id FROM identity.users WHERE user_id = :user_id AND password_hash = :password_hash FOR NO KEY UPDATE;

-- name: open_session(session_id, user_id, email, password_hash, address, user_agent, token_hash, expires_at, account_key, address_key)$
-- One statement: the session, its first refresh token, and the failures forgiven; nothing once the address or password
-- that was verified is not the user's any more. A change waits for this lock, and then sees the session that it must end.
WITH let_in AS (
    SELECT user_id FROM identity.users
    WHERE user_id = :user_id AND email = :email AND password_hash = :password_hash FOR SHARE
), forgiven AS (
    DELETE FROM identity.attempts WHERE key = :account_key AND EXISTS (SELECT FROM let_in)
), address AS (
    UPDATE identity.attempts SET count = greatest(count - 1, 0)
    WHERE key = :address_key::text AND EXISTS (SELECT FROM let_in)
), session AS (
    INSERT INTO identity.sessions (session_id, user_id, address, user_agent)
    SELECT :session_id::text, user_id, :address::text, :user_agent::text FROM let_in
    RETURNING session_id
)
INSERT INTO identity.refresh_tokens (token_hash, session_id, expires_at)
SELECT :token_hash::bytea, session_id, :expires_at::timestamptz FROM session RETURNING session_id;

-- name: session_roles(session_id, user_id)^
SELECT u.roles FROM identity.sessions s JOIN identity.users u USING (user_id)
WHERE s.session_id = :session_id AND s.user_id = :user_id AND s.ended_at IS NULL;

-- name: lock_refresh_token(token_hash)^
-- The token's row is the gate: of many refreshes at once the first exchanges it, the others wait and see that.
SELECT t.session_id, t.expires_at, t.used_at, t.sealed_successor, s.ended_at, s.user_id, u.email, u.name, u.roles
FROM identity.refresh_tokens t JOIN identity.sessions s USING (session_id) JOIN identity.users u USING (user_id)
WHERE t.token_hash = :token_hash FOR UPDATE OF t;

-- name: exchange_token(token_hash, sealed_successor, successor_hash, session_id, expires_at, address)!
WITH used AS (
    UPDATE identity.refresh_tokens SET used_at = clock_timestamp(), sealed_successor = :sealed_successor::bytea
    WHERE token_hash = :token_hash
), seen AS (
    UPDATE identity.sessions SET last_used_at = now(), address = coalesce(nullif(:address::text, ''), address)
    WHERE session_id = :session_id
)
INSERT INTO identity.refresh_tokens (token_hash, session_id, expires_at)
VALUES (:successor_hash::bytea, :session_id::text, :expires_at::timestamptz);

-- name: sessions(user_id, before, count)
SELECT session_id, created_at, last_used_at, address, user_agent FROM identity.sessions
WHERE user_id = :user_id AND ended_at IS NULL AND session_id < coalesce(:before::text, '~')
ORDER BY session_id DESC LIMIT :count::integer;

-- name: end_session(user_id, session_id)$
UPDATE identity.sessions SET ended_at = now()
WHERE session_id = :session_id AND user_id = :user_id AND ended_at IS NULL RETURNING session_id;

-- name: end_other_sessions(user_id, kept)!
UPDATE identity.sessions SET ended_at = now()
WHERE user_id = :user_id AND session_id IS DISTINCT FROM :kept::text AND ended_at IS NULL;

-- name: forget_tokens(before)!
DELETE FROM identity.refresh_tokens WHERE expires_at < :before::timestamptz;

-- name: forget_sessions()!
-- A session whose last token is gone can never be used again.
DELETE FROM identity.sessions s
WHERE NOT EXISTS (SELECT FROM identity.refresh_tokens t WHERE t.session_id = s.session_id);

-- name: addresses(user_id, after, count)
SELECT address_id, address, is_default FROM identity.addresses
WHERE user_id = :user_id AND address_id > coalesce(:after::text, '') ORDER BY address_id LIMIT :count::integer;

-- name: no_default(user_id)!
UPDATE identity.addresses SET is_default = false WHERE user_id = :user_id AND is_default;

-- name: insert_address(address_id, user_id, address, is_default)!
INSERT INTO identity.addresses (address_id, user_id, address, is_default)
VALUES (:address_id, :user_id, :address, :is_default);

-- name: change_address(address_id, user_id, address, is_default)$
UPDATE identity.addresses SET address = :address, is_default = :is_default
WHERE address_id = :address_id AND user_id = :user_id RETURNING address_id;

-- name: remove_address(address_id, user_id)$
DELETE FROM identity.addresses WHERE address_id = :address_id AND user_id = :user_id RETURNING is_default;

-- name: first_as_default(user_id)!
UPDATE identity.addresses SET is_default = true
WHERE address_id = (SELECT address_id FROM identity.addresses WHERE user_id = :user_id ORDER BY address_id LIMIT 1);

-- name: signing_keys()
SELECT kid, state, public, sealed_private, since FROM identity.signing_keys;

-- name: lock_keys()$
SELECT pg_advisory_xact_lock(7262011);

-- name: remove_keys(states)!
DELETE FROM identity.signing_keys WHERE state = ANY(:states::text[]);

-- name: move_key(from_state, to_state)!
UPDATE identity.signing_keys SET state = :to_state, since = now() WHERE state = :from_state;

-- name: insert_key(kid, state, public, sealed_private)!
INSERT INTO identity.signing_keys (kid, state, public, sealed_private)
VALUES (:kid, :state, :public, :sealed_private);

-- name: insert_reset(letter_id, email_key, email, expires_at, event_id, event_name, event_key, event_at, event_body)!
-- One statement with the same work whether or not somebody has this address; only the event is for those who do.
WITH who AS (
    -- Waits for an address that is changing: no link may go to the old one afterwards.
    SELECT user_id, email FROM identity.users WHERE email_key = :email_key FOR SHARE
), made AS (
    INSERT INTO identity.letters (letter_id, kind, user_id, email, expires_at)
    SELECT :letter_id::text, 'password_reset', who.user_id, coalesce(who.email, :email::text), :expires_at::timestamptz
    FROM (SELECT 1) one LEFT JOIN who ON true RETURNING letter_id, user_id
)
INSERT INTO identity.outbox (id, name, key, at, body)
SELECT :event_id::text, :event_name::text, :event_key::text, :event_at::timestamptz, :event_body::bytea
FROM made WHERE user_id IS NOT NULL;

-- name: insert_letter(letter_id, kind, user_id, email, expires_at)!
INSERT INTO identity.letters (letter_id, kind, user_id, email, expires_at)
VALUES (:letter_id, :kind, :user_id, :email, :expires_at);

-- name: letter(letter_id)^
SELECT l.kind, l.user_id, l.email, u.name
FROM identity.letters l JOIN identity.users u USING (user_id) 
WHERE l.letter_id = :letter_id AND l.used_at IS NULL AND l.expires_at > now();

-- name: use_letter(letter_id, kind)^
UPDATE identity.letters SET used_at = now()
WHERE letter_id = :letter_id AND kind = :kind AND used_at IS NULL AND expires_at > now() AND user_id IS NOT NULL
RETURNING user_id, email;

-- name: close_letters(user_id)!
-- Links that were mailed before the account changed hands or address are dead.
UPDATE identity.letters SET used_at = now()
WHERE user_id = :user_id AND kind IN ('password_reset', 'email_change') AND used_at IS NULL;

-- name: forget_letters(before)!
DELETE FROM identity.letters WHERE expires_at < :before::timestamptz;

-- name: change_email(user_id, email, email_key)^
-- No row when somebody has the address meanwhile.
UPDATE identity.users u SET email = :email, email_key = :email_key
WHERE user_id = :user_id AND NOT EXISTS (
    SELECT FROM identity.users other WHERE other.email_key = :email_key AND other.user_id <> :user_id
)
RETURNING user_id, email, name, phone, roles, created_at;

-- name: forgive(key)!
DELETE FROM identity.attempts WHERE key = :key;
