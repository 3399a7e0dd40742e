#!/usr/bin/env bash
# Makes sure that there is a browser for the tests that look at the desk: Debian's Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/system.sh

command -v chromium >/dev/null || apt_install chromium 'Chromium, in which tests look at the desk,'
