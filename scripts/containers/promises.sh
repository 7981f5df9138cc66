# shellcheck shell=bash
# What docker-compose.yml promises, one function each, and check_all, which has them kept one after the other. To be sourced by
# scripts/compose-test.sh, whose functions and variables it uses.
# shellcheck disable=SC2154,SC2034

services=(database auth-server resource-server)

check_all() {
    local tool other=${composes[-1]}
    for tool in "${composes[@]}"; do
        promise "$tool ($($tool version --short)) takes the file" takes_the_file "$tool"
    done
    promise "\`up\` and nothing else: all are healthy" up_and_healthy
    measure

    if [[ -x scripts/e2e.sh ]]; then
        promise "scripts/e2e.sh passes against it" scripts/e2e.sh
    fi
    promise "a session opens, and the API takes its token" session_open
    promise "it is refreshed" session_goes_on

    promise "containers run without root, rights and writable roots" are_confined
    promise "the resource server has no secret but the feed's, and no way to the database" resource_server_knows_little
    promise "no secret shows in inspect, logs or the compose file" no_secret_shows

    promise "the session goes on when the resource server was restarted" resource_server_restarts
    promise "... when the auth server was killed and restarted" auth_server_is_killed
    promise "while PostgreSQL is away the answer is 503, and the cookie stays" database_stops
    promise "... and when it is back the session goes on" database_starts
    promise "SIGTERM: a request under way is still answered, and the server ends with 0" auth_server_drains
    promise "... and the session goes on" auth_server_starts
    promise "all end in time and with 0 when they are stopped" all_stop_cleanly

    # By the other tool, if there are two: both have to find the same volumes.
    compose=$other
    promise "after \`down\` and \`up\` by $other secrets are the same, and the session goes on" down_and_up
    promise "the database alone can be reached from this machine" database_alone
    promise "without the database, but with its secrets, all starts anew" database_is_lost
    promise "without its secrets the database is not started, and one line says why" secrets_are_lost
}

takes_the_file() {
    local words
    read -ra words <<<"$1"
    "${words[@]}" --file docker-compose.yml config --quiet &&
        "${words[@]}" --file docker-compose.yml --file docker-compose.database.yml config --quiet
}

up_and_healthy() {
    local deadline=$((SECONDS + 180)) service started=$SECONDS
    compose up --detach || return
    for service in "${services[@]}"; do
        until [[ $(health "$service") == healthy ]]; do
            ((SECONDS < deadline)) || { echo "$service is not healthy"; return 1; }
            sleep 0.2
        done
    done
    seconds_to_healthy=$((SECONDS - started))
}

health() {
    docker inspect --format '{{.State.Health.Status}}' "$(container "$1")"
}

measure() {
    local service
    echo "        $seconds_to_healthy s from \`up\` to healthy"
    for service in "${services[@]}"; do
        docker inspect --format '{{.Image}}' "$(container "$service")" |
            xargs docker image inspect --format "{{.Size}}" |
            awk -v service="$service" '{ printf "        image of %s: %d MB\n", service, $1 / 1000000 }'
    done
    container "${services[@]}" |
        xargs docker stats --no-stream --format 'at idle: {{.Name}} {{.MemUsage}}' | sed 's/^/        /'
}

are_confined() {
    local service id
    for service in "${services[@]}"; do
        id=$(container "$service")
        docker exec "$id" cat /proc/1/status >"$work/status" || return
        # Real, effective and saved user; no capability; none to be had by a setuid program.
        grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs):' "$work/status"
        [[ $(awk '/^Uid:/ { print ($2 > 0 && $3 > 0 && $4 > 0) }' "$work/status") == 1 ]] &&
            [[ $(grep -cE '^(CapEff|CapBnd):\s0+$' "$work/status") == 2 ]] &&
            grep -qE '^NoNewPrivs:\s1$' "$work/status" || return
        ! docker exec --user 0 "$id" touch /usr/written || return
        [[ $(docker inspect --format '{{.HostConfig.Memory}}' "$id") -gt 0 ]] || return
    done
}

resource_server_knows_little() {
    local id
    id=$(container resource-server)
    [[ $(docker inspect --format '{{range .Mounts}}{{.Destination}} {{end}}' "$id") == "/run/feed " ]] &&
        [[ $(docker exec "$id" ls /run/feed) == token ]] &&
        ! docker inspect --format '{{.Config.Env}}' "$id" | grep -iE 'secret|password|database' &&
        ! docker exec "$id" ls /run/secrets &&
        networks auth-server | grep -Fx "$(networks database)" &&
        ! networks resource-server | grep -Fx "$(networks database)"
}

