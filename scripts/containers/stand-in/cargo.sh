#!/bin/sh
# Replaces cargo in the build stage: copies the binaries that the host has built, because compiling takes too long.
set -eu
mkdir -p target/release
cp /opt/release/* target/release/
