#!/usr/bin/env bash
# Keeps a release for the tests that upgrade from it: scripts/release_asset.sh COMMIT NAME
# writes tests/releases/NAME.zip, which replaces the one of the release before.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=${1:?the commit that was released} name=${2:?what the release is called, such as 2026-11-29}
rm -f tests/releases/*.zip
# The ZIP code table is data, large, and the same in every release.
git archive --format=zip -9 --output="tests/releases/$name.zip" "$commit" -- \
  domain store activities workflows workers service starters ':!domain/zips.csv'
