#!/usr/bin/env bash
# Installs the Debian packages in a clean Debian and tests them.
# shellcheck disable=SC2317 # `check` and `prepare` call the functions
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/process_group.sh
source scripts/process_group.sh
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/package-test.sh [--binaries FOLDER]

Runs scripts/package.sh, boots a minimal Debian of the same release as this machine in systemd-nspawn, installs both
packages there, and tests them: the services, scripts/e2e.sh, an upgrade, a removal and a purge. Requires root,
debootstrap, systemd-nspawn and dpkg-dev. Without lintian, its check is named as skipped. Keeps the minimal Debian in
cargo's target folder.

  --binaries FOLDER   see scripts/package.sh --help

Exit status: 0 all tests passed, 1 a test failed, 2 a requirement is missing or an argument is wrong.
TEXT
}

packages=(latchkey-auth-server latchkey-resource-server)
secrets=/etc/latchkey/secrets
admin=admin@example.org
password="the password of a test"
AUTH_URL=http://localhost:8080
API_URL=http://localhost:8081

main() {
    case ${1-} in
        "" | --binaries) ;;
        --help | -h) help && exit 0 ;;
        *) echo "unknown argument: $1 (see scripts/package-test.sh --help)" >&2 && exit 2 ;;
    esac
    local program
    for program in debootstrap systemd-nspawn dpkg-deb; do
        if ! command -v "$program" >/dev/null; then
            echo "$program was not found: apt-get install debootstrap systemd-container dpkg-dev" >&2
            exit 2
        fi
    done
    if [[ $EUID -ne 0 ]]; then
        echo "only root can boot a container" >&2
        exit 2
    fi

    work=$(mktemp -d)
    on_exit clean_up
    prepare scripts/package.sh "$@" "$work/packages"
    prepare make_newer_packages
    prepare boot

    check "the checksums match" in_folder "$work/packages" sha256sum --check --quiet SHA256SUMS
    check "the archives contain the programs" archives_are_complete
    check "the bills of materials list the libraries" bills_are_complete
    check_with_lintian

    # The other order creates the token of the feed before the group that reads it.
    check "the resource server is installed first" install_packages packages latchkey-resource-server
    check "the auth server is installed" install_packages packages latchkey-auth-server
    check "both services become ready" are_ready
    check "systemd finds no fault in the units" inside systemd-analyze verify "${packages[@]/%/.service}"
    check "the units restrict the services" are_restricted
    check "only those who need a file can read it" modes_are_right
    check "the resource server cannot read the secrets of the auth server" resource_server_is_apart
    check "manual pages and completions are where shells look for them" pages_are_installed
    check "a command runs with the settings of the service" create_administrator
    check "scripts/e2e.sh passes" end_to_end
    check "with the drop-in of docs/deploy.md, the auth server listens on port 443" listens_on_443
    check "without it, both services become ready" are_ready

    inside sh -c 'echo "#kept" >>/etc/latchkey/auth-server.env; echo "#kept" >>/etc/latchkey/resource-server.env'
    fingerprint >"$work/before"
    check "newer packages are installed" install_packages newer "${packages[@]}"
    check "the new version runs" are_ready
    check "an upgrade keeps settings, secrets and accounts" nothing_is_lost

    check "the packages are removed" inside dpkg --remove "${packages[@]}"
    check "the services have stopped" have_stopped
    check "the packages are installed again" install_packages packages "${packages[@]}"
    check "both services become ready again" are_ready
    check "a removal keeps settings, secrets and accounts" nothing_is_lost

    check "the packages are purged" purge
    check "a purge deletes the settings, and keeps secrets and accounts" only_settings_are_deleted
    inside mv "$secrets/key_encryption_secret" /root/
    check "new secrets are not created for an old database" is_refused
    inside mv /root/key_encryption_secret "$secrets/"
    check "the installation continues with the old secret" inside dpkg --configure latchkey-auth-server
    check "the resource server is installed again" install_packages packages latchkey-resource-server
    check "both services become ready after a purge" are_ready
    check "the accounts still exist" can_log_in

    check "all accounts are deleted, as docs/deploy.md says" delete_everything
    check "the archives are installed, as docs/deploy.md says" install_archives
    check "both services become ready without packages" are_ready
    finish
}

# Builds a package with a higher version from each.
make_newer_packages() {
    local package
    mkdir "$work/newer"
    for package in "${packages[@]}"; do
        dpkg-deb --raw-extract "$work/packages/$package"_*.deb "$work/$package"
        sed -i 's/^Version: .*/Version: 99.0-1/' "$work/$package/DEBIAN/control"
        dpkg-deb -Znone --build "$work/$package" "$work/newer/${package}_99.0-1.deb"
    done
}

