# shellcheck shell=bash
# Starts servers for tests, on free ports of this machine. Source it after postgres.sh. A script that starts a stack must
# call stack_stop, in its EXIT trap too.

# What scripts/e2e.sh needs to know about the stack, as NAME=VALUE. The functions that start one set it.
# shellcheck disable=SC2034 # read by those who source this file
stack_environment=()
stack_pids=()
stack_dir=""

# Settings for an auth server under test load: a fast password hash and no rate limit.
# shellcheck disable=SC2034 # as above
lenient_settings=(AUDIENCES="api,mail" ARGON2_MEMORY_KIB=8 ARGON2_ITERATIONS=1 LOGIN_RATE_PER_IP=1000000000
    ACCOUNT_RATE_PER_USER=1000000000
    JWT_REFRESH_SECRET=refresh-secret-of-a-test-0123456789
    KEY_ENCRYPTION_SECRET=key-secret-of-a-test-0123456789abcd)

# Prints cargo's target folder; the programs that tests use are in `debug` below it.
target_folder() {
    local description
    description=$(cargo metadata --format-version 1 --no-deps --locked)
    description=${description##*'"target_directory":"'}
    echo "${description%%'"'*}"
}

# stack_start_local PROGRAMS: starts what `cargo run` starts, on new data. PROGRAMS is the folder of the binaries.
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
    local file=$stack_dir/data/stack.json
    stack_wait local-stack test -f "$file" || return 1
    stack_environment=(STACK_FILE="$file" APP_ORIGIN="$(stack_value auth_url "$file")")
    stack_is_ready "$(stack_value api_url "$file")"
}

# stack_value NAME FILE: prints a value of the stack.json that local-stack writes.
stack_value() {
    sed -nE "s/.*\"$1\": \"([^\"]*)\".*/\1/p" "$2"
}

# stack_start_separate PROGRAMS POSTGRES-URL: starts two auth servers and a resource server as they are deployed: separate
# programs on one new database, with secrets in files, and with cookies for https.
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
    stack_administrator "$programs/auth-server" "$auth" "$email" "$password" "${settings[@]}" || return 1

    stack_environment=(AUTH_URL="$auth $second" API_URL="$api" APP_ORIGIN="$app"
        ADMIN_EMAIL="$email" ADMIN_PASSWORD="$password")
    stack_is_ready "$api"
}

# stack_administrator PROGRAM URL EMAIL PASSWORD SETTING...: creates an administrator. The first login must replace the
# password that the command set.
stack_administrator() {
    local program=$1 url=$2 email=$3 password=$4
    shift 4
    env -i "$@" "$program" users create "$email" --role admin --password-stdin <<<"first $password" >/dev/null || return 1
    curl -fsS -o /dev/null "$url/auth/login" -H 'Content-Type: application/json' --data-binary @- <<END
{"email":"$email","password":"first $password","new_password":"$password","token_delivery":"body"}
END
}

# stack_listen NAME PROGRAM SETTING...: starts a server on a free port, which replaces {port} in the settings, and sets
# `port`. Tries ports until the server can listen on one. For their range see postgres_start.
stack_listen() {
    local name=$1 program=$2
    shift 2
    for _ in {1..20}; do
        port=$((20000 + RANDOM % 12000))
        stack_run "$name" env -i BIND_ADDR="127.0.0.1:$port" "${@//\{port\}/$port}" "$program"
        stack_wait "$name" grep -q "listening on" "$stack_dir/$name.log" && return 0
        stack_stop_last
        grep -q "cannot listen" "$stack_dir/$name.log" || return 1
    done
    return 1
}

# stack_run NAME COMMAND...: starts a server that writes to NAME.log. If this script is killed, the kernel terminates the
# server.
stack_run() {
    local log=$stack_dir/$1.log
    shift
    : >"$log"
    set -m # its own process group, so that Ctrl-C reaches this script first and the tests end before the server
    setpriv --pdeathsig TERM "$@" >"$log" 2>&1 </dev/null &
    stack_pids+=($!)
    set +m
}

# stack_wait NAME CONDITION...: waits until a command succeeds; fails if the server that was started last has ended.
stack_wait() {
    local deadline=$((SECONDS + 60))
    until "${@:2}"; do
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

# Shows the end of every server's log.
stack_logs() {
    local log
    for log in "$stack_dir"/*.log; do
        printf '\n-- %s\n' "${log##*/}"
        tail -n 40 "$log"
    done
}

# stack_evidence FOLDER NAME: copies the servers' logs and secrets for scripts/leaks.sh. Lines without a time are not log
# lines: local-stack prints a guide with an example password.
stack_evidence() {
    grep --no-filename --extended-regexp '^[0-9]{4}-' "$stack_dir"/*.log >"$1/log.$2" || return 1
    find "$stack_dir" -path '*secrets/*' -type f -exec cat {} + >>"$1/secret.$2"
}

# Kills the servers, the last one first, and removes their folder.
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
    # The servers have nothing to save.
    kill -KILL "${stack_pids[-1]}" 2>/dev/null || true
    wait "${stack_pids[-1]}" 2>/dev/null || true
    unset 'stack_pids[-1]'
}
