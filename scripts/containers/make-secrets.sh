#!/bin/sh
# Creates the missing secrets of the compose project. Each can be read only by the services that need it.
#
# Runs before all other services, as root in the database's image. The folders are volumes: one for the auth server, one
# for the database, one for both servers.
set -eu

auth_server=/secrets/auth-server
database=/secrets/database
feed=/secrets/feed
data=/var/lib/postgresql/data
servers_group=10001

main() {
    if is_incomplete && [ -e "$data/PG_VERSION" ]; then
        echo "secrets: a secret of the existing database is missing; restore the volumes auth-secrets and" \
            "database-secrets, or delete all data with docker compose down --volumes" >&2
        exit 1
    fi

    make "$auth_server/jwt_refresh_secret" "$servers_group"
    make "$auth_server/key_encryption_secret" "$servers_group"
    # No stored data depends on this secret, so that a new one is always possible.
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

# make FILE GROUP: 32 random bytes in hexadecimal, which needs no escaping in a URL.
make() {
    if [ ! -s "$1" ]; then
        od -A n -t x1 -N 32 /dev/urandom | tr -d ' \n' | keep "$1" "$2"
    fi
}

# keep FILE GROUP: writes standard input to the file atomically, so that an interruption leaves no partial secret.
# Root owns the file, so that the services that read it cannot change it.
keep() {
    (umask 077 && cat >"$1.new")
    chgrp "$2" "$1.new"
    chmod 0440 "$1.new"
    mv "$1.new" "$1"
}

main
