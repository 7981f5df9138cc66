# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Registration and login. e2e.sh sources this file.
#
# Leaves the user ann, who is logged in (session, desk, desk_access), and bob if registration is open.

group "Registration and login"

suffix=$(head -c 9 /dev/urandom | base64 | tr '+/' 'xy')
ann=ann-$suffix@example.org
ann=${ann,,}
ann_password=$(head -c 18 /dev/urandom | base64)
keep_secret "$ann_password"
bob=bob-$ann

# log_in [MEMBERS]: logs in as ann. MEMBERS are added to the request, as JSON. Further arguments as for `send`.
log_in() {
    local members=${1-}
    attempt /auth/login json "{\"email\":\"$ann\",\"password\":$(in_json "$ann_password")${members:+,$members}}" "${@:2}"
}

# desk_refreshes WITH...: rotates the token of the session at the desk.
desk_refreshes() {
    local rotation
    rotation=$(claim gen "$desk")
    auth POST /auth/refresh "$@"
    expect_status 200
    expect_tokens $((rotation + 1))
    desk=$token desk_access=$access
}

# read_last_used TOKEN: sets last_used to when the session of this token of ann was last refreshed. Within the grace
# period a superseded token works as well, so only this shows whether a token was rotated.
read_last_used() {
    auth GET /auth/sessions cookie "$desk"
    expect_status 200
    last_used=$(member last_used_at "${body#*"\"id\":\"$(claim sid "$1")\""}")
    matches last_used_at . "$last_used"
}

# expect_not_rotated TOKEN: its session was not refreshed since read_last_used.
expect_not_rotated() {
    local before=$last_used
    read_last_used "$1"
    equal last_used_at "$before" "$last_used"
}

check "registration creates a session: 201, an access token, rotation 0, the user"
attempt /auth/register json "{\"email\":\"${ann^^}\",\"name\":\"Ann Example\",\"password\":\"$ann_password\"}"
registered=true
if [[ $status == 403 ]]; then
    check "registration is closed: 403"
    expect_problem 403 registration_closed
    registered=false
    if [[ -z ${E2E_EMAIL-} || -z ${E2E_PASSWORD-} ]]; then
        finish_check
        usage_error "registration is closed: set E2E_EMAIL and E2E_PASSWORD to a user created for tests"
    fi
    ann=$E2E_EMAIL
    ann_password=$E2E_PASSWORD
    check "a login creates a session: 200, an access token, rotation 0, the user"
    log_in
    expect_status 200
else
    expect_status 201
fi
case $(refresh_cookie) in
    __Host-*) cookie_name=__Host-refresh_token ;;
esac
expect_tokens 0
# It is stored in lower case.
expect_member email "${ann,,}"
ann_id=$(member id)
matches id '^[0-9a-f]{8}-[0-9a-f-]{27}$' "$ann_id"
if $registered; then
    expect_member name "Ann Example"
    contains body '"roles":[]' "$body"
fi
desk=$token desk_access=$access
session=$(claim sid "$desk")
first_access=$access cookie=$(refresh_cookie) expires_in=$(member expires_in)

check "the refresh cookie is HttpOnly, SameSite, for every path, and lasts as long as the session"
if [[ $issuer == https://* ]]; then
    equal "name of the cookie, behind https," __Host-refresh_token "$cookie_name"
fi
expect_attributes "$cookie"
lifetime=$(($(claim exp "$desk") - $(claim iat "$desk")))
max_age=$(attribute Max-Age "$cookie")
near Max-Age "$lifetime" "$max_age"

check "the access token has the claims of RFC 9068"
read_header=$(token_header "$access")
equal typ at+jwt "$(member typ "$read_header")"
matches alg '^(ES256|RS256|EdDSA|HS256)$' "$(member alg "$read_header")"
for name in iss:"$issuer" sub:"$ann_id" type:access; do
    equal "claim ${name%%:*}" "${name#*:}" "$(claim "${name%%:*}" "$access")"
done
for name in aud client_id jti sid name; do
    matches "claim $name" . "$(claim "$name" "$access")"
done
for name in uv iat exp auth_time; do
    matches "claim $name" '^[0-9]+$' "$(claim "$name" "$access")"
done
claims=$(token_claims "$access")
contains "claims" '"roles":[' "$claims"
contains "claims" '"amr":[' "$claims"
contains "claims" '"acr":"' "$claims"
lacks "claims" "$ann" "$claims"
near "exp - iat" "$expires_in" $(($(claim exp "$access") - $(claim iat "$access")))

if [[ $(member alg "$read_header") == HS256 ]]; then
    skip "the key that signed the access token is in the key set" "HS256 has no public key"
else
    check "the key that signed the access token is in the key set"
    contains "a key set" "\"kid\":\"$(member kid "$read_header")\"" "$key_set"
fi

check "a wrong password and an unknown user get the same response"
attempt /auth/login json "{\"email\":\"$ann\",\"password\":\"not it at all\"}"
expect_problem 401 invalid_credentials
expect_no_cookie
wrong_password=$body
attempt /auth/login json "{\"email\":\"unknown-$suffix@example.org\",\"password\":\"not it at all\"}"
expect_problem 401 invalid_credentials
equal body "$wrong_password" "$body"

check "with remember=false the cookie is a session cookie"
log_in '"remember":false'
expect_status 200
expect_tokens 0
equal Max-Age "" "$(attribute Max-Age "$(refresh_cookie)")"
brief=$token
auth POST /auth/refresh cookie "$brief"
expect_status 200
expect_tokens 1
equal "Max-Age after a refresh" "" "$(attribute Max-Age "$(refresh_cookie)")"
brief=$token

check "a login ends the session that it presents"
log_in "" cookie "$brief"
expect_status 200
expect_tokens 0
newer=$token
auth POST /auth/refresh cookie "$brief"
expect_ended logged_out

check "with token_delivery body both tokens are in the body, and the cookie of the earlier session is cleared"
log_in '"token_delivery":"body"' cookie "$newer"
expect_status 200
expect_cleared_cookie
matches refresh_token '^eyJ' "$(member refresh_token)"
phone=$(member refresh_token)
auth POST /auth/refresh cookie "$newer"
expect_ended logged_out

if $registered; then
    check "an e-mail address that is taken is rejected, in capitals too"
    attempt /auth/register json "{\"email\":\"${ann^^}\",\"password\":\"$ann_password\"}"
    expect_problem 409 email_taken
    expect_no_cookie

    check "a weak password is rejected"
    attempt /auth/register json "{\"email\":\"$bob\",\"password\":\"password1\"}"
    expect_fields password

    check "all missing members are named"
    attempt /auth/register json '{}'
    expect_fields email password

    check "another user gets another session"
    attempt /auth/register json "{\"email\":\"$bob\",\"password\":\"$ann_password\",\"token_delivery\":\"body\"}"
    expect_status 201
    expect_tokens_in_body 0
    differ id "$ann_id" "$(member id)"
    bob_token=$token
else
    skip "a taken address, a weak password, missing members, another user" "registration is closed"
fi
