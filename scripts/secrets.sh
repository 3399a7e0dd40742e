#!/usr/bin/env bash
# Makes the files of secrets that the compose file hands to its services, in deploy/secrets or in the
# folder given: scripts/secrets.sh [FOLDER]. A file that is there stays as it is. What only others
# know begins as an empty file, which says that there is no such secret.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-${STEWARD_SECRETS:-deploy/secrets}}
mkdir -p "$folder"
# Containers run as users of their own, who have to read their files: what others on this host may
# not do is enter the folder.
chmod 0700 "$folder"

make() { # make NAME COMMAND…: the file holds what the command prints
  local file=$folder/$1
  shift
  if [ -e "$file" ]; then return; fi
  "$@" >"$file.new"
  chmod 0644 "$file.new"
  mv "$file.new" "$file"
  echo "secrets: made $file"
}
random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
password() { random 24; }
signing() { printf 'whsec_%s' "$(random 32)"; }
key_ring() { # one key, as `steward keys new` prints it
  printf '%s:%s\n' "$(head -c 4 /dev/urandom | od -An -tx1 | tr -d ' \n')" "$(random 32)"
}
nothing() { :; }
for_temporal() { # Temporal's programs read their password from the environment alone
  printf '%s=%s\n' POSTGRES_PWD "$(cat "$folder/temporal-database-password")" \
    SQL_PASSWORD "$(cat "$folder/temporal-database-password")"
}

make postgresql-password password
make database-owner-password password
make database-password password
make temporal-database-password password
make temporal.env for_temporal
make keys key_ring
make hook-secrets signing
make grafana-password password
for others in smtp-url job-system-token events-secrets oidc-client-secret metrics-token; do
  make "$others" nothing
done
