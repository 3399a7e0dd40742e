# Sourced by the other scripts: how they speak, and how they ask the system for a package.

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }

# quietly COMMAND…: its output is shown only when it fails.
quietly() {
  local output
  output=$("$@" 2>&1) || {
    printf '%s\n' "$output" >&2
    say "failed: $*"
    return 1
  }
}

# apt_install PACKAGE PURPOSE: fails, with one line that says what to do, where it may not.
apt_install() {
  local package=$1 purpose=$2 as_root='sudo -n'
  if [ "$(id -u)" = 0 ]; then as_root=env; fi
  if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    say "$purpose is missing; please install it (on Debian: apt-get install $package)"
    return 1
  fi
  say "installing $purpose from Debian's package $package"
  quietly $as_root apt-get update -qq
  quietly $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --no-install-recommends "$package"
}
