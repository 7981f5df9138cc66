# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# The resource server: which tokens it accepts. e2e.sh sources this file.

group "The API"

check "an access token opens it, and tells it who the user is"
desk_refreshes cookie "$desk" # the token must be new where access tokens expire soon
api GET /protected bearer "$desk_access"
expect_status 200
user_name=$(claim name "$desk_access")
expect_member message "Hello $user_name"
expect_member user_id "$ann_id"
expect_uncached
api GET /profile bearer "$desk_access"
expect_status 200
expect_member sub "$ann_id"
expect_member sid "$session"
expect_member iss "$issuer"
expect_uncached

check "the scheme may be in upper or lower case, and HEAD works too"
api GET /protected header "Authorization: bearer $desk_access"
expect_status 200
api HEAD /protected bearer "$desk_access"
expect_status 200

check "without a token the challenge contains no error"
for with in "" "Authorization: Basic eDp5" "Cookie: $cookie_name=$desk"; do
    api GET /protected ${with:+header "$with"}
    expect_problem 401 missing_token
    expect_challenge
done

check "a token in the query is ignored"
api GET "/protected?access_token=$desk_access"
expect_problem 401 missing_token

# rejects WHAT TOKEN
rejects() {
    check "$1 is rejected"
    api GET /protected bearer "$2"
    expect_problem 401 invalid_token
    expect_challenge invalid_token
}

signature=${desk_access##*.} claims=$(token_claims "$desk_access") read_header=$(token_header "$desk_access")
with_admin=$(to_base64url "${claims/\"roles\":\[/\"roles\":[\"admin\"$([[ $claims == *'"roles":[]'* ]] || echo ,)}")
rejects "text that is not a token" nonsense
rejects "a refresh token" "$desk"
rejects "a token with another signature" \
    "${desk_access%.*}.$([[ $signature == A* ]] && echo B || echo A)${signature:1}"
rejects "a token without a signature" "${desk_access%.*}."
rejects "a token with an added role" "${desk_access%%.*}.$with_admin.$signature"
rejects "a token with alg none" \
    "$(to_base64url "${read_header/$(member alg "$read_header")/none}").$(to_base64url "$claims")."
rejects "a token whose header names another key" \
    "$(to_base64url "${read_header/$(member kid "$read_header")/another}").${desk_access#*.}"

check "two Authorization headers are rejected"
api GET /protected bearer "$desk_access" bearer "$desk_access"
expect_problem 400 malformed_request
expect_challenge invalid_request

check "/greeting accepts a valid token or none, and rejects an invalid one"
api GET /greeting
expect_status 200
expect_member message "Hello stranger"
api GET /greeting bearer "$desk_access"
expect_status 200
expect_member message "Hello $user_name"
api GET /greeting bearer nonsense
expect_problem 401 invalid_token
expect_challenge invalid_token

check "/transfer accepts a recent login"
api POST /transfer bearer "$desk_access"
expect_status 200
expect_member user_id "$ann_id"
api POST /transfer
expect_problem 401 missing_token
expect_challenge

if [[ $(token_claims "$desk_access") == *'"admin"'* ]]; then
    skip "/admin rejects users without the role admin" "this user has it"
else
    check "/admin rejects users without the role admin"
    api GET /admin bearer "$desk_access"
    expect_problem 403 role_required
    expect_challenge insufficient_scope
fi

if [[ -z ${ADMIN_EMAIL-} || -z ${ADMIN_PASSWORD-} ]]; then
    skip "/admin accepts an administrator" "set ADMIN_EMAIL and ADMIN_PASSWORD"
else
    check "/admin accepts an administrator"
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
