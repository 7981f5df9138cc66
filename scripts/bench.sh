#!/usr/bin/env bash
# Builds the benches as the servers are delivered, and measures what is promised about time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

benches=(login-timing password-flood administration)

help() {
    cat <<'TEXT'
scripts/bench.sh [BENCH [OPTION...]]

Builds in release and runs all benches, or one with its options:

  login-timing     whether the time of an answer tells who has an account
  password-flood   how fast a flood of logins is refused, and what refreshes notice of it
  administration   how long administrators wait among a million people (some 10 minutes)
  validation       what the list of revocations costs each validation, and in memory, at 100,000 entries
  signatures       what an ES256 signature costs with and without parsing the key, and a whole refresh

Their options: scripts/bench.sh BENCH --help. Each starts a server of its own, on a free port of the loopback and a
fresh SQLite database in TMPDIR, with the default settings (administration: on the PostgreSQL that
LATCHKEY_TEST_DATABASE_URL names, if it does: scripts/postgres.sh run -- scripts/bench.sh administration); its figures mean most when nothing else runs.

Exit status: 0 every promise was kept, 1 one was not, 2 an argument is wrong.
TEXT
}

main() {
    case ${1-} in
        "") ;;
        --help | -h) help && exit 0 ;;
        login-timing | password-flood | administration) benches=("$1") && shift ;;
        validation | signatures) exec cargo bench --locked --package bench --bench "$1" -- "${@:2}" ;;
        *) echo "unknown argument: $1 (see scripts/bench.sh --help)" >&2 && exit 2 ;;
    esac

    # The flood holds both ends of some hundred connections.
    ulimit -Sn "$(ulimit -Hn)" || true

    cargo build --release --locked --package bench
    local bench status failed=0
    for bench in "${benches[@]}"; do
        status=0
        cargo run --release --locked --quiet --package bench --bin "$bench" -- "$@" || status=$?
        [[ $status -ne 2 ]] || exit 2
        [[ $status -eq 0 ]] || failed=1
        echo
    done
    [[ ${#benches[@]} -eq 1 ]] || cargo bench --locked --package bench --bench validation || failed=1
    exit "$failed"
}

main "$@"
