#!/usr/bin/env bash
# Makes the Python environment (STEWARD_VENV, or .venv) match requirements.txt and
# requirements-dev.txt. STEWARD_PYTHON names the Python that makes it; else one is found.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/system.sh
. scripts/python.sh

venv=${STEWARD_VENV:-$PWD/.venv}
python=$venv/bin/python
stamp=$venv/.steward
# The place counts too: an environment shared by two checkouts serves the one set up last.
wanted="$PWD $(cat requirements.txt requirements-dev.txt pyproject.toml | cksum)"

if [ -x "$python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

if ! [ -x "$python" ]; then
  made_by=$(require_python)
  say "making the environment $venv with $("$made_by" --version)"
  quietly "$made_by" -m venv "$venv"
fi
if ! is_supported "$python"; then
  say "$venv is not of Python $oldest_python to $newest_python; remove it, or name another place in" \
    "STEWARD_VENV"
  exit 1
fi

packages=$(grep -ho '^[a-z0-9-]*==' requirements.txt requirements-dev.txt | sort -u | wc -l)
say "installing $packages packages: seconds to a minute, by your network"
only_uv() { sed -n '/^uv==/,/[^\\]$/p' requirements-dev.txt; }
with_pip() { quietly "$python" -m pip install -qq --require-hashes "${@/#/--requirement=}"; }
with_uv() { quietly "$venv/bin/uv" --quiet --system-certs pip "$@" --python "$python"; }
with_pip <(only_uv)
if ! with_uv sync --require-hashes requirements.txt requirements-dev.txt; then
  say "once more with pip, which may know an index or a certificate that uv does not"
  with_pip requirements.txt requirements-dev.txt
fi
with_uv install --no-deps --no-build-isolation --editable .
printf '%s\n' "$wanted" >"$stamp"
say "ready"
