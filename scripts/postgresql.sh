#!/usr/bin/env bash
# Makes sure that there is a PostgreSQL for the tests to start; nothing else needs one.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/system.sh

# Debian keeps the server's own programs out of PATH.
PATH=$PATH:$(printf '%s:' /usr/lib/postgresql/*/bin)
if command -v initdb >/dev/null; then exit 0; fi
apt_install postgresql "PostgreSQL"
