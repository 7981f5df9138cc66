# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# What stands in the answer that was read last, and in tokens. To be sourced by e2e.sh.

# header NAME: its values, a line each.
header() {
    local line
    for line in "${head[@]}"; do
        if [[ ${line,,} == "${1,,}:"* ]]; then
            line=${line#*:}
            printf '%s\n' "${line# }"
        fi
    done
}

# member NAME [JSON]: the first string, number or word of that name in the body, as JSON writes it; else nothing.
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

# The line of Set-Cookie that is about the refresh token, less the header's name; of several all, a line each.
refresh_cookie() {
    local line
    while read -r line; do
        if [[ $line == *refresh_token=* ]]; then
            printf '%s\n' "$line"
        fi
    done < <(header Set-Cookie)
}

# attribute NAME COOKIE: the value of a cookie's attribute, NAME itself for one without a value; else nothing.
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

# The two readable parts of a token, as JSON (RFC 7515 §7.1).
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

# in_json TEXT: as a JSON string.
in_json() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "$text"
}

# Takes tokens and passwords out of what is about to be shown.
shortened() {
    sed -E 's/(eyJ[A-Za-z0-9_-]{7})[A-Za-z0-9_.-]+/\1…/g; s/("password": ?")([^"\\]|\\.)*/\1…/g'
}
