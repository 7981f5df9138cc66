#!/usr/bin/env bash
# Restarts the servers of docker-compose.production.yml one after the other.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

help() {
    cat <<'TEXT'
scripts/rolling-restart.sh [SERVICE...]

Replaces the containers of these services, one after the other, by new ones with the current image and settings. Without
arguments: both auth servers, both resource servers and Caddy. Waits until a container is healthy before it replaces the
next, and stops at the first that does not become healthy within a minute. The servers continue to serve requests.
While Caddy restarts, clients cannot connect for some seconds and have to try again.

The files and the name of the project are those of Docker Compose: COMPOSE_FILE, COMPOSE_PROJECT_NAME.

Exit status: 0 all restarted, 1 a service did not become healthy, 2 Docker Compose is missing.
TEXT
}

main() {
    local services=("$@") service
    case ${1-} in
        --help | -h) help && exit 0 ;;
        "") services=(auth-server auth-server-2 resource-server resource-server-2 caddy) ;;
    esac
    find_compose
    for service in "${services[@]}"; do
        "${compose[@]}" up --detach --no-deps --force-recreate "$service"
        wait_until_healthy "$service"
    done
}

find_compose() {
    compose=(docker compose)
    docker compose version >/dev/null 2>&1 || compose=(docker-compose)
    if ! command -v "${compose[0]}" >/dev/null; then
        echo "Docker Compose was not found" >&2
        exit 2
    fi
}

wait_until_healthy() {
    local deadline=$((SECONDS + 60))
    until [[ $(docker inspect --format '{{.State.Health.Status}}' "$("${compose[@]}" ps --quiet "$1")") == healthy ]]; do
        if ((SECONDS > deadline)); then
            echo "$1 is not healthy; the other services were not restarted" >&2
            exit 1
        fi
        sleep 0.5
    done
    echo "$1 is healthy"
}

main "$@"
