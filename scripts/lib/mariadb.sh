# shellcheck shell=bash disable=SC2034,SC2154 # variables that other files set or read
# A throw-away MariaDB; MySQL where that is what is installed.

mariadb_hint="Install it (Debian, Fedora: mariadb-server; Homebrew: mariadb) or MySQL 8, or set TEST_MYSQL_URL."

# Servers are often kept out of an ordinary user's PATH.
mariadb_places=/usr/sbin:/usr/libexec:/usr/local/sbin:/usr/local/mysql/bin:/usr/local/mariadb/bin
mariadb_places+=:/opt/homebrew/opt/mariadb/bin:/opt/homebrew/opt/mysql/bin
mariadb_places+=:/usr/local/opt/mariadb/bin:/usr/local/opt/mysql/bin
mariadb_places+=:/home/linuxbrew/.linuxbrew/opt/mariadb/bin:/opt/local/lib/mariadb/bin

# Debian's -core packages are the programs alone, with no service. Older releases do not have them
# under these names.
mariadb_packages() {
  echo mariadb-server-core mariadb-client-core
  echo mariadb-server
}

# Leaves the programs in $mariadb_server, $mariadb_client and, unless it is MySQL, $mariadb_install.
find_mariadb() {
  mariadb_server=$(find_mariadb_program mariadbd mysqld) &&
    mariadb_client=$(find_mariadb_program mariadb mysql) &&
    mariadb_version=$("$mariadb_server" --no-defaults --version 2>/dev/null) || return 1
  mariadb_install=
  is_mysql || mariadb_install=$(find_mariadb_program mariadb-install-db mysql_install_db)
}

find_mariadb_program() {
  local name
  PATH=$PATH:$mariadb_places
  for name in "$@"; do
    if type -P "$name"; then return; fi
  done
  return 1
}

is_mysql() {
  case $mariadb_version in
    *MariaDB*) return 1 ;;
  esac
}

start_mariadb() {
  new_server_directory mariadb
  if is_mysql; then
    as_server "$mariadb_server" --no-defaults --initialize-insecure --datadir="$directory/data" \
      --secure-file-priv="$directory"
  else
    as_server "$mariadb_install" --no-defaults --datadir="$directory/data" --skip-name-resolve \
      --auth-root-authentication-method=normal --skip-test-db
  fi
  # Run at every start, so it must bear being run again. One statement a line.
  cat >"$server_root/mariadb.sql" <<'SQL'
CREATE DATABASE IF NOT EXISTS test;
CREATE USER IF NOT EXISTS 'test'@'127.0.0.1' IDENTIFIED BY 'test';
GRANT ALL PRIVILEGES ON *.* TO 'test'@'127.0.0.1' WITH GRANT OPTION;
SQL
  chmod 644 "$server_root/mariadb.sql"

  start_server "$(mariadb_title)" mariadb_command probe_mariadb TERM
  mariadb_url=mysql://test:test@127.0.0.1:$port/test
}

mariadb_command() {
  server_command=(
    "$mariadb_server" --no-defaults --datadir="$directory/data" --tmpdir="$directory"
    --init-file="$server_root/mariadb.sql" --secure-file-priv="$directory"
    --bind-address=127.0.0.1 --port="$port" --skip-name-resolve
    --socket="$directory/socket" --pid-file="$directory/pid"
    --character-set-server=utf8mb4
    --max-connections=300
    --skip-log-bin --innodb-flush-log-at-trx-commit=0 --innodb-use-native-aio=0
  )
  # MySQL's second protocol would listen on a fixed port.
  if is_mysql; then server_command+=(--loose-mysqlx=OFF); fi
}

probe_mariadb() {
  "$mariadb_client" --no-defaults --protocol=tcp --host=127.0.0.1 --port="$port" --loose-skip-ssl \
    --user=test --password=test --connect-timeout=5 --skip-column-names --batch \
    --execute='SELECT @@datadir' test
}

# "MariaDB 10.11.19" from "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu …".
mariadb_title() {
  local version=${mariadb_version#*Ver }
  version=${version%% *}
  if is_mysql; then echo "MySQL $version"; else echo "MariaDB ${version%%-*}"; fi
}
