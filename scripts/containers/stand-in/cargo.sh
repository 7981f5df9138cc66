#!/bin/sh
# Stands in for cargo in the build stage, where compiling anew would take too long: hands out what the host has built.
set -eu
mkdir -p target/release
cp /opt/release/* target/release/
