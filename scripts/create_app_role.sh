#!/bin/sh
# Run by the postgres image on a new volume: the role of web, worker and scheduler. What it may do comes from
# `flask grant-app-role` after each migration. On an older volume run it once by hand:
#   docker compose exec postgres sh /docker-entrypoint-initdb.d/create_app_role.sh
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$APP_PASSWORD" <<'SQL'
CREATE ROLE tusker_app LOGIN PASSWORD :'password';
SQL
