# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Calls with a session, and how sessions end. e2e.sh sources this file last: it ends all sessions of ann.

group "Calls with a session"

check "/auth/me accepts the cookie, a bearer refresh token and an access token"
auth GET /auth/me cookie "$desk"
expect_status 200
expect_member id "$ann_id"
expect_uncached
me=$body
read_last_used "$desk"
for bearer in "$phone" "$desk_access"; do
    auth GET /auth/me bearer "$bearer"
    expect_status 200
    equal body "$me" "$body"
done

check "reading does not rotate the token"
expect_not_rotated "$desk"
desk_refreshes cookie "$desk"

# Every call that requires a session.
with_session=("GET /auth/sessions" "DELETE /auth/sessions/$session" "POST /auth/logout-all" "PATCH /auth/me")
json='{}'

check "without a session: missing_token, and the challenge contains no error"
for call in "GET /auth/me" "${with_session[@]}"; do
    auth "${call% *}" "${call#* }" json "$json"
    expect_problem 401 missing_token
    expect_challenge
    expect_no_cookie
done

check "the auth server rejects access tokens for changes"
for call in "${with_session[@]}"; do
    auth "${call% *}" "${call#* }" json "$json" bearer "$desk_access"
    expect_problem 401 invalid_token
    expect_challenge invalid_token
done

check "names can be changed, and the username can be used to log in"
username=${suffix,,}
auth PATCH /auth/me cookie "$desk" json "{\"name\":\"Ann Other\",\"username\":\"${username^^}\"}"
expect_status 200
expect_member name "Ann Other"
expect_member username "$username"
attempt /auth/login json "{\"username\":\"$username\",\"password\":$(in_json "$ann_password")}"
expect_status 200
expect_tokens 0
expect_member id "$ann_id"
tablet=$token tablet_access=$access

check "the next access token has the new name"
api GET /protected bearer "$tablet_access"
expect_member message "Hello Ann Other"

if $registered; then
    check "another user cannot take the username"
    auth PATCH /auth/me bearer "$bob_token" json "{\"username\":\"$username\"}"
    expect_fields username
else
    skip "another user cannot take the username" "registration is closed"
fi

group "Sessions and logout"

check "the list has every active session, and marks the current one"
auth GET /auth/sessions cookie "$desk"
expect_status 200
expect_uncached
for token in "$desk" "$phone" "$tablet"; do
    contains "a list" "\"id\":\"$(claim sid "$token")\"" "$body"
done
contains "a list" "\"id\":\"$session\",\"current\":true" "$body"
others=${body/'"current":true'/}
lacks "all others" '"current":true' "$others"
for name in created_at last_used_at expires_at ip; do
    matches "$name" . "$(member "$name")"
done
contains "a list" '"user_agent":"latchkey-e2e"' "$body"

if $registered; then
    check "the session of another user cannot be ended"
    auth DELETE "/auth/sessions/$session" bearer "$bob_token"
    expect_problem 404 not_found
    auth GET /auth/sessions cookie "$desk"
    contains "a list" "\"id\":\"$session\"" "$body"
else
    skip "the session of another user cannot be ended" "registration is closed"
fi

check "a session of the same user can be ended: it is revoked and no longer listed"
tablet_session=$(claim sid "$tablet")
auth DELETE "/auth/sessions/$tablet_session" cookie "$desk"
expect_status 204
expect_no_cookie
auth POST /auth/refresh cookie "$tablet"
expect_ended revoked
expect_cleared_cookie
auth GET /auth/sessions cookie "$desk"
lacks "a list" "$tablet_session" "$body"
for id in "$tablet_session" nonsense; do
    auth DELETE "/auth/sessions/$id" cookie "$desk"
    expect_problem 404 not_found
done

check "ending the current session is a logout"
auth DELETE "/auth/sessions/$session" cookie "$desk"
expect_status 204
expect_cleared_cookie
auth POST /auth/refresh cookie "$desk"
expect_ended logged_out

check "a logout ends the session and clears the cookie"
log_in
expect_tokens 0
desk=$token desk_access=$access
auth POST /auth/logout cookie "$desk"
expect_status 204
expect_cleared_cookie
expect_uncached
equal body "" "$body"
auth POST /auth/refresh cookie "$desk"
expect_ended logged_out
expect_cleared_cookie

check "after a logout the access token no longer opens /auth/me"
auth GET /auth/me bearer "$desk_access"
expect_ended logged_out
expect_challenge invalid_token

check "a logout ends the sessions of all tokens in the request, of any generation"
log_in
expect_tokens 0
desk=$token
previous=$phone
for _ in 1 2; do
    auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
    expect_status 200
    phone=$(member refresh_token)
done
auth POST /auth/logout cookie "$desk" json "{\"refresh_token\":\"$previous\"}"
expect_status 204
auth POST /auth/refresh cookie "$desk"
expect_ended logged_out
auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
expect_ended logged_out
expect_no_cookie

check "a logout without a session succeeds, and clears the cookie"
auth POST /auth/logout
expect_status 204
expect_cleared_cookie
auth POST /auth/logout cookie nonsense
expect_status 204
expect_cleared_cookie

check "logout-all ends every session of the user"
log_in
expect_tokens 0
desk=$token desk_access=$access
log_in '"token_delivery":"body"'
expect_tokens_in_body 0
phone=$token
auth POST /auth/logout-all cookie "$desk"
expect_status 204
expect_cleared_cookie
auth POST /auth/refresh cookie "$desk"
expect_ended logged_out
auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
expect_ended logged_out
auth GET /auth/me bearer "$desk_access"
expect_ended logged_out

if $registered; then
    check "logout-all ends no session of another user"
    auth POST /auth/refresh json "{\"refresh_token\":\"$bob_token\"}"
    expect_status 200
    expect_tokens_in_body 1
else
    skip "logout-all ends no session of another user" "registration is closed"
fi
