#!/usr/bin/env bash
# Builds the benchmarks in release mode and measures what is promised about time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

benches=(login-timing password-flood administration)

help() {
    cat <<'TEXT'
scripts/bench.sh [BENCH [OPTION...]]

Builds in release mode and runs all benchmarks, or one with its options:

  login-timing     whether response times reveal which users exist
  password-flood   how fast excess logins are rejected, and how that affects refreshes
  administration   response times of /admin with a million users (about 10 minutes)
  validation       time per validation and memory of the revocation list, with 100,000 entries
  signatures       time of an ES256 signature with and without parsing the key, and of a whole refresh

Options of a benchmark: scripts/bench.sh BENCH --help. Each starts its own server with the default settings, on a free
port of this machine and a new SQLite database in TMPDIR. For administration on PostgreSQL, set
LATCHKEY_TEST_DATABASE_URL: scripts/postgres.sh run -- scripts/bench.sh administration. Run nothing else meanwhile.

Exit status: 0 all limits were met, 1 one was not, 2 an argument is wrong.
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

    # The flood opens both ends of some hundred connections.
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
