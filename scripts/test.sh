#!/usr/bin/env bash
# Installs what the tests need and runs all of them: on SQLite, then on a PostgreSQL server of their own.
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

Runs all tests on SQLite, then scripts/kubernetes.sh and scripts/github.sh. Runs in the background, at the same time: those
that use a database on PostgreSQL, on a server that this script starts and removes; the tests of the npm packages,
scripts/e2e.sh against two running stacks, scripts/consumers.sh, scripts/recipes.sh, scripts/openapi.sh,
scripts/schemathesis.sh, scripts/prometheus.sh and scripts/systemd.sh. At the end, scripts/leaks.sh searches what all of
them logged and stored for secrets. Installs missing system packages (as root) or prints the command that does (otherwise).

  --long         also run the long tests (those marked #[ignore]), the browser tests on PostgreSQL, a hundred times as many
                 cases of scripts/schemathesis.sh, all of scripts/openapi.sh and scripts/recipes.sh,
                 scripts/package-test.sh (needs root and systemd-nspawn), scripts/compose-test.sh (needs Docker),
                 bench/peers/check.sh and scripts/bench.sh
  --setup-only   only install or name what is missing
  -- FILTER...   passed to the tests: parts of their names, or options of `cargo test -- --help`; runs nothing else

RUST_TEST_THREADS sets how many tests run at a time on each database; the default is one per core.

Exit status: 0 all passed, 1 something failed, 2 something is missing or an argument is wrong.
TEXT
}

