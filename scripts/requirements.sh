# shellcheck shell=bash
# System packages that the tests and .ci/run need. Source it after postgres.sh.

# Each row: a command that succeeds if it is installed | its name | Debian's packages.
requirements=(
    "command -v cc          | a C compiler       | gcc libc6-dev"
    "postgres_programs      | PostgreSQL, server | postgresql"
    "have_libpq             | libpq, to link     | libpq-dev"
    "command -v sqlite3     | SQLite's program   | sqlite3"
    "have_pgbouncer         | PgBouncer          | pgbouncer"
    "command -v python3     | Python 3           | python3"
    "python3 -m ensurepip --version | Python's venv | python3-venv"
    "command -v curl        | curl               | curl ca-certificates"
    "command -v openssl     | OpenSSL            | openssl"
    "command -v jq          | jq                 | jq"
    "command -v node        | Node.js            | nodejs"
    "command -v npm         | npm                | npm"
    "command -v ${CHROMIUM:-chromium} | Chromium | chromium"
    "have_nginx             | nginx              | nginx-light"
    "command -v caddy       | Caddy              | caddy"
    "command -v promtool    | promtool           | prometheus"
    "command -v systemd-analyze | systemd-analyze | systemd"
    "command -v shellcheck  | shellcheck         | shellcheck"
)

# Adds what only the long tests need.
require_long() {
    requirements+=("have_patroni | Patroni, etcd, HAProxy | patroni etcd-server etcd-client haproxy")
}

have_libpq() {
    pkg-config --exists libpq || [[ -e "$(pg_config --libdir)/libpq.so" ]]
}

# Debian installs these outside the PATH of users. The tests start their own, not Debian's services.
have_nginx() {
    PATH=$PATH:/usr/sbin command -v nginx
}
have_pgbouncer() {
    PATH=$PATH:/usr/sbin command -v pgbouncer
}

have_patroni() {
    PATH=$PATH:/usr/sbin command -v haproxy && command -v patroni && command -v etcd
}

# Prints the path of Chromium. Ends the script if it is missing.
find_chromium() {
    if ! command -v "${CHROMIUM:-chromium}"; then
        echo "Chromium was not found: run scripts/test.sh --setup-only" >&2
        exit 2
    fi
}

# The libraries that drive Chromium and check pages, which contain no browser; the frameworks and tools of the example
# applications; the libraries that the recipes install.
ensure_node_modules() {
    local folder
    for folder in e2e/browser web/examples scripts/recipes; do
        [[ $folder/package-lock.json -nt $folder/node_modules/.package-lock.json ]] || continue
        if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then
            echo "npm ci failed in $folder, see above" >&2
            exit 2
        fi
    done
}

# Installs what is missing if this is root; otherwise prints what to install and exits.
ensure_requirements() {
    if ! command -v cargo >/dev/null; then
        echo "cargo was not found: install Rust from https://rustup.rs" >&2
        exit 2
    fi

    find_missing
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if ! command -v apt-get >/dev/null; then
        printf 'missing: %s\n' "${missing[@]}" >&2
        exit 2
    fi
    if [[ $EUID -ne 0 ]]; then
        printf 'missing: %s\n' "${missing[@]}" >&2
        echo "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}" >&2
        exit 2
    fi

    echo "installing ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } </dev/null >/dev/null; then
        echo "apt-get failed, see above" >&2
        exit 2
    fi
    find_missing
    if [[ ${#missing[@]} -gt 0 ]]; then
        printf 'still missing after the installation: %s\n' "${missing[@]}" >&2
        exit 2
    fi
}

# Sets `missing` to the names of missing programs, and `packages` to the packages that contain them.
find_missing() {
    local row probe name provided_by
    missing=()
    packages=()
    for row in "${requirements[@]}"; do
        IFS="|" read -r probe name provided_by <<<"$row"
        read -r name <<<"$name"
        read -ra probe <<<"$probe"
        if ! "${probe[@]}" >/dev/null 2>&1; then
            read -ra provided_by <<<"$provided_by"
            missing+=("$name")
            packages+=("${provided_by[@]}")
        fi
    done
}
