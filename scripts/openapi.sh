#!/usr/bin/env bash
# Checks that other tools accept the OpenAPI documents of both servers.
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
scripts/openapi.sh [--long]

Starts the local stack, lints the OpenAPI documents of both servers with Redocly's rules, generates TypeScript with
openapi-typescript and compiles it. With --long also generates Python with openapi-python-client and imports it. Builds
the servers. Installs the tools from npm and PyPI in cargo's target folder if they are missing.
TEXT
}

main() {
    local long=false target
    case ${1:-} in
        "") ;;
        --long) long=true ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/openapi.sh --help)" >&2 && exit 2 ;;
    esac

    # With the features of scripts/test.sh: `cargo build` would choose others, and build everything again.
    cargo test --workspace --locked --no-run --quiet
    target=$(target_folder)
    tools=$target/openapi
    install_node_tools || exit 1
    on_exit clean_up
    stack_start_local "$target/debug" || exit 1
    curl -sS --fail "$(stack_value auth_url "$stack_dir/data/stack.json")/openapi.json" -o "$tools/auth.json"
    curl -sS --fail "$(stack_value api_url "$stack_dir/data/stack.json")/openapi.json" -o "$tools/api.json"

    check "redocly lint" node "$tools/lint.mjs" "$tools/auth.json" "$tools/api.json"
    check "openapi-typescript" typescript
    if $long; then
        python_environment "$target/openapi-python" scripts/openapi/requirements.txt || exit 1
        check "openapi-python-client" python "$target/openapi-python/bin"
    fi
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [[ $failed -eq 0 ]]
}

clean_up() {
    end_group
    stack_stop
}

install_node_tools() {
    mkdir -p "$tools"
    if ! cmp --quiet scripts/openapi/package-lock.json "$tools/package-lock.json"; then
        cp scripts/openapi/package.json scripts/openapi/package-lock.json "$tools/"
        if ! npm ci --prefix "$tools" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then
            rm -f -- "$tools/package-lock.json"
            echo "npm ci failed for scripts/openapi/package.json, see above" >&2
            return 1
        fi
    fi
    cp scripts/openapi/lint.mjs scripts/openapi/use.ts "$tools/"
}

passed=0
failed=0

check() {
    local name=$1
    shift
    if run_in_group "$@"; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
    fi
}

typescript() {
    local name
    for name in auth api; do
        "$tools/node_modules/.bin/openapi-typescript" "$tools/$name.json" --default-non-nullable=false \
            --output "$tools/$name.d.ts" >/dev/null || return
    done
    "$tools/node_modules/.bin/tsc" --noEmit --strict --module nodenext --skipLibCheck false "$tools/use.ts"
}

# python BIN: generates a package for each document and imports its models.
python() {
    local name
    for name in auth api; do
        rm -rf -- "$tools/python_$name"
        PATH=$1:$PATH openapi-python-client generate --path "$tools/$name.json" --meta none --fail-on-warning \
            --output-path "$tools/python_$name" || return
        (cd "$tools" && "$1/python" -c "import python_$name.models as models; models.Problem") || return
    done
}

main "$@"
