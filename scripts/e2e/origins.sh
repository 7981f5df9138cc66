# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Pages of other sites: what they may send, and what they may read. Sourced by e2e.sh.

group "Pages of other sites"

foreign=https://evil.example

promise "no unsafe call is taken from a page of another origin, with a cookie or without"
look_at "$desk"
for call in "POST /auth/register" "POST /auth/login" "POST /auth/refresh" "POST /auth/logout" "POST /auth/logout-all" \
    "PATCH /auth/me" "DELETE /auth/sessions/$session" "PUT /nowhere"; do
    auth "${call% *}" "${call#* }" header "Origin: $foreign"
    expect_problem 403 origin_not_allowed
    auth "${call% *}" "${call#* }" header "Origin: $foreign" cookie "$desk"
    expect_problem 403 origin_not_allowed
    expect_no_cookie
done

promise "an Origin that is null, only begins like ours or does not stand alone is refused"
for origin in null "$issuer.evil.example" "${issuer}0" "ftp://${issuer#*://}"; do
    auth POST /auth/refresh header "Origin: $origin" cookie "$desk"
    expect_problem 403 origin_not_allowed
done
auth POST /auth/refresh header "Origin: $issuer" header "Origin: $foreign" cookie "$desk"
expect_problem 403 origin_not_allowed

promise "Origin outweighs Sec-Fetch-Site"
auth POST /auth/refresh header "Origin: $foreign" header "Sec-Fetch-Site: same-origin" cookie "$desk"
expect_problem 403 origin_not_allowed

promise "without Origin, Sec-Fetch-Site decides"
for site in cross-site same-site; do
    auth POST /auth/refresh header "Sec-Fetch-Site: $site" header "Referer: $issuer/" cookie "$desk"
    expect_problem 403 origin_not_allowed
done

promise "without Origin and Sec-Fetch-Site, Referer decides"
for referer in "$foreign/$issuer" "$issuer.evil.example/" nonsense; do
    auth POST /auth/refresh header "Referer: $referer" cookie "$desk"
    expect_problem 403 origin_not_allowed
done

promise "nothing was spent by all of that, and the issuer's own pages may call"
expect_unspent "$desk"
for line in "Origin: $issuer" "Sec-Fetch-Site: same-origin" "Sec-Fetch-Site: none" "Referer: $issuer/page?x=1"; do
    desk_refreshes header "$line" cookie "$desk"
done

# preflight SERVER PATH ORIGIN
preflight() {
    "$1" OPTIONS "$2" header "Origin: $3" header "Access-Control-Request-Method: POST" \
        header "Access-Control-Request-Headers: authorization,content-type,idempotency-key,x-csrf-token"
}

promise "pages of other origins read no answer, and are told nothing by a preflight"
for origin in "$foreign" null; do
    preflight auth /auth/refresh "$origin"
    expect_problem 403 origin_not_allowed
    expect_header Access-Control-Allow-Origin ""
    preflight api /transfer "$origin"
    expect_header Access-Control-Allow-Origin ""
    auth GET /auth/me header "Origin: $origin" cookie "$desk"
    expect_header Access-Control-Allow-Origin ""
    api GET /protected header "Origin: $origin" bearer "$desk_access"
    expect_header Access-Control-Allow-Origin ""
done

if [[ -z ${APP_ORIGIN-} ]]; then
    skip "pages of ALLOWED_ORIGINS may send cookies and read answers" "set APP_ORIGIN to one of them"
else
    promise "a preflight tells pages of ALLOWED_ORIGINS all they need"
    for server in auth:/auth/refresh api:/transfer; do
        preflight "${server%%:*}" "${server#*:}" "$APP_ORIGIN"
        expect_status 200
        expect_header Access-Control-Allow-Origin "$APP_ORIGIN"
        expect_header Access-Control-Allow-Credentials true
        contains Access-Control-Allow-Methods: POST "$(header Access-Control-Allow-Methods)"
        allowed=$(header Access-Control-Allow-Headers)
        for name in authorization content-type idempotency-key x-csrf-token; do
            contains Access-Control-Allow-Headers: "$name" "${allowed,,}"
        done
    done

    promise "pages of ALLOWED_ORIGINS read answers and errors, and see the headers that matter"
    desk_refreshes header "Origin: $APP_ORIGIN" cookie "$desk"
    expect_header Access-Control-Allow-Origin "$APP_ORIGIN"
    auth POST /auth/refresh header "Origin: $APP_ORIGIN"
    expect_problem 401 missing_token
    expect_header Access-Control-Allow-Origin "$APP_ORIGIN"
    api GET /protected header "Origin: $APP_ORIGIN"
    expect_problem 401 missing_token
    expect_header Access-Control-Allow-Origin "$APP_ORIGIN"
    exposed=$(header Access-Control-Expose-Headers)
    for name in retry-after www-authenticate x-request-id; do
        contains Access-Control-Expose-Headers: "$name" "${exposed,,}"
    done
fi
