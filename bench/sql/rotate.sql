-- A rotation as the auth server writes it, of a random session of bench/sql/sessions.sql:
--
--     pgbench --no-vacuum --protocol=prepared --client=16 --define=sessions=10000 --file=bench/sql/rotate.sql postgres://...
--
-- Address and user agent change, as those of a mobile client do.
\set session random(1, :sessions)
\set client random(0, 3)
UPDATE sessions
   SET generation = generation + 1, rotated_at = now() AT TIME ZONE 'UTC',
       idle_expires_at = now() AT TIME ZONE 'UTC' + interval '7 days',
       idempotency_key_hash = sha256(('key' || :client)::bytea), redeliveries = 0,
       ip = '198.51.100.' || :client,
       user_agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' || repeat(' Mobile', :client)
 WHERE id = md5('session ' || :session)::uuid::text AND secret_hash = sha256((left(md5('secret ' || :session), 21) || 'A')::bytea)
   AND generation BETWEEN 0 AND 9007199254740991 AND delivery IN ('refresh_cookie', 'both_cookies')
   AND ended_at IS NULL AND expires_at > now() AT TIME ZONE 'UTC' AND idle_expires_at > now() AT TIME ZONE 'UTC'
RETURNING *;
