#!/usr/bin/env bash
# Makes sure that there is a provider of OpenID Connect for the tests to sign in with: the package
# that tests/oidc/package-lock.json pins, in STEWARD_VENV/oidc (or .venv/oidc).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/system.sh

venv=${STEWARD_VENV:-$PWD/.venv}
place=$venv/oidc
lock=tests/oidc/package-lock.json
if cmp --silent "$lock" "$place/installed.json"; then exit 0; fi

say "installing a provider of OpenID Connect, for tests"
mkdir -p "$place"
cp tests/oidc/package.json "$lock" "$place"
PATH=$venv/bin:$PATH quietly npm ci --prefix "$place" --ignore-scripts --no-audit --no-fund
cp "$lock" "$place/installed.json"
