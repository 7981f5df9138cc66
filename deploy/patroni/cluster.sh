#!/usr/bin/env bash
# A cluster on this machine from the files of this folder, to try and to test them: three hosts with etcd, Patroni and
# PostgreSQL, and HAProxy and PgBouncer in front. Each host is an address of the loopback network.
#
#   deploy/patroni/cluster.sh run FOLDER           creates FOLDER and runs the cluster there until Ctrl-C, then deletes FOLDER
#   deploy/patroni/cluster.sh list FOLDER          shows the members, from another terminal
#   deploy/patroni/cluster.sh leader FOLDER        prints the name of the leader
#   deploy/patroni/cluster.sh kill-leader FOLDER   kills all processes of the leader's host with SIGKILL, and prints its name
#   deploy/patroni/cluster.sh freeze-leader FOLDER   stops them with SIGSTOP instead, as if the host hung
#   deploy/patroni/cluster.sh lag FOLDER           stops the replication from the leader, as if the network hung
#   deploy/patroni/cluster.sh revive FOLDER        starts what was killed; kills what was frozen, as a watchdog does, and starts it
#   deploy/patroni/cluster.sh wait FOLDER          waits until all three members replicate
#   deploy/patroni/cluster.sh synchronous FOLDER true|false   switches synchronous replication
#
# FOLDER/urls has the values for DATABASE_URL. Debian's packages: patroni etcd-server etcd-client haproxy pgbouncer postgresql
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/postgres.sh
source "$here/../../scripts/postgres.sh"
PATH=$PATH:/usr/sbin
hosts=(db1 db2 db3)

main() {
    if [[ $# -lt 2 || $2 != /* ]]; then
        sed -n 's/^#   //p' "${BASH_SOURCE[0]}" >&2
        exit 2
    fi
    folder=$2
    case $1 in
        run) run ;;
        list) patronictl_of_cluster list ;;
        leader) leader ;;
        kill-leader) fail_leader killed KILL ;;
        freeze-leader) fail_leader frozen STOP ;;
        lag) lag ;;
        revive) revive ;;
        wait) read_settings && wait_until_complete : ;;
        synchronous) synchronous "$3" ;;
        *) echo "unknown command: $1" >&2 && exit 2 ;;
    esac
}

run() {
    local program
    for program in patroni patronictl etcd haproxy pgbouncer; do
        if ! command -v "$program" >/dev/null; then
            echo "$program was not found: apt-get install patroni etcd-server etcd-client haproxy pgbouncer postgresql" >&2
            exit 2
        fi
    done
    mkdir -m 700 "$folder"
    trap stop EXIT
    trap 'exit 0' INT TERM
    write_files
    supervise() { # also starts again what has ended, unless its host was killed
        local host
        for host in "${hosts[@]}"; do
            [[ ! -e $folder/$host/down ]] || continue
            keep_running "$host" etcd etcd --config-file "$folder/$host/etcd.yml"
            keep_running "$host" patroni patroni "$folder/$host/patroni.yml"
        done
        keep_running proxy haproxy haproxy -db -f "$folder/proxy/haproxy.cfg"
        keep_running proxy pgbouncer pgbouncer "$folder/proxy/pgbouncer.ini"
    }
    supervise
    create_database
    touch "$folder/ready"
    echo "the cluster runs; see $folder/urls"
    while :; do
        supervise
        sleep 0.3 &
        wait $! || true
    done
}

