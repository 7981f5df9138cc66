#!/usr/bin/env bash
# Builds in release mode, and measures what is promised about time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/postgres.sh
source scripts/postgres.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/bench.sh [OPTION...]
scripts/bench.sh all
scripts/bench.sh BENCH [OPTION...]

Without BENCH: starts the servers on SQLite and on a PostgreSQL with safety on disk, measures what they reach and what the
hardware allows, in turn, and prints a table of ratios with goals and limits (about 6 minutes). docs/performance.md explains it.

  --full         also ten million sessions in PostgreSQL, and a million tokens (about 12 minutes more; 15 GB of disk)
  --peers        also the apps of bench/peers (2 minutes more, and the time to install them)
  --only LIST    only these sections: protected, postgres, sqlite, logins, footprint, scale, peers
  --rounds N     how often each side of a ratio is measured; the median counts (default: 3)
  --seconds N    how long each time (default: 3)
  --markdown     print the block of docs/performance.md
  --write        replace that block, and the compared stacks in README.md
  --json FILE    where to write the figures (default: bench.json in cargo's target folder)

BENCH is one of:

  login-timing     whether response times reveal which users exist
  mail-requests    whether those of requests for mails do, or depend on the mail server (about 4 minutes)
  password-flood   how fast excess logins are rejected, and how that affects refreshes
  administration   response times of /admin with a million users and ten million events (about 20 minutes)
  validation       time per validation and memory of the revocation list, with 100,000 entries
  signatures       time of an ES256 signature with and without parsing the key, and of a whole refresh

`all` runs the table and then each of these, except signatures. Options of a benchmark: scripts/bench.sh BENCH --help. Each
starts its own server with the default settings, on a free port of this machine and a new SQLite database in TMPDIR. For
administration or mail-requests on PostgreSQL: scripts/postgres.sh run -- scripts/bench.sh administration.
Run nothing else meanwhile.

Exit status: 0 all limits were met, 1 one was not or a request failed, 2 an argument is wrong or something is missing.
TEXT
}

main() {
    # The floods open both ends of some hundred connections.
    ulimit -Sn "$(ulimit -Hn)" || true

    case ${1-} in
        --help | -h) help ;;
        "" | --*) compare "$@" ;;
        all) all ;;
        login-timing | mail-requests | password-flood | administration) bench "$@" ;;
        validation | signatures) exec cargo bench --locked --package bench --bench "$1" -- "${@:2}" ;;
        *) echo "unknown argument: $1 (see scripts/bench.sh --help)" >&2 && exit 2 ;;
    esac
}

all() {
    local name failed=0
    scripts/bench.sh || failed=1
    for name in login-timing mail-requests password-flood administration; do
        bench "$name" || failed=1
        echo
    done
    cargo bench --locked --package bench --bench validation || failed=1
    return "$failed"
}

bench() {
    cargo run --release --locked --quiet --package bench --bin "$1" -- "${@:2}"
}

# The table of ratios.
compare() {
    local programs path
    if ! programs=$(postgres_programs) || [[ ! -x $programs/pgbench ]]; then
        echo "PostgreSQL or pgbench was not found; scripts/test.sh --setup-only installs both" >&2
        exit 2
    fi
    # One command for all: cargo chooses the features of shared packages for all of them together.
    cargo build --release --locked --package auth-server --package resource-server --package bench \
        --bin auth-server --bin resource-server --bin routes --bin compare

    on_exit clean_up
    disable_autogroups
    start_durable_postgres "$programs"
    path=$programs:$PATH
    run_in_group env PATH="$path" LATCHKEY_BENCH_DATABASE_URL="$postgres_url" \
        "$(target_folder)/release/compare" "$@"
}

clean_up() {
    end_group
    postgres_stop
    if [[ -n $autogroups_disabled ]]; then
        echo 1 >"$autogroups"
    fi
}

# A process of PostgreSQL is an autogroup of its own. docs/performance.md says what that does to response times.
autogroups=/proc/sys/kernel/sched_autogroup_enabled autogroups_disabled=""
disable_autogroups() {
    if [[ ! -e $autogroups || $(<"$autogroups") == 0 ]]; then
        return
    fi
    if (echo 0 >"$autogroups") 2>/dev/null; then
        autogroups_disabled=1
    else
        echo "kernel.sched_autogroup_enabled is 1: response times will be longer (see docs/performance.md)" >&2
    fi
}

# PostgreSQL's defaults, with a quarter of the memory as its documentation recommends, and no checkpoint in a measurement.
start_durable_postgres() {
    local memory port
    memory=$(awk '/^MemTotal:/ { print int($2 / 4096) }' /proc/meminfo)
    # shellcheck disable=SC2034 # postgres_start reads it
    postgres_settings=(
        -c fsync=on
        -c synchronous_commit=on
        -c full_page_writes=on
        -c max_connections=300
        -c "shared_buffers=${memory}MB"
        -c max_wal_size=8GB
        -c checkpoint_timeout=1h
        -c listen_addresses=127.0.0.1
    )
    postgres_start
    port=${postgres_url##*:} port=${port%%/*}
    "$1/psql" --quiet --host="$postgres_dir" --port="$port" --username=postgres \
        --command="GRANT pg_checkpoint TO latchkey"
}

main "$@"
