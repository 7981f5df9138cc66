# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Invalid requests. e2e.sh sources this file. None of these counts as a login attempt.

group "Invalid requests"

# rejected STATUS CODE WITH...: sends the same request to every call that reads a body.
rejected() {
    local path
    for path in register login refresh logout; do
        auth POST "/auth/$path" "${@:3}"
        expect_problem "$1" "$2"
        expect_no_cookie
    done
    auth PATCH /auth/me cookie "$desk" "${@:3}"
    expect_problem "$1" "$2"
}

check "a body that is not a JSON object is malformed"
for text in '{' 'nonsense' '[]' '"text"' '{"email":"\ud800"}' '{} {}'; do
    rejected 400 malformed_request json "$text"
done

check "a duplicate member is malformed"
rejected 400 malformed_request json '{"name":"a","name":"b"}'

check "a member of the wrong type is malformed"
auth POST /auth/login json '{"email":1,"password":"x"}'
expect_problem 400 malformed_request
auth POST /auth/refresh json '{"refresh_token":["x"]}'
expect_problem 400 malformed_request
auth PATCH /auth/me cookie "$desk" json '{"name":{}}'
expect_problem 400 malformed_request

check "a login requires a body"
auth POST /auth/login
expect_problem 400 malformed_request

check "an unknown member is named"
for path in register login refresh logout; do
    auth POST "/auth/$path" json '{"rember":true}'
    expect_fields rember
done

check "other media types than JSON are rejected"
for media_type in text/plain application/x-www-form-urlencoded multipart/form-data application/jsonp; do
    rejected 415 unsupported_media_type body "$media_type" '{}'
done

check "a charset is allowed"
auth POST /auth/logout body 'Application/JSON; charset=utf-8' '{}'
expect_status 204

check "a body of more than 16 KiB is too large"
printf -v long '%20000s' ""
rejected 413 body_too_large json "{\"name\":\"${long// /x}\"}"

check "names have at most 64 characters and no NUL"
printf -v long '%65s' ""
for name in "${long// /x}" 'a\u0000b' ''; do
    auth PATCH /auth/me cookie "$desk" json "{\"name\":\"$name\"}"
    expect_fields name
done

check "405 lists the allowed methods"
auth GET /auth/login
expect_problem 405 method_not_allowed
expect_header Allow POST
auth PUT /auth/me
expect_problem 405 method_not_allowed
for method in GET HEAD PATCH; do
    contains Allow: "$method" "$(header Allow)"
done
api POST /protected
expect_problem 405 method_not_allowed
expect_header Allow "GET, HEAD"

check "unknown paths return 404"
for path in /auth /auth/login/ /auth/nothing /%ff; do
    auth GET "$path"
    expect_problem 404 not_found
done
api GET /nothing
expect_problem 404 not_found

check "responses of the auth server have nosniff"
auth GET /auth/me
expect_header X-Content-Type-Options nosniff
