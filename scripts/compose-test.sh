#!/usr/bin/env bash
# Brings up the repository's own docker-compose.yml, and shows that it keeps what it promises.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/postgres.sh
source scripts/postgres.sh
# shellcheck source=scripts/containers/daemon.sh
source scripts/containers/daemon.sh
# shellcheck source=scripts/containers/stand_ins.sh
source scripts/containers/stand_ins.sh
# shellcheck source=scripts/containers/session.sh
source scripts/containers/session.sh
# shellcheck source=scripts/containers/promises.sh
source scripts/containers/promises.sh

help() {
    cat <<'TEXT'
scripts/compose-test.sh [--compile]

Uses the Docker daemon that is reachable, with the real base images. Where there is none it starts one of its own, as
root, without touching the machine's network; and where images cannot be pulled it makes stand-ins for them from Debian's
packages. Needs curl and Docker Compose: the plugin, docker-compose, or both. All that it makes is gone afterwards.

  --compile   with stand-ins: compile the servers in the container, too, as with the real images. Without it they are
              built here, which is much faster.

Exit status: 0 every promise was kept, 1 one was not, 2 something is missing or an argument is wrong.
TEXT
}

main() {
    build=copy
    case ${1-} in
        "") ;;
        --help | -h) help && exit 0 ;;
        --compile) build=compile ;;
        *) echo "unknown argument: $1 (see scripts/compose-test.sh --help)" >&2 && exit 2 ;;
    esac

    # Not in TMPDIR: the path of a socket is at most 107 bytes long.
    work=$(mktemp -d /tmp/latchkey-containers.XXXXXX)
    session_folder=$work
    project=latchkey-test-$$
    on_exit clean_up
    daemon_find "$work/daemon" || exit
    find_compose
    choose_ports

    prepare
    check_all
    finish
}

# Sets `composes` to what of Docker Compose there is, and `compose` to the first.
find_compose() {
    composes=()
    if docker compose version >/dev/null 2>&1; then
        composes+=("docker compose")
    fi
    if command -v docker-compose >/dev/null; then
        composes+=("docker-compose")
    fi
    if [[ ${#composes[@]} -eq 0 ]]; then
        echo "Docker Compose was not found: apt-get install docker-compose" >&2
        exit 2
    fi
    compose=${composes[0]}
    files=(--file docker-compose.yml)
}

compose() {
    local words
    read -ra words <<<"$compose"
    "${words[@]}" --project-name "$project" "${files[@]}" "$@"
}

choose_ports() {
    AUTH_PORT=$(free_port) && API_PORT=$(free_port) && DATABASE_PORT=$(free_port)
    AUTH_URL=http://localhost:$AUTH_PORT
    API_URL=http://localhost:$API_PORT
    export AUTH_PORT API_PORT DATABASE_PORT AUTH_URL API_URL
}

# From below the range that the system gives out itself, as in postgres.sh.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((20000 + RANDOM % 12000))
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

# Base images and images, with what they print kept back unless it is of use.
prepare() {
    if [[ -n $daemon_pid ]]; then
        # The daemon has no bridge, so a build reaches the network that the machine is in.
        printf 'services:\n  auth-server: {build: {network: host}}\n  resource-server: {build: {network: host}}\n' \
            >"$work/build.yml"
        files+=(--file "$work/build.yml")
    fi
    if base_images_pull >"$work/log" 2>&1; then
        echo "base images: the real ones"
    else
        echo "base images: stand-ins, since the real ones cannot be pulled (the servers: $build)"
        quietly stand_ins_make "$work" "$build"
    fi
    quietly compose build
}

quietly() {
    local started=$SECONDS
    if ! "$@" >"$work/log" 2>&1; then
        tail -n 40 "$work/log" >&2
        echo "FAILED: $*"
        failed=1
        finish
    fi
    echo "$*: $((SECONDS - started)) s"
}

# container SERVICE...: their ids, running or not.
container() {
    local service
    for service; do
        docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" \
            --filter "label=com.docker.compose.service=$service"
    done
}

# Whatever state things are in. Nothing is said: the totals stay the last line.
clean_up() {
    compose down --volumes --rmi local --remove-orphans --timeout 0 >/dev/null 2>&1 || true
    daemon_stop "$work/daemon" >/dev/null 2>&1 || true
    rm -rf -- "$work"
}

passed=0
failed=0

# promise SENTENCE COMMAND...: the first that is broken ends the run, as what follows would rest on it.
promise() {
    local sentence=$1 started=$SECONDS
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s (%s s)\n' "$sentence" $((SECONDS - started))
        return 0
    fi
    failed=1
    printf 'BROKEN  %s\n' "$sentence"
    {
        tail -n 30 "$work/log"
        docker ps --all --filter "label=com.docker.compose.project=$project"
        compose logs --no-color --tail 15
    } 2>&1 | sed 's/^/        /'
    finish
}

# Its last line is read by machines: nothing may follow it.
finish() {
    printf '\n%s passed, %s failed\n' "$passed" "$failed"
    [[ $failed -eq 0 ]] || exit 1
}

main "$@"
