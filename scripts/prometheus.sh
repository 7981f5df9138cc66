#!/usr/bin/env bash
# Checks the configuration of Prometheus in deploy/, the queries of the dashboard, and runs the tests of the alerts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/checks.sh
source scripts/checks.sh

help() {
    cat <<'TEXT'
scripts/prometheus.sh

Checks deploy/prometheus/ and the queries of deploy/grafana/latchkey.json with promtool, of Debian's package prometheus, and
runs deploy/prometheus/rules_test.yml.

Exit status: 0 all passed, 1 something failed, 2 promtool is missing or an argument is wrong.
TEXT
}

main() {
    case ${1:-} in
        "") ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/prometheus.sh --help)" >&2 && exit 2 ;;
    esac
    if ! command -v promtool >/dev/null; then
        echo "promtool was not found: run scripts/test.sh --setup-only" >&2
        exit 2
    fi

    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    queries_as_rules >"$work/queries.yml"

    check "the configuration and the alerts are valid" promtool check config deploy/prometheus/prometheus.yml
    check "the queries of the dashboard are valid" promtool check rules --lint=none "$work/queries.yml"
    check "the alerts fire when they should" promtool test rules deploy/prometheus/rules_test.yml
    totals
}

# promtool checks the queries of rules only. Each query gets its own name, because promtool rejects rules that are equal.
queries_as_rules() {
    python3 - <<'PYTHON'
import json

def queries(value):
    if isinstance(value, dict):
        if "expr" in value:
            yield value["expr"].replace("$__rate_interval", "1m")
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from queries(inner)

with open("deploy/grafana/latchkey.json") as dashboard:
    rules = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(queries(json.load(dashboard)))]
# JSON is YAML.
print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
PYTHON
}

main "$@"
