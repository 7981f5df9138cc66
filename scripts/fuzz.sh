#!/usr/bin/env bash
# Fuzzes every property of properties/ with libFuzzer, one after the other.
#
#   scripts/fuzz.sh [SECONDS [NAME...]]      the default is 600 seconds for each property
#
# The inputs it finds stay in properties/fuzz/corpus, and the next run starts from them. An input that violates a property
# is in properties/fuzz/artifacts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-600}
names=("${@:2}")
if [[ ! $seconds =~ ^[0-9]+$ ]]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "cargo-fuzz was not found: cargo install cargo-fuzz --locked" >&2
    exit 2
fi
if [[ ${#names[@]} -eq 0 ]]; then
    mapfile -t names < <(cargo fuzz list --fuzz-dir properties/fuzz)
fi
# Enables the sanitizers in a stable compiler.
export RUSTC_BOOTSTRAP=1
# SQLite has two tables of the same name, each in its own function, which the sanitizer reports as an error.
export ASAN_OPTIONS=detect_odr_violation=0

log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
cargo run --quiet --locked --package properties --bin write-seeds -- properties/fuzz/corpus

# Without --no-cfg-fuzzing, some libraries would differ from those in production.
failed=0
for name in "${names[@]}"; do
    status=0
    cargo fuzz run --fuzz-dir properties/fuzz --no-cfg-fuzzing "$name" -- -max_total_time="$seconds" -max_len=4096 \
        -dict=properties/fuzz/json.dict -print_final_stats=1 >"$log" 2>&1 || status=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    if [[ $status -ne 0 ]]; then
        tail -n 40 "$log" >&2
        echo "$name: FAILED after ${executions:-0} executions"
        failed=1
    else
        echo "$name: $executions executions, $(find "properties/fuzz/corpus/$name" -type f | wc -l) distinct inputs"
    fi
done
exit "$failed"
