# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Registering and logging in. Sourced by e2e.sh.
#
# Leaves ann, who is logged in (session, desk, desk_access), and bob, if people can register.

group "Registering and logging in"

person=$(head -c 9 /dev/urandom | base64 | tr '+/' 'xy')
ann=ann-$person@example.org
ann=${ann,,}
ann_password=$(head -c 18 /dev/urandom | base64)
keep_secret "$ann_password"
bob=bob-$ann

# log_in [MEMBERS]: as ann; MEMBERS are more of the request, as JSON. Further words as for `send`.
log_in() {
    local members=${1-}
    attempt /auth/login json "{\"email\":\"$ann\",\"password\":$(in_json "$ann_password")${members:+,$members}}" "${@:2}"
}

# desk_refreshes WITH...: the session at the desk goes on by one rotation.
desk_refreshes() {
    local rotation
    rotation=$(claim gen "$desk")
    auth POST /auth/refresh "$@"
    expect_status 200
    expect_tokens $((rotation + 1))
    desk=$token desk_access=$access
}

# look_at TOKEN: sets last_used to when the session of this token of ann's was last refreshed. Within the grace a token
# that was spent unseen answers as one that was not, so that this alone tells them apart.
look_at() {
    auth GET /auth/sessions cookie "$desk"
    expect_status 200
    last_used=$(member last_used_at "${body#*"\"id\":\"$(claim sid "$1")\""}")
    matches last_used_at . "$last_used"
}

# expect_unspent TOKEN: its session was not refreshed since one looked at it.
expect_unspent() {
    local before=$last_used
    look_at "$1"
    equal last_used_at "$before" "$last_used"
}

promise "registering opens a session: 201, an access token, rotation 0, the person"
attempt /auth/register json "{\"email\":\"${ann^^}\",\"name\":\"Ann Example\",\"password\":\"$ann_password\"}"
registered=true
if [[ $status == 403 ]]; then
    promise "registration is closed, and says so"
    expect_problem 403 registration_closed
    registered=false
    if [[ -z ${E2E_EMAIL-} || -z ${E2E_PASSWORD-} ]]; then
        kept
        usage_error "registration is closed: set E2E_EMAIL and E2E_PASSWORD to somebody made for tests"
    fi
    ann=$E2E_EMAIL
    ann_password=$E2E_PASSWORD
    promise "logging in opens a session: 200, an access token, rotation 0, the person"
    log_in
    expect_status 200
else
    expect_status 201
fi
case $(refresh_cookie) in
    __Host-*) cookie_name=__Host-refresh_token ;;
esac
expect_tokens 0
# Written as it is stored: in lower case.
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

promise "the refresh cookie is HttpOnly, SameSite, for every path and for as long as the session can last"
if [[ $issuer == https://* ]]; then
    equal "name of the cookie, behind https," __Host-refresh_token "$cookie_name"
fi
expect_attributes "$cookie"
lifetime=$(($(claim exp "$desk") - $(claim iat "$desk")))
max_age=$(attribute Max-Age "$cookie")
near Max-Age "$lifetime" "$max_age"

promise "the access token says who, from whom, for whom and until when (RFC 9068)"
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
lacks "claims" "$ann" "$claims"
near "exp - iat" "$expires_in" $(($(claim exp "$access") - $(claim iat "$access")))

if [[ $(member alg "$read_header") == HS256 ]]; then
    skip "the key that signed the access token is in the key set" "HS256 has no public key"
else
    promise "the key that signed the access token is in the key set"
    contains "a key set" "\"kid\":\"$(member kid "$read_header")\"" "$key_set"
fi

promise "a wrong password and an unknown person get the same answer"
attempt /auth/login json "{\"email\":\"$ann\",\"password\":\"not it at all\"}"
expect_problem 401 invalid_credentials
expect_no_cookie
wrong_password=$body
attempt /auth/login json "{\"email\":\"nobody-$person@example.org\",\"password\":\"not it at all\"}"
expect_problem 401 invalid_credentials
equal body "$wrong_password" "$body"

promise "with remember=false the cookie goes with the browser"
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

promise "a login that presents an older session ends it"
log_in "" cookie "$brief"
expect_status 200
expect_tokens 0
newer=$token
auth POST /auth/refresh cookie "$brief"
expect_ended logged_out

promise "with token_delivery body both tokens are in the body, and the cookie of an older session is cleared"
log_in '"token_delivery":"body"' cookie "$newer"
expect_status 200
expect_cleared_cookie
matches refresh_token '^eyJ' "$(member refresh_token)"
phone=$(member refresh_token)
auth POST /auth/refresh cookie "$newer"
expect_ended logged_out

if $registered; then
    promise "an address that is taken is told so, in capitals too"
    attempt /auth/register json "{\"email\":\"${ann^^}\",\"password\":\"$ann_password\"}"
    expect_problem 409 email_taken
    expect_no_cookie

    promise "a password that is easy to guess is refused"
    attempt /auth/register json "{\"email\":\"$bob\",\"password\":\"password1\"}"
    expect_fields password

    promise "all that is missing is named at once"
    attempt /auth/register json '{}'
    expect_fields email password

    promise "another person's session is another person's"
    attempt /auth/register json "{\"email\":\"$bob\",\"password\":\"$ann_password\",\"token_delivery\":\"body\"}"
    expect_status 201
    expect_tokens_in_body 0
    differ id "$ann_id" "$(member id)"
    bob_token=$token
else
    skip "a taken address, a weak password, missing members, another person" "registration is closed"
fi
