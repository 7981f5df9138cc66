#!/usr/bin/env bash
# A temporary PostgreSQL server for tests: without safety on disk, reachable only from this machine.
#
#   scripts/postgres.sh run -- COMMAND...    runs COMMAND with LATCHKEY_TEST_DATABASE_URL set to such a server
#
# Other scripts source this file and call postgres_start and, in their EXIT trap, postgres_stop.

# postgres_start sets these.
postgres_url=""
postgres_pid=""
postgres_dir=""

# No data outlive the run, so none need to be safe on disk.
postgres_settings=(
    -c fsync=off
    -c synchronous_commit=off
    -c full_page_writes=off
    -c max_connections=300
    -c shared_buffers=64MB
    -c listen_addresses=127.0.0.1
)

# Prints the folder of initdb and postgres: the one on PATH, or the newest of Debian, which is not on PATH.
postgres_programs() {
    local folder folders
    mapfile -t folders < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort --reverse)
    if command -v initdb >/dev/null; then
        folders=("$(dirname "$(readlink -f "$(command -v initdb)")")" "${folders[@]}")
    fi
    for folder in "${folders[@]}"; do
        if [[ -x $folder/initdb && -x $folder/postgres ]]; then
            echo "$folder"
            return 0
        fi
    done
    return 1
}

# Starts a server with a role `latchkey` that may create schemas and databases, and sets postgres_url.
postgres_start() {
    local programs
    if ! programs=$(postgres_programs); then
        echo "postgres: initdb was not found; scripts/test.sh --setup-only installs it" >&2
        return 1
    fi

    # Not in TMPDIR: another user must be able to enter, and the path of a socket is limited to 107 bytes.
    postgres_dir=$(mktemp -d /tmp/latchkey-postgres.XXXXXX) || return 1

    # If this script is killed, the kernel stops the server.
    local as=(setpriv --pdeathsig QUIT)
    if [[ $EUID -eq 0 ]]; then # PostgreSQL refuses to run as root
        local user=postgres
        id "$user" >/dev/null 2>&1 || user=nobody
        as+=(--reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups)
        chown "$user" "$postgres_dir" || return 1
    fi

    local log=$postgres_dir/log
    if ! postgres_make_cluster >"$log" 2>&1; then
        echo "postgres: initdb failed:" >&2
        cat "$log" >&2
        return 1
    fi

    # Try ports until the server can listen on one. They are below the range that the system assigns, so that no test on
    # port 0 conflicts.
    local port
    for _ in {1..20}; do
        port=$((20000 + RANDOM % 12000))
        postgres_listen "$port" && break
        postgres_pid=""
        grep -q "could not create any TCP/IP sockets" "$log" || break
    done
    if [[ -z $postgres_pid ]]; then
        echo "postgres: the server did not start:" >&2
        cat "$log" >&2
        return 1
    fi

    "$programs/psql" --quiet --host="$postgres_dir" --port="$port" --username=postgres \
        --command="CREATE ROLE latchkey LOGIN CREATEDB; GRANT CREATE ON DATABASE postgres TO latchkey" || return 1
    postgres_url=postgres://latchkey@127.0.0.1:$port/postgres
}

# The two steps of postgres_start, which use its variables.

# The superuser, who can run programs, can connect only through the socket, whose folder other users cannot enter: they
# reach no more than a test database.
postgres_make_cluster() {
    local data=$postgres_dir/data
    (
        cd "$postgres_dir" &&
            LC_ALL=C "${as[@]}" "$programs/initdb" --pgdata="$data" --username=postgres --auth=trust \
                --encoding=UTF8 --locale=C --no-sync
    ) &&
        printf '%s\n' "local all all trust" "host all latchkey 127.0.0.1/32 trust" >"$data/pg_hba.conf"
}

# postgres_listen PORT: starts the server and waits until it accepts connections; fails if the server ends.
postgres_listen() {
    local port=$1 deadline=$((SECONDS + 60))
    set -m # its own process group, so that Ctrl-C reaches this script first and the tests end before the server
    (
        cd "$postgres_dir" &&
            LC_ALL=C exec "${as[@]}" "$programs/postgres" -D "$postgres_dir/data" -k "$postgres_dir" -p "$port" \
                "${postgres_settings[@]}"
    ) >"$log" 2>&1 </dev/null &
    postgres_pid=$!
    set +m
    until "$programs/pg_isready" --quiet --host="$postgres_dir" --port="$port"; do
        kill -0 "$postgres_pid" 2>/dev/null || return 1
        if ((SECONDS > deadline)); then
            echo "postgres: not ready within 60 s" >>"$log"
            postgres_quit
            return 1
        fi
        sleep 0.1
    done
}

postgres_quit() {
    kill -QUIT "$postgres_pid" 2>/dev/null # "immediate shutdown": the data are not kept
    wait "$postgres_pid" 2>/dev/null
}

# Stops the server if one was started, and removes its folder.
postgres_stop() {
    if [[ -n $postgres_pid ]]; then
        postgres_quit || true
    fi
    if [[ -n $postgres_dir ]]; then
        rm -rf -- "$postgres_dir"
    fi
    postgres_pid="" postgres_dir="" postgres_url=""
}

if [[ ${BASH_SOURCE[0]} != "$0" ]]; then
    return 0
fi

set -euo pipefail
if [[ $# -lt 3 || $1 != run || $2 != -- ]]; then
    echo "usage: scripts/postgres.sh run -- COMMAND..." >&2
    exit 2
fi
shift 2
# shellcheck source=scripts/process_group.sh
source "${BASH_SOURCE[0]%/*}/process_group.sh"
clean_up() {
    end_group
    postgres_stop
}
on_exit clean_up
postgres_start
run_in_group env LATCHKEY_TEST_DATABASE_URL="$postgres_url" "$@"
