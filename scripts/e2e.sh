#!/usr/bin/env bash
# End-to-end tests of a stack that runs somewhere, with bash and curl alone.
set -euo pipefail
e2e_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/e2e
# shellcheck source=scripts/e2e/calls.sh
source "$e2e_folder/calls.sh"
# shellcheck source=scripts/e2e/answers.sh
source "$e2e_folder/answers.sh"
# shellcheck source=scripts/e2e/promises.sh
source "$e2e_folder/promises.sh"

help() {
    cat <<'TEXT'
AUTH_URL=… API_URL=… scripts/e2e.sh

Holds a running stack to what it promises, as far as that can be seen from outside and without waiting: a line a
promise, until the first broken one. It registers new people at each run, so it can be run again and again; some
18 attempts to log in or register count against the limit of this address.

  AUTH_URL         the auth server [http://localhost:8080]; several, separated by spaces, take turns
  API_URL          the resource server [http://localhost:8081]
  ISSUER           the auth server's issuer, where it is not AUTH_URL (the first one)
  APP_ORIGIN       one of ALLOWED_ORIGINS of both servers, to see CORS at work
  GRACE            0 where the auth server runs with REFRESH_REUSE_GRACE=0s
  ADMIN_EMAIL      somebody with the role admin, and ADMIN_PASSWORD, to see /admin open
  E2E_EMAIL        a person made for tests, and E2E_PASSWORD, where registration is closed: names are changed and all
                   sessions ended
  SECRETS_FILE     a file to which the passwords that are used are added, to search the servers' logs for
  CURL_OPTS        more options for curl, separated by spaces, such as "--cacert ca.pem"

Exit status: 0 all kept, 1 one is broken, 2 an argument is wrong or the stack cannot be reached.
TEXT
}

main() {
    parse_arguments "$@"
    read_settings
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    find_stack

    local topic
    for topic in metadata people rotation delivery bad_input origins api sessions; do
        # shellcheck source=/dev/null
        source "$e2e_folder/$topic.sh"
    done
    totals
}

parse_arguments() {
    case ${1-} in
        "") ;;
        --help | -h) help && exit 0 ;;
        *) usage_error "unknown argument: $1 (see scripts/e2e.sh --help)" ;;
    esac
}

usage_error() {
    printf 'e2e: %s\n' "$1" >&2
    exit 2
}

read_settings() {
    ((BASH_VERSINFO[0] >= 4)) || usage_error "bash 4 or newer is needed"
    command -v curl >/dev/null || usage_error "curl was not found"
    local url
    read -ra auth_urls <<<"${AUTH_URL:-http://localhost:8080}"
    auth_urls=("${auth_urls[@]%/}")
    api_url=${API_URL:-http://localhost:8081}
    api_url=${api_url%/}
    issuer=${ISSUER:-${auth_urls[0]}}
    for url in "${auth_urls[@]}" "$api_url" "$issuer"; do
        [[ $url =~ ^https?://[^/?#]+$ ]] || usage_error "$url is no URL such as http://localhost:8080, without a path"
    done
    read -ra curl_options <<<"${CURL_OPTS:-}"
}

# Nothing can be said of a stack that does not answer, so that is no broken promise.
find_stack() {
    local url
    for url in "${auth_urls[@]}" "$api_url"; do
        send "$work/answer" GET "$url/healthz"
        read_answer "$work/answer"
        if [[ $status == 000 ]]; then
            usage_error "$url does not answer: $problem"
        fi
        if [[ $status != 200 || $(member status) != alive ]]; then
            usage_error "no Latchkey server is at $url: GET /healthz answers $status"
        fi
    done
    printf 'auth server %s, resource server %s, issuer %s\n' "${auth_urls[*]}" "$api_url" "$issuer"
}

main "$@"
