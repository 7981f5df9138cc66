# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Checks, their expectations, and the report of a failure. e2e.sh sources this file.

passed=0 skipped=0 expectations=0
check="" # the one in progress

group() {
    finish_check
    printf '\n%s\n' "$1"
}

# check SENTENCE: begins a check. It passes if no expectation fails before the next one begins.
check() {
    finish_check
    check=$1
    expectations=0
}

finish_check() {
    [[ -n $check ]] || return 0
    if ((expectations == 0)); then
        echo "e2e: no expectation in: $check" >&2
        exit 70
    fi
    printf '  ok      %s\n' "$check"
    passed=$((passed + 1))
    check=""
}

# skip SENTENCE REASON: reports a check that cannot run.
skip() {
    finish_check
    printf '  skip    %s: %s\n' "$1" "$2"
    skipped=$((skipped + 1))
}

note() {
    printf '          (%s)\n' "$1"
}

# The last line is parsed by programs: nothing may follow it.
totals() {
    finish_check
    printf '\n'
    if ((skipped > 0)); then
        printf '%d skipped, see above\n' "$skipped"
    fi
    printf '%d passed, 0 failed\n' "$passed"
}

# fail EXPECTED RECEIVED: reports the failure with its request and response, and exits.
fail() {
    {
        printf '  FAILED  %s\n' "$check"
        printf '          expected   %s\n' "$1"
        printf '          received   %s\n' "$2"
        printf '          to repeat  %s\n\n' "$request"
        printf '%s\n' "${head[@]}"
        printf '%.4000s\n' "$body"
    } | shortened
    printf '\n%d passed, 1 failed\n' "$passed"
    exit 1
}

# equal WHAT EXPECTED RECEIVED
equal() {
    expectations=$((expectations + 1))
    [[ $3 == "$2" ]] || fail "$1 '$2'" "'$3'"
}

# near WHAT EXPECTED RECEIVED: for seconds that are rounded differently.
near() {
    expectations=$((expectations + 1))
    if [[ ! $3 =~ ^[0-9]+$ ]] || (($3 < $2 - 1 || $3 > $2 + 1)); then
        fail "$1 of about $2" "'$3'"
    fi
}

# differ WHAT OTHER RECEIVED
differ() {
    expectations=$((expectations + 1))
    [[ $3 != "$2" ]] || fail "$1 other than '$2'" "the same"
}

# matches WHAT EXTENDED-REGULAR-EXPRESSION RECEIVED
matches() {
    expectations=$((expectations + 1))
    [[ $3 =~ $2 ]] || fail "$1 like $2" "'$3'"
}

# contains WHAT TEXT RECEIVED, lacks WHAT TEXT RECEIVED
contains() {
    expectations=$((expectations + 1))
    [[ $3 == *"$2"* ]] || fail "$1 with $2" "one without it"
}

lacks() {
    expectations=$((expectations + 1))
    [[ $3 != *"$2"* ]] || fail "$1 without $2" "one with it"
}

expect_status() {
    equal status "$1" "$status"
}

# expect_member NAME VALUE
expect_member() {
    equal "$1" "$2" "$(member "$1")"
}

# expect_header NAME VALUE
expect_header() {
    equal "$1:" "$2" "$(header "$1")"
}

expect_uncached() {
    expect_header Cache-Control no-store
}

# expect_problem STATUS CODE: an RFC 9457 error.
expect_problem() {
    expect_status "$1"
    expect_member code "$2"
    expect_header Content-Type application/problem+json
    expect_member type "/docs/errors#$2"
    expect_member status "$1"
    matches title '^[A-Z].*[a-zA-Z]$' "$(member title)"
    matches detail '^[A-Z].*\.$' "$(member detail)"
    expect_uncached
}

# expect_ended REASON: the error for a session that has ended. Only a refresh also clears the cookie.
expect_ended() {
    expect_problem 401 session_ended
    expect_member reason "$1"
}

# expect_fields NAME...: the input is rejected, and these members are named.
expect_fields() {
    expect_problem 422 invalid_input
    local name
    for name in "$@"; do
        matches "fields.$name" . "$(member "$name" "${body#*\"fields\"}")"
    done
}

# expect_challenge [ERROR]: the challenge for a bearer token (RFC 6750 §3), without an error if no token was sent.
expect_challenge() {
    local challenge
    challenge=$(header WWW-Authenticate)
    if [[ $# -eq 0 ]]; then
        equal WWW-Authenticate: 'Bearer realm="latchkey"' "$challenge"
    else
        matches WWW-Authenticate: "^Bearer realm=\"latchkey\", error=\"$1\", error_description=\"[^\"]+\"" "$challenge"
    fi
}

expect_no_cookie() {
    equal Set-Cookie: "" "$(refresh_cookie)"
}

expect_cleared_cookie() {
    local cookie
    cookie=$(refresh_cookie)
    equal "cookie" "$cookie_name=" "${cookie%%;*}"
    equal Max-Age 0 "$(attribute Max-Age "$cookie")"
    expect_attributes "$cookie"
}

# The attributes of the cookie, whether it is set or cleared.
expect_attributes() {
    equal "HttpOnly of $cookie_name" HttpOnly "$(attribute HttpOnly "$1")"
    equal "Path of $cookie_name" / "$(attribute Path "$1")"
    equal "Domain of $cookie_name" "" "$(attribute Domain "$1")"
    matches "SameSite of $cookie_name" '^(Strict|Lax|None)$' "$(attribute SameSite "$1")"
    if [[ $cookie_name == __Host-* ]]; then
        equal "Secure of $cookie_name" Secure "$(attribute Secure "$1")"
    else
        equal "Secure of $cookie_name" "" "$(attribute Secure "$1")"
    fi
}

# expect_tokens ROTATION: an access token, and a refresh token in the cookie. Sets access and token.
expect_tokens() {
    local cookie
    cookie=$(refresh_cookie)
    matches Set-Cookie: "^$cookie_name=eyJ[A-Za-z0-9_.-]+;" "$cookie"
    expect_attributes "$cookie"
    lacks "a body" '"refresh_token"' "$body"
    token=${cookie#*=}
    token=${token%%;*}
    lacks "a body" "$token" "$body"
    expect_pair "$1"
}

# expect_tokens_in_body ROTATION: both tokens in the body, no cookie. Sets access and token.
expect_tokens_in_body() {
    expect_no_cookie
    token=$(member refresh_token)
    matches refresh_token '^eyJ' "$token"
    expect_pair "$1"
}

expect_pair() {
    access=$(member access_token)
    matches access_token '^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' "$access"
    expect_member token_type Bearer
    matches expires_in '^[1-9][0-9]*$' "$(member expires_in)"
    expect_member rotation "$1"
    equal "gen of the refresh token" "$1" "$(claim gen "$token")"
    equal "sid of the access token" "$(claim sid "$token")" "$(claim sid "$access")"
    equal "sub of the access token" "$(member id)" "$(claim sub "$access")"
    expect_uncached
}
