# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Reads parts of the last response and of tokens. e2e.sh sources this file.

# header NAME: prints its values, one per line.
header() {
    local line
    for line in "${head[@]}"; do
        if [[ ${line,,} == "${1,,}:"* ]]; then
            line=${line#*:}
            printf '%s\n' "${line# }"
        fi
    done
}

# member NAME [JSON]: prints the first string, number or word with that name in the body, as it is in JSON; or nothing.
member() {
    local json=${2-$body}
    local pattern="\"$1\": ?(\"(([^\"\\\\]|\\\\.)*)\"|[^][{}\", ]+)"
    if [[ $json =~ $pattern ]]; then
        if [[ ${BASH_REMATCH[1]} == \"* ]]; then
            printf '%s\n' "${BASH_REMATCH[2]}"
        else
            printf '%s\n' "${BASH_REMATCH[1]}"
        fi
    fi
}

# Prints the values of the Set-Cookie headers for the refresh token, one per line.
refresh_cookie() {
    local line
    while read -r line; do
        if [[ $line == *refresh_token=* ]]; then
            printf '%s\n' "$line"
        fi
    done < <(header Set-Cookie)
}

# attribute NAME COOKIE: prints the value of a cookie's attribute, NAME itself if it has no value, or nothing.
attribute() {
    local parts part
    IFS=';' read -ra parts <<<"$2"
    for part in "${parts[@]:1}"; do
        part=${part# }
        if [[ ${part,,} == "${1,,}" || ${part,,} == "${1,,}="* ]]; then
            printf '%s\n' "${part#*=}"
        fi
    done
}

# The decoded header and claims of a token, as JSON (RFC 7515 §7.1).
token_header() {
    from_base64url "${1%%.*}"
}

token_claims() {
    local rest=${1#*.}
    from_base64url "${rest%%.*}"
}

# claim NAME TOKEN
claim() {
    member "$1" "$(token_claims "$2")"
}

from_base64url() {
    local text=$1
    text=${text//-/+}
    text=${text//_//}
    while ((${#text} % 4)); do
        text+="="
    done
    printf '%s' "$text" | base64 -d
}

to_base64url() {
    printf '%s' "$1" | base64 | tr -d '\n=' | tr '+/' '-_'
}

# in_json TEXT: prints it as a JSON string.
in_json() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "$text"
}

# Shortens tokens and passwords in the output.
shortened() {
    sed -E 's/(eyJ[A-Za-z0-9_-]{7})[A-Za-z0-9_.-]+/\1…/g; s/("password": ?")([^"\\]|\\.)*/\1…/g'
}
