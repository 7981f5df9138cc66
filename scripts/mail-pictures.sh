#!/usr/bin/env bash
# Takes the pictures of all mails in docs/images/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh
# shellcheck source=scripts/requirements.sh
source scripts/requirements.sh

help() {
    cat <<'TEXT'
scripts/mail-pictures.sh [FOLDER]

Renders every kind of mail from the built-in templates with sample values, and writes mails-en.png and mails-de.png to FOLDER
[docs/images]. Requires Chromium and pngquant (Debian's package pngquant).

Exit status: 0 success, 1 a mail or the browser failed, 2 a requirement is missing or an argument is invalid.
TEXT
}

main() {
    local folder=docs/images chromium program mails locale template kind
    case ${1-} in
        --help | -h) help && exit 0 ;;
        -*) echo "unknown argument: $1 (see scripts/mail-pictures.sh --help)" >&2 && exit 2 ;;
        ?*) folder=$1 ;;
    esac
    chromium=$(find_chromium)
    if ! command -v pngquant >/dev/null; then
        echo "pngquant was not found: install it, on Debian with apt-get install pngquant" >&2
        exit 2
    fi
    ensure_node_modules
    mkdir -p "$folder"

    cargo build --locked --package auth-server
    program=$(target_folder)/debug/auth-server
    mails=$(mktemp -d)
    # shellcheck disable=SC2064 # the value is known now
    trap "rm -rf '$mails'" EXIT
    for locale in en de; do
        for template in auth-server/templates/"$locale"/*.subject.txt; do
            kind=$(basename "$template" .subject.txt)
            env -i MAIL_TRANSPORT=file MAIL_DIR="$mails/$locale/$kind" MAIL_FROM="Example <no-reply@example.org>" \
                ISSUER=https://auth.example.org "$program" \
                mail test ann@example.org --kind "$kind" --locale "$locale" >/dev/null
        done
        CHROMIUM=$chromium node e2e/browser/mail_pictures.mjs "$mails/$locale" "$mails/$locale.png"
        pngquant --force --speed 1 --output "$folder/mails-$locale.png" 16 "$mails/$locale.png"
    done
    ls -l "$folder"/mails-*.png
}

main "$@"
