#!/usr/bin/env bash
# End-to-end tests of a running stack, which need only bash and curl.
set -euo pipefail
e2e_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/e2e
# shellcheck source=scripts/e2e/calls.sh
source "$e2e_folder/calls.sh"
# shellcheck source=scripts/e2e/responses.sh
source "$e2e_folder/responses.sh"
# shellcheck source=scripts/e2e/checks.sh
source "$e2e_folder/checks.sh"

help() {
    cat <<'TEXT'
AUTH_URL=… API_URL=… scripts/e2e.sh
STACK_FILE=data/stack.json scripts/e2e.sh

Tests a running stack from outside, as far as that is possible without waiting. Prints one line per check and stops at
the first failure. Registers new users, so it can run repeatedly; about 18 attempts count against the rate limit of this
address.

  AUTH_URL         the auth server [http://localhost:8080]; several, separated by spaces, are called in turn
  API_URL          the resource server [http://localhost:8081]
  ISSUER           the auth server's issuer, if it is not the (first) AUTH_URL
  APP_ORIGIN       one of ALLOWED_ORIGINS of both servers, to test CORS
  GRACE            0 if the auth server runs with REFRESH_REUSE_GRACE=0s
  ADMIN_EMAIL      a user with the role admin, and ADMIN_PASSWORD, to test /admin
  STACK_FILE       the stack.json that `cargo run` writes to its data folder, for AUTH_URL, API_URL, ADMIN_EMAIL and
                   ADMIN_PASSWORD
  E2E_EMAIL        a user created for tests, and E2E_PASSWORD, if registration is closed: the test changes the names and
                   ends all sessions
  SECRETS_FILE     a file to add the passwords to, to search the servers' logs for them
  CURL_OPTS        more options for curl, separated by spaces, such as "--cacert ca.pem"

Exit status: 0 all checks passed, 1 one failed, 2 an argument is wrong or the stack cannot be reached.
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
    for topic in metadata users rotation delivery bad_input origins api sessions; do
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
    ((BASH_VERSINFO[0] >= 4)) || usage_error "bash 4 or newer is required"
    command -v curl >/dev/null || usage_error "curl was not found"
    if [[ -n ${STACK_FILE-} ]]; then
        read_stack_file
    fi
    local url
    read -ra auth_urls <<<"${AUTH_URL:-http://localhost:8080}"
    auth_urls=("${auth_urls[@]%/}")
    api_url=${API_URL:-http://localhost:8081}
    api_url=${api_url%/}
    issuer=${ISSUER:-${auth_urls[0]}}
    for url in "${auth_urls[@]}" "$api_url" "$issuer"; do
        [[ $url =~ ^https?://[^/?#]+$ ]] || usage_error "$url is not a URL like http://localhost:8080 without a path"
    done
    read -ra curl_options <<<"${CURL_OPTS:-}"
}

# Reads what the local stack writes for scripts. The JSON is our own: one flat object.
# shellcheck disable=SC2034 # e2e/api.sh uses the administrator
read_stack_file() {
    local json
    json=$(<"$STACK_FILE") || usage_error "$STACK_FILE cannot be read"
    AUTH_URL=$(member auth_url "$json")
    API_URL=$(member api_url "$json")
    ADMIN_EMAIL=$(member admin_email "$json")
    ADMIN_PASSWORD=$(member admin_password "$json")
    [[ -n $AUTH_URL && -n $API_URL ]] || usage_error "$STACK_FILE contains no addresses"
}

# A stack that does not respond is not a failed check.
find_stack() {
    local url
    for url in "${auth_urls[@]}" "$api_url"; do
        send "$work/response" GET "$url/healthz"
        read_response "$work/response"
        if [[ $status == 000 ]]; then
            usage_error "$url does not respond: $problem"
        fi
        if [[ $status != 200 || $(member status) != alive ]]; then
            usage_error "$url is not a Latchkey server: GET /healthz returns $status"
        fi
    done
    printf 'auth server %s, resource server %s, issuer %s\n' "${auth_urls[*]}" "$api_url" "$issuer"
}

main "$@"
