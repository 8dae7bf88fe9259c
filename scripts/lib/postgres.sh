# shellcheck shell=bash disable=SC2034,SC2154 # variables that other files set or read
# A throw-away PostgreSQL.

postgres_hint="Install version 14 or newer (Debian: postgresql; Fedora: postgresql-server; Homebrew: postgresql@18), or set TEST_POSTGRES_URL."
postgres_bin=

postgres_packages() {
  echo postgresql
}

# Leaves in $postgres_bin where initdb and postgres are, newest version first: most distributions
# keep them out of PATH. 14 is the oldest version that we support.
find_postgres() {
  local version
  if command -v initdb >/dev/null && command -v postgres >/dev/null; then
    postgres_bin=$(dirname "$(command -v initdb)")
    return
  fi
  for ((version = 40; version >= 14; version--)); do
    for postgres_bin in \
      "/usr/lib/postgresql/$version/bin" \
      "/usr/pgsql-$version/bin" \
      "/usr/lib/postgresql$version/bin" \
      "/usr/libexec/postgresql$version" \
      "/opt/homebrew/opt/postgresql@$version/bin" \
      "/usr/local/opt/postgresql@$version/bin" \
      "/home/linuxbrew/.linuxbrew/opt/postgresql@$version/bin" \
      "/opt/local/lib/postgresql$version/bin" \
      "/Library/PostgreSQL/$version/bin" \
      "/Applications/Postgres.app/Contents/Versions/$version/bin"; do
      if [ -x "$postgres_bin/initdb" ] && [ -x "$postgres_bin/postgres" ]; then return; fi
    done
  done
  postgres_bin=/usr/local/pgsql/bin
  [ -x "$postgres_bin/initdb" ] && [ -x "$postgres_bin/postgres" ]
}

start_postgres() {
  new_server_directory postgres
  echo test >"$server_root/postgres.password"
  chmod 644 "$server_root/postgres.password"
  as_server "$postgres_bin/initdb" --pgdata="$directory/data" --username=test \
    --auth=password --pwfile="$server_root/postgres.password" \
    --encoding=UTF8 --no-locale --no-sync

  local version
  version=$("$postgres_bin/postgres" --version) # postgres (PostgreSQL) 15.18 (Debian 15.18-0)
  version=${version#*) }
  # Stopped the fast way, then the immediate way.
  start_server "PostgreSQL ${version%% *}" postgres_command probe_postgres INT QUIT
  postgres_url=postgres://test:test@127.0.0.1:$port/postgres
}

# No Unix socket: its path might be too long, and nobody needs it.
postgres_command() {
  server_command=(
    "$postgres_bin/postgres" -D "$directory/data" -p "$port"
    -c listen_addresses=127.0.0.1 -c unix_socket_directories=
    -c max_connections=200
  )
  [ "${POSTGRES_FSYNC:-off}" = on ] ||
    server_command+=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
}

probe_postgres() {
  local psql=$postgres_bin/psql
  [ -x "$psql" ] || psql=psql
  env -u PGSERVICE -u PGOPTIONS PGPASSWORD=test "$psql" --no-psqlrc --tuples-only --no-align \
    --command='SHOW data_directory' \
    "host=127.0.0.1 port=$port user=test dbname=postgres sslmode=disable connect_timeout=5"
}
