#!/usr/bin/env bash
# Tests both servers against their OpenAPI documents: schemathesis generates valid and invalid calls from the documents and
# checks whether the responses are as documented.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/postgres.sh
source scripts/postgres.sh
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/python.sh
source scripts/python.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/schemathesis.sh [--long]

Builds both servers, starts them on SQLite and runs schemathesis against them: the same 20 cases per operation, or 2,000
random ones with --long. Installs schemathesis from PyPI in cargo's target folder if it is missing.
TEXT
}

main() {
    local effort=(--max-examples 20 --seed 1)
    case ${1:-} in
        "") ;;
        --long) effort=(--max-examples 2000) ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/schemathesis.sh --help)" >&2 && exit 2 ;;
    esac

    # With the features of scripts/test.sh: `cargo build` would choose others, and build everything again.
    cargo test --workspace --locked --no-run --quiet
    local target
    target=$(target_folder)
    schemathesis=$target/schemathesis/bin/schemathesis
    python_environment "$target/schemathesis" scripts/schemathesis/requirements.txt || exit 1
    reports=$(mktemp -d)
    # Otherwise it leaves a folder here.
    export HYPOTHESIS_STORAGE_DIRECTORY=$reports
    on_exit clean_up
    if ! stack_start_lenient "$target/debug"; then
        echo "schemathesis: the servers did not start" >&2
        exit 1
    fi
    local failed=false
    check auth-server "$auth" || failed=true
    check resource-server "$api" || failed=true
    ! $failed || exit 1
}

clean_up() {
    end_group
    stack_stop
    rm -rf -- "$reports"
}

# Both servers with a fast hash and no rate limit, and an administrator.
stack_start_lenient() {
    stack_dir=$(mktemp -d) || return 1
    if ! stack_run_lenient "$1"; then
        stack_logs >&2
        return 1
    fi
}

stack_run_lenient() {
    local programs=$1 port
    local settings=(DATABASE_URL="sqlite://$stack_dir/test.db" "${lenient_settings[@]}"
        REVOCATION_FEED_TOKEN=feed-token-of-a-test-0123456789abcdef)
    stack_listen auth-server "$programs/auth-server" "${settings[@]}" ISSUER="http://127.0.0.1:{port}" || return 1
    auth=http://127.0.0.1:$port
    stack_listen resource-server "$programs/resource-server" ISSUER="$auth" || return 1
    api=http://127.0.0.1:$port
    stack_is_ready "$api" || return 1

    export AUTH_URL=$auth TEST_EMAIL=ann@example.org TEST_PASSWORD="correct horse battery staple"
    export FEED_TOKEN=feed-token-of-a-test-0123456789abcdef
    stack_administrator "$programs/auth-server" "$auth" "$TEST_EMAIL" "$TEST_PASSWORD" "${settings[@]}" || return 1
}

# check NAME URL: tests a server against its document.
check() {
    local name=$1 url=$2 report=$reports/$1.xml status=0
    printf '\n-- %s\n' "$name"
    run_in_group "$schemathesis" --config-file scripts/schemathesis/schemathesis.toml run "$url/openapi.json" \
        "${effort[@]}" --report junit --report-junit-path "$report" || status=$?
    python3 scripts/schemathesis/count.py "$name" "$report" || status=1
    return "$status"
}

main "$@"