# One a line.
networks() {
    docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' \
        "$(container "$1")" | grep .
}

# One a line, and only for those who may read them.
secrets() {
    docker exec "$(container auth-server)" sh -c 'cd /run && for file in secrets/* feed/*; do cat "$file"; echo; done' &&
        docker exec "$(container database)" sh -c 'cd /run/secrets && for file in *; do cat "$file"; echo; done'
}

no_secret_shows() {
    secrets | grep . >"$work/secrets"
    [[ $(sort -u "$work/secrets" | wc -l) == 6 ]] || { echo "there are not six secrets"; return 1; }
    {
        container secrets "${services[@]}" | xargs docker inspect
        container secrets "${services[@]}" | xargs docker inspect --format '{{.Image}}' | xargs docker image inspect
        compose config
        compose logs --no-color
    } >"$work/shown" 2>&1
    [[ $(wc -l <"$work/shown") -gt 100 ]] && ! grep --fixed-strings --file="$work/secrets" "$work/shown"
}

resource_server_restarts() {
    docker restart "$(container resource-server)" && session_goes_on
}

auth_server_is_killed() {
    local id
    id=$(container auth-server)
    docker kill --signal KILL "$id" &&
        [[ $(docker wait "$id") == 137 ]] &&
        docker start "$id" && session_goes_on
}

database_stops() {
    docker stop --time 60 "$(container database)" && session_is_told_to_wait
}

database_starts() {
    docker start "$(container database)" && session_goes_on
}

# A login whose body takes its time: the server is told to stop in the middle of it.
auth_server_drains() {
    local id answer stopping connection
    local login='{"email":"nobody@example.org","password":"correct horse battery staple"}'
    id=$(container auth-server)
    exec {connection}<>"/dev/tcp/127.0.0.1/$AUTH_PORT"
    printf '%s\r\n' "POST /auth/login HTTP/1.1" "Host: localhost" "Content-Type: application/json" \
        "Content-Length: ${#login}" "Connection: close" "" >&"$connection"
    printf '%s' "${login:0:20}" >&"$connection"
    sleep 1
    docker stop --time 15 "$id" &
    stopping=$!
    sleep 2
    printf '%s' "${login:20}" >&"$connection"
    answer=$(timeout 10 cat <&"$connection")
    exec {connection}>&-
    wait "$stopping"
    echo "$answer"
    [[ $answer == "HTTP/1.1 401"*invalid_credentials* ]] &&
        [[ $(docker inspect --format '{{.State.ExitCode}}' "$id") == 0 ]]
}

auth_server_starts() {
    docker start "$(container auth-server)" && session_goes_on
}

all_stop_cleanly() {
    local service started=$SECONDS
    compose stop || return
    for service in "${services[@]}"; do
        docker inspect --format "$service {{.State.ExitCode}}" "$(container "$service")" || return
        [[ $(docker inspect --format '{{.State.ExitCode}}' "$(container "$service")") == 0 ]] || return
    done
    # Nothing is under way, so nobody has to be waited for.
    ((SECONDS - started < 30))
}

down_and_up() {
    compose down && up_and_healthy && secrets | grep . >"$work/secrets.now" &&
        cmp "$work/secrets" "$work/secrets.now" && session_goes_on
}

# As README.md says.
database_alone() {
    local deadline=$((SECONDS + 60)) password
    compose down || return
    compose --file docker-compose.database.yml up --detach database || return
    until [[ $(health database) == healthy ]]; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
    [[ -z $(container auth-server resource-server) ]] || return
    password=$(compose exec -T database cat /run/secrets/password) &&
        "$(postgres_programs)/psql" "postgres://latchkey:$password@127.0.0.1:$DATABASE_PORT/latchkey" --command 'SELECT count(*) FROM users' &&
        ! "$(postgres_programs)/psql" "postgres://latchkey:wrong@127.0.0.1:$DATABASE_PORT/latchkey" --command 'SELECT 1'
}

database_is_lost() {
    compose down && docker volume rm "${project}_database" && up_and_healthy && session_is_over &&
        session_open && session_goes_on
}

secrets_are_lost() {
    compose down && docker volume rm "${project}_auth-secrets" || return
    ! compose up --detach || return
    docker logs "$(container secrets)" 2>&1 | tee "$work/said"
    [[ $(wc -l <"$work/said") == 1 ]] && grep "a secret is gone" "$work/said" &&
        [[ $(docker inspect --format '{{.State.Running}}' "$(container database)") != true ]]
}
