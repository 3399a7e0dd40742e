#!/usr/bin/env bash
# Writes what runs Steward, each package with its version and its hashes, as a CycloneDX document:
# scripts/sbom.sh [FILE]. It reads the lock alone, and asks nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

file=${1:-build/sbom.json}
mkdir -p "$(dirname "$file")"
# The lock does not say who needs whom, of which the library would warn.
PYTHONWARNINGS=ignore cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
  --mc-type application --spec-version 1.6 --output-reproducible --output-file "$file"
echo "sbom: $file"
