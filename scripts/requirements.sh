# shellcheck shell=bash
# What the tests need of the system, and how it gets there. To be sourced, after postgres.sh.

# A row each: how one finds out that it is there | what it is | Debian's packages. The rest looks after itself.
requirements=(
    "command -v cc          | a C compiler       | gcc libc6-dev"
    "postgres_programs      | PostgreSQL, server | postgresql"
    "have_libpq             | libpq, to link     | libpq-dev"
    "command -v python3     | Python 3           | python3"
    "python3 -m ensurepip --version | Python's venv | python3-venv"
    "command -v curl        | curl               | curl ca-certificates"
    "command -v node        | Node.js            | nodejs"
    "command -v npm         | npm                | npm"
    "command -v ${CHROMIUM:-chromium} | Chromium | chromium"
    "have_nginx             | nginx              | nginx-light"
    "command -v caddy       | Caddy              | caddy"
    "command -v shellcheck  | shellcheck         | shellcheck"
)

have_libpq() {
    pkg-config --exists libpq || [[ -e "$(pg_config --libdir)/libpq.so" ]]
}

# Debian puts it where only root looks. Its service is not what the tests use: they start one of their own.
have_nginx() {
    PATH=$PATH:/usr/sbin command -v nginx
}

# What drives Chromium. It brings no browser of its own.
ensure_node_modules() {
    local folder=e2e/browser
    [[ $folder/package-lock.json -nt $folder/node_modules/.package-lock.json ]] || return 0
    if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then
        echo "npm ci failed in $folder, see above" >&2
        exit 2
    fi
}

# Installs what is missing as root; anybody else is told what to install.
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

# Sets `missing` to the names of what is not there, and `packages` to what brings it.
find_missing() {
    local row probe name brings
    missing=()
    packages=()
    for row in "${requirements[@]}"; do
        IFS="|" read -r probe name brings <<<"$row"
        read -r name <<<"$name"
        read -ra probe <<<"$probe"
        if ! "${probe[@]}" >/dev/null 2>&1; then
            read -ra brings <<<"$brings"
            missing+=("$name")
            packages+=("${brings[@]}")
        fi
    done
}
