# shellcheck shell=bash
# One person's session, held with curl: opened once, and then expected to go on whatever happens to the servers.
# To be sourced. AUTH_URL and API_URL say where the servers are, session_folder where the cookies are kept.

session_folder=""

# The last answer.
status=""
body=""

# call METHOD URL [OPTION...]: sets status (000: none came) and body.
call() {
    local method=$1 url=$2
    status=$(curl --silent --max-time 20 --request "$method" --write-out '%{http_code}' \
        --cookie "$session_folder/jar" --cookie-jar "$session_folder/jar" --dump-header "$session_folder/headers" \
        --output "$session_folder/body" "${@:3}" "$url") || true
    body=$(cat "$session_folder/body" 2>/dev/null) || true
    echo "$method $url -> $status $body"
}

# member NAME: of the last answer.
member() {
    sed -E "s/.*\"$1\":\"?([^\",}]*).*/\\1/" <<<"$body"
}

# expect STATUS: of the last answer.
expect() {
    [[ $status == "$1" ]] || { echo "expected $1"; return 1; }
}

session_open() {
    call POST "$AUTH_URL/auth/register" --header "Content-Type: application/json" \
        --data '{"email":"ann'$RANDOM$RANDOM'@example.org","password":"correct horse battery staple","name":"Ann"}'
    expect 201 && rotation=$(member rotation) && session_reaches_api
}

# The same session, a rotation later, and the API believes its new token. Servers that are still on their way up are waited for;
# a verdict is not.
session_goes_on() {
    local deadline=$((SECONDS + 30))
    call POST "$AUTH_URL/auth/refresh"
    until [[ $status == 200 ]]; do
        [[ $status == 000 || $status == 503 ]] && ((SECONDS < deadline)) || return 1
        sleep 0.2
        call POST "$AUTH_URL/auth/refresh"
    done
    echo "rotation was $rotation"
    [[ $(member rotation) == $((rotation + 1)) ]] || return 1
    rotation=$((rotation + 1))
    session_reaches_api
}

session_reaches_api() {
    local token deadline=$((SECONDS + 30))
    token=$(member access_token)
    call GET "$API_URL/protected" --header "Authorization: Bearer $token"
    until [[ $status == 200 ]]; do
        [[ $status == 000 || $status == 503 ]] && ((SECONDS < deadline)) || return 1
        sleep 0.2
        call GET "$API_URL/protected" --header "Authorization: Bearer $token"
    done
    [[ $body == *'"Hello Ann"'* ]]
}

# 503, and the answer leaves the cookie alone.
session_is_told_to_wait() {
    local before
    before=$(session_cookie)
    call POST "$AUTH_URL/auth/refresh"
    expect 503 && ! grep -i '^set-cookie' "$session_folder/headers" && [[ $(session_cookie) == "$before" ]]
}

session_is_over() {
    call POST "$AUTH_URL/auth/refresh"
    expect 401 && [[ $(member code) == session_ended ]]
}

session_cookie() {
    grep -w refresh_token "$session_folder/jar"
}
