#!/usr/bin/env bash
# Checks the files in .github/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/checks.sh
source scripts/checks.sh
# shellcheck source=scripts/python.sh
source scripts/python.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/github.sh

Validates the workflows, the forms for issues and dependabot.yml against the schemas of check-jsonschema, and searches them
for weaknesses with zizmor. Needs no network, except to install both from PyPI in cargo's target folder.

Exit status: 0 all passed, 1 something failed, 2 an argument is wrong.
TEXT
}

main() {
    case ${1:-} in
        "") ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/github.sh --help)" >&2 && exit 2 ;;
    esac
    local environment
    environment=$(target_folder)/github
    python_environment "$environment" scripts/github/requirements.txt || exit 1
    PATH=$environment/bin:$PATH

    check "the workflows are valid" matches vendor.github-workflows .github/workflows/*.yml
    check "each job has a time limit" matches custom.github-workflows-require-timeout .github/workflows/*.yml
    check "the forms for issues are valid" matches vendor.github-issue-forms .github/ISSUE_TEMPLATE/{bug,feature}.yml
    check "the list of forms is valid" matches vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
    check "dependabot.yml is valid" matches vendor.dependabot .github/dependabot.yml
    check "dependabot.yml names folders that exist" folders_exist
    check "the workflows have no known weakness" zizmor --offline --quiet .github
    totals
}

# matches SCHEMA FILE...
matches() {
    check-jsonschema --builtin-schema "$1" "${@:2}"
}

# Dependabot stops at a folder that does not exist, but there is no message until the next week.
folders_exist() {
    local folder
    while read -r folder; do
        compgen -G ".$folder" || { echo "no folder $folder" && return 1; }
    done < <(sed -nE '/^    director/{s/^[^:]*: //; s/[]["]//g; s/, */\n/g; p}' .github/dependabot.yml)
}

main "$@"
