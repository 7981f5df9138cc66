#!/bin/sh
# Makes the secrets of the compose project, each where it is missing, and lets only those read them that need them.
#
# Runs once before everything else, as root in the image of the database. The folders are volumes: one for the auth
# server, one for the database, one for both servers.
set -eu

auth_server=/secrets/auth-server
database=/secrets/database
feed=/secrets/feed
data=/var/lib/postgresql/data
servers_group=10001

main() {
    if is_incomplete && [ -e "$data/PG_VERSION" ]; then
        echo "secrets: a secret is gone whose database is still there, and a new one would not fit: restore the" \
            "volumes auth-secrets and database-secrets, or give up all data (docker compose down --volumes)" >&2
        exit 1
    fi

    make "$auth_server/jwt_refresh_secret" "$servers_group"
    make "$auth_server/key_encryption_secret" "$servers_group"
    # Of this one nothing depends on what it was before.
    make "$feed/token" "$servers_group"
    make "$database/superuser_password" postgres
    make "$database/password" postgres
    echo "postgres://latchkey:$(cat "$database/password")@database/latchkey" |
        keep "$auth_server/database_url" "$servers_group"
}

is_incomplete() {
    ! [ -s "$auth_server/jwt_refresh_secret" ] || ! [ -s "$auth_server/key_encryption_secret" ] ||
        ! [ -s "$database/superuser_password" ] || ! [ -s "$database/password" ]
}

# 32 random bytes, in letters that need no escape in a URL.
make() {
    if [ ! -s "$1" ]; then
        od -A n -t x1 -N 32 /dev/urandom | tr -d ' \n' | keep "$1" "$2"
    fi
}

# Puts what it is given into a file all at once, so that a step that was broken off leaves no half of a secret.
# Root owns it, so that whoever reads it cannot change it.
keep() {
    (umask 077 && cat >"$1.new")
    chgrp "$2" "$1.new"
    chmod 0440 "$1.new"
    mv "$1.new" "$1"
}

main
