# shellcheck shell=bash
# Checks that run to the end, whatever fails. Source this file.

passed=0
failed=0

# check SENTENCE COMMAND...: runs a test, and shows its output if it fails.
check() {
    local sentence=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$sentence"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n' "$sentence"
        grep . <<<"$output" | sed 's/^/        /'
    fi
}

# Prints how many checks passed and failed. Fails if one did.
totals() {
    printf '\n%s passed, %s failed\n' "$passed" "$failed"
    [[ $failed -eq 0 ]]
}
