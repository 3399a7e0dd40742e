#!/usr/bin/env bash
# Makes sure that there is promtool, with which the alert rules are tested: the one that is
# installed, or that of Debian's package prometheus. Only the program is taken out of the package:
# installing it would start a server.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/system.sh

into=${STEWARD_VENV:-$PWD/.venv}/bin
if command -v promtool >/dev/null || [ -x "$into/promtool" ]; then exit 0; fi

missing() {
  say "promtool, which tests the alert rules, is missing; please install it (on Debian: apt-get" \
    "install prometheus)"
  exit 1
}
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || missing

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
say "taking promtool, which tests the alert rules, out of Debian's package prometheus"
fetch() { (cd "$place" && apt-get download -qq prometheus) >/dev/null 2>&1; }
refresh() { [ "$(id -u)" = 0 ] && quietly apt-get update -qq || quietly sudo -n apt-get update -qq; }
fetch || { refresh && fetch; } || missing
dpkg-deb --fsys-tarfile "$place"/prometheus_*.deb | tar -x -C "$place" ./usr/bin/promtool
install -m 755 "$place/usr/bin/promtool" "$into/promtool"
