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

FROM ${DEBIAN_IMAGE} AS auth-server
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libpq5 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin latchkey
COPY --from=build /src/target/release/auth-server /usr/local/bin/
# Numeric, because Kubernetes' runAsNonRoot cannot check a user name.
USER 10001:10001
# A container's loopback address cannot be reached from outside.
ENV BIND_ADDR=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["auth-server", "healthcheck"]
# No shell in between, so that SIGTERM reaches the server, which then finishes pending requests.
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
