#!/usr/bin/env bash
# Fuzzes every property of properties/ with libFuzzer, one after the other.
#
#   scripts/fuzz.sh [SECONDS [NAME...]]      ten minutes each, unless told otherwise
#
# What it learns stays in properties/fuzz/corpus, so that the next run goes on from there. An input that breaks a
# property is left in properties/fuzz/artifacts.
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
# A stable compiler has the sanitizers too, and keeps them locked away.
export RUSTC_BOOTSTRAP=1
# Two tables of SQLite have the same name, each in its own function, which the sanitizer takes for a mistake.
export ASAN_OPTIONS=detect_odr_violation=0

log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
cargo run --quiet --locked --package properties --bin write-seeds -- properties/fuzz/corpus

# Without --no-cfg-fuzzing, libraries that know that flag would not be those that ship.
failed=0
for name in "${names[@]}"; do
    status=0
    cargo fuzz run --fuzz-dir properties/fuzz --no-cfg-fuzzing "$name" -- -max_total_time="$seconds" -max_len=4096 \
        -dict=properties/fuzz/json.dict -print_final_stats=1 >"$log" 2>&1 || status=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    if [[ $status -ne 0 ]]; then
        tail -n 40 "$log" >&2
        echo "$name: BROKEN after ${executions:-0} executions"
        failed=1
    else
        echo "$name: $executions executions, $(find "properties/fuzz/corpus/$name" -type f | wc -l) inputs that differ"
    fi
done
exit "$failed"
