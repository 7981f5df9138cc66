# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Token delivery: fixed for each session, and one token per request. e2e.sh sources this file.

group "Token delivery"

check "a session with delivery body is refreshed in the body, without a cookie"
auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
expect_status 200
expect_tokens_in_body 1
phone=$token

check "a refresh token from the body may be sent as a bearer token too"
auth POST /auth/refresh bearer "$phone"
expect_status 200
expect_tokens_in_body 2
phone=$token

check "a token from a cookie is not refreshed in a body, and stays valid"
read_last_used "$desk"
auth POST /auth/refresh json "{\"refresh_token\":\"$desk\"}"
expect_problem 400 malformed_request
lacks "a body" eyJ "$body"
auth POST /auth/refresh bearer "$desk"
expect_problem 400 malformed_request
lacks "a body" eyJ "$body"
expect_not_rotated "$desk"

check "a token from a body is not refreshed in a cookie, and stays valid"
read_last_used "$phone"
auth POST /auth/refresh cookie "$phone"
expect_problem 400 malformed_request
expect_no_cookie
expect_not_rotated "$phone"

check "two tokens are rejected, and both stay valid: in the cookie and in the body"
read_last_used "$desk"
auth POST /auth/refresh cookie "$desk" json "{\"refresh_token\":\"$phone\"}"
expect_problem 400 malformed_request
expect_no_cookie
expect_not_rotated "$desk"

check "two tokens are rejected, and both stay valid: in Authorization and in the body"
read_last_used "$phone"
auth POST /auth/refresh bearer "$phone" json "{\"refresh_token\":\"$phone\"}"
expect_problem 400 malformed_request
expect_not_rotated "$phone"

check "cookies of two sessions are rejected, by a refresh and by a call, and stay valid"
read_last_used "$desk"
for twice in "$cookie_name=$desk; $cookie_name=$phone" "$cookie_name=$phone; $cookie_name=$desk"; do
    auth POST /auth/refresh header "Cookie: $twice"
    expect_problem 400 malformed_request
    auth GET /auth/sessions header "Cookie: $twice"
    expect_problem 400 malformed_request
done
expect_not_rotated "$desk"

check "a cookie with the same name of another program is skipped, wherever it stands"
for twice in "$cookie_name=planted; $cookie_name=$desk" "$cookie_name=$desk; $cookie_name=planted"; do
    auth GET /auth/sessions header "Cookie: $twice"
    expect_status 200
done

check "other cookies are ignored, even malformed ones"
for planted in 'a=%FF; b' '=; ;;; ' 'x=";' "x$cookie_name=planted" "${cookie_name}x=planted"; do
    desk_refreshes header "Cookie: $planted; $cookie_name=$desk; z=%"
done

check "a cookie with a similar name is ignored"
for planted in "x$cookie_name" "${cookie_name}x" "${cookie_name^^}"; do
    auth POST /auth/refresh header "Cookie: $planted=$desk"
    expect_problem 401 missing_token
    expect_no_cookie
done

check "with a bearer token the cookie is ignored, with another scheme it decides"
auth GET /auth/me bearer nonsense cookie "$desk"
expect_problem 401 invalid_token
expect_challenge invalid_token
auth GET /auth/sessions header "Authorization: Basic eDp5" cookie "$desk"
expect_status 200
