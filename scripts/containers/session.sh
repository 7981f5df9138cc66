# shellcheck shell=bash
# A user's session, driven by curl. It starts once and must then survive everything that happens to the servers. Source
# this file. AUTH_URL and API_URL are the servers, session_folder stores the cookies.

session_folder=""

# The last response.
status=""
body=""

# call METHOD URL [OPTION...]: sets status (000 without a response) and body.
call() {
    local method=$1 url=$2
    status=$(curl --silent --max-time 20 --request "$method" --write-out '%{http_code}' \
        --cookie "$session_folder/jar" --cookie-jar "$session_folder/jar" --dump-header "$session_folder/headers" \
        --output "$session_folder/body" "${@:3}" "$url") || true
    body=$(cat "$session_folder/body" 2>/dev/null) || true
    echo "$method $url -> $status $body"
}

# member NAME: prints this member of the last response.
member() {
    sed -E "s/.*\"$1\":\"?([^\",}]*).*/\\1/" <<<"$body"
}

# expect STATUS: checks the status of the last response.
expect() {
    [[ $status == "$1" ]] || { echo "expected $1"; return 1; }
}

session_start() {
    call POST "$AUTH_URL/auth/register" --header "Content-Type: application/json" \
        --data '{"email":"ann'$RANDOM$RANDOM'@example.org","password":"correct horse battery staple","name":"Ann"}'
    expect 201 && rotation=$(member rotation) && session_reaches_api
}

# Refreshes the session once, and calls the API with the new token. Retries while the servers are starting, but not after
# any other error.
session_continues() {
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

# The response is a 503 and does not change the cookie.
session_gets_503() {
    local before
    before=$(session_cookie)
    call POST "$AUTH_URL/auth/refresh"
    expect 503 && ! grep -i '^set-cookie' "$session_folder/headers" && [[ $(session_cookie) == "$before" ]]
}

session_has_ended() {
    call POST "$AUTH_URL/auth/refresh"
    expect 401 && [[ $(member code) == session_ended ]]
}

session_cookie() {
    grep -w refresh_token "$session_folder/jar"
}
