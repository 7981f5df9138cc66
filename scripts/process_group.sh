# shellcheck shell=bash
# Runs a command in its own process group, so that the command and everything it starts can be ended. To be sourced.
#
# cargo does not forward signals to the tests it runs, and a test does not forward them to the servers it starts; a signal
# to the process group reaches them all, and no other process.

group=""

# run_in_group COMMAND...: runs it without standard input and returns its status. A script that calls this must call
# end_group in its EXIT trap.
run_in_group() {
    local status=0
    set -m # gives the next background command its own process group
    "$@" </dev/null &
    group=$!
    set +m
    wait "$group" || status=$?
    if group_is_running "$group"; then
        echo "warning: terminating processes that are still running after: $*" >&2
        end_group
    fi
    group=""
    return "$status"
}

# Ends the rest of the group: with SIGTERM, and after 5 s with SIGKILL.
end_group() {
    local ending=$group
    group=""
    if [[ -z $ending ]] || ! kill -TERM -- "-$ending" 2>/dev/null; then
        return 0
    fi
    for _ in {1..50}; do
        group_is_running "$ending" || return 0
        sleep 0.1
    done
    kill -KILL -- "-$ending" 2>/dev/null || true
}

# group_is_running ID: whether the group has a process that is not a zombie. `kill -0` also succeeds for zombies, which may
# never be reaped in a container. See proc_pid_stat(5); the name of a process may contain spaces and brackets.
group_is_running() {
    local stat line state process_group
    for stat in /proc/[0-9]*/stat; do
        { read -r -d "" line <"$stat"; } 2>/dev/null || true
        read -r state _ process_group _ <<<"${line##*) }"
        if [[ $process_group == "$1" && $state != [ZX] ]]; then
            return 0
        fi
    done
    return 1
}

# on_exit FUNCTION: runs it once when the script ends, also after an error, Ctrl-C or a signal.
on_exit() {
    # shellcheck disable=SC2064 # the name must be expanded now
    trap "trap '' INT TERM HUP; $1" EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
