#!/usr/bin/env bash
# Sets up what the tests need, and runs all of them: on SQLite, then on a throwaway PostgreSQL.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/postgres.sh
source scripts/postgres.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh
# shellcheck source=scripts/requirements.sh
source scripts/requirements.sh

help() {
    cat <<'TEXT'
scripts/test.sh [--long] [--setup-only] [-- FILTER...]

Runs the whole suite on SQLite, then the tests that reach a database, but for those in a browser, again on PostgreSQL,
from a server that is started for them and removed afterwards. Then scripts/e2e.sh has a look at servers that were
started as people start them, scripts/schemathesis.sh holds them to their OpenAPI documents, and scripts/consumers.sh
has libraries that others wrote check their tokens. What is missing of the system is installed (as root) or named
(else).

  --long         also the long forms of the tests (those marked #[ignore]), the browser on PostgreSQL, many more
                 cases of scripts/schemathesis.sh, scripts/compose-test.sh (Docker), and scripts/bench.sh
  --setup-only   only install or name what is missing
  -- FILTER...   handed to the tests: a part of their names, or the options of `cargo test -- --help`

Exit status: 0 all passed, 1 something failed, 2 something is missing or an argument is wrong.
TEXT
}

main() {
    parse_arguments "$@"
    ensure_requirements
    ensure_node_modules
    if $setup_only; then
        echo "everything that the tests need is here"
        exit 0
    fi

    logs=$(mktemp -d)
    on_exit clean_up
    mkdir "$logs/evidence"
    export LATCHKEY_TEST_EVIDENCE=$logs/evidence

    local on_sqlite=(env -u LATCHKEY_TEST_DATABASE_URL -u LATCHKEY_TEST_REQUIRE_POSTGRES cargo test --locked)
    local everything=(--workspace)
    # The servers' and the end-to-end tests. Named by target and not by package: for a smaller selection of packages
    # cargo chooses other features, and builds everything once more.
    local database_tests=(--workspace --test api --test e2e --test faults)
    # What pages ask of the servers others ask of them, too, and a browser takes longer than all of these.
    local skipped=(--skip browser::)
    ! $long || skipped=()

    # The browser client alone. A filter is for cargo's tests.
    if [[ -d web/client && ${#filter[@]} -eq 0 ]]; then
        stage "client" env --chdir=web/client node --test --test-reporter=tap || true
    fi

    if stage "build" "${on_sqlite[@]}" "${everything[@]}" --no-run; then
        stage "SQLite" "${on_sqlite[@]}" "${everything[@]}" --no-fail-fast -- "${filter[@]}" || true
        local programs
        programs=$(target_folder)/debug
        end_to_end local-stack stack_start_local "$programs"
        # Whoever asks for some tests by name does not mean this.
        if [[ ${#filter[@]} -eq 0 ]]; then
            stage "schemathesis" scripts/schemathesis.sh "${effort[@]}" || true
            stage "consumers" scripts/consumers.sh || true
        fi
        if $long; then
            # --tests leaves the examples in the documentation out: there, `ignore` means "does not compile".
            stage "SQLite, long" "${on_sqlite[@]}" "${everything[@]}" --no-fail-fast --tests -- \
                --ignored "${filter[@]}" || true
        fi

        if stage_in_this_shell "start PostgreSQL" postgres_start; then
            local on_postgres=(env LATCHKEY_TEST_DATABASE_URL="$postgres_url" LATCHKEY_TEST_REQUIRE_POSTGRES=1
                cargo test --locked)
            stage "PostgreSQL" "${on_postgres[@]}" "${database_tests[@]}" --no-fail-fast -- "${skipped[@]}" \
                "${filter[@]}" || true
            end_to_end deployment stack_start_separate "$programs" "$postgres_url"
            if $long; then
                stage "PostgreSQL, long" "${on_postgres[@]}" "${database_tests[@]}" --no-fail-fast -- \
                    --ignored "${filter[@]}" || true
            fi
        fi

        if $long; then
            stage "containers" scripts/compose-test.sh || true
        fi

        if $long && [[ -x scripts/bench.sh ]]; then
            stage "bench" scripts/bench.sh || true
        fi

        if [[ ${#filter[@]} -eq 0 ]]; then
            [[ -z $postgres_dir ]] || cp "$postgres_dir/log" "$LATCHKEY_TEST_EVIDENCE/log.postgres"
            stage "leaks" scripts/leaks.sh "$LATCHKEY_TEST_EVIDENCE" || true
        fi
    fi

    summary
}

clean_up() {
    end_group
    stack_stop
    postgres_stop
    rm -rf -- "$logs"
}

parse_arguments() {
    long=false
    effort=()
    setup_only=false
    filter=()
    while [[ $# -gt 0 ]]; do
        case $1 in
            --long) long=true effort=(--long) ;;
            --setup-only) setup_only=true ;;
            --help | -h) help && exit 0 ;;
            --) filter=("${@:2}") && return ;;
            *) echo "unknown argument: $1 (see scripts/test.sh --help)" >&2 && exit 2 ;;
        esac
        shift
    done
}

# end_to_end STACK START...: two stages, one that starts a stack and one that runs scripts/e2e.sh against it. Whoever
# asks for some tests by name does not mean these.
end_to_end() {
    local stack=$1
    shift
    [[ ${#filter[@]} -eq 0 ]] || return 0
    if stage_in_this_shell "start $stack" "$@"; then
        stage "e2e, $stack" env "${stack_environment[@]}" SECRETS_FILE="$LATCHKEY_TEST_EVIDENCE/secret.$stack" \
            scripts/e2e.sh || stack_logs
        stack_evidence "$LATCHKEY_TEST_EVIDENCE" "$stack"
    fi
    stack_stop
}

stages=()
total_passed=0
total_failed=0

# stage NAME COMMAND...: runs it, shows what it prints, counts its tests; returns its status.
stage() {
    local name=$1 started=$SECONDS status=0 log=$logs/stage out tee
    shift
    printf '\n== %s\n' "$name"
    exec {out}> >(exec tee "$log")
    tee=$!
    run_in_group "$@" >&"$out" 2>&1 || status=$?
    exec {out}>&-
    wait "$tee" || true
    record "$name" "$status" $((SECONDS - started)) "$log"
    return "$status"
}

# The same for a function that leaves variables and a process behind.
stage_in_this_shell() {
    local name=$1 started=$SECONDS status=0
    printf '\n== %s\n' "$name"
    "${@:2}" || status=$?
    record "$name" "$status" $((SECONDS - started)) /dev/null
    return "$status"
}

record() {
    local name=$1 status=$2 seconds=$3 log=$4 passed failed verdict=ok counts="" test
    # As cargo counts its tests, scripts/e2e.sh its promises, and node its tests in TAP.
    read -r passed failed < <(
        sed -nE -e 's/^(test result: .* )?([0-9]+) passed[;,] ([0-9]+) failed(;.*)?$/\2 \3/p' \
            -e 's/^# pass ([0-9]+)$/\1 0/p' -e 's/^# (fail|cancelled) ([0-9]+)$/0 \2/p' "$log" |
            awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }'
    )
    # What did not compile, or died before it could count, is no test result, but the last line must not hide it.
    if [[ $status -ne 0 && $failed -eq 0 ]]; then
        failed=1
    fi
    if [[ $status -ne 0 ]]; then
        verdict=FAILED
    fi
    if [[ $((passed + failed)) -gt 0 ]]; then
        counts="  $passed passed, $failed failed"
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    printf '== %s: %s, %s s\n' "$name" "$verdict" "$seconds"
    stages+=("$(printf '%-6s  %-20s  %4s s%s' "$verdict" "$name" "$seconds" "$counts")")
    while read -r test; do
        stages+=("          $test")
    done < <(sed -nE -e 's/^test (.*) \.\.\. FAILED$/\1/p' -e 's/^  BROKEN  (.*)/\1/p' \
        -e 's/^not ok [0-9]+ - (.*)/\1/p' "$log" | head -n 20)
}

# Its last line, the totals, is read by machines: nothing may follow it.
summary() {
    printf '\n== summary\n'
    printf '%s\n' "${stages[@]}" ""
    echo "$total_passed passed, $total_failed failed"
    [[ $total_failed -eq 0 ]] || exit 1
}

main "$@"
