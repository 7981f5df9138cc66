#!/bin/bash
# Replaces the entry point of the official PostgreSQL image, as far as docker-compose.yml uses it. Creates a missing
# database, runs the scripts in /docker-entrypoint-initdb.d with a server that listens on a Unix socket only, and then
# executes the server.
set -euo pipefail

export PGDATA=${PGDATA:-/var/lib/postgresql/data}
export POSTGRES_USER=${POSTGRES_USER:-postgres}

if [[ ${1-} == postgres && ! -e $PGDATA/PG_VERSION ]]; then
    PGPASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
    read -ra arguments <<<"${POSTGRES_INITDB_ARGS-}"
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$PGPASSWORD") "${arguments[@]}"
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"

    options=$(printf '%q ' "${@:2}" --listen_addresses=)
    pg_ctl --wait --options="$options" start
    if [[ ${POSTGRES_DB:-$POSTGRES_USER} != postgres ]]; then
        createdb --username="$POSTGRES_USER" --maintenance-db=postgres "${POSTGRES_DB:-$POSTGRES_USER}"
    fi
    for script in /docker-entrypoint-initdb.d/*.sh; do
        "$script"
    done
    pg_ctl --wait --mode=fast stop
    unset PGPASSWORD
fi

exec "$@"
