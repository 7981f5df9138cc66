#!/usr/bin/env bash
# Tests the code of the recipes in docs/recipes against real servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/python.sh
source scripts/python.sh
# shellcheck source=scripts/requirements.sh
source scripts/requirements.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/recipes.sh [--long] [NAME...]

Builds the servers, writes the code of each page of docs/recipes to a folder of its own, and runs it: APIs with valid and
invalid tokens, pages in Chromium with --long. NAME is a file of scripts/recipes without its ending, such as `apis`; the default is
all of them. Installs the libraries from npm in scripts/recipes/node_modules, and from PyPI in cargo's target folder, if
they are missing.

  --long   also run the recipes that need many packages, and build the book (scripts/recipes/*.long.mjs)
TEXT
}

main() {
    local long=false tests=() name target
    while [[ $# -gt 0 ]]; do
        case $1 in
            --long) long=true ;;
            --help | -h) help && exit 0 ;;
            -*) echo "unknown argument: $1 (see scripts/recipes.sh --help)" >&2 && exit 2 ;;
            *) tests+=("$1") ;;
        esac
        shift
    done

    # With the features of scripts/test.sh: `cargo build` would choose others, and build everything again.
    cargo test --workspace --locked --no-run --quiet
    target=$(target_folder)
    on_exit end_group
    ensure_node_modules
    python_environment "$target/recipes-python" scripts/recipes/requirements.txt || exit 1
    shopt -s nullglob
    local files=(scripts/recipes/*.test.mjs)
    ! $long || files+=(scripts/recipes/*.long.mjs)
    if [[ ${#tests[@]} -gt 0 ]]; then
        files=()
        for name in "${tests[@]}"; do files+=("scripts/recipes/$name".*.mjs); done
    fi
    if [[ ${files[*]} == *.long.mjs* ]]; then
        python_environment "$target/recipes-python-long" scripts/recipes/requirements-long.txt || exit 1
    fi
    mkdir -p "$target/recipes"
    ln -sfn "$PWD/scripts/recipes/node_modules" "$target/recipes/node_modules"
    run_in_group env WORK_FOLDER="$target/recipes" AUTH_SERVER="$target/debug/auth-server" \
        PYTHON_FOLDER="$target/recipes-python" PYTHON_LONG_FOLDER="$target/recipes-python-long" \
        LOCAL_STACK="$target/debug/local-stack" CHROMIUM="$(command -v "${CHROMIUM:-chromium}")" \
        node --test --test-timeout=300000 --test-reporter=tap "${files[@]}"
}

main "$@"
