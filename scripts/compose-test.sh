#!/usr/bin/env bash
# Starts docker-compose.yml and tests it.
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
# shellcheck source=scripts/containers/checks.sh
source scripts/containers/checks.sh
# shellcheck source=scripts/containers/production.sh
source scripts/containers/production.sh

help() {
    cat <<'TEXT'
scripts/compose-test.sh [--compile]

Tests docker-compose.yml and docker-compose.production.yml with the running Docker daemon and the real base images. Without
a daemon the script starts a temporary one, which requires root and does not change the machine's network. If the images
cannot be pulled, the script builds substitutes from Debian packages. Requires curl, Node.js, and Docker Compose: the plugin,
docker-compose, or both. Removes everything that it creates.

  --compile   compile the servers in the container, as with the real images. By default, substitutes use servers that
              are built on this machine, which is much faster.

Exit status: 0 all tests passed, 1 a test failed, 2 a requirement is missing or an argument is invalid.
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

    # Not in TMPDIR: the path of a Unix socket is limited to 107 bytes.
    work=$(mktemp -d /tmp/latchkey-containers.XXXXXX)
    session_folder=$work
    project=latchkey-test-$$
    on_exit clean_up
    daemon_find "$work/daemon" || exit
    find_compose
    choose_ports

    prepare
    check_all
    check_production
    finish
}

# Sets `composes` to the installed variants of Docker Compose, and `compose` to the first.
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
    EXTRA_ORIGINS=http://localhost:5173
    export AUTH_PORT API_PORT DATABASE_PORT AUTH_URL API_URL EXTRA_ORIGINS
}

# Below the range of the kernel's ephemeral ports, as in postgres.sh.
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

# Prepares the base images and builds the images. Prints the output only on failure.
prepare() {
    if [[ -n $daemon_pid ]]; then
        # The temporary daemon has no bridge, so that builds must use the host's network.
        printf 'services:\n  auth-server: {build: {network: host}}\n  resource-server: {build: {network: host}}\n' \
            >"$work/build.yml"
        files+=(--file "$work/build.yml")
    fi
    if base_images_pull >"$work/log" 2>&1; then
        echo "base images: the real ones"
    else
        echo "base images: substitutes, because the real ones cannot be pulled (servers: $build)"
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

# container SERVICE...: prints the ids of their containers, running or not.
container() {
    local service
    for service; do
        docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" \
            --filter "label=com.docker.compose.service=$service"
    done
}

# Works in any state. Prints nothing, so that the totals stay the last line.
clean_up() {
    compose down --volumes --rmi local --remove-orphans --timeout 0 >/dev/null 2>&1 || true
    daemon_stop "$work/daemon" >/dev/null 2>&1 || true
    rm -rf -- "$work"
}

passed=0
failed=0

# check SENTENCE COMMAND...: runs a test. A failure ends the run, because later tests depend on earlier ones.
check() {
    local sentence=$1 started=$SECONDS
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s (%s s)\n' "$sentence" $((SECONDS - started))
        return 0
    fi
    failed=1
    printf 'FAILED  %s\n' "$sentence"
    {
        tail -n 30 "$work/log"
        docker ps --all --filter "label=com.docker.compose.project=$project"
        compose logs --no-color --tail 15
    } 2>&1 | sed 's/^/        /'
    finish
}

# Programs read the last line: nothing may follow it.
finish() {
    printf '\n%s passed, %s failed\n' "$passed" "$failed"
    [[ $failed -eq 0 ]] || exit 1
}

main "$@"
