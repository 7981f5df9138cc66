#!/usr/bin/env bash
# Starts each app, or those that are named, on a throwaway PostgreSQL server, and checks login, refresh, reuse and the
# protected route.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec scripts/postgres.sh run -- python3 bench/peers/check.py "$@"
