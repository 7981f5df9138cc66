# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Rotation of refresh tokens (ARCHITECTURE.md, walk 2), as far as no time has to pass. Sourced by e2e.sh.

group "Rotation"

promise "a refresh answers rotation 1, a new cookie and a new access token, of the same session"
spent=$desk
auth POST /auth/refresh cookie "$desk"
expect_status 200
expect_tokens 1
differ cookie "$spent" "$token"
differ access_token "$desk_access" "$access"
expect_member id "$ann_id"
equal sid "$session" "$(claim sid "$token")"
desk=$token desk_access=$access

promise "a refresh moves neither the end of the session nor the time of the login"
equal "exp of the refresh token" "$(claim exp "$spent")" "$(claim exp "$desk")"
equal "auth_time of the access token" "$(claim auth_time "$first_access")" "$(claim auth_time "$desk_access")"

if [[ ${GRACE-} == 0 ]]; then
    skip "a token that was just spent brings the same successor" "GRACE is 0"
    skip "refreshes at the same moment all get the same successor" "GRACE is 0"
else
    promise "a token that was just spent brings the same successor: the same rotation, a new cookie"
    auth POST /auth/refresh cookie "$spent"
    expect_status 200
    expect_tokens 1
    differ cookie "$spent" "$token"
    redelivered=$token

    promise "it does so as often as it is asked for"
    auth POST /auth/refresh cookie "$spent"
    expect_status 200
    expect_tokens 1

    promise "a call with a session takes a token that was just spent"
    auth GET /auth/me cookie "$spent"
    expect_status 200
    expect_member id "$ann_id"

    promise "the successor that was handed out again works"
    auth POST /auth/refresh cookie "$redelivered"
    expect_status 200
    expect_tokens 2
    desk=$token

    promise "refreshes at the same moment all get the same successor"
    at_once "$work/racing" 4 /auth/refresh cookie "$desk"
    for number in 1 2 3 4; do
        read_answer "$work/racing$number"
        expect_status 200
        expect_tokens 3
    done
    desk=$token
fi

promise "an audience that is not listed is refused, and nothing is spent"
look_at "$desk"
auth POST /auth/refresh cookie "$desk" json '{"audience":"nobody-heard-of"}'
expect_fields audience
expect_no_cookie
expect_unspent "$desk"
desk_refreshes cookie "$desk" json "{\"audience\":\"$(claim aud "$desk_access")\"}"

group "Idempotency-Key"

key=$(head -c 46 /dev/urandom | base64 | tr -d '\n' | tr '+/' 'xy')
key=${key:0:62}
# key_is_taken WHAT KEY
key_is_taken() {
    promise "a key of $1 is taken"
    desk_refreshes cookie "$desk" header "Idempotency-Key: $2"
}

# key_is_refused WHAT KEY
key_is_refused() {
    promise "a key of $1 is refused, and nothing is spent"
    auth POST /auth/refresh cookie "$desk" header "Idempotency-Key: $2"
    expect_problem 400 malformed_request
    expect_no_cookie
    expect_unspent "$desk"
}

key_is_taken "22 characters" "${key:0:22}"
key_is_taken "64 characters, - and _ among them," "-_$key"
key_is_taken "22 characters in quotes" "\"${key:0:22}\""
look_at "$desk"
key_is_refused "21 characters" "${key:0:21}"
key_is_refused "21 characters in quotes" "\"${key:0:21}\""
key_is_refused "65 characters" "-_-$key"
key_is_refused "other characters" "${key:0:30}.+"
key_is_refused "one quote alone" "\"${key:0:30}"

promise "two keys are refused, and nothing is spent"
auth POST /auth/refresh cookie "$desk" header "Idempotency-Key: ${key:0:22}" header "Idempotency-Key: ${key:0:22}"
expect_problem 400 malformed_request
expect_no_cookie
expect_unspent "$desk"

group "Tokens that were spent"

promise "a spent token of two rotations ago ends the session, for the newest token too"
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

promise "an access token of that session no longer tells who its person is"
auth GET /auth/me bearer "$access"
expect_ended reuse_detected
expect_challenge invalid_token

promise "any call with such a token ends its session, as a refresh does"
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

group "Tokens that are none"

promise "nothing presented: missing_token, and no cookie is touched"
auth POST /auth/refresh
expect_problem 401 missing_token
expect_no_cookie

# refreshes_nothing WHAT TOKEN
refreshes_nothing() {
    promise "$1 refreshes nothing, and the cookie is cleared"
    auth POST /auth/refresh cookie "$2"
    expect_ended unknown
    expect_cleared_cookie
}

signature=${desk##*.}
refreshes_nothing "nonsense" nonsense
refreshes_nothing "what only looks like a token" a.b.c
refreshes_nothing "a token with another signature" "${desk%.*}.$([[ $signature == A* ]] && echo B || echo A)${signature:1}"
refreshes_nothing "a token without a signature" "${desk%.*}."
refreshes_nothing "a token of alg none" "$(to_base64url '{"alg":"none","typ":"rt+jwt"}').$(to_base64url "$(token_claims "$desk")")."
refreshes_nothing "an access token" "$desk_access"