# Settings for fill.sh. The hosts share the ports, which are free on all of their addresses.
write_files() {
    local network name host number=0 owner=(true)
    as=(setpriv --pdeathsig TERM)
    if [[ $EUID -eq 0 ]]; then # PostgreSQL refuses to run as root
        local user=postgres
        id "$user" >/dev/null 2>&1 || user=nobody
        as+=(--reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups)
        owner=(chown -R "$user" "$folder")
    fi
    network=127.$((1 + RANDOM % 254)).$((RANDOM % 255))
    {
        printf 'HOST%s\n' "1=$network.1" "2=$network.2" "3=$network.3"
        printf '%s\n' "MEMBERS=127.0.0.0/8" "CLIENTS=127.0.0.0/8" "BIN=$(postgres_programs)"
        printf '%s\n' "HAPROXY_HOST=$network.4" "PGBOUNCER_HOST=$network.4"
        for name in POSTGRES REST ETCD ETCD_PEER HAPROXY PGBOUNCER; do
            number=$((number + 1))
            echo "${name}_PORT=$((20000 + (RANDOM % 2000) * 6 + number))"
        done
        for name in SUPERUSER REPLICATION REWIND REST LATCHKEY; do
            echo "${name}_PASSWORD=$(openssl rand -hex 16)"
        done
    } >"$folder/settings"
    for name in "${hosts[@]}"; do
        mkdir "$folder/$name"
        host=$network.${name#db}
        for file in etcd.yml patroni.yml; do
            "$here/fill.sh" "$here/$file" "$folder/settings" NAME="$name" HOST="$host" FOLDER="$folder/$name" \
                >"$folder/$name/$file"
        done
    done
    mkdir "$folder/proxy"
    for file in haproxy.cfg pgbouncer.ini; do
        "$here/fill.sh" "$here/$file" "$folder/settings" FOLDER="$folder/proxy" >"$folder/proxy/$file"
    done
    read_settings
    echo "\"latchkey\" \"$LATCHKEY_PASSWORD\"" >"$folder/proxy/users"
    local user="postgres://latchkey:$LATCHKEY_PASSWORD"
    {
        echo "HAPROXY_URL=$user@$HAPROXY_HOST:$HAPROXY_PORT/latchkey"
        echo "HOSTS_URL=$user@$HOST1:$POSTGRES_PORT,$HOST2:$POSTGRES_PORT,$HOST3:$POSTGRES_PORT/latchkey?target_session_attrs=read-write"
        echo "PGBOUNCER_URL=$user@$PGBOUNCER_HOST:$PGBOUNCER_PORT/latchkey"
    } >"$folder/urls"
    "${owner[@]}"
}

read_settings() {
    # shellcheck source=/dev/null
    source "$folder/settings"
}

# keep_running HOST NAME COMMAND...: starts it if it does not run.
keep_running() {
    local pid=$folder/$1/$2.pid
    if [[ -e $pid ]] && kill -0 "$(<"$pid")" 2>/dev/null; then
        return 0
    fi
    (cd "$folder/$1" && LC_ALL=C.UTF-8 exec "${as[@]}" "${@:3}") >>"$folder/$1/$2.log" 2>&1 </dev/null &
    echo $! >"$pid"
    disown # no message when it is killed
}

# Waits until there is a leader to which both standbys are connected, one of them synchronous if that is configured.
wait_until_complete() {
    local leader deadline=$((SECONDS + 120))
    until leader=$(leader 2>/dev/null) && is_complete "$leader"; do
        if ((SECONDS > deadline)); then
            tail -n 20 "$folder"/*/*.log >&2
            echo "the cluster is not complete after 120 s" >&2
            exit 1
        fi
        "$@"
        sleep 0.3
    done
}

is_complete() {
    local count='SELECT count(*) FROM pg_stat_replication WHERE state' host address
    [[ $(as_superuser "$1" "$count = 'streaming'" 2>/dev/null) == 2 ]] || return 1
    [[ -z $(as_superuser "$1" "SHOW synchronous_standby_names") ]] && return 0
    for host in "${hosts[@]}"; do
        address=HOST${host#db}
        ! responds "http://${!address}:$REST_PORT/synchronous" || return 0
    done
    return 1
}

create_database() {
    local leader replayed="SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"
    wait_until_complete supervise
    leader=$(leader)
    as_superuser "$leader" "CREATE ROLE latchkey LOGIN PASSWORD '$LATCHKEY_PASSWORD'"
    as_superuser "$leader" "CREATE DATABASE latchkey OWNER latchkey"
    # A standby without the role rejects it, and libpq tries no other host then.
    until [[ $(as_superuser "$leader" "$replayed") == 2 ]]; do
        sleep 0.1
    done
}

# as_superuser HOST SQL
as_superuser() {
    PGPASSWORD=$SUPERUSER_PASSWORD "$BIN/psql" --no-psqlrc --quiet --tuples-only --no-align --host="$folder/$1" \
        --port="$POSTGRES_PORT" --username=postgres --command="$2" postgres
}

patronictl_of_cluster() {
    LC_ALL=C.UTF-8 patronictl --config-file "$folder/db1/patroni.yml" "$@"
}

# The member whose Patroni says that it is the leader, and whose PostgreSQL accepts writes.
leader() {
    local host address
    read_settings
    for host in "${hosts[@]}"; do
        address=HOST${host#db}
        if [[ ! -e $folder/$host/down ]] &&
            responds "http://${!address}:$REST_PORT/primary"; then
            echo "$host"
            return 0
        fi
    done
    echo "there is no leader" >&2
    return 1
}

responds() {
    curl --silent --fail --max-time 2 --output /dev/null "$1"
}

# The ids of PostgreSQL's processes on a host.
postgres_of() {
    local main
    [[ -e $folder/$1/postgres/postmaster.pid ]] || return 0
    main=$(head -n 1 "$folder/$1/postgres/postmaster.pid")
    [[ ! -e /proc/$main ]] || echo "$main $(<"/proc/$main/task/$main/children")"
}

all_of() {
    echo "$(<"$folder/$1/patroni.pid") $(<"$folder/$1/etcd.pid") $(postgres_of "$1")"
}

# fail_leader STATE SIGNAL: sends the signal to all processes of the leader's host, and prints its name.
fail_leader() {
    local host
    host=$(leader)
    echo "$1" >"$folder/$host/down"
    # shellcheck disable=SC2046 # ids
    kill -"$2" $(all_of "$host")
    echo "$host"
}

lag() {
    local id
    for id in $(postgres_of "$(leader)"); do
        if grep -qa walsender "/proc/$id/cmdline" 2>/dev/null; then
            kill -STOP "$id"
        fi
    done
}

revive() {
    local host
    for host in "${hosts[@]}"; do
        if grep -qs frozen "$folder/$host/down"; then
            # shellcheck disable=SC2046 # ids
            kill -KILL $(all_of "$host")
        fi
        rm -f "$folder/$host/down"
    done
}

synchronous() {
    patronictl_of_cluster edit-config --quiet --force -s synchronous_mode="$1" -s synchronous_mode_strict="$1"
}

stop() {
    local host pid
    trap - INT TERM
    for pid in "$folder"/*/*.pid; do
        [[ ! -e $pid ]] || kill -KILL "$(<"$pid")" 2>/dev/null || true
    done
    for host in "${hosts[@]}"; do
        # shellcheck disable=SC2046 # ids
        kill -KILL $(postgres_of "$host") 2>/dev/null || true
    done
    for pid in "$folder"/*/*.pid; do
        while [[ -e $pid ]] && kill -0 "$(<"$pid")" 2>/dev/null; do
            sleep 0.05
        done
    done
    rm -rf -- "$folder"
}

main "$@"
