#!/usr/bin/env bash
# Pins the image's base in deploy/Dockerfile to what a tag is now: scripts/pin_base.sh [TAG].
# Without a tag, the one that is pinned already. It asks the registry, so it needs the network and
# Docker's buildx.
set -euo pipefail
cd "$(dirname "$0")/.."

file=deploy/Dockerfile
pinned=$(sed -n 's/^ARG BASE=//p' "$file")
tag=${1:-${pinned%@*}}
digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}')
if ! [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]; then
  echo "pin_base: the registry says no digest of $tag: $digest" >&2
  exit 1
fi
sed -i "s|^ARG BASE=.*|ARG BASE=$tag@$digest|" "$file"
echo "pin_base: $tag is $digest"
