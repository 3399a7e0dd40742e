#!/usr/bin/env bash
# Writes requirements.txt: every package pinned and hashed, and no word of where it came from.
set -euo pipefail
cd "$(dirname "$0")/.."

uv --quiet pip compile requirements.in --output-file requirements.txt \
  --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --no-header
if grep --line-number '://' requirements.txt; then
  echo 'lock: requirements.txt names a place' >&2
  exit 1
fi
