#!/bin/bash
# The PostgreSQL image runs this script when it creates a new database. Creates a role for the auth server, which only
# owns its database. The image's own role is a superuser and could run programs.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set password `cat /run/secrets/password`
CREATE ROLE latchkey LOGIN PASSWORD :'password';
CREATE DATABASE latchkey OWNER latchkey;
REVOKE ALL ON DATABASE latchkey FROM PUBLIC;
SQL
