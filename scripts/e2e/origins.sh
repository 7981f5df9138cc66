# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Pages of other sites: what they may send and read. e2e.sh sources this file.

group "Pages of other sites"

foreign=https://evil.example

check "an unsafe call from a page of another origin is rejected, with or without a cookie"
read_last_used "$desk"
for call in "POST /auth/register" "POST /auth/login" "POST /auth/refresh" "POST /auth/logout" "POST /auth/logout-all" \
    "PATCH /auth/me" "DELETE /auth/sessions/$session" "PUT /nowhere"; do
    auth "${call% *}" "${call#* }" header "Origin: $foreign"
    expect_problem 403 origin_not_allowed
    auth "${call% *}" "${call#* }" header "Origin: $foreign" cookie "$desk"
    expect_problem 403 origin_not_allowed
    expect_no_cookie
done

check "an Origin is rejected if it is null, a prefix match or a duplicate"
for origin in null "$issuer.evil.example" "${issuer}0" "ftp://${issuer#*://}"; do
    auth POST /auth/refresh header "Origin: $origin" cookie "$desk"
    expect_problem 403 origin_not_allowed
done
auth POST /auth/refresh header "Origin: $issuer" header "Origin: $foreign" cookie "$desk"
expect_problem 403 origin_not_allowed

check "Origin takes precedence over Sec-Fetch-Site"
auth POST /auth/refresh header "Origin: $foreign" header "Sec-Fetch-Site: same-origin" cookie "$desk"
expect_problem 403 origin_not_allowed

check "without Origin, Sec-Fetch-Site decides"
for site in cross-site same-site; do
    auth POST /auth/refresh header "Sec-Fetch-Site: $site" header "Referer: $issuer/" cookie "$desk"
    expect_problem 403 origin_not_allowed
done

check "without Origin and Sec-Fetch-Site, Referer decides"
for referer in "$foreign/$issuer" "$issuer.evil.example/" nonsense; do
    auth POST /auth/refresh header "Referer: $referer" cookie "$desk"
    expect_problem 403 origin_not_allowed
done

check "the token is still valid after that, and the issuer's own pages may call"
expect_not_rotated "$desk"
for line in "Origin: $issuer" "Sec-Fetch-Site: same-origin" "Sec-Fetch-Site: none" "Referer: $issuer/page?x=1"; do
    desk_refreshes header "$line" cookie "$desk"
done

# preflight SERVER PATH ORIGIN
preflight() {
    "$1" OPTIONS "$2" header "Origin: $3" header "Access-Control-Request-Method: POST" \
        header "Access-Control-Request-Headers: authorization,content-type,idempotency-key,x-csrf-token"
}

check "pages of other origins cannot read responses, and a preflight allows nothing"
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
    skip "pages of ALLOWED_ORIGINS may send cookies and read responses" "set APP_ORIGIN"
else
    check "a preflight allows pages of ALLOWED_ORIGINS what they need"
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

    check "pages of ALLOWED_ORIGINS can read responses, errors and the headers they need"
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
