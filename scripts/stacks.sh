# shellcheck shell=bash
# Starts a stack of servers that nobody else uses, for scripts/e2e.sh: on free ports of this machine, gone afterwards.
# To be sourced, after postgres.sh. Whoever starts one calls stack_stop, in the EXIT trap too.

# What scripts/e2e.sh must know of the stack, as NAME=VALUE. The functions that start one set it.
# shellcheck disable=SC2034 # read by those who source this file
stack_environment=()
stack_pids=()
stack_dir=""

# Settings of an auth server that is asked more often than people would: a hash that costs nothing, no limit to logins.
# shellcheck disable=SC2034 # as above
lenient_settings=(AUDIENCES="api,mail" ARGON2_MEMORY_KIB=8 ARGON2_ITERATIONS=1 LOGIN_RATE_PER_IP=1000000000
    JWT_REFRESH_SECRET=refresh-secret-of-a-test-0123456789
    KEY_ENCRYPTION_SECRET=key-secret-of-a-test-0123456789abcd)

# Where cargo puts what it builds; the programs that tests use are in `debug` below it.
target_folder() {
    local description
    description=$(cargo metadata --format-version 1 --no-deps --locked)
    description=${description##*'"target_directory":"'}
    echo "${description%%'"'*}"
}

# stack_start_local PROGRAMS: what `cargo run` starts, with data of its own. PROGRAMS is the folder of the binaries.
stack_start_local() {
    stack_dir=$(mktemp -d) || return 1
    if ! stack_run_local "$@"; then
        stack_logs >&2
        return 1
    fi
}

stack_run_local() {
    stack_run local-stack env -i "$1/local-stack" --data-dir "$stack_dir/data" \
        --auth-addr 127.0.0.1:0 --api-addr 127.0.0.1:0
    stack_says local-stack "Paste this" || return 1
    local auth api password
    auth=$(stack_word "auth server") api=$(stack_word API) password=$(stack_word password)
    stack_environment=(AUTH_URL="$auth" API_URL="$api" APP_ORIGIN="$auth"
        ADMIN_EMAIL=admin@example.org ADMIN_PASSWORD="$password")
    stack_is_ready "$api"
}

# The word that local-stack prints after a title.
stack_word() {
    sed -nE "s/^ +$1 +([^ ]+).*/\1/p" "$stack_dir/local-stack.log" | head -n 1
}

# stack_start_separate PROGRAMS POSTGRES-URL: two auth servers and a resource server, each a program of its own, as one
# deploys them: on one new database, with secrets of their own in files, and with cookies for https.
stack_start_separate() {
    stack_dir=$(mktemp -d) || return 1
    if ! stack_run_separate "$@"; then
        stack_logs >&2
        return 1
    fi
}

stack_run_separate() {
    local programs=$1 name=stack_$RANDOM$RANDOM postgres auth second api app=https://app.example.org secret port
    postgres=$(postgres_programs) || return 1
    "$postgres/createdb" --maintenance-db="$2" "$name" || return 1
    local database=${2%/*}/$name
    mkdir -m 700 "$stack_dir/secrets" || return 1
    for secret in refresh key_encryption feed admin_password; do
        head -c 32 /dev/urandom | base64 >"$stack_dir/secrets/$secret" || return 1
    done

    local settings=(DATABASE_URL="$database" ALLOWED_ORIGINS="$app"
        JWT_REFRESH_SECRET_FILE="$stack_dir/secrets/refresh"
        KEY_ENCRYPTION_SECRET_FILE="$stack_dir/secrets/key_encryption"
        REVOCATION_FEED_TOKEN_FILE="$stack_dir/secrets/feed")
    stack_listen auth-server "$programs/auth-server" "${settings[@]}" ISSUER="http://127.0.0.1:{port}" || return 1
    auth=http://127.0.0.1:$port
    stack_listen second-auth-server "$programs/auth-server" "${settings[@]}" ISSUER="$auth" || return 1
    second=http://127.0.0.1:$port
    stack_listen resource-server "$programs/resource-server" ISSUER="$auth" ALLOWED_ORIGINS="$app" \
        REVOCATION_FEED_TOKEN_FILE="$stack_dir/secrets/feed" || return 1
    api=http://127.0.0.1:$port

    local email=admin@example.org password
    password=$(<"$stack_dir/secrets/admin_password")
    env -i "${settings[@]}" "$programs/auth-server" users create "$email" --role admin --password-stdin \
        <"$stack_dir/secrets/admin_password" >/dev/null || return 1

    stack_environment=(AUTH_URL="$auth $second" API_URL="$api" APP_ORIGIN="$app"
        ADMIN_EMAIL="$email" ADMIN_PASSWORD="$password")
    stack_is_ready "$api"
}

# stack_listen NAME PROGRAM SETTING...: starts a server on a free port, which is put in for {port}, and sets `port`.
# Whether one is free is known only once it is taken. For their range see postgres_start.
stack_listen() {
    local name=$1 program=$2
    shift 2
    for _ in {1..20}; do
        port=$((20000 + RANDOM % 12000))
        stack_run "$name" env -i BIND_ADDR="127.0.0.1:$port" "${@//\{port\}/$port}" "$program"
        stack_says "$name" "listening on" && return 0
        stack_stop_last
        grep -q "cannot listen" "$stack_dir/$name.log" || return 1
    done
    return 1
}

# stack_run NAME COMMAND...: starts a server, whose words go to NAME.log. Should this script be killed outright, the
# kernel tells it to end.
stack_run() {
    local log=$stack_dir/$1.log
    shift
    : >"$log"
    set -m # a process group of its own: Ctrl-C is for us to handle, tests first
    setpriv --pdeathsig TERM "$@" >"$log" 2>&1 </dev/null &
    stack_pids+=($!)
    set +m
}

# stack_says NAME TEXT: waits until the server that was started last has said so; fails when it ends instead.
stack_says() {
    local deadline=$((SECONDS + 60))
    until grep -q "$2" "$stack_dir/$1.log"; do
        if ! kill -0 "${stack_pids[-1]}" 2>/dev/null; then
            return 1
        fi
        if ((SECONDS > deadline)); then
            echo "$1: did not start within 60 s" >&2
            return 1
        fi
        sleep 0.1
    done
}

# stack_is_ready URL: waits until the resource server has keys.
stack_is_ready() {
    local deadline=$((SECONDS + 30))
    until curl -fsS -o /dev/null "$1/readyz" 2>/dev/null; do
        if ((SECONDS > deadline)); then
            echo "$1: not ready within 30 s" >&2
            return 1
        fi
        sleep 0.1
    done
}

# Shows the last words of every server.
stack_logs() {
    local log
    for log in "$stack_dir"/*.log; do
        printf '\n-- %s\n' "${log##*/}"
        tail -n 40 "$log"
    done
}

# stack_evidence FOLDER NAME: leaves there, for scripts/leaks.sh, what the servers logged and the secrets they had. Lines
# without a time are no log: local-stack tells what to try, with a password for an example.
stack_evidence() {
    grep --no-filename --extended-regexp '^[0-9]{4}-' "$stack_dir"/*.log >"$1/log.$2"
    find "$stack_dir" -path '*secrets/*' -type f -exec cat {} + >>"$1/secret.$2"
}

# Ends the servers, the last one first, and removes their folder.
stack_stop() {
    while [[ ${#stack_pids[@]} -gt 0 ]]; do
        stack_stop_last
    done
    if [[ -n $stack_dir ]]; then
        rm -rf -- "$stack_dir"
    fi
    stack_dir="" stack_environment=()
}

stack_stop_last() {
    # There is nothing in a server that a polite end would save.
    kill -KILL "${stack_pids[-1]}" 2>/dev/null || true
    wait "${stack_pids[-1]}" 2>/dev/null || true
    unset 'stack_pids[-1]'
}
