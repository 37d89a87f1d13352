#!/bin/sh
# Run once by the image of PostgreSQL, on an empty database: the role that the service signs in as. What it may
# do is granted to it by `micgate db upgrade`.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$(cat /run/secrets/database_app_password)" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create role micgate_app login password :'password';
SQL
