-- name: note(ids, causes, kinds, abouts, addresses, facts)!
-- One row a cause, however often and by however many it is told.
INSERT INTO notifications.mails (id, cause, kind, about, address, facts)
SELECT * FROM unnest(:ids::text[], :causes::text[], :kinds::text[], :abouts::text[], :addresses::text[],
                     :facts::json[])
ON CONFLICT (cause) DO NOTHING;

-- name: claim_due(lease_seconds, at_most)
WITH due AS MATERIALIZED (
    SELECT id FROM notifications.mails
    WHERE state = 'queued' AND next_try_at <= now()
    ORDER BY next_try_at LIMIT :at_most FOR UPDATE SKIP LOCKED
)
UPDATE notifications.mails m
SET tries = tries + 1, next_try_at = now() + :lease_seconds * interval '1 second'
FROM due
WHERE m.id = due.id
RETURNING m.*;

-- name: save_rendered(ids, abouts, addresses, subjects, htmls, texts)!
UPDATE notifications.mails m
SET about = r.about, address = r.address, subject = r.subject, html = r.html, text = r.text
FROM unnest(:ids::text[], :abouts::text[], :addresses::text[], :subjects::text[], :htmls::text[], :texts::text[])
     AS r (id, about, address, subject, html, text)
WHERE m.id = r.id AND m.state = 'queued';

-- name: settle(ids, tries, states, errors, waits)!
-- What became of the letters; a worker whose lease ran out says nothing any more.
UPDATE notifications.mails m
SET state = s.state, error = s.error, next_try_at = now() + s.wait * interval '1 second'
FROM unnest(:ids::text[], :tries::integer[], :states::text[], :errors::text[], :waits::integer[])
     AS s (id, tries, state, error, wait)
WHERE m.id = s.id AND m.tries = s.tries AND m.state = 'queued';

-- name: send_again(id)!
UPDATE notifications.mails SET state = 'queued', next_try_at = now() WHERE id = :id AND state = 'failed';

-- name: order_of_checkout(checkout_id)$
SELECT about FROM notifications.mails WHERE kind = 'order_placed' AND facts ->> 'checkout_id' = :checkout_id;

-- name: mailbox(address, about, before, at_most)
-- Three roads, of which one is walked: the mails about something, those to an address, or all.
WITH found AS (
    (SELECT * FROM notifications.mails
     WHERE about = :about::text AND (:address::text IS NULL OR lower(address) = lower(:address))
       AND id < coalesce(:before::text, '~')
     ORDER BY id DESC LIMIT :at_most)
    UNION ALL
    (SELECT * FROM notifications.mails WHERE :about IS NULL AND lower(address) = lower(:address) AND id < coalesce(:before, '~')
     ORDER BY id DESC LIMIT :at_most)
    UNION ALL
    (SELECT * FROM notifications.mails WHERE :about IS NULL AND :address IS NULL AND id < coalesce(:before, '~')
     ORDER BY id DESC LIMIT :at_most)
)
SELECT id, address, subject, state, created_at, about FROM found ORDER BY id DESC LIMIT :at_most;

-- name: mail(id)^
SELECT id, kind, address, subject, state, created_at, about, html, text FROM notifications.mails WHERE id = :id;
