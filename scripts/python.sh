# Sourced by setup.sh: which Python makes the environment.

# The versions that every pinned package has wheels for.
oldest_python=3.11 newest_python=3.14

# is_supported PYTHON: whether it is of such a version, and has what makes environments.
is_supported() {
  "$1" -c '
import ensurepip, sys
oldest, newest = (tuple(map(int, each.split("."))) for each in sys.argv[1:])
sys.exit(not oldest <= sys.version_info[:2] <= newest)' \
    "$oldest_python" "$newest_python" 2>/dev/null
}

# supported_python: prints the first that will do, or fails.
supported_python() {
  local each
  for each in ${STEWARD_PYTHON:-python3.11 python3.12 python3.13 python3.14 python3}; do
    if is_supported "$each"; then
      printf '%s\n' "$each"
      return
    fi
  done
  return 1
}

# require_python: prints one that will do, which Debian is asked for if there is none.
require_python() {
  local wanted="Python $oldest_python to $newest_python with its venv module"
  if supported_python; then return; fi
  if [ -n "${STEWARD_PYTHON-}" ]; then
    say "STEWARD_PYTHON: $STEWARD_PYTHON is not $wanted"
    return 1
  fi
  apt_install python3-venv "$wanted" || return 1
  if supported_python; then return; fi
  say "this system's own Python is not $oldest_python to $newest_python; please install one of" \
    "these, and name its program in STEWARD_PYTHON"
  return 1
}
