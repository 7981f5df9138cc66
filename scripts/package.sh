#!/usr/bin/env bash
# Builds what a release consists of.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/stacks.sh
source scripts/stacks.sh

help() {
    cat <<'TEXT'
scripts/package.sh [--binaries FOLDER] [OUTPUT]

Builds both servers for this machine, and writes to the folder OUTPUT [target/package/VERSION], for each server: a tar.gz
archive, a Debian package, and a software bill of materials (CycloneDX 1.5, JSON); and SHA256SUMS. Replaces the folder.
Installs cargo-deb and cargo-cyclonedx from crates.io in cargo's target folder. Requires dpkg-dev.

  --binaries FOLDER   take auth-server and resource-server from there instead of building them

Exit status: 0 done, 1 something failed, 2 something is missing or an argument is wrong.
TEXT
}

cargo_deb=3.8.0
cargo_cyclonedx=0.5.9

main() {
    parse_arguments "$@"
    if ! command -v dpkg-shlibdeps >/dev/null; then
        echo "dpkg-shlibdeps was not found: apt-get install dpkg-dev" >&2
        exit 2
    fi
    target=$(target_folder)
    work=$target/package/work
    version=$(sed -nE '/^\[workspace.package\]/,/^$/s/^version = "(.*)"/\1/p' Cargo.toml)
    triple=$(rustc -vV | sed -n 's/^host: //p')
    output=${output:-$target/package/$version}
    # Everything has the time of the commit, so that the same sources result in the same archives.
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH

    install_tool cargo-deb "$cargo_deb"
    install_tool cargo-cyclonedx "$cargo_cyclonedx"
    if [[ -z $binaries ]]; then
        cargo build --release --locked --package auth-server --package resource-server
        binaries=$target/release
    fi
    # cargo-deb finds the files of `target/release` in the release folder of its target folder.
    staged=$work/release
    rm -rf -- "$work" "$output"
    mkdir -p "$staged/completions" "$staged/licences" "$staged/man" "$output"
    gzip --no-name -9 <CHANGELOG.md >"$staged/changelog.gz"
    debian_changelog | gzip --no-name -9 >"$staged/changelog.Debian.gz"
    local server
    for server in auth-server resource-server; do
        stage "$server"
        make_archive "$server"
        make_debian_package "$server"
    done
    (cd "$output" && sha256sum -- * >SHA256SUMS)
    echo "$output:"
    ls -sh "$output"
}

parse_arguments() {
    binaries=""
    output=""
    while [[ $# -gt 0 ]]; do
        case $1 in
            --binaries) binaries=${2:?--binaries requires a folder} && shift ;;
            --help | -h) help && exit 0 ;;
            -*) echo "unknown argument: $1 (see scripts/package.sh --help)" >&2 && exit 2 ;;
            *) output=$1 ;;
        esac
        shift
    done
}

# install_tool CRATE VERSION: installs the version, unless it is there.
install_tool() {
    if ! grep --quiet --no-messages "^\"$1 $2 " "$target/tools/.crates.toml"; then
        cargo install "$1" --version "$2" --locked --quiet --root "$target/tools" --target-dir "$target/tools/build"
        rm -rf -- "$target/tools/build"
    fi
}

# stage SERVER: the program, and everything that is made from it.
stage() {
    local server=$1 shell
    install --strip "$binaries/$server" "$staged/$server"
    mkdir "$staged/man/$server"
    "$staged/$server" man "$staged/man/$server" >/dev/null
    gzip --no-name -9 "$staged/man/$server"/*
    for shell in bash zsh fish; do
        "$staged/$server" completions "$shell" >"$staged/completions/$server.$shell"
    done
    make_bill_of_materials "$server"
    cargo metadata --format-version 1 --locked |
        python3 scripts/package/licences.py "$output/latchkey-$server-$version-$triple.cdx.json" >"$staged/licences/$server.txt"
}

# cargo-cyclonedx writes a file into the folder of every crate of the workspace, and paths of this machine into the file.
make_bill_of_materials() {
    local name=latchkey-bill-of-materials
    "$target/tools/bin/cargo-cyclonedx" cyclonedx --quiet --manifest-path "$1/Cargo.toml" --target "$triple" \
        --format json --spec-version 1.5 --no-build-deps --override-filename "$name"
    sed "s#file://$PWD/#file://#g" "$1/$name.json" >"$output/latchkey-$1-$version-$triple.cdx.json"
    rm -- */"$name.json"
}

# The archive for other systems than Debian.
make_archive() {
    local server=$1 name=latchkey-$1-$version-$triple folder
    folder=$work/$name
    mkdir "$folder" "$folder/completions" "$folder/systemd"
    cp -r "$staged/man/$server" "$folder/man"
    cp "$staged/$server" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$folder"
    cp "$staged/licences/$server.txt" "$folder/THIRD-PARTY.txt"
    cp "$staged/completions/$server".* "$folder/completions"
    cp "deploy/systemd/latchkey-$server.service" "deploy/systemd/$server.env" deploy/systemd/make-secrets.sh "$folder/systemd"
    [[ $server != auth-server ]] || cp -r deploy/systemd/sysusers.d "$folder/systemd"
    tar --directory="$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=go-w --mtime="@$SOURCE_DATE_EPOCH" \
        --create "$name" | gzip --no-name -9 >"$output/$name.tar.gz"
}

make_debian_package() {
    CARGO_TARGET_DIR=$work "$target/tools/bin/cargo-deb" --quiet --no-build --no-strip --locked --package "$1" \
        --output "$output"
}

# Debian expects its own format. The changes are in CHANGELOG.md.
debian_changelog() {
    cat <<TEXT
latchkey ($version-1) stable; urgency=medium

  * See CHANGELOG.md.

 -- Latchkey maintainers <latchkey-auth@users.noreply.github.com>  $(date --utc --date="@$SOURCE_DATE_EPOCH" -R)
TEXT
}

main "$@"
