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

promise "a token that came in a cookie is never answered in a body"
auth POST /auth/refresh json "{\"refresh_token\":\"$desk\"}"
expect_problem 400 malformed_request
lacks "a body" eyJ "$body"
auth POST /auth/refresh bearer "$desk"
expect_problem 400 malformed_request
lacks "a body" eyJ "$body"

promise "a token that came in a body is never answered in a cookie"
auth POST /auth/refresh cookie "$phone"
expect_problem 400 malformed_request
expect_no_cookie

promise "a token that came the wrong way is not spent by it"
rotation=$(claim gen "$desk")
auth POST /auth/refresh cookie "$desk"
expect_status 200
expect_tokens $((rotation + 1))
desk=$token desk_access=$access
auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
expect_status 200
expect_tokens_in_body 3
phone=$token phone_access=$access

promise "a token in the cookie and one in the body at once are refused"
auth POST /auth/refresh cookie "$desk" json "{\"refresh_token\":\"$phone\"}"
expect_problem 400 malformed_request
expect_no_cookie

promise "a token in Authorization and one in the body at once are refused"
auth POST /auth/refresh bearer "$phone" json "{\"refresh_token\":\"$phone\"}"
expect_problem 400 malformed_request

promise "a cookie that stands twice is refused, for a refresh and for a call"
for twice in "$cookie_name=$desk; $cookie_name=$desk" "$cookie_name=planted; $cookie_name=$desk"; do
    auth POST /auth/refresh header "Cookie: $twice"
    expect_problem 400 malformed_request
    expect_no_cookie
    auth GET /auth/sessions header "Cookie: $twice"
    expect_problem 400 malformed_request
done

promise "cookies that are not ours are passed over, however malformed"
for planted in 'a=%FF; b' '=; ;;; ' 'x=";' "x$cookie_name=planted" "${cookie_name}x=planted"; do
    rotation=$(claim gen "$desk")
    auth POST /auth/refresh header "Cookie: $planted; $cookie_name=$desk; z=%"
    expect_status 200
    expect_tokens $((rotation + 1))
    desk=$token desk_access=$access
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
