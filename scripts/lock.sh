#!/usr/bin/env bash
# Writes requirements.txt (for running) and requirements-dev.txt (for developing): every package
# pinned and hashed, and no word of where it came from. A lock is universal: its hashes are those of
# every wheel, whatever Python from 3.11 on it is for.
set -euo pipefail
cd "$(dirname "$0")/.."

for name in requirements requirements-dev; do
  uv --quiet pip compile "$name.in" --output-file "$name.txt" \
    --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header
done
if grep --line-number '://' requirements.txt requirements-dev.txt; then
  echo 'lock: a requirements file names a place' >&2
  exit 1
fi