boot() {
    local release base
    # shellcheck source=/dev/null
    release=$(source /etc/os-release && echo "$VERSION_CODENAME")
    base=$(target_folder)/package-test/$release
    if [[ ! -e $base.tar ]]; then
        rm -rf -- "$base"
        mkdir -p "$base"
        debootstrap --variant=minbase --include=systemd-sysv,dbus,libpq5,ca-certificates,man-db "$release" "$base"
        printf '127.0.0.1 localhost\n::1 localhost\n' >"$base/etc/hosts"
        tar --directory="$base" --create --file="$base.part" .
        mv "$base.part" "$base.tar"
        rm -rf -- "$base"
    fi
    mkdir "$work/root"
    tar --directory="$work/root" --extract --file="$base.tar"
    # A network of its own, so that its ports are free.
    systemd-nspawn --quiet --directory="$work/root" --bind-ro="$work/packages" --bind-ro="$work/newer" \
        --private-network --boot --register=no --keep-unit </dev/null >"$work/console" 2>&1 &
    nspawn=$!
    wait_for "the container" 60 is_booted
}

# Sets `leader` to the first process of the container. Some units, such as those for terminals, may fail in a container.
is_booted() {
    leader=$(pgrep --parent "$nspawn") && [[ $(inside systemctl is-system-running 2>/dev/null) =~ running|degraded ]]
}

