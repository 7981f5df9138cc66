#!/usr/bin/env bash
# Checks the units in deploy/systemd/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/checks.sh
source scripts/checks.sh

help() {
    cat <<'TEXT'
scripts/systemd.sh

Checks the units in deploy/systemd/ with systemd-analyze: for faults, and how much they let the services do. A running
systemd is not needed. scripts/package-test.sh starts the services.

Exit status: 0 all passed, 1 something failed, 2 systemd-analyze is missing or an argument is wrong.
TEXT
}

main() {
    case ${1:-} in
        "") ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/systemd.sh --help)" >&2 && exit 2 ;;
    esac
    if ! command -v systemd-analyze >/dev/null; then
        echo "systemd-analyze was not found: run scripts/test.sh --setup-only" >&2
        exit 2
    fi

    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    local unit
    for unit in latchkey-auth-server.service latchkey-resource-server.service; do
        # The servers need not be installed.
        sed 's/^ExecStart=.*/ExecStart=true/' "deploy/systemd/$unit" >"$work/$unit"
        check "$unit has no fault" without_warning systemd-analyze verify --man=no "$work/$unit"
        # 0 is the best value, 10 the worst. Here it has one decimal less.
        check "$unit has an exposure of at most 1.5" \
            without_warning systemd-analyze security --offline=true --no-pager --threshold=15 "$work/$unit"
    done
    totals
}

# systemd-analyze also succeeds after a warning.
without_warning() {
    local output status=0
    output=$("$@" 2>&1) || status=$?
    echo "$output"
    [[ $status -eq 0 ]] && ! grep --quiet "^$work\|Unknown\|Failed" <<<"$output"
}

main "$@"
