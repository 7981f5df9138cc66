# Builds one small image for each server:
#
#   docker build --target auth-server .
#   docker build --target resource-server .
#
# The servers run as user 10001, do not write to the file system, and read their settings from the environment.
# To use a mirror, set the base images with --build-arg. Both images must have the same Debian release, for glibc.
ARG RUST_IMAGE=rust:1.95-slim-trixie
ARG DEBIAN_IMAGE=debian:trixie-slim

# The manifests, with empty sources. They change rarely, so that the layer with the compiled dependencies stays cached.
FROM ${DEBIAN_IMAGE} AS skeleton
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock \
        ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -path '*/src/bin/*.rs' -delete \
    && find . -type d -empty -delete \
    && find . -name '*.rs' -exec sh -c 'for file; do echo "fn main() { }" >"$file"; done' sh {} +

FROM ${RUST_IMAGE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpq-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Compiles the dependencies, which takes most of the time. Cached until a manifest or the lock file changes.
COPY --from=skeleton /src .
RUN cargo build --release --locked --package auth-server --package resource-server
# The sources may be older than the empty ones. Without a new modification time cargo would not rebuild them.
COPY . .
RUN find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && cargo build --release --locked --package auth-server --package resource-server

# The files of both images: a server, the libraries that it loads, its manual pages, certificate authorities, and BusyBox for a shell. Without
# the rest of Debian, the images are a third as large or less, and an attacker finds fewer programs.
FROM ${DEBIAN_IMAGE} AS files
RUN apt-get update \
    && apt-get install --yes --no-install-recommends busybox-static ca-certificates libpq5 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/auth-server /src/target/release/resource-server /usr/local/bin/
RUN set -eu; for server in auth-server resource-server; do \
        program=/usr/local/bin/$server; \
        mkdir -p "/$server/bin" "/$server/etc" "/$server/usr/local/share/man/man1"; \
        "$program" man "/$server/usr/local/share/man/man1"; \
        cp --parents --dereference --target-directory="/$server" "$program" $(ldd "$program" | grep -o '/[^ ]*') \
            /usr/bin/busybox /etc/nsswitch.conf /etc/ssl/certs/ca-certificates.crt; \
        for command in $(busybox --list); do ln -s /usr/bin/busybox "/$server/bin/$command"; done; \
        echo 'latchkey:x:10001:10001::/nonexistent:/bin/sh' >"/$server/etc/passwd"; \
    done

FROM scratch AS auth-server
LABEL org.opencontainers.image.title="Latchkey auth server" \
    org.opencontainers.image.description="Signs users in, issues access tokens, and rotates refresh tokens" \
    org.opencontainers.image.source="https://github.com/latchkey-auth/latchkey" \
    org.opencontainers.image.documentation="https://github.com/latchkey-auth/latchkey/blob/main/docs/containers.md" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=files /auth-server /
ENV PATH=/usr/local/bin:/bin
# Numeric, because Kubernetes' runAsNonRoot cannot check a user name.
USER 10001:10001
# A container's loopback address cannot be reached from outside. Huge pages make argon2 faster.
ENV BIND_ADDR=0.0.0.0:8080 GLIBC_TUNABLES=glibc.malloc.hugetlb=1
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["auth-server", "healthcheck"]
# No shell in between, so that SIGTERM reaches the server, which then finishes pending requests.
ENTRYPOINT ["auth-server"]

FROM scratch AS resource-server
LABEL org.opencontainers.image.title="Latchkey resource server" \
    org.opencontainers.image.description="An example API that validates access tokens" \
    org.opencontainers.image.source="https://github.com/latchkey-auth/latchkey" \
    org.opencontainers.image.documentation="https://github.com/latchkey-auth/latchkey/blob/main/docs/containers.md" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=files /resource-server /
ENV PATH=/usr/local/bin:/bin
USER 10001:10001
ENV BIND_ADDR=0.0.0.0:8081
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["resource-server", "healthcheck"]
ENTRYPOINT ["resource-server"]
