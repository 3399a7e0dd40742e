#!/usr/bin/env bash
# Runs tests, and measures what of domain/ and workflows/ they run: lines, and branches between
# them. Fails below the floor in pyproject.toml, and names the lines. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/system.sh

# Chance is the same in every run, so that the figure is, too.
CI=1 pytest -q -n 2 --cov --cov-report= --cov-fail-under=0 "$@"

covered=$(coverage report --format=total --fail-under=0)
if ! missing=$(coverage report --skip-covered --show-missing); then
  printf '%s\n' "$missing" >&2
  say "$covered % of domain/ and workflows/ is less than fail_under in pyproject.toml: test what is missing"
  exit 1
fi
say "$covered % of the lines and branches of domain/ and workflows/"
