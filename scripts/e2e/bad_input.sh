# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Requests that are wrong. Sourced by e2e.sh. None of these gets as far as to count as an attempt to log in.

group "Requests that are wrong"

# Every call that reads a body. `refused STATUS CODE WITH...` sends them all the same.
refused() {
    local path
    for path in register login refresh logout; do
        auth POST "/auth/$path" "${@:3}"
        expect_problem "$1" "$2"
        expect_no_cookie
    done
    auth PATCH /auth/me cookie "$desk" "${@:3}"
    expect_problem "$1" "$2"
}

promise "what is no JSON object is malformed"
for text in '{' 'nonsense' '[]' '"text"' '{"email":"\ud800"}' '{} {}'; do
    refused 400 malformed_request json "$text"
done

promise "a member that stands twice is malformed"
refused 400 malformed_request json '{"name":"a","name":"b"}'

promise "a member of the wrong type is malformed"
auth POST /auth/login json '{"email":1,"password":"x"}'
expect_problem 400 malformed_request
auth POST /auth/refresh json '{"refresh_token":["x"]}'
expect_problem 400 malformed_request
auth PATCH /auth/me cookie "$desk" json '{"name":{}}'
expect_problem 400 malformed_request

promise "a login needs a body"
auth POST /auth/login
expect_problem 400 malformed_request

promise "a member that nobody knows is named"
for path in register login refresh logout; do
    auth POST "/auth/$path" json '{"rember":true}'
    expect_fields rember
done

promise "any body but JSON is refused"
for media_type in text/plain application/x-www-form-urlencoded multipart/form-data application/jsonp; do
    refused 415 unsupported_media_type body "$media_type" '{}'
done

promise "JSON with a charset is JSON"
auth POST /auth/logout body 'Application/JSON; charset=utf-8' '{}'
expect_status 204

promise "a body of more than 16 KiB is too large"
printf -v long '%20000s' ""
refused 413 body_too_large json "{\"name\":\"${long// /x}\"}"

promise "names have at most 64 characters, and no NUL"
printf -v long '%65s' ""
for name in "${long// /x}" 'a\u0000b' ''; do
    auth PATCH /auth/me cookie "$desk" json "{\"name\":\"$name\"}"
    expect_fields name
done

promise "a wrong method is told the right ones"
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

promise "unknown paths are not found"
for path in /auth /auth/login/ /auth/nothing /%ff; do
    auth GET "$path"
    expect_problem 404 not_found
done
api GET /nothing
expect_problem 404 not_found

promise "no browser guesses what an answer of the auth server is (nosniff)"
auth GET /auth/me
expect_header X-Content-Type-Options nosniff
