-- Creates sessions and half as many users, as a busy server has them, in a database that `auth-server migrate` created:
--
--     psql --set=sessions=10000000 --file=bench/sql/sessions.sql postgres://...
--
-- Session n (from 1) has the id md5('session n') as a UUID, generation 1, and a secret (the claim `sk`) of 128 bits in
-- base64url: the first 21 characters of md5('secret n') and an A. Its user is number (n + 1) / 2 with the id
-- md5('user …') as a UUID. So a load generator that knows JWT_REFRESH_SECRET can sign the token of every session, and
-- bench/sql/rotate.sql finds each row.
--
-- The tokens are delivered as in --set=delivery=body, or else as refresh_cookie.
--
-- The secondary indexes and the foreign key are created after the rows.

\set ON_ERROR_STOP on
\if :{?delivery}
\else
    \set delivery refresh_cookie
\endif
BEGIN;
SET LOCAL synchronous_commit = off;
SET LOCAL maintenance_work_mem = '256MB';

CREATE TEMPORARY TABLE secondary_indexes ON COMMIT DROP AS
SELECT indexname, indexdef FROM pg_indexes
 WHERE schemaname = current_schema() AND tablename = 'sessions' AND indexname <> 'sessions_pkey';
SELECT format('DROP INDEX %I', indexname) FROM secondary_indexes \gexec
ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey;

INSERT INTO users (id, email, username, name, password_hash, created_at, last_login_at)
SELECT md5('user ' || n)::uuid::text,
       format('user-%s@example.org', n),
       format('user%s', n),
       'User ' || n,
       '$argon2id$v=19$m=19456,t=2,p=1$' || left(encode(sha256(format('salt %s', n)::bytea), 'base64'), 22)
           || '$' || left(encode(sha256(format('hash %s', n)::bytea), 'base64'), 43),
       now() AT TIME ZONE 'UTC' - interval '1 year',
       now() AT TIME ZONE 'UTC' - interval '1 day'
  FROM generate_series(1, (:sessions + 1) / 2) AS n;

INSERT INTO sessions (id, user_id, client_id, generation, secret_hash, rotated_at, idempotency_key_hash, delivery, remember,
                      auth_time, created_at, idle_expires_at, expires_at, ip, user_agent)
SELECT md5('session ' || n)::uuid::text,
       md5('user ' || (n + 1) / 2)::uuid::text,
       'web',
       1,
       sha256((left(md5('secret ' || n), 21) || 'A')::bytea),
       created_at,
       sha256(format('key %s', n)::bytea),
       :'delivery',
       TRUE,
       created_at,
       created_at,
       created_at + interval '27 days',
       created_at + interval '30 days',
       CASE WHEN n % 3 = 0 THEN format('2001:db8:%s:%s::1', to_hex(n % 65536), to_hex(n % 977))
            ELSE format('203.0.%s.%s', n % 113, n % 251) END,
       CASE n % 4
            WHEN 0 THEN 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
            WHEN 1 THEN 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
            WHEN 2 THEN 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15'
            ELSE 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1'
       END
  FROM generate_series(1, :sessions) AS n,
       -- Spread over twenty days.
       LATERAL (SELECT now() AT TIME ZONE 'UTC' - interval '1 second' * (n * 7919::bigint % 1728000)) AS time (created_at);

ALTER TABLE sessions ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
SELECT indexdef FROM secondary_indexes \gexec
COMMIT;

VACUUM ANALYZE users, sessions;
