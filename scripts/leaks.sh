#!/usr/bin/env bash
# Searches what a test run has logged, stored and returned for secrets: no password, token, secret or private key that
# was used may appear in a log, a database or an error. scripts/test.sh runs it last.
#
#   scripts/leaks.sh FOLDER      FOLDER contains secret.* (one secret per line), and log.*, database.* and error.*
set -euo pipefail

if [[ $# -ne 1 || ! -d $1 ]]; then
    sed -n '5s/^# *//p' "$0" >&2
    exit 2
fi
folder=$1
places=(log database error)
export LC_ALL=C # compares bytes, which is faster than characters, and a log may contain any bytes

# How many bytes of a secret are searched for. The beginning of a secret is a leak as well, and grep builds its search
# tables in a third of the time. Twelve bytes of the secret remain when it is printed as a list of decimal numbers.
prefix=48

# What is recognised without a list: a signed token, the private part of a JWK, and how a private key begins in PEM, and
# in DER as base64, hex and a list of bytes (P-256, RSA, Ed25519).
shapes=(
    'eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}'
    '"d": ?"[A-Za-z0-9_-]{20,}"'
    'PRIVATE KEY'
    'MBMGByqGSM49AgEGCCqGSM49AwEHBG'
    '301306072a8648ce3d020106082a8648ce3d03010704'
    '48, 19, 6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1, 7, 4,'
    'IBADANBgkqhkiG9w0BAQEFAASC'
    '020100300d06092a864886f70d0101010500048'
    '2, 1, 0, 48, 13, 6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0, 4,'
    'BQYDK2VwBCIEI'
    '300506032b657004220420'
    '48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32,'
)
# Texts that the first two must find; the other shapes match themselves.
examples=(
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ'
    '{"kty":"EC","d":"c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"}'
    "${shapes[@]:2}"
)

main() {
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    sort --unique --output="$work/secrets" "$folder"/secret.*
    # An empty pattern would match every line.
    sed -i '/^$/d' "$work/secrets"
    plant
    search "${places[@]/#/$folder/}" "${places[@]/#/$work/planted/}" "$work/planted/examples"

    passed=0 failed=0
    for place in "${places[@]}"; do
        expect "ten secrets planted in the $place are found" lines_found "$work/planted/$place" 10
    done
    expect "each shape is found" lines_found "$work/planted/examples" "${#examples[@]}"
    for place in "${places[@]}"; do
        expect "no secret is in the $place ($(size "$place"))" lines_found "$folder/$place" 0
    done
    echo "searched for $(wc -l <"$work/secrets") spellings of secrets"
    echo "$passed passed, $failed failed"
    [[ $failed -eq 0 ]]
}

expect() {
    if "${@:2}"; then
        passed=$((passed + 1))
        printf '  ok      %s\n' "$1"
    else
        failed=$((failed + 1))
        printf '  FAILED  %s\n' "$1"
    fi
}

# Ten secrets among harmless text, after the beginning of the first file of each kind, and each example on a line of its
# own.
plant() {
    local place files
    mkdir "$work/planted"
    for place in "${places[@]}"; do
        files=("$folder/$place".*)
        {
            head --bytes=100000 "${files[0]}"
            printf '\n'
            shuf --head-count=10 "$work/secrets" | sed 's/.*/before & after/'
        } >"$work/planted/$place.1"
    done
    printf 'before %s after\n' "${examples[@]}" >"$work/planted/examples.1"
}

# search PREFIX...: records every line that contains a secret, of all files whose names begin with a PREFIX. Building the
# tables takes longer than the search, so each core searches for a part of the secrets.
search() {
    local beginning files=() patterns searches=()
    for beginning in "$@"; do
        files+=("$beginning".*)
    done
    cut --bytes=-"$prefix" "$work/secrets" | sort --unique >"$work/patterns"
    split --number="l/$(nproc)" "$work/patterns" "$work/patterns."
    printf '%s\n' "${shapes[@]}" >"$work/shapes"
    for patterns in "$work/patterns".*; do
        matches --fixed-strings --file="$patterns" -- "${files[@]}" >"$patterns.found" &
        searches+=($!)
    done
    matches --extended-regexp --file="$work/shapes" -- "${files[@]}" >"$work/shapes.found"
    local search
    for search in "${searches[@]}"; do
        wait "$search"
    done
    # Each line counts once, however many secrets it contains.
    sort --unique "$work"/*.found >"$work/found"
}

# The lines are cut, so that the log of this search does not leak the secrets.
matches() {
    { grep --text --with-filename --line-number "$@" || [[ $? -eq 1 ]]; } | cut --characters=-120
}

# lines_found PREFIX COUNT: whether COUNT lines were found in the files whose names begin with PREFIX; if not, shows some,
# and how the secrets in them begin.
lines_found() {
    local count files=("$1".*)
    count=$(grep --count --fixed-strings -- "$1." "$work/found") || true
    if [[ $count -ne $2 ]]; then
        grep --fixed-strings -- "$1." "$work/found" | head -n 20
        grep --text --no-filename --only-matching --fixed-strings --file="$work/patterns" -- "${files[@]}" |
            cut --bytes=-4 | sort --unique | head -n 5 | sed 's/^/  a secret begins with: /'
        return 1
    fi
}

size() {
    cat "$folder/$1".* | wc --bytes | numfmt --to=iec --suffix=B
}

main
