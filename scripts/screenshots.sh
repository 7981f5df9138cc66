#!/usr/bin/env bash
# Takes the screenshots of the pages in docs/images/.
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
scripts/screenshots.sh [FOLDER]

Starts the local stack with new data on free ports, signs in with Chromium, and writes pictures to FOLDER [docs/images]:
demo-*.png, and with sample data sign-in-*.png, account*.png and console-*.png.
Requires pngquant (Debian's package pngquant), and what scripts/test.sh --setup-only installs.

Exit status: 0 success, 1 the stack or the browser failed, 2 a requirement is missing or an argument is invalid.
TEXT
}

main() {
    local folder=docs/images chromium
    case ${1-} in
        --help | -h) help && exit 0 ;;
        -*) echo "unknown argument: $1 (see scripts/screenshots.sh --help)" >&2 && exit 2 ;;
        ?*) folder=$1 ;;
    esac
    chromium=$(find_chromium)
    if ! command -v pngquant >/dev/null; then
        echo "pngquant was not found: install it, on Debian with apt-get install pngquant" >&2
        exit 2
    fi
    ensure_node_modules
    mkdir -p "$folder"

    cargo build --locked --package local-stack
    on_exit stack_stop
    stack_start_local "$(target_folder)/debug"
    export AUTH_URL CHROMIUM="$chromium" SCREENSHOTS
    AUTH_URL=$(stack_value auth_url "$stack_dir/data/stack.json")
    SCREENSHOTS=$(realpath "$folder")
    node e2e/browser/screenshots.mjs
    node e2e/browser/page_pictures.mjs
    node e2e/browser/console_pictures.mjs
    local pictures=("$folder"/{sign-in-,account,console-}*.png)
    pngquant --force --speed 1 --ext .png 128 "${pictures[@]}"
    ls -l "$folder"/demo-*.png "${pictures[@]}"
}

main "$@"
