# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Promises, what they expect, and what is said when one is broken. To be sourced by e2e.sh.

passed=0 skipped=0 expectations=0
promise="" # the one that is being held against the stack

group() {
    kept
    printf '\n%s\n' "$1"
}

# promise SENTENCE: begins one; it is kept if no expectation fails before the next.
promise() {
    kept
    promise=$1
    expectations=0
}

kept() {
    [[ -n $promise ]] || return 0
    if ((expectations == 0)); then
        echo "e2e: nothing was expected of: $promise" >&2
        exit 70
    fi
    printf '  ok      %s\n' "$promise"
    passed=$((passed + 1))
    promise=""
}

# skip SENTENCE REASON: says what is not looked at.
skip() {
    kept
    printf '  skip    %s: %s\n' "$1" "$2"
    skipped=$((skipped + 1))
}

note() {
    printf '          (%s)\n' "$1"
}

# Its last line is read by machines: nothing may follow it.
totals() {
    kept
    printf '\n'
    if ((skipped > 0)); then
        printf '%d skipped, for the reasons above\n' "$skipped"
    fi
    printf '%d passed, 0 failed\n' "$passed"
}

# fail EXPECTED CAME: the promise is broken. Says all that is needed to see why, and ends.
fail() {
    {
        printf '  BROKEN  %s\n' "$promise"
        printf '          expected   %s\n' "$1"
        printf '          came       %s\n' "$2"
        printf '          to repeat  %s\n\n' "$request"
        printf '%s\n' "${head[@]}"
        printf '%.4000s\n' "$body"
    } | shortened
    printf '\n%d passed, 1 failed\n' "$passed"
    exit 1
}

# equal WHAT EXPECTED CAME
equal() {
    expectations=$((expectations + 1))
    [[ $3 == "$2" ]] || fail "$1 '$2'" "'$3'"
}

# near WHAT EXPECTED CAME: numbers of seconds, each rounded in its own way.
near() {
    expectations=$((expectations + 1))
    if [[ ! $3 =~ ^[0-9]+$ ]] || (($3 < $2 - 1 || $3 > $2 + 1)); then
        fail "$1 of about $2" "'$3'"
    fi
}

# differ WHAT OTHER CAME
differ() {
    expectations=$((expectations + 1))
    [[ $3 != "$2" ]] || fail "$1 other than '$2'" "the same"
}

# matches WHAT EXTENDED-REGULAR-EXPRESSION CAME
matches() {
    expectations=$((expectations + 1))
    [[ $3 =~ $2 ]] || fail "$1 like $2" "'$3'"
}

# contains WHAT TEXT CAME, lacks WHAT TEXT CAME
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

# expect_problem STATUS CODE: an error as all of them are (RFC 9457).
expect_problem() {
    expect_status "$1"
    expect_member code "$2"
    expect_header Content-Type application/problem+json
    expect_member type "urn:latchkey:problem:$2"
    expect_member status "$1"
    matches title '^[A-Z].*[a-zA-Z]$' "$(member title)"
    matches detail '^[A-Z].*\.$' "$(member detail)"
    expect_uncached
}

# expect_ended REASON: what a refresh says of a session that is over. It alone clears the cookie.
expect_ended() {
    expect_problem 401 session_ended
    expect_member reason "$1"
}

# expect_fields NAME...: the input is refused, and these members are named.
expect_fields() {
    expect_problem 422 invalid_input
    local name
    for name in "$@"; do
        matches "fields.$name" . "$(member "$name" "${body#*\"fields\"}")"
    done
}

# expect_challenge [ERROR]: what a bearer-protected route asks for (RFC 6750 §3). No error where no token was sent.
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

# What a cookie must be, whether it brings a token or takes it away.
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

# expect_tokens ROTATION: tokens with the refresh token in the cookie. Sets access and token.
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

# expect_tokens_in_body ROTATION: tokens with no cookie. Sets access and token.
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
