# shellcheck shell=bash
# Finds a Docker daemon, or starts a temporary one that is removed afterwards with all its images. Source this file after
# process_group.sh.
#
# The temporary daemon does not change the machine's network: it adds no firewall rules and no default bridge. Networks of
# a compose project and ports published on 127.0.0.1 work. Containers cannot reach the internet.

# Set by daemon_find if it starts a daemon.
daemon_pid=""

# daemon_find FOLDER: a temporary daemon stores its data in FOLDER. Prints the reason of a failure and returns 2.
daemon_find() {
    if docker info >/dev/null 2>&1; then
        return 0
    fi
    if [[ $EUID -ne 0 ]]; then
        echo "no Docker daemon is reachable, and only root can start one" >&2
        return 2
    fi
    if ! command -v dockerd >/dev/null; then
        echo "no Docker daemon is reachable, and dockerd was not found to start one: apt-get install docker.io" >&2
        return 2
    fi
    daemon_start "$1"
}

daemon_start() {
    local folder=$1 deadline=$((SECONDS + 60))
    mkdir -p "$folder/data"
    export DOCKER_HOST=unix://$folder/socket
    set -m # a separate process group, so that Ctrl-C reaches this script first and it can stop the containers
    # If this script is killed, the kernel sends SIGTERM to the daemon, which then stops its containers.
    setpriv --pdeathsig TERM dockerd --host "$DOCKER_HOST" --data-root "$folder/data" --exec-root "$folder/exec" \
        --pidfile "$folder/pid" --iptables=false --ip6tables=false --ip-forward=false --bridge=none \
        --shutdown-timeout 5 >"$folder/log" 2>&1 </dev/null &
    daemon_pid=$!
    set +m
    until docker info >/dev/null 2>&1; do
        if ! kill -0 "$daemon_pid" 2>/dev/null || ((SECONDS > deadline)); then
            echo "dockerd did not start:" >&2
            tail -n 20 "$folder/log" >&2
            return 1
        fi
        sleep 0.2
    done
}

# Stops the temporary daemon, if there is one, and removes its folder. The containers must have been removed before.
daemon_stop() {
    local folder=$1 mount
    if [[ -n $daemon_pid ]]; then
        kill -TERM "$daemon_pid" 2>/dev/null || true
        wait "$daemon_pid" 2>/dev/null || true
        daemon_pid=""
    fi
    # Remaining mounts would prevent the removal of the folder.
    while read -r _ mount _; do
        [[ $mount != "$folder"/* ]] || umount -l "$mount" || true
    done </proc/mounts
    rm -rf -- "$folder"
}
