#!/usr/bin/env bash
# Holds the import contracts of pyproject.toml; speaks only of a broken one.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/system.sh

quietly lint-imports --no-logo
