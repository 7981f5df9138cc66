#!/usr/bin/env bash
# Searches what a run of the tests has left behind for secrets: no password, token, secret or private key that was used
# may stand in a log, a database or an error. scripts/test.sh runs it last.
#
#   scripts/leaks.sh FOLDER      FOLDER has secret.* (one a line), and log.*, database.* and error.* to be searched
set -euo pipefail

if [[ $# -ne 1 || ! -d $1 ]]; then
    sed -n '5s/^# *//p' "$0" >&2
    exit 2
fi
folder=$1
places=(log database error)
export LC_ALL=C # bytes, not letters: quicker, and a log may hold anything

# What no list is needed for: a signed token, the private half of a JWK, and how a private key begins in PEM, and in DER
# as base64, hex and a list of bytes (P-256, RSA, Ed25519).
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
# What the first two find; the others are their own examples.
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
    printf '%s\n' "${shapes[@]}" >"$work/shapes"

    passed=0 failed=0
    plant
    for place in "${places[@]}"; do
        expect "ten secrets planted in the $place are found" stand_in "$work/planted/$place" 10
    done
    expect "each shape is found" each_shape
    found "${places[@]/#/$folder/}"
    for place in "${places[@]}"; do
        expect "no secret stands in the $place ($(size "$place"))" stand_in "$folder/$place" 0
    done
    echo "$(wc -l <"$work/secrets") spellings of secrets"
    echo "$passed passed, $failed failed"
    [[ $failed -eq 0 ]]
}

expect() {
    if "${@:2}"; then
        passed=$((passed + 1))
        printf '  kept    %s\n' "$1"
    else
        failed=$((failed + 1))
        printf '  BROKEN  %s\n' "$1"
    fi
}

# found BEGINNING...: notes where a secret stands, in all files whose names begin so. The lines are cut: a log of this search
# should not leak either.
found() {
    local beginning files=()
    for beginning in "$@"; do
        files+=("$beginning".*)
    done
    {
        grep --text --with-filename --line-number --fixed-strings --file="$work/secrets" -- "${files[@]}" || true
        grep --text --with-filename --line-number --extended-regexp --file="$work/shapes" -- "${files[@]}" || true
    } | cut --characters=-120 >"$work/found"
}

# stand_in BEGINNING COUNT: whether so many were noted there; if not, shows some of them.
stand_in() {
    local count
    count=$(grep --count --fixed-strings -- "$1." "$work/found") || true
    if [[ $count -ne $2 ]]; then
        grep --fixed-strings -- "$1." "$work/found" | head -n 20
        return 1
    fi
}

# Ten secrets among harmless text, behind the beginning of the first file of each kind.
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
    found "${places[@]/#/$work/planted/}"
}

# Every shape, on a line of its own.
each_shape() {
    printf 'before %s after\n' "${examples[@]}" >"$work/examples.1"
    found "$work/examples"
    stand_in "$work/examples" "${#examples[@]}"
}

size() {
    cat "$folder/$1".* | wc --bytes | numfmt --to=iec --suffix=B
}

main
