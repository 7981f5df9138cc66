# shellcheck shell=bash
# The tests of docker-compose.yml: check_all runs them in order. scripts/compose-test.sh sources this file, which uses its
# functions and variables.
# shellcheck disable=SC2154,SC2034

services=(database auth-server resource-server)

check_all() {
    local tool other=${composes[-1]}
    for tool in "${composes[@]}"; do
        check "$tool ($($tool version --short)) accepts the file" accepts_the_file "$tool"
    done
    check "after \`up\` all services are healthy" up_and_healthy
    measure

    if [[ -x scripts/e2e.sh ]]; then
        check "scripts/e2e.sh passes against it" scripts/e2e.sh
    fi
    check "a session starts, and the API accepts its token" session_start
    check "the session can be refreshed" session_continues

    check "pages of EXTRA_ORIGINS can call both servers" extra_origins_are_allowed
    check "containers run without root, capabilities and writable file systems" are_confined
    check "the resource server has only the feed secret and cannot reach the database" resource_server_is_isolated
    check "the images name their license" images_are_labelled
    check "inspect, logs and the compose file contain no secrets" no_secret_is_exposed

    check "the session continues after a restart of the resource server" resource_server_restarts
    check "... after the auth server was killed and restarted" auth_server_is_killed
    check "without PostgreSQL the response is 503, and the cookie stays" database_stops
    check "... and when it is back the session continues" database_starts
    check "after SIGTERM a pending request gets its response, and the server exits with 0" auth_server_drains
    check "... and after its start the session continues" auth_server_starts
    check "all services stop in time with exit status 0" all_stop_cleanly

    # Use the other tool if both are installed: it must find the same volumes.
    compose=$other
    check "after \`down\` and \`up\` by $other the secrets are unchanged, and the session continues" down_and_up
    check "docker-compose.database.yml publishes the database on this machine" database_alone
    check "without the database, but with its secrets, a new database is created" database_is_lost
    check "without its secrets the database is not started, and one line explains why" secrets_are_lost
}

images_are_labelled() {
    local server
    for server in auth-server resource-server; do
        container "$server" | xargs docker inspect --format '{{.Image}}' |
            xargs docker image inspect --format '{{json .Config.Labels}}' |
            grep '"org.opencontainers.image.licenses":"MIT OR Apache-2.0"' || return
    done
}

extra_origins_are_allowed() {
    local url
    for url in "$AUTH_URL/healthz" "$API_URL/healthz"; do
        call GET "$url" --header "Origin: $EXTRA_ORIGINS"
        grep -i "^access-control-allow-origin: $EXTRA_ORIGINS" "$session_folder/headers" || return
    done
}

accepts_the_file() {
    local words
    read -ra words <<<"$1"
    "${words[@]}" --file docker-compose.yml config --quiet &&
        COMPOSE_PROFILES=mail MAIL_TRANSPORT=smtp "${words[@]}" --file docker-compose.yml config --quiet &&
        COMPOSE_PROFILES=observe METRICS_ADDR=0.0.0.0:9464 "${words[@]}" --file docker-compose.yml config --quiet &&
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
        # Real, effective and saved user; no capabilities; setuid programs cannot add any.
        grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs):' "$work/status"
        [[ $(awk '/^Uid:/ { print ($2 > 0 && $3 > 0 && $4 > 0) }' "$work/status") == 1 ]] &&
            [[ $(grep -cE '^(CapEff|CapBnd):\s0+$' "$work/status") == 2 ]] &&
            grep -qE '^NoNewPrivs:\s1$' "$work/status" || return
        ! docker exec --user 0 "$id" touch /usr/written || return
        [[ $(docker inspect --format '{{.HostConfig.Memory}}' "$id") -gt 0 ]] || return
    done
}

resource_server_is_isolated() {
    local id
    id=$(container resource-server)
    [[ $(docker inspect --format '{{range .Mounts}}{{.Destination}} {{end}}' "$id") == "/run/feed " ]] &&
        [[ $(docker exec "$id" ls /run/feed) == token ]] &&
        ! docker inspect --format '{{.Config.Env}}' "$id" | grep -iE 'secret|password|database' &&
        ! docker exec "$id" ls /run/secrets &&
        networks auth-server | grep -Fx "$(networks database)" &&
        ! networks resource-server | grep -Fx "$(networks database)"
}

# Prints one network per line.
networks() {
    docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' \
        "$(container "$1")" | grep .
}

# Prints one secret per line.
secrets() {
    docker exec "$(container auth-server)" sh -c 'cd /run && for file in secrets/* feed/*; do cat "$file"; echo; done' &&
        docker exec "$(container database)" sh -c 'cd /run/secrets && for file in *; do cat "$file"; echo; done'
}

no_secret_is_exposed() {
    secrets | grep . >"$work/secrets"
    [[ $(sort -u "$work/secrets" | wc -l) == 6 ]] || { echo "expected six secrets"; return 1; }
    {
        container secrets "${services[@]}" | xargs docker inspect
        container secrets "${services[@]}" | xargs docker inspect --format '{{.Image}}' | xargs docker image inspect
        compose config
        compose logs --no-color
    } >"$work/shown" 2>&1
    [[ $(wc -l <"$work/shown") -gt 100 ]] && ! grep --fixed-strings --file="$work/secrets" "$work/shown"
}

resource_server_restarts() {
    docker restart "$(container resource-server)" && session_continues
}

auth_server_is_killed() {
    local id
    id=$(container auth-server)
    docker kill --signal KILL "$id" &&
        [[ $(docker wait "$id") == 137 ]] &&
        docker start "$id" && session_continues
}

database_stops() {
    docker stop --time 60 "$(container database)" && session_gets_503
}

database_starts() {
    docker start "$(container database)" && session_continues
}

# Sends SIGTERM to the server while it is receiving the body of a login.
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
    docker start "$(container auth-server)" && session_continues
}

all_stop_cleanly() {
    local service started=$SECONDS
    compose stop || return
    for service in "${services[@]}"; do
        docker inspect --format "$service {{.State.ExitCode}}" "$(container "$service")" || return
        [[ $(docker inspect --format '{{.State.ExitCode}}' "$(container "$service")") == 0 ]] || return
    done
    # No requests are pending, so that no service has to wait.
    ((SECONDS - started < 30))
}

down_and_up() {
    compose down && up_and_healthy && secrets | grep . >"$work/secrets.now" &&
        cmp "$work/secrets" "$work/secrets.now" && session_continues
}

# As documented in docs/containers.md.
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
    compose down && docker volume rm "${project}_database" && up_and_healthy && session_has_ended &&
        session_start && session_continues
}

secrets_are_lost() {
    compose down && docker volume rm "${project}_auth-secrets" || return
    ! compose up --detach || return
    docker logs "$(container secrets)" 2>&1 | tee "$work/messages"
    [[ $(wc -l <"$work/messages") == 1 ]] && grep "a secret of the existing database is missing" "$work/messages" &&
        [[ $(docker inspect --format '{{.State.Running}}' "$(container database)") != true ]]
}
