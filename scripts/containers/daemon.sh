# shellcheck shell=bash
# A Docker daemon: the one that is reachable, or else one that is started for this run and is gone afterwards, together with
# all its images. To be sourced, after process_group.sh.
#
# The daemon of our own leaves the machine's network alone: no firewall rule, no default bridge. Networks that a
# compose project makes work nevertheless, and so do ports published on 127.0.0.1; containers reach nothing outside.

# daemon_find sets it, if the daemon is ours.
daemon_pid=""

# daemon_find FOLDER: a daemon of our own keeps everything in FOLDER. Says what is missing, and returns 2, where there is none.
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
    set -m # a process group of its own: Ctrl-C is for us to handle, containers first
    # Should this script be killed outright, the kernel tells the daemon to stop its containers and end.
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

# Stops the daemon, if it is ours, and removes its folder. Containers should be gone by then.
daemon_stop() {
    local folder=$1 mount
    if [[ -n $daemon_pid ]]; then
        kill -TERM "$daemon_pid" 2>/dev/null || true
        wait "$daemon_pid" 2>/dev/null || true
        daemon_pid=""
    fi
    # What it left mounted would keep the folder from going.
    while read -r _ mount _; do
        [[ $mount != "$folder"/* ]] || umount -l "$mount" || true
    done </proc/mounts
    rm -rf -- "$folder"
}
