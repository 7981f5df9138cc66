# shellcheck shell=bash
# Runs a command together with everything it starts, so that all of it can be ended at once. To be sourced.
#
# cargo does not pass a signal on to the tests it runs, nor a test to the servers it runs; a process group
# reaches them all. The group is ours alone, so nothing that somebody else started is ever touched.

group=""

# run_in_group COMMAND...: runs it without standard input and returns its status.
# A script that calls this must call end_group in its EXIT trap.
run_in_group() {
    local status=0
    set -m # gives the next background command a process group of its own
    "$@" </dev/null &
    group=$!
    set +m
    wait "$group" || status=$?
    if group_is_running "$group"; then
        echo "warning: processes were left running, and are ended now: $*" >&2
        end_group
    fi
    group=""
    return "$status"
}

# Ends what still runs of the group: politely, and after 5 s not so.
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

# Whether a process of group $1 does more than wait to be reaped, for which in a container it may wait for ever:
# `kill -0` cannot tell the two apart. See proc_pid_stat(5); a name may contain spaces and brackets.
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

# on_exit FUNCTION: runs it once, however the script ends: at its end, by an error, by Ctrl-C, by kill.
on_exit() {
    # shellcheck disable=SC2064 # the name is meant to be put in now
    trap "trap '' INT TERM HUP; $1" EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
