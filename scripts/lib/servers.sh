# shellcheck shell=bash
# The programs of the database servers, where the tests need them and apt-get has them. Starting and
# stopping is the testkit's, which also says what is missing where we cannot install it.

install_missing_servers() {
  local packages=()
  has_postgres || packages+=(postgres_packages)
  has_mariadb || packages+=(mariadb_packages)
  [ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"
}

has_postgres() {
  [ -n "${TEST_POSTGRES_URL:-}" ] || type -P initdb >/dev/null ||
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

# Servers are often kept out of an ordinary user's PATH.
has_mariadb() {
  local PATH=$PATH:/usr/sbin
  [ -n "${TEST_MYSQL_URL:-}" ] || type -P mariadbd >/dev/null || type -P mysqld >/dev/null
}

postgres_packages() {
  echo postgresql
}

# Debian's -core packages are the programs alone, with no service. Older releases do not have them
# under these names.
mariadb_packages() {
  echo mariadb-server-core mariadb-client-core
  echo mariadb-server
}