main() {
    parse_arguments "$@"
    ! $long || require_long
    ensure_requirements
    ensure_node_modules
    if $setup_only; then
        echo "everything that the tests need is installed"
        exit 0
    fi

    logs=$(mktemp -d)
    on_exit clean_up
    mkdir "$logs/evidence" "$logs/background"
    export LATCHKEY_TEST_EVIDENCE=$logs/evidence
    # Tests on both databases run at the same time. Most of them wait longer than they compute.
    export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(nproc)}

    if stage "build" "${on_sqlite[@]}" "${everything[@]}" --no-run; then
        stage_in_this_shell "start PostgreSQL" postgres_start || true
        if [[ ${#filter[@]} -eq 0 ]]; then
            start_background
            test_on_sqlite
            # The stages in the background take longer than the tests on SQLite.
            stage "kubernetes" scripts/kubernetes.sh || true
            stage "github" scripts/github.sh || true
            finish_background
        else
            test_on_sqlite
            [[ -z $postgres_url ]] || stage "PostgreSQL" test_on_postgres || true
        fi
        ! $long || run_long_tests
        [[ ${#filter[@]} -gt 0 ]] || run_leaks
    fi

    summary
}

on_sqlite=(env -u LATCHKEY_TEST_DATABASE_URL -u LATCHKEY_TEST_REQUIRE_POSTGRES cargo test --locked)
everything=(--workspace)
# The tests of the servers. Selected by target and not by package: for a smaller selection of packages cargo chooses other
# features, and builds everything again.
database_tests=(--workspace --test api --test e2e --test faults)
# Of those, what does not depend on the database: the browser, the proxies, the documents, the sources, floods of connections
# and bad tokens, the checker of the fault tests, pages, and how mails are written and sent. Each pattern ends in `::`, so that
# it matches a module and not part of a test's name.
without_database=(--skip browser:: --skip proxies:: --skip documented:: --skip invariants::
    --skip markdown:: --skip checker_tests:: --skip floods:: --skip pages:: --skip aiosmtpd:: --skip templates::
    --skip transports:: --skip mail::settings::)

test_on_sqlite() {
    stage "SQLite" "${on_sqlite[@]}" "${everything[@]}" --no-fail-fast -- "${filter[@]}" || true
}

test_on_postgres() {
    local skipped=("${without_database[@]}")
    ! $long || skipped=()
    on_postgres "${database_tests[@]}" --no-fail-fast -- "${skipped[@]}" "${filter[@]}"
}

on_postgres() {
    env LATCHKEY_TEST_DATABASE_URL="$postgres_url" LATCHKEY_TEST_REQUIRE_POSTGRES=1 cargo test --locked "$@"
}

# One after the other, as most of them measure time.
run_long_tests() {
    # --tests leaves out the examples in the documentation: there, `ignore` means "does not compile".
    stage "SQLite, long" "${on_sqlite[@]}" "${everything[@]}" --no-fail-fast --tests -- --ignored "${filter[@]}" || true
    if [[ -n $postgres_url ]]; then
        stage "PostgreSQL, long" on_postgres "${database_tests[@]}" --no-fail-fast -- --ignored "${filter[@]}" || true
    fi
    stage "packages, Debian" scripts/package-test.sh || true
    stage "containers" scripts/compose-test.sh || true
    stage "peers" bench/peers/check.sh || true
    stage "bench" scripts/bench.sh all || true
}

run_leaks() {
    [[ -z $postgres_dir ]] || cp "$postgres_dir/log" "$LATCHKEY_TEST_EVIDENCE/log.postgres"
    stage "leaks" scripts/leaks.sh "$LATCHKEY_TEST_EVIDENCE" || true
}

clean_up() {
    end_group
    if [[ -n $background ]]; then
        kill -TERM "$background" 2>/dev/null || true
        wait "$background" || true
    fi
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

# The background: stages that run one after the other beside the tests on SQLite. Each is shown as a whole when it has ended,
# so that no output is mixed.

background=""
shown=0

start_background() {
    run_background &
    background=$!
}

run_background() {
    on_exit clean_up_background
    local programs
    programs=$(target_folder)/debug
    background_stage "client" run_in_group env --chdir=web/client node --test --test-reporter=tap
    background_stage "packages" run_in_group env --chdir=web/examples node --preserve-symlinks --test --test-reporter=tap
    background_stage "e2e, local-stack" end_to_end local-stack stack_start_local "$programs"
    if [[ -n $postgres_url ]]; then
        background_stage "e2e, deployment" end_to_end deployment stack_start_separate "$programs" "$postgres_url"
        background_stage "PostgreSQL" run_in_group test_on_postgres
    fi
    background_stage "consumers" run_in_group scripts/consumers.sh
    background_stage "recipes" run_in_group scripts/recipes.sh "${effort[@]}"
    background_stage "openapi" run_in_group scripts/openapi.sh "${effort[@]}"
    background_stage "schemathesis" run_in_group scripts/schemathesis.sh "${effort[@]}"
    background_stage "prometheus" run_in_group scripts/prometheus.sh
    background_stage "systemd" run_in_group scripts/systemd.sh
}

clean_up_background() {
    end_group
    stack_stop
}

# background_stage NAME COMMAND...: runs it, and leaves its output, its status and its time for show_background.
background_stage() {
    local name=$1 started=$SECONDS status=0 output=$logs/background/$BASHPID
    shift
    "$@" >"$output" 2>&1 </dev/null || status=$?
    finished=$((${finished:-0} + 1))
    printf '%s\n' "$name" "$status" $((SECONDS - started)) >"$logs/background/$finished.result"
    mv "$output" "$logs/background/$finished.output"
}

# end_to_end STACK START...: starts a stack and runs scripts/e2e.sh against it.
end_to_end() {
    local stack=$1 status=0
    shift
    if "$@"; then
        run_in_group env "${stack_environment[@]}" SECRETS_FILE="$LATCHKEY_TEST_EVIDENCE/secret.$stack" \
            scripts/e2e.sh || status=$?
        [[ $status -eq 0 ]] || stack_logs
        # Without the logs scripts/leaks.sh would have nothing to search.
        stack_evidence "$LATCHKEY_TEST_EVIDENCE" "$stack" || status=1
    else
        status=1
    fi
    stack_stop
    return "$status"
}

# Shows the stages in the background that have ended since the last call.
show_background() {
    local name status seconds output
    while output=$logs/background/$((shown + 1)).output && [[ -f $output ]]; do
        shown=$((shown + 1))
        { read -r name && read -r status && read -r seconds; } <"$logs/background/$shown.result"
        printf '\n== %s (in the background)\n' "$name"
        cat "$output"
        record "$name" "$status" "$seconds" "$output" " in the background"
    done
}

finish_background() {
    [[ -n $background ]] || return 0
    local status=0
    wait "$background" || status=$?
    background=""
    show_background
    if [[ $status -ne 0 ]]; then
        record "background" "$status" 0 /dev/null
    fi
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

# The same for a function that sets variables and starts a process that stays.
stage_in_this_shell() {
    local name=$1 started=$SECONDS status=0
    printf '\n== %s\n' "$name"
    "${@:2}" || status=$?
    record "$name" "$status" $((SECONDS - started)) /dev/null
    return "$status"
}

# record NAME STATUS SECONDS LOG [REMARK]
record() {
    local name=$1 status=$2 seconds=$3 log=$4 remark=${5:-} passed failed verdict=ok counts="" test
    # The totals of cargo, of the scripts, and of node in TAP.
    read -r passed failed < <(
        sed -nE -e 's/^(test result: .* )?([0-9]+) passed[;,] ([0-9]+) failed(;.*)?$/\2 \3/p' \
            -e 's/^# pass ([0-9]+)$/\1 0/p' -e 's/^# (fail|cancelled) ([0-9]+)$/0 \2/p' "$log" |
            awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }'
    )
    # A stage that did not compile, or ended before it counted its tests, has no totals; it counts as one failure.
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
    printf '== %s: %s, %s s%s\n' "$name" "$verdict" "$seconds" "$remark"
    stages+=("$(printf '%-6s  %-17s  %4s s%s%s' "$verdict" "$name" "$seconds" "$counts" "${remark:+,$remark}")")
    while read -r test; do
        stages+=("          $test")
    done < <(sed -nE -e 's/^test (.*) \.\.\. FAILED$/\1/p' -e 's/^(  )?FAILED  (.*)/\2/p' \
        -e 's/^not ok [0-9]+ - (.*)/\1/p' "$log" | head -n 20)
}

# The last line, the totals, is parsed by programs: nothing may follow it.
summary() {
    printf '\n== summary\n'
    printf '%s\n' "${stages[@]}" "        all together       $(printf %4s "$SECONDS") s" ""
    echo "$total_passed passed, $total_failed failed"
    [[ $total_failed -eq 0 ]] || exit 1
}

main "$@"
