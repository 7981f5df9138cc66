#!/usr/bin/env bash
# Measures how fast the pages of the auth server appear in Chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh
# shellcheck source=scripts/requirements.sh
source scripts/requirements.sh

help() {
    cat <<'TEXT'
scripts/page-speed.sh [RUNS]

Starts a release build of the local stack with new data on free ports, visits each page RUNS times [9] without a cache, at
390 and 1280 pixels, and prints a table in Markdown: weight, medians of the paints, and the largest layout shift.
docs/performance.md has the table. Run nothing else meanwhile. Requires what scripts/test.sh --setup-only installs.

Exit status: 0 success, 1 a page exceeds a limit or something failed, 2 a requirement is missing or an argument is invalid.
TEXT
}

main() {
    local chromium runs=${1:-9}
    case $runs in
        --help | -h) help && exit 0 ;;
        *[!0-9]* | 0) echo "invalid argument: $1 (see scripts/page-speed.sh --help)" >&2 && exit 2 ;;
    esac
    chromium=$(find_chromium)
    ensure_node_modules

    cargo build --release --locked --package local-stack
    on_exit stack_stop
    stack_start_local "$(target_folder)/release"
    STACK_FILE=$stack_dir/data/stack.json
    AUTH_URL=$(stack_value auth_url "$STACK_FILE")
    AUTH_URL=$AUTH_URL STACK_FILE=$STACK_FILE RUNS=$runs CHROMIUM=$chromium node e2e/browser/page_speed.mjs
}

main "$@"
