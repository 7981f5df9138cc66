# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Sends requests with curl and reads the responses. e2e.sh sources this file.
#
# curl gets tokens and passwords in files, because every user of the machine can read command lines.

# The last response: status (000: none was received, see problem), head (its lines) and body; and its request.
status="" body="" problem="" request=""
head=()

cookie_name=refresh_token # until the stack sets another
turn=0

# keep_secret TEXT: adds it to SECRETS_FILE, so that the servers' logs can be searched for it.
keep_secret() {
    [[ -z ${SECRETS_FILE-} ]] || printf '%s\n' "$1" >>"$SECRETS_FILE"
}

# auth METHOD PATH WITH...: calls the auth server, or the next one of several. For WITH see `send`.
auth() {
    next_auth_server
    call "$1" "$auth_url$2" "${@:3}"
}

# api METHOD PATH WITH...: calls the resource server.
api() {
    call "$1" "$api_url$2" "${@:3}"
}

next_auth_server() {
    auth_url=${auth_urls[turn % ${#auth_urls[@]}]}
    turn=$((turn + 1))
}

# attempt PATH WITH...: a POST that counts against the rate limit. Waits and retries once if the limit is reached.
attempt() {
    auth POST "$@"
    [[ $status == 429 ]] || return 0
    local seconds
    seconds=$(header Retry-After)
    [[ $seconds =~ ^[0-9]{1,2}$ ]] || fail "Retry-After in seconds, below 100" "'$seconds'"
    note "too many attempts from this address: waiting for $seconds s, the Retry-After"
    sleep "$seconds"
    auth POST "$@"
}

call() {
    send "$work/response" "$@"
    read_response "$work/response"
    if [[ $status == 000 ]]; then
        fail "a response" "$problem"
    fi
}

# concurrently FOLDER-PREFIX COUNT PATH WITH...: sends the same POST COUNT times at the same time, to the auth servers in
# turn. The responses are in FOLDER-PREFIX1, 2 and so on.
concurrently() {
    local prefix=$1 count=$2 path=$3 number senders=()
    shift 3
    for ((number = 1; number <= count; number++)); do
        next_auth_server
        send "$prefix$number" POST "$auth_url$path" "$@" &
        senders+=($!)
    done
    wait "${senders[@]}"
}

# send FOLDER METHOD URL WITH...: writes the response to FOLDER. WITH is any number of
#   cookie TOKEN | bearer TOKEN | header LINE | json TEXT | body MEDIA-TYPE TEXT
send() {
    local folder=$1 method=$2 url=$3 headers=("User-Agent: latchkey-e2e") text="" has_body=false
    shift 3
    while [[ $# -gt 0 ]]; do
        case $1 in
            cookie) headers+=("Cookie: $cookie_name=$2") ;;
            bearer) headers+=("Authorization: Bearer $2") ;;
            header) headers+=("$2") ;;
            json) headers+=("Content-Type: application/json") text=$2 has_body=true ;;
            body) headers+=("Content-Type: $2") text=$3 has_body=true && shift ;;
            *) echo "send: unknown option $1" >&2 && exit 70 ;;
        esac
        shift 2
    done

    [[ -d $folder ]] || mkdir "$folder"
    local options=(-sS --max-time 20 "${curl_options[@]}" -D "$folder/head" -H "@$folder/headers")
    local shown=(curl -i)
    if [[ $method == HEAD ]]; then
        options+=(--head -o /dev/null) # curl writes the head to the output as well
        shown+=(--head)
    else
        options+=(-X "$method" -o "$folder/body")
        shown+=(-X "$method")
    fi
    printf '%s\n' "${headers[@]}" >"$folder/headers"
    local line
    for line in "${headers[@]:1}"; do
        shown+=(-H "$line")
    done
    if $has_body; then
        printf '%s' "$text" >"$folder/request-body"
        options+=(--data-binary "@$folder/request-body")
        shown+=(--data-binary "$text")
    fi
    local argument quoted
    for argument in "${shown[@]}" "${curl_options[@]}" "$url"; do
        printf -v quoted "'%s'" "${argument//\'/\'\\\'\'}"
        [[ $argument =~ ^[A-Za-z0-9/:._-]+$ ]] && quoted=$argument
        printf '%s ' "$quoted"
    done >"$folder/request"
    : >"$folder/head"
    : >"$folder/body"
    curl "${options[@]}" -w '%{http_code}' "$url" >"$folder/status" 2>"$folder/problem" || echo 000 >"$folder/status"
}

read_response() {
    local folder=$1
    status=$(<"$folder/status")
    problem=$(<"$folder/problem")
    request=$(<"$folder/request")
    # bash warns of NUL, which no response contains.
    { body=$(<"$folder/body"); } 2>/dev/null
    mapfile -t head <"$folder/head"
    head=("${head[@]%$'\r'}")
}
