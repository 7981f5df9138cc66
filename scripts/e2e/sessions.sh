# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Calls made with a session, and how sessions end. Sourced by e2e.sh, last: ann is logged out everywhere.

group "With a session"

promise "one's own record opens to the cookie, to a bearer refresh token and to an access token"
auth GET /auth/me cookie "$desk"
expect_status 200
expect_member id "$ann_id"
expect_uncached
me=$body
look_at "$desk"
for bearer in "$phone" "$desk_access"; do
    auth GET /auth/me bearer "$bearer"
    expect_status 200
    equal body "$me" "$body"
done

promise "reading spends nothing"
expect_unspent "$desk"
desk_refreshes cookie "$desk"

# Every call that wants a session.
with_session=("GET /auth/sessions" "DELETE /auth/sessions/$session" "POST /auth/logout-all" "PATCH /auth/me")
json='{}'

promise "without a session there is nothing: missing_token, and the challenge names no error"
for call in "GET /auth/me" "${with_session[@]}"; do
    auth "${call% *}" "${call#* }" json "$json"
    expect_problem 401 missing_token
    expect_challenge
    expect_no_cookie
done

promise "an access token changes and ends nothing at the auth server"
for call in "${with_session[@]}"; do
    auth "${call% *}" "${call#* }" json "$json" bearer "$desk_access"
    expect_problem 401 invalid_token
    expect_challenge invalid_token
done

promise "names can be changed, and one logs in with the username"
username=${person,,}
auth PATCH /auth/me cookie "$desk" json "{\"name\":\"Ann Other\",\"username\":\"${username^^}\"}"
expect_status 200
expect_member name "Ann Other"
expect_member username "$username"
attempt /auth/login json "{\"username\":\"$username\",\"password\":$(in_json "$ann_password")}"
expect_status 200
expect_tokens 0
expect_member id "$ann_id"
tablet=$token tablet_access=$access

promise "the next access token greets by the new name"
api GET /protected bearer "$tablet_access"
expect_member message "Hello Ann Other"

if $registered; then
    promise "nobody else can take the username"
    auth PATCH /auth/me bearer "$bob_token" json "{\"username\":\"$username\"}"
    expect_fields username
else
    skip "nobody else can take the username" "registration is closed"
fi

group "Sessions, and their end"

promise "the list has every living session, and marks the one that asks"
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
    promise "nobody can end the session of another person"
    auth DELETE "/auth/sessions/$session" bearer "$bob_token"
    expect_problem 404 not_found
    auth GET /auth/sessions cookie "$desk"
    contains "a list" "\"id\":\"$session\"" "$body"
else
    skip "nobody can end the session of another person" "registration is closed"
fi

promise "one's own session can be ended from afar: it is revoked, and gone from the list"
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

promise "whoever ends the session that asks has logged out"
auth DELETE "/auth/sessions/$session" cookie "$desk"
expect_status 204
expect_cleared_cookie
auth POST /auth/refresh cookie "$desk"
expect_ended logged_out

promise "a logout ends the session and clears the cookie"
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

promise "after a logout the access token no longer tells who its person is"
auth GET /auth/me bearer "$desk_access"
expect_ended logged_out
expect_challenge invalid_token

promise "a logout ends all that is presented: in the cookie, and in the body, of any generation"
log_in
expect_tokens 0
desk=$token
spent=$phone
for _ in 1 2; do
    auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
    expect_status 200
    phone=$(member refresh_token)
done
auth POST /auth/logout cookie "$desk" json "{\"refresh_token\":\"$spent\"}"
expect_status 204
auth POST /auth/refresh cookie "$desk"
expect_ended logged_out
auth POST /auth/refresh json "{\"refresh_token\":\"$phone\"}"
expect_ended logged_out
expect_no_cookie

promise "a logout with nothing to end succeeds, and clears the cookie"
auth POST /auth/logout
expect_status 204
expect_cleared_cookie
auth POST /auth/logout cookie nonsense
expect_status 204
expect_cleared_cookie

promise "logging out everywhere ends every session of the person"
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
    promise "logging out everywhere ends nobody else's session"
    auth POST /auth/refresh json "{\"refresh_token\":\"$bob_token\"}"
    expect_status 200
    expect_tokens_in_body 1
else
    skip "logging out everywhere ends nobody else's session" "registration is closed"
fi
