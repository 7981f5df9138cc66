# Both servers, each in a small image of its own:
#
#   docker build --target auth-server .
#   docker build --target resource-server .
#
# They run as user 10001, write nothing to their file system, and take their settings from the environment.
# Behind a mirror, name the base images by --build-arg. The Debian of both must be the same, as glibc is.
ARG RUST_IMAGE=rust:1.95-slim-trixie
ARG DEBIAN_IMAGE=debian:trixie-slim

# What cargo needs to know of the workspace, and nothing that changes from day to day: manifests, and empty programs.
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
# The dependencies take most of the time. This layer is used again until a manifest or the lock file changes.
COPY --from=skeleton /src .
RUN cargo build --release --locked --package auth-server --package resource-server
# Sources may be older than the empty programs, which cargo would then take for up to date.
COPY . .
RUN find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && cargo build --release --locked --package auth-server --package resource-server

FROM ${DEBIAN_IMAGE} AS auth-server
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libpq5 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin latchkey
COPY --from=build /src/target/release/auth-server /usr/local/bin/
# By number, so that Kubernetes' runAsNonRoot can tell that it is not root.
USER 10001:10001
# The loopback of a container reaches nobody.
ENV BIND_ADDR=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["auth-server", "healthcheck"]
# No shell in between, so that SIGTERM reaches the server, which then lets requests under way finish.
ENTRYPOINT ["auth-server"]

FROM ${DEBIAN_IMAGE} AS resource-server
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin latchkey
COPY --from=build /src/target/release/resource-server /usr/local/bin/
USER 10001:10001
ENV BIND_ADDR=0.0.0.0:8081
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["resource-server", "healthcheck"]
ENTRYPOINT ["resource-server"]
