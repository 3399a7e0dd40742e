#!/usr/bin/env bash
# Makes Steward's and Temporal's databases, and three users of which none may do more than it has to:
#
#   steward      owns the database `steward`: `steward setup` brings its schema up to date
#   steward_app  reads and writes its rows, and changes no schema: the worker and the API
#   temporal     owns the databases `temporal` and `temporal_visibility`, and enters no other
#
# PostgreSQL's image runs it once, when its folder is empty. Running it again is safe: it makes what
# is missing, and gives each user the password of today's file. So it is also how passwords change,
# and how an installation of an earlier release gets its users (docs/operations.md).
set -euo pipefail

export SECRETS=${SECRETS:-/run/secrets}
administrator=(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}")

"${administrator[@]}" --dbname postgres <<'SQL'
-- The passwords come from files: on a command line everybody on the host could read them.
\set owners `cat "$SECRETS/database-owner-password"`
\set apps `cat "$SECRETS/database-password"`
\set temporals `cat "$SECRETS/temporal-database-password"`

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['steward', 'steward_app', 'temporal']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
ALTER ROLE steward PASSWORD :'owners';
ALTER ROLE steward_app PASSWORD :'apps';
ALTER ROLE temporal PASSWORD :'temporals';

SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
FROM (VALUES ('steward', 'steward'), ('temporal', 'temporal'), ('temporal_visibility', 'temporal'))
  AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)
\gexec
ALTER DATABASE temporal OWNER TO temporal;
ALTER DATABASE temporal_visibility OWNER TO temporal;
REVOKE ALL ON DATABASE steward, temporal, temporal_visibility FROM PUBLIC;
GRANT CONNECT ON DATABASE steward TO steward_app;
SQL

"${administrator[@]}" --dbname steward <<'SQL'
GRANT USAGE ON SCHEMA public TO steward_app;
-- What there is already, and whatever a later schema adds.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO steward_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO steward_app;
ALTER DEFAULT PRIVILEGES FOR ROLE steward IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO steward_app;
ALTER DEFAULT PRIVILEGES FOR ROLE steward IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO steward_app;
SQL

for database in temporal temporal_visibility; do
  "${administrator[@]}" --dbname "$database" <<'SQL'
-- What an earlier release made as another user belongs to Temporal's own from now on.
SELECT format('ALTER TABLE %I.%I OWNER TO temporal', schemaname, tablename)
FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'temporal'
\gexec
SELECT format('ALTER FUNCTION %s OWNER TO temporal', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
  AND proowner <> 'temporal'::regrole
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
\gexec
SQL
done
