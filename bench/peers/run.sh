#!/usr/bin/env bash
# Runs one of the apps of this folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/postgres.sh
source scripts/postgres.sh
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/python.sh
source scripts/python.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
bench/peers/run.sh NAME PORT DATABASE_URL

Serves the app NAME (flask, fastapi or express) with two workers on 127.0.0.1:PORT, until it receives SIGTERM or SIGINT.
Replaces the schema peer_NAME in the PostgreSQL database. Installs the app's libraries from PyPI or npm in cargo's target
folder if they are missing. Prints `ready` when the app responds; everything else goes to the standard error.
TEXT
}

main() {
    case ${1-} in
        --help | -h) help && exit 0 ;;
        flask | fastapi | express) ;;
        *) help >&2 && exit 2 ;;
    esac
    [[ $# -eq 3 ]] || { help >&2 && exit 2; }
    local name=$1 port=$2 url=$3 app=$PWD/bench/peers/$1 folder
    folder=$(target_folder)/peers/$name

    "install_$name" >&2
    "$(postgres_programs)/psql" --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --set="schema=peer_$name" \
        --file=bench/peers/schema.sql "$url" >&2

    [[ $url == *\?* ]] && url+="&" || url+="?"
    export DATABASE_URL="${url}options=-csearch_path%3Dpeer_$name" PYTHONDONTWRITEBYTECODE=1 NODE_ENV=production
    JWT_PRIVATE_KEY=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)
    JWT_REFRESH_SECRET=$(openssl rand -hex 32)
    export JWT_PRIVATE_KEY JWT_REFRESH_SECRET

    "command_$name"
    on_exit end_group
    report_ready "$port" &
    # If this script is killed, the kernel ends the server.
    run_in_group setpriv --pdeathsig TERM "${command[@]}" >&2
}

install_flask() { python_environment "$folder" "$app/requirements.txt"; }
install_fastapi() { python_environment "$folder" "$app/requirements.txt"; }

# Node.js searches for packages next to the app.
install_express() {
    mkdir -p "$folder"
    cp "$app"/app.js "$app"/package*.json "$folder"
    if ! cmp --quiet "$app/package-lock.json" "$folder/installed.json"; then
        npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
        cp "$app/package-lock.json" "$folder/installed.json"
    fi
}

# Each sets `command`.

command_flask() {
    export POOL_SIZE=8
    command=("$folder/bin/gunicorn" --chdir "$app" --bind "127.0.0.1:$port" --workers 2 --worker-class gthread
        --threads "$POOL_SIZE" --log-level warning app:app)
}

command_fastapi() {
    export POOL_SIZE=10
    command=("$folder/bin/uvicorn" --app-dir "$app" --host 127.0.0.1 --port "$port" --workers 2 --loop uvloop
        --http httptools --no-access-log --log-level warning app:app)
}

command_express() {
    export POOL_SIZE=16 PORT=$port WORKERS=2
    command=(node "$folder/app.js")
}

# Prints `ready` when the app on this port rejects a call without a token.
report_ready() {
    local probe=(curl --silent --max-time 1 --output /dev/null --write-out '%{http_code}')
    for _ in {1..600}; do
        if [[ $("${probe[@]}" "http://127.0.0.1:$1/protected") == 401 ]]; then
            echo ready
            return
        fi
        sleep 0.05
    done
}

main "$@"
