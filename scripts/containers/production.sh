# shellcheck shell=bash
# The tests of docker-compose.production.yml: check_production runs them in order. scripts/compose-test.sh sources this
# file, which uses its functions and variables.
# shellcheck disable=SC2154,SC2034

# The time that the load takes apart from the restart.
load_seconds=60
requests_per_second=200

check_production() {
    local tool
    production_settings
    for tool in "${composes[@]}"; do
        check "$tool accepts the file for production" production_is_accepted "$tool"
    done
    check "production needs AUTH_URL" auth_url_is_required
    check "after \`up\` all services of production are healthy" up_and_healthy
    check "Caddy's certificate is accepted" read_certificate
    check "scripts/e2e.sh passes against it" scripts/e2e.sh
    check "containers run without writable file systems and further capabilities" production_is_confined
    check "$requests_per_second requests/s through a rolling restart of all but the database" rolling_restart_under_load
    sed 's/^/        /' "$work/load"
    check "... and one auth server and one resource server are enough" one_of_each_is_enough
    check "a client cannot choose its address" address_is_that_of_the_connection
}

# Sets the variables of docker-compose.production.yml. The project, and so all volumes, are new.
production_settings() {
    compose down --volumes --remove-orphans --timeout 0 >/dev/null 2>&1 || true
    project=$project-production
    files+=(--file docker-compose.production.yml)
    services=(database auth-server auth-server-2 resource-server resource-server-2 caddy)
    HTTP_PORT=$(free_port) && HTTPS_PORT=$(free_port)
    # Caddy issues certificates of its own for names below localhost.
    AUTH_URL=https://auth.localhost:$HTTPS_PORT
    API_URL=https://api.localhost:$HTTPS_PORT
    CA_FILE=$work/ca.pem
    CURL_OPTS="--cacert $CA_FILE"
    COMPOSE_PROJECT_NAME=$project
    COMPOSE_FILE=$(printf '%s\n' "${files[@]}" | grep -v '^--file$' | paste --serial --delimiters=:)
    export HTTP_PORT HTTPS_PORT AUTH_URL API_URL CA_FILE CURL_OPTS COMPOSE_PROJECT_NAME COMPOSE_FILE
}

production_is_accepted() {
    local words
    read -ra words <<<"$1"
    "${words[@]}" config --quiet
}

auth_url_is_required() {
    ! AUTH_URL="" compose config 2>"$work/messages" && grep "set AUTH_URL" "$work/messages"
}

read_certificate() {
    local id
    id=$(container caddy)
    docker exec "$id" cat /data/caddy/pki/authorities/local/root.crt >"$CA_FILE" &&
        curl --fail --silent --show-error --cacert "$CA_FILE" "$AUTH_URL/readyz" &&
        curl --fail --silent --show-error --cacert "$CA_FILE" "$API_URL/readyz"
}

# The attempts to log in count for the address that Caddy sees, whatever a client claims.
address_is_that_of_the_connection() {
    local attempt login='{"email":"ann@example.org","password":"a wrong password"}'
    for attempt in {1..80}; do
        call POST "$AUTH_URL/auth/login" --cacert "$CA_FILE" --header "Content-Type: application/json" \
            --header "X-Forwarded-For: 192.0.2.$attempt" --header "Forwarded: for=192.0.2.$attempt" \
            --data "${login/ann@/ann$attempt@}"
        [[ $status != 429 ]] || return 0
        expect 401 || return
    done
    return 1
}

production_is_confined() {
    local service id
    for service in auth-server-2 resource-server-2 caddy; do
        id=$(container "$service")
        docker inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}}' "$id" |
            grep -E '^true \[ALL\] \[(CAP_)?(NET_BIND_SERVICE)?\] \[no-new-privileges:true\]$' || return
        [[ $(docker inspect --format '{{.HostConfig.Memory}}' "$id") -gt 0 ]] || return
    done
}

rolling_restart_under_load() {
    local load before now status=0
    before=$(container "${services[@]:1}")
    REQUESTS_PER_SECOND=$requests_per_second node scripts/containers/load.mjs >"$work/load" 2>"$work/failures" &
    load=$!
    sleep $((load_seconds / 3))
    scripts/rolling-restart.sh || status=1
    sleep $((load_seconds * 2 / 3))
    kill -TERM "$load"
    wait "$load" || status=1
    cat "$work/load" "$work/failures"
    now=$(container "${services[@]:1}")
    [[ -z $(comm -12 <(sort <<<"$before") <(sort <<<"$now")) ]] || { echo "a container was not replaced"; return 1; }
    [[ $status -eq 0 ]] && grep '"failed":0' "$work/load"
}

one_of_each_is_enough() {
    local number
    compose stop auth-server resource-server || return
    for number in {1..10}; do
        curl --fail --silent --show-error --cacert "$CA_FILE" "$AUTH_URL/readyz" &&
            curl --fail --silent --show-error --cacert "$CA_FILE" "$API_URL/readyz" || return
    done
}
