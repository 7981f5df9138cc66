# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Rotation of refresh tokens, as far as it can be tested without waiting. e2e.sh sources this file.

group "Rotation"

check "a refresh returns rotation 1, a new cookie and a new access token, of the same session"
previous=$desk
auth POST /auth/refresh cookie "$desk"
expect_status 200
expect_tokens 1
differ cookie "$previous" "$token"
differ access_token "$desk_access" "$access"
expect_member id "$ann_id"
equal sid "$session" "$(claim sid "$token")"
desk=$token desk_access=$access

check "a refresh changes neither the end of the session nor the time of the login"
equal "exp of the refresh token" "$(claim exp "$previous")" "$(claim exp "$desk")"
equal "auth_time of the access token" "$(claim auth_time "$first_access")" "$(claim auth_time "$desk_access")"

if [[ ${GRACE-} == 0 ]]; then
    skip "within the grace period the previous token returns the same rotation" "GRACE is 0"
    skip "concurrent refreshes all get the same rotation" "GRACE is 0"
else
    check "within the grace period the previous token returns the same rotation, in a new cookie"
    auth POST /auth/refresh cookie "$previous"
    expect_status 200
    expect_tokens 1
    differ cookie "$previous" "$token"
    redelivered=$token

    check "it does so repeatedly"
    auth POST /auth/refresh cookie "$previous"
    expect_status 200
    expect_tokens 1

    check "calls accept the previous token within the grace period"
    auth GET /auth/me cookie "$previous"
    expect_status 200
    expect_member id "$ann_id"

    check "the token that was returned again works"
    auth POST /auth/refresh cookie "$redelivered"
    expect_status 200
    expect_tokens 2
    desk=$token

    check "concurrent refreshes all get the same rotation"
    concurrently "$work/racing" 4 /auth/refresh cookie "$desk"
    for number in 1 2 3 4; do
        read_response "$work/racing$number"
        expect_status 200
        expect_tokens 3
    done
    desk=$token
fi

check "an audience that is not listed is rejected, and the token stays valid"
read_last_used "$desk"
auth POST /auth/refresh cookie "$desk" json '{"audience":"unknown"}'
expect_fields audience
expect_no_cookie
expect_not_rotated "$desk"
desk_refreshes cookie "$desk" json "{\"audience\":\"$(claim aud "$desk_access")\"}"

group "Idempotency-Key"

key=$(head -c 46 /dev/urandom | base64 | tr -d '\n' | tr '+/' 'xy')
key=${key:0:62}
# key_is_accepted WHAT KEY
key_is_accepted() {
    check "a key of $1 is accepted"
    desk_refreshes cookie "$desk" header "Idempotency-Key: $2"
}

# key_is_rejected WHAT KEY
key_is_rejected() {
    check "a key of $1 is rejected, and the token stays valid"
    auth POST /auth/refresh cookie "$desk" header "Idempotency-Key: $2"
    expect_problem 400 malformed_request
    expect_no_cookie
    expect_not_rotated "$desk"
}

key_is_accepted "22 characters" "${key:0:22}"
key_is_accepted "64 characters including - and _" "-_$key"
key_is_accepted "22 characters in quotes" "\"${key:0:22}\""
read_last_used "$desk"
key_is_rejected "21 characters" "${key:0:21}"
key_is_rejected "21 characters in quotes" "\"${key:0:21}\""
key_is_rejected "65 characters" "-_-$key"
key_is_rejected "other characters" "${key:0:30}.+"
key_is_rejected "one quote alone" "\"${key:0:30}"

check "two keys are rejected, and the token stays valid"
auth POST /auth/refresh cookie "$desk" header "Idempotency-Key: ${key:0:22}" header "Idempotency-Key: ${key:0:22}"
expect_problem 400 malformed_request
expect_no_cookie
expect_not_rotated "$desk"

group "Reuse"

check "a token of two rotations ago ends the session, for the newest token too"
log_in
expect_status 200
expect_tokens 0
stolen=$token
auth POST /auth/refresh cookie "$stolen"
expect_status 200
expect_tokens 1
auth POST /auth/refresh cookie "$token"
expect_status 200
expect_tokens 2
newest=$token
auth POST /auth/refresh cookie "$stolen"
expect_ended reuse_detected
expect_cleared_cookie
auth POST /auth/refresh cookie "$newest"
expect_ended reuse_detected
expect_cleared_cookie

check "an access token of that session no longer opens /auth/me"
auth GET /auth/me bearer "$access"
expect_ended reuse_detected
expect_challenge invalid_token

check "any call with such a token ends its session, like a refresh"
log_in
expect_status 200
expect_tokens 0
stolen=$token
auth POST /auth/refresh cookie "$stolen"
expect_tokens 1
auth POST /auth/refresh cookie "$token"
expect_tokens 2
newest=$token
auth GET /auth/sessions cookie "$stolen"
expect_ended reuse_detected
expect_challenge invalid_token
expect_no_cookie
auth POST /auth/refresh cookie "$newest"
expect_ended reuse_detected

group "Invalid tokens"

check "without a token: missing_token, and no cookie is set"
auth POST /auth/refresh
expect_problem 401 missing_token
expect_no_cookie

# rejects WHAT TOKEN
rejects() {
    check "$1 is rejected, and the cookie is cleared"
    auth POST /auth/refresh cookie "$2"
    expect_ended unknown
    expect_cleared_cookie
}

signature=${desk##*.}
rejects "text that is not a token" nonsense
rejects "three parts that are not a token" a.b.c
rejects "a token with another signature" "${desk%.*}.$([[ $signature == A* ]] && echo B || echo A)${signature:1}"
rejects "a token without a signature" "${desk%.*}."
rejects "a token with alg none" "$(to_base64url '{"alg":"none","typ":"rt+jwt"}').$(to_base64url "$(token_claims "$desk")")."
rejects "an access token" "$desk_access"
