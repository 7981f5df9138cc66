#!/usr/bin/env bash
# Tries a backup before it is needed: restores it beside the real database, and checks what happens to sessions.
set -euo pipefail

help() {
    cat <<'TEXT'
DATABASE_URL=… JWT_REFRESH_SECRET=… KEY_ENCRYPTION_SECRET=… scripts/restore-drill.sh

Backs up the database, which it only reads, and restores the backup into a scratch database. Starts auth-server on it, without mails and only
for this machine, and registers users. Takes another backup, continues, restores that backup, and checks that

- the sessions continue, with the tokens of after the backup, and the log shows generation_restored;
- a rotated token ends its session, a session that ended before the backup stays ended, and one that began after it is unknown.

  AUTH_SERVER            the program [auth-server]
  SCRATCH_DATABASE_URL   for PostgreSQL: an empty database. Drop it afterwards. For SQLite the scratch is a temporary file
  DRILL_PORT             a free port of this machine [18089]

Requires curl, and sqlite3 or pg_dump and pg_restore. The secrets can also be in files, as for the server. Exit status: 0 all is well, 1 a check failed.
TEXT
}

fail() {
    echo "restore-drill: $*" >&2
    exit 1
}

if [[ $# -gt 0 ]]; then
    help
    exit 0
fi
program=${AUTH_SERVER:-auth-server}
url=http://127.0.0.1:${DRILL_PORT:-18089}
umask 077 # the backups contain password hashes
work=$(mktemp -d)
server=""
clean_up() {
    stop
    rm -rf -- "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

case ${DATABASE_URL:?is not set} in
    sqlite:*) scratch=sqlite://$work/scratch.db ;;
    *) scratch=${SCRATCH_DATABASE_URL:?is not set: name an empty database} ;;
esac
if [[ $scratch != sqlite:* ]]; then
    pg_dump --schema-only --file="$work/scratch" "$scratch"
    ! grep -q '^CREATE TABLE' "$work/scratch" || fail "SCRATCH_DATABASE_URL is not empty: name a new database"
fi

# path URL: the file of an SQLite database.
path() {
    local path=${1#sqlite:}
    echo "${path#//}"
}

# backup URL FILE
backup() {
    case $1 in
        sqlite:*) sqlite3 "$(path "$1")" ".backup '$2'" ;;
        *) pg_dump --format=custom --no-owner --file="$2" "$1" ;;
    esac
}

# restore FILE: into the scratch database.
restore() {
    case $scratch in
        sqlite:*) rm -f "$(path "$scratch")"* && cp "$1" "$(path "$scratch")" ;;
        *) pg_restore --clean --if-exists --no-owner --exit-on-error --single-transaction --dbname="$scratch" "$1" ;;
    esac
}

start() {
    DATABASE_URL=$scratch BIND_ADDR=${url#http://} ISSUER=$url REGISTRATION=open EMAIL_VERIFICATION=off MAIL_TRANSPORT=off \
        METRICS_ADDR='' TLS_CERT_FILE='' TLS_KEY_FILE='' MFA=off MFA_REQUIRED_ROLES='' WEBAUTHN_RP_ID='' WEBAUTHN_ORIGINS='' \
        "$program" 2>>"$work/log" &
    server=$!
    for _ in {1..300}; do
        curl -sf "$url/readyz" >/dev/null && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/log" >&2
    fail "the server does not start on the restored database"
}

stop() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" || true
    fi
    server=""
}

# call PATH BODY: the response.
call() {
    curl -s "$url$1" -H 'Content-Type: application/json' -d "$2"
}

# token RESPONSE: its refresh token.
token() {
    sed -n 's/.*"refresh_token":"\([^"]*\)".*/\1/p' <<<"$1" | grep . || fail "no session: $1"
}

register() {
    local email password
    email=drill-$RANDOM$RANDOM@example.org
    password=drill-$(head -c 18 /dev/urandom | base64)
    token "$(call /auth/register "{\"email\":\"$email\",\"password\":\"$password\",\"token_delivery\":\"body\"}")"
}

refresh() {
    call /auth/refresh "{\"refresh_token\":\"$1\"}"
}

# expect WHAT RESPONSE TEXT
expect() {
    [[ $2 == *"$3"* ]] || fail "$1: expected $3, got $2"
    echo "ok  $1"
}

backup "$DATABASE_URL" "$work/real"
restore "$work/real"
start
echo "ok  the backup of the database can be restored, and its signing keys can be decrypted"
kept=$(register)
gone=$(register)
ending=$(register)
call /auth/logout "{\"refresh_token\":\"$gone\"}" >/dev/null
kept=$(token "$(refresh "$kept")")
backup "$scratch" "$work/older"
rotated=$(token "$(refresh "$kept")")
kept=$(token "$(refresh "$rotated")")
late=$(register)
call /auth/logout "{\"refresh_token\":\"$ending\"}" >/dev/null
expect "a session that ended is over" "$(refresh "$ending")" '"reason":"logged_out"'
stop
restore "$work/older"
start
expect "a session continues with a token of after the backup" "$(refresh "$kept")" '"refresh_token"'
expect "the log shows it" "$(grep generation_restored "$work/log" || true)" generation_restored
expect "the token before it ends the session" "$(refresh "$rotated")" '"reason":"reuse_detected"'
expect "a session that ended before the backup stays ended" "$(refresh "$gone")" '"reason":"logged_out"'
expect "a session that began after the backup is unknown" "$(refresh "$late")" '"reason":"unknown"'
expect "a session that ended after the backup is back: SECURITY.md says what to do" "$(refresh "$ending")" '"refresh_token"'
