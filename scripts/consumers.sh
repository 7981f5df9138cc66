#!/usr/bin/env bash
# Tests access tokens with other JWT libraries: runs the files of docs/consumers against real servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/python.sh
source scripts/python.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/consumers.sh [ALGORITHM...]

Builds both servers and starts an auth server on SQLite for each algorithm (ES256, RS256, EdDSA, HS256). The files of
docs/consumers and the resource server must accept its tokens and those that PyJWT signs, and reject forged ones.
Installs the libraries from PyPI in cargo's target folder and from npm in docs/consumers/node_modules if they are
missing.
TEXT
}

main() {
    if [[ ${1:-} == --help || ${1:-} == -h ]]; then
        help
        exit 0
    fi
    local algorithms=("$@") algorithm failed=false
    [[ $# -gt 0 ]] || algorithms=(ES256 RS256 EdDSA HS256)

    # With the features of scripts/test.sh: `cargo build` would choose others, and build everything again.
    cargo test --workspace --locked --no-run --quiet
    local target
    target=$(target_folder)
    install_libraries "$target/consumers"
    on_exit clean_up
    for algorithm in "${algorithms[@]}"; do
        printf '\n-- %s\n' "$algorithm"
        check "$algorithm" "$target/debug" || failed=true
    done
    ! $failed || exit 1
}

clean_up() {
    end_group
    stack_stop
}

# The Python libraries, and the package for Node.js.
install_libraries() {
    python=$1/bin/python3
    python_environment "$1" docs/consumers/requirements.txt || exit 1
    if [[ docs/consumers/package-lock.json -nt docs/consumers/node_modules/.package-lock.json ]] &&
        ! npm ci --prefix docs/consumers --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then
        echo "cannot install jose from npm: see above" >&2
        exit 1
    fi
}

# check ALGORITHM PROGRAMS: starts an auth server and tests all consumers of its tokens.
check() {
    local algorithm=$1 programs=$2 port status=0
    stack_dir=$(mktemp -d)
    local settings=(DATABASE_URL="sqlite://$stack_dir/test.db" JWT_ACCESS_ALGORITHM="$algorithm" "${lenient_settings[@]}")
    if [[ $algorithm == HS256 ]]; then
        settings+=(JWT_ACCESS_SECRET=access-secret-of-a-test-0123456789a)
    fi
    if stack_listen auth-server "$programs/auth-server" "${settings[@]}" ISSUER="http://127.0.0.1:{port}"; then
        # joserfc warns about the name EdDSA, and PyJWT about short keys, for each token.
        run_in_group env "${settings[@]}" PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=ignore \
            "$python" scripts/consumers/check.py "$algorithm" "http://127.0.0.1:$port" \
            "$programs/auth-server" "$programs/resource-server" || status=$?
    else
        status=1
    fi
    [[ $status -eq 0 ]] || stack_logs >&2
    stack_stop
    return "$status"
}

main "$@"
