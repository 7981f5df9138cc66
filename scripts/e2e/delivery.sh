# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# How tokens travel: each session's the way it was opened, and never two at once. Sourced by e2e.sh.

group "In a cookie or in the body"

promise "a session of delivery body is refreshed in the body, without a cookie"
auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
expect_status 200
expect_tokens_in_body 1
phone=$token

promise "a refresh token of the body may come as a bearer token too"
auth POST /auth/refresh bearer "$phone"
expect_status 200
expect_tokens_in_body 2
phone=$token

promise "a token that came in a cookie is never answered in a body, and is not spent"
look_at "$desk"
auth POST /auth/refresh json "{\"refresh_token\":\"$desk\"}"
expect_problem 400 malformed_request
lacks "a body" eyJ "$body"
auth POST /auth/refresh bearer "$desk"
expect_problem 400 malformed_request
lacks "a body" eyJ "$body"
expect_unspent "$desk"

promise "a token that came in a body is never answered in a cookie, and is not spent"
look_at "$phone"
auth POST /auth/refresh cookie "$phone"
expect_problem 400 malformed_request
expect_no_cookie
expect_unspent "$phone"

promise "two tokens at once are refused, and neither is spent: in the cookie and in the body"
look_at "$desk"
auth POST /auth/refresh cookie "$desk" json "{\"refresh_token\":\"$phone\"}"
expect_problem 400 malformed_request
expect_no_cookie
expect_unspent "$desk"

promise "two tokens at once are refused, and neither is spent: in Authorization and in the body"
look_at "$phone"
auth POST /auth/refresh bearer "$phone" json "{\"refresh_token\":\"$phone\"}"
expect_problem 400 malformed_request
expect_unspent "$phone"

promise "a cookie that stands twice is refused, for a refresh and for a call, and is not spent"
look_at "$desk"
for twice in "$cookie_name=$desk; $cookie_name=$desk" "$cookie_name=planted; $cookie_name=$desk"; do
    auth POST /auth/refresh header "Cookie: $twice"
    expect_problem 400 malformed_request
    expect_no_cookie
    auth GET /auth/sessions header "Cookie: $twice"
    expect_problem 400 malformed_request
done
expect_unspent "$desk"

promise "cookies that are not ours are passed over, however malformed"
for planted in 'a=%FF; b' '=; ;;; ' 'x=";' "x$cookie_name=planted" "${cookie_name}x=planted"; do
    desk_refreshes header "Cookie: $planted; $cookie_name=$desk; z=%"
done

promise "a cookie of nearly the right name is no token"
for planted in "x$cookie_name" "${cookie_name}x" "${cookie_name^^}"; do
    auth POST /auth/refresh header "Cookie: $planted=$desk"
    expect_problem 401 missing_token
    expect_no_cookie
done

promise "an Authorization header decides alone: the cookie beside it is not looked at"
auth GET /auth/me bearer nonsense cookie "$desk"
expect_problem 401 invalid_token
expect_challenge invalid_token
auth GET /auth/sessions header "Authorization: Basic eDp5" cookie "$desk"
expect_problem 401 missing_token
expect_challenge