# inside COMMAND...: runs it in the container.
inside() {
    nsenter --target "$leader" --mount --uts --ipc --net --pid \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# on_its_network COMMAND...: runs a program of this machine on the network of the container.
on_its_network() {
    nsenter --target "$leader" --net "$@"
}

install_packages() {
    local folder=$1 package files=()
    shift
    for package; do
        files+=("$work/$folder/$package"_*.deb)
    done
    inside dpkg --install "${files[@]}" </dev/null
}

archives_are_complete() {
    local server
    for server in auth-server resource-server; do
        tar --extract --gzip --directory="$work" --file="$(echo "$work/packages/latchkey-$server-"*.tar.gz)" || return
        (
            cd "$work"/latchkey-"$server"-*/
            [[ -s LICENSE-MIT && -s LICENSE-APACHE && -s README.md && -s man/$server.1.gz && -s completions/$server.fish ]]
            [[ -s systemd/latchkey-$server.service && -s systemd/$server.env ]]
            grep --quiet '^tokio 1' THIRD-PARTY.txt
            "./$server" --version
        ) || return
    done
}

bills_are_complete() {
    local bill
    for bill in "$work"/packages/*.cdx.json; do
        grep --quiet '"purl": "pkg:cargo/rustls@' "$bill" || return
        # A path of the machine that built it.
        ! grep "$PWD" "$bill" || return
    done
}

check_with_lintian() {
    if command -v lintian >/dev/null; then
        check "lintian finds no errors" lintian --allow-root --fail-on error "$work"/packages/*.deb
    else
        echo "skipped lintian, which is not installed"
    fi
}

are_ready() {
    wait_for "$AUTH_URL" 30 on_its_network curl -fsS -o /dev/null "$AUTH_URL/readyz" &&
        wait_for "$API_URL" 30 on_its_network curl -fsS -o /dev/null "$API_URL/readyz" &&
        inside systemctl is-active "${packages[@]}" && inside systemctl is-enabled "${packages[@]}"
}

are_restricted() {
    inside systemd-analyze security --threshold=15 latchkey-auth-server &&
        inside systemd-analyze security --threshold=15 latchkey-resource-server
}

modes_are_right() {
    inside sh -c "stat --format='%a %U:%G %n' $secrets $secrets/* /etc/latchkey/*.env /var/lib/latchkey \
        /var/lib/latchkey/latchkey.db" | diff - <(
        cat <<TEXT
750 root:latchkey $secrets
640 root:latchkey $secrets/jwt_refresh_secret
640 root:latchkey $secrets/key_encryption_secret
640 root:latchkey $secrets/revocation_feed_token
640 root:latchkey /etc/latchkey/auth-server.env
640 root:root /etc/latchkey/resource-server.env
700 latchkey:latchkey /var/lib/latchkey
600 latchkey:latchkey /var/lib/latchkey/latchkey.db
TEXT
    )
}

resource_server_is_apart() {
    local process user
    process=$(inside systemctl show --property=MainPID --value latchkey-resource-server) || return
    user=$(inside stat --format=%u "/proc/$process") || return
    [[ $user != 0 ]] || return
    ! inside setpriv --reuid="$user" --regid="$user" --clear-groups cat "$secrets/key_encryption_secret" &&
        ! inside setpriv --reuid="$user" --regid="$user" --clear-groups cat /var/lib/latchkey/latchkey.db
}

pages_are_installed() {
    local server
    for server in auth-server resource-server; do
        inside man --where "$server" &&
            inside test -s "/usr/share/bash-completion/completions/$server" &&
            inside test -s "/usr/share/zsh/vendor-completions/_$server" &&
            inside test -s "/usr/share/fish/vendor_completions.d/$server.fish" || return
    done
}

create_administrator() {
    inside latchkey-auth-server users create "$admin" --role admin --password-stdin <<<"first $password" &&
        log_in "first $password" ",\"new_password\":\"$password\"" && can_log_in
}

can_log_in() {
    log_in "$password"
}

# log_in PASSWORD [MEMBERS]
log_in() {
    on_its_network curl -fsS -o /dev/null "$AUTH_URL/auth/login" -H 'Content-Type: application/json' --data-binary @- <<END
{"email":"$admin","password":"$1","token_delivery":"body"${2-}}
END
}

end_to_end() {
    on_its_network env AUTH_URL="$AUTH_URL" API_URL="$API_URL" ADMIN_EMAIL="$admin" ADMIN_PASSWORD="$password" \
        scripts/e2e.sh
}

listens_on_443() {
    local folder=/etc/systemd/system/latchkey-auth-server.service.d
    inside mkdir "$folder" || return
    { sed -n '/^...ini$/,/^...$/p' docs/deploy.md | grep '[]=]' && echo Environment=BIND_ADDR=127.0.0.1:443; } |
        inside sh -c "cat >$folder/port.conf" || return
    restart && wait_for "port 443" 30 on_its_network curl -fsS -o /dev/null http://localhost:443/healthz || return
    inside rm -r "$folder" && restart
}

restart() {
    inside systemctl daemon-reload && inside systemctl restart latchkey-auth-server
}

fingerprint() {
    inside find /etc/latchkey -type f -exec sha256sum {} + | sort
}

nothing_is_lost() {
    fingerprint | diff "$work/before" - && can_log_in
}

have_stopped() {
    ! inside pgrep --exact auth-server && ! inside pgrep --exact resource-serve
}

purge() {
    inside dpkg --purge "${packages[@]}" 2>&1 | tee "$work/purge"
}

only_settings_are_deleted() {
    grep --quiet "to delete all accounts: rm -r /var/lib/latchkey $secrets" "$work/purge" &&
        ! inside test -e /etc/latchkey/auth-server.env &&
        ! inside test -e /etc/latchkey/resource-server.env &&
        fingerprint | diff <(grep "$secrets" "$work/before") - &&
        inside test -s /var/lib/latchkey/latchkey.db
}

delete_everything() {
    inside dpkg --purge "${packages[@]}" && commands "apt purge" | inside sh -e && inside userdel latchkey
}

# commands START: prints the commands for root of docs/deploy.md that follow a text, up to the next heading.
commands() {
    sed -n "/$1/,/^#/p" docs/deploy.md | sed -nE "s/^( *\`)?sudo ([^\`]*).*/\\2/p"
}

install_archives() {
    cp -r "$work"/latchkey-*-server-*/ "$work/root/root/" || return
    commands '^### Archives' >"$work/commands"
    inside sh -ec "cd /root/latchkey-auth-server-*/; $(<"$work/commands")" || return
    sed -i 's/auth-server/resource-server/g; s/jwt_refresh_secret key_encryption_secret//; /sysusers/d' "$work/commands"
    inside sh -ec "cd /root/latchkey-resource-server-*/; $(<"$work/commands")"
}

is_refused() {
    ! install_packages packages latchkey-auth-server 2>"$work/refusal" &&
        grep "restore it from your backup" "$work/refusal"
}

# wait_for NAME SECONDS CONDITION...
wait_for() {
    local name=$1 deadline=$((SECONDS + $2))
    until "${@:3}" 2>/dev/null; do
        if ((SECONDS > deadline)); then
            echo "$name: not ready within $2 s"
            return 1
        fi
        sleep 0.2
    done
}

in_folder() (
    cd "$1" && "${@:2}"
)

nspawn=""
leader=""

clean_up() {
    if [[ -n $nspawn ]]; then
        [[ -z $leader ]] || kill -KILL "$leader" 2>/dev/null || true
        [[ -n $leader ]] || kill -KILL "$nspawn" 2>/dev/null || true
        wait "$nspawn" 2>/dev/null || true
    fi
    rm -rf -- "$work"
}

passed=0
failed=0

# prepare COMMAND...: runs it, and shows its output only if it fails.
prepare() {
    local started=$SECONDS
    if ! "$@" >"$work/log" 2>&1; then
        tail -n 40 "$work/log"
        echo "FAILED  $*"
        failed=1
        finish
    fi
    echo "$1: $((SECONDS - started)) s"
}

# check SENTENCE COMMAND...: runs a test. A failure ends the run, because later tests depend on earlier ones.
check() {
    local sentence=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$sentence"
    else
        failed=1
        printf 'FAILED  %s\n' "$sentence"
        tail -n 40 "$work/log" | sed 's/^/        /'
        [[ -z $leader ]] || inside journalctl --no-pager --lines=40 | sed 's/^/        /'
        finish
    fi
}

finish() {
    printf '\n%s passed, %s failed\n' "$passed" "$failed"
    [[ $failed -eq 0 ]]
    exit
}

main "$@"
