# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# The resource server: what it opens, and to which tokens. Sourced by e2e.sh.

group "The API"

promise "an access token opens it, and it knows the person by nothing else"
desk_refreshes cookie "$desk" # so that the token is young, wherever access tokens live shortly
api GET /protected bearer "$desk_access"
expect_status 200
greeted=$(claim name "$desk_access")
expect_member message "Hello $greeted"
expect_member user_id "$ann_id"
expect_uncached
api GET /profile bearer "$desk_access"
expect_status 200
expect_member sub "$ann_id"
expect_member sid "$session"
expect_member iss "$issuer"
expect_uncached

promise "the scheme is written in any case, and HEAD works too"
api GET /protected header "Authorization: bearer $desk_access"
expect_status 200
api HEAD /protected bearer "$desk_access"
expect_status 200

promise "without a token the challenge names no error"
for with in "" "Authorization: Basic eDp5" "Cookie: $cookie_name=$desk"; do
    api GET /protected ${with:+header "$with"}
    expect_problem 401 missing_token
    expect_challenge
done

promise "a token in the query is none"
api GET "/protected?access_token=$desk_access"
expect_problem 401 missing_token

# not_opened WHAT TOKEN
not_opened() {
    promise "$1 opens nothing"
    api GET /protected bearer "$2"
    expect_problem 401 invalid_token
    expect_challenge invalid_token
}

signature=${desk_access##*.} claims=$(token_claims "$desk_access") read_header=$(token_header "$desk_access")
risen=$(to_base64url "${claims/\"roles\":\[/\"roles\":[\"admin\"$([[ $claims == *'"roles":[]'* ]] || echo ,)}")
not_opened "nonsense" nonsense
not_opened "a refresh token" "$desk"
not_opened "a token with another signature" \
    "${desk_access%.*}.$([[ $signature == A* ]] && echo B || echo A)${signature:1}"
not_opened "a token without a signature" "${desk_access%.*}."
not_opened "a token whose roles were added to" "${desk_access%%.*}.$risen.$signature"
not_opened "a token of alg none" \
    "$(to_base64url "${read_header/$(member alg "$read_header")/none}").$(to_base64url "$claims")."
not_opened "a token whose header names another key" \
    "$(to_base64url "${read_header/$(member kid "$read_header")/another}").${desk_access#*.}"

promise "two Authorization headers are one too many"
api GET /protected bearer "$desk_access" bearer "$desk_access"
expect_problem 400 malformed_request
expect_challenge invalid_request

promise "/greeting takes a token or none, but no bad one"
api GET /greeting
expect_status 200
expect_member message "Hello stranger"
api GET /greeting bearer "$desk_access"
expect_status 200
expect_member message "Hello $greeted"
api GET /greeting bearer nonsense
expect_problem 401 invalid_token
expect_challenge invalid_token

promise "/transfer is open to a fresh login"
api POST /transfer bearer "$desk_access"
expect_status 200
expect_member user_id "$ann_id"
api POST /transfer
expect_problem 401 missing_token
expect_challenge

if [[ $(token_claims "$desk_access") == *'"admin"'* ]]; then
    skip "/admin is closed to whoever is no administrator" "this person is one"
else
    promise "/admin is closed to whoever is no administrator"
    api GET /admin bearer "$desk_access"
    expect_problem 403 role_required
    expect_challenge insufficient_scope
fi

if [[ -z ${ADMIN_EMAIL-} || -z ${ADMIN_PASSWORD-} ]]; then
    skip "/admin is open to an administrator" "set ADMIN_EMAIL and ADMIN_PASSWORD to one"
else
    promise "/admin is open to an administrator"
    attempt /auth/login json \
        "{\"email\":$(in_json "$ADMIN_EMAIL"),\"password\":$(in_json "$ADMIN_PASSWORD"),\"token_delivery\":\"body\"}"
    expect_status 200
    expect_tokens_in_body 0
    api GET /admin bearer "$access"
    expect_status 200
    matches message '^Hello ' "$(member message)"
    auth POST /auth/logout json "{\"refresh_token\":\"$token\"}"
    expect_status 204
fi
