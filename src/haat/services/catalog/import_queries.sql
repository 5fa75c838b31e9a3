-- name: add(job_id, format, options, actor, body)!
INSERT INTO catalog.import_jobs (job_id, format, options, actor, body)
VALUES (:job_id, :format, :options::jsonb, :actor, :body);

-- name: job(job_id)^
SELECT job_id, status, rows_done, created, updated, faults, created_at, finished_at
FROM catalog.import_jobs WHERE job_id = :job_id;

-- name: faults(job_id, count)
SELECT line, pointer, code, detail FROM catalog.import_faults WHERE job_id = :job_id ORDER BY position LIMIT :count;

-- name: claim(lease_seconds)^
UPDATE catalog.import_jobs SET
    status = 'running', claims = claims + 1, leased_until = now() + make_interval(secs => :lease_seconds::integer)
WHERE job_id = (
    SELECT job_id FROM catalog.import_jobs
    WHERE finished_at IS NULL AND (status = 'queued' OR leased_until < now())
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING job_id, claims, format, options, actor, body, rows_done;

-- name: advance(job_id, claim, rows, created, updated, faults, lease_seconds)$
UPDATE catalog.import_jobs SET
    rows_done = :rows::bigint, created = created + :created::bigint, updated = updated + :updated::bigint,
    faults = faults + :faults::bigint, leased_until = now() + make_interval(secs => :lease_seconds::integer)
WHERE job_id = :job_id AND claims = :claim AND finished_at IS NULL RETURNING true;

-- name: add_faults(job_id, lines, pointers, codes, details)!
INSERT INTO catalog.import_faults (job_id, line, pointer, code, detail)
SELECT :job_id, * FROM unnest(:lines::integer[], :pointers::text[], :codes::text[], :details::text[]);

-- name: finish(job_id, claim, status)!
UPDATE catalog.import_jobs SET status = :status, finished_at = now(), body = ''
WHERE job_id = :job_id AND claims = :claim;
