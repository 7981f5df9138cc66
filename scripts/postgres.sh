#!/usr/bin/env bash
# A throwaway PostgreSQL server: as fast as it gets, reachable from this machine only, gone afterwards.
#
#   scripts/postgres.sh run -- COMMAND...    runs COMMAND with LATCHKEY_TEST_DATABASE_URL set to such a server
#
# Other scripts source this file and call postgres_start and, in their EXIT trap, postgres_stop.

# postgres_start sets these.
postgres_url=""
postgres_pid=""
postgres_dir=""

# Nothing here outlives the run, so nothing needs to be safe on disk.
postgres_settings=(
    -c fsync=off
    -c synchronous_commit=off
    -c full_page_writes=off
    -c max_connections=300
    -c shared_buffers=64MB
    -c listen_addresses=127.0.0.1
)

# Prints the folder of initdb and postgres: that on PATH, else Debian's newest, which is not on PATH.
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

    # Not in TMPDIR: another user must get in, and the path of a socket is at most 107 bytes long.
    postgres_dir=$(mktemp -d /tmp/latchkey-postgres.XXXXXX) || return 1

    # Should this script be killed outright, the kernel tells the server to quit.
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

    # Whether a port is free is known only once it is taken: try until the server has one. They are drawn from
    # below the range that the system gives out itself, so that no test on port 0 can be in the way.
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

# The two steps of postgres_start; they use its variables.

# The superuser, who can run programs, is let in through the socket alone, whose folder is closed to others:
# whoever else is on this machine gets no further than a test database.
postgres_make_cluster() {
    local data=$postgres_dir/data
    (
        cd "$postgres_dir" &&
            LC_ALL=C "${as[@]}" "$programs/initdb" --pgdata="$data" --username=postgres --auth=trust \
                --encoding=UTF8 --locale=C --no-sync
    ) &&
        printf '%s\n' "local all all trust" "host all latchkey 127.0.0.1/32 trust" >"$data/pg_hba.conf"
}

# Starts the server on PORT and waits until it answers; fails when it ends instead.
postgres_listen() {
    local port=$1 deadline=$((SECONDS + 60))
    set -m # a process group of its own: Ctrl-C is for us to handle, tests first
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
            echo "postgres: no answer within 60 s" >>"$log"
            postgres_quit
            return 1
        fi
        sleep 0.1
    done
}

postgres_quit() {
    kill -QUIT "$postgres_pid" 2>/dev/null # "immediate shutdown": no data are kept, so none are written
    wait "$postgres_pid" 2>/dev/null
}

# Stops the server, if one was started, and removes its folder.
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
