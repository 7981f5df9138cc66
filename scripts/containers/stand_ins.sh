# shellcheck shell=bash
# Builds substitutes for the base images from Debian packages, for a daemon that cannot pull the real ones. Source this
# file. docker-compose.yml and the Dockerfile use them through their settings, without changes.

stand_ins=scripts/containers/stand-in

# base_image NAME: prints the default of this setting in docker-compose.yml, such as debian:trixie-slim.
base_image() {
    sed -nE "s/.*\\\$\\{$1:-([^}]*)\\}.*/\\1/p" docker-compose.yml docker-compose.production.yml | sort -u
}

# Pulls the real images. Fails if one is not available.
base_images_pull() {
    local name
    for name in DEBIAN_IMAGE RUST_IMAGE POSTGRES_IMAGE CADDY_IMAGE; do
        docker image inspect "$(base_image "$name")" >/dev/null 2>&1 || docker pull "$(base_image "$name")" || return
    done
}

# stand_ins_make FOLDER compile|copy: builds all of them and sets DEBIAN_IMAGE, RUST_IMAGE, POSTGRES_IMAGE and CADDY_IMAGE.
# The servers are compiled in the container with the host's toolchain, or copied from the host.
stand_ins_make() {
    local folder=$1 how=$2
    export DEBIAN_IMAGE=latchkey-stand-in/debian RUST_IMAGE=latchkey-stand-in/rust
    export POSTGRES_IMAGE=latchkey-stand-in/postgres CADDY_IMAGE=latchkey-stand-in/caddy
    stand_in_debian "$folder" && stand_in_postgres && stand_in_caddy && "stand_in_rust_$how" "$folder"
}

stand_in_debian() {
    local tree=$1/debian suite
    suite=$(base_image DEBIAN_IMAGE)
    suite=${suite#debian:}
    debootstrap --variant=minbase "${suite%-slim}" "$tree" || return
    # As in the real image: no documentation and no apt caches, now or later.
    printf 'path-exclude /usr/share/%s/*\n' doc man locale >"$tree/etc/dpkg/dpkg.cfg.d/docker"
    printf '%s ""; ' Dir::Cache::pkgcache Dir::Cache::srcpkgcache >"$tree/etc/apt/apt.conf.d/docker-clean"
    echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };' >>"$tree/etc/apt/apt.conf.d/docker-clean"
    tar --directory "$tree" --exclude='./var/cache/apt/*.bin' --exclude='./var/cache/apt/archives/*.deb' \
        --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
        --exclude='./usr/share/locale/*' --create . | docker import - "$DEBIAN_IMAGE" || return
    rm -rf -- "$tree"
}

stand_in_postgres() {
    local major
    major=$(base_image POSTGRES_IMAGE)
    major=${major#postgres:}
    docker build --network host --tag "$POSTGRES_IMAGE" --file - "$stand_ins" <<EOF
FROM $DEBIAN_IMAGE
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-common \
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && apt-get install --yes --no-install-recommends postgresql-${major%%-*} \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner postgres --group postgres --mode 1777 /var/lib/postgresql/data \
    && install --directory --owner postgres --group postgres --mode 3777 /run/postgresql
COPY postgres.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/lib/postgresql/${major%%-*}/bin PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
EOF
}

stand_in_caddy() {
    docker build --network host --tag "$CADDY_IMAGE" - <<EOF
FROM $DEBIAN_IMAGE
RUN apt-get update \
    && apt-get install --yes --no-install-recommends caddy wget \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir /config /data
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
EOF
}

# The host's binaries run in the container if the host's C library is not newer than the container's.
stand_in_rust_copy() {
    local folder=$1/rust target
    cargo build --release --locked --package auth-server --package resource-server || return
    target=$(cargo metadata --format-version 1 --no-deps --locked | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
    mkdir -p "$folder" && cp "$target"/release/{auth,resource}-server "$stand_ins/cargo.sh" "$folder" || return
    docker build --tag "$RUST_IMAGE" --file - "$folder" <<EOF
FROM $DEBIAN_IMAGE
COPY auth-server resource-server /opt/release/
COPY cargo.sh /usr/local/bin/cargo
EOF
}

# Includes the host's certificate authorities: a TLS proxy of the host also intercepts the container's connections.
stand_in_rust_compile() {
    local container status=0
    container=$(docker create --network host "$DEBIAN_IMAGE" sh -c 'apt-get update &&
        apt-get install --yes --no-install-recommends gcc libc6-dev ca-certificates && rm -rf /var/lib/apt/lists/*') || return
    docker start --attach "$container" &&
        tar --directory "$(rustc --print sysroot)" --exclude=./share --create . |
        docker cp - "$container:/usr/local" &&
        docker cp /etc/ssl/certs/ca-certificates.crt "$container:/etc/ssl/certs/ca-certificates.crt" &&
        docker commit "$container" "$RUST_IMAGE" || status=1
    docker rm "$container"
    return "$status"
}
