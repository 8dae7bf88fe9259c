# shellcheck shell=bash disable=SC2034,SC2154 # variables that other files set or read
# What the throw-away servers have in common: their directory, their user, a port, being ready.

seconds_to_start=60

server_user=
server_root= # the directory that holds all of them
running=()   # "PID SIGNAL...": the signals that stop that server, mildest first

# new_server_directory NAME: an empty directory that belongs to the server's user, in $directory.
new_server_directory() {
  [ -n "$server_root" ] || make_server_root
  directory=$server_root/$1
  mkdir -m 700 "$directory"
  if [ "$EUID" -eq 0 ]; then chown "$server_user" "$directory"; fi
}

make_server_root() {
  choose_server_user
  local base
  for base in "${TMPDIR:-/tmp}" /tmp; do
    server_root=$(cd "$base" && mktemp -d "$(pwd -P)/with-servers.XXXXXX") || continue
    chmod 711 "$server_root"
    # A socket's path has 107 bytes at most (103 on macOS), and root's own temporary directory may
    # be closed to the server's user.
    if [ ${#server_root} -le 80 ] && as_user "$server_user" test -x "$server_root"; then return; fi
    rmdir "$server_root"
    server_root=
  done
  die "no temporary directory is usable: tried ${TMPDIR:-} /tmp"
}

# PostgreSQL and MariaDB refuse to run as root.
choose_server_user() {
  if [ "$EUID" -ne 0 ]; then
    server_user=$(id -un)
    return
  fi
  for server_user in postgres nobody; do
    if id -u "$server_user" >/dev/null 2>&1; then return; fi
  done
  die "run this as an ordinary user: servers refuse to be root, and there is no user 'nobody'"
}

# as_server COMMAND...: prepares a server: as its user, in $directory, printing to its log.
as_server() {
  (cd "$directory" && in_server_environment as_user "$server_user" "$@") </dev/null >"$directory.log" 2>&1 ||
    fail_to_start "could not be initialised"
}

# What is ours may be closed to the server's user. Messages in English, because we look into them.
in_server_environment() {
  HOME=$directory TMPDIR=$directory LC_ALL=C "$@"
}

# start_server NAME COMMAND-FUNCTION PROBE-FUNCTION SIGNAL...: runs the command that the first
# function leaves in $server_command for $port, until the second prints this server's directory.
start_server() {
  local server=$1 command_for=$2 probe=$3 attempt
  shift 3
  for attempt in 1 2 3 4 5; do
    stop_if_signalled
    choose_port
    "$command_for"
    in_server_environment launch "$server_user" "$directory" "${server_command[@]}"
    if [ -n "$launched" ]; then
      running+=("$launched $*")
      if wait_until_ready "$probe"; then
        say "$server on 127.0.0.1:$port"
        return
      fi
    fi
    # Its process id may soon be another's.
    [ -z "$launched" ] || is_running "$launched" || unset 'running[${#running[@]}-1]'
    # Somebody may have taken the port since we looked.
    grep -qi 'address already in use' "$directory.log" || break
  done
  fail_to_start "did not start"
}

# Below the ports that operating systems hand out for outgoing connections.
choose_port() {
  port=$((20000 + RANDOM % 12000))
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    port=$((20000 + RANDOM % 12000))
  done
}

# The probe prints the data directory of the server that answered: on a port taken by another run
# of this script, the same user and password would open the wrong server.
wait_until_ready() {
  local probe=$1 deadline=$((SECONDS + seconds_to_start))
  while is_running "$launched"; do
    stop_if_signalled
    case $("$probe" 2>/dev/null </dev/null || true) in
      *"$directory"/*) return 0 ;;
    esac
    if [ $SECONDS -ge $deadline ]; then
      echo "no answer within $seconds_to_start seconds" >>"$directory.log"
      return 1
    fi
    sleep 0.2 || true
  done
  return 1
}

fail_to_start() {
  stop_if_signalled
  say "${directory##*/} $1. The end of its log:"
  tail -n 60 "$directory.log" >&2
  exit 1
}

stop_servers() {
  local server
  # All are asked first, then each is waited for.
  for server in ${running[@]+"${running[@]}"}; do
    # shellcheck disable=SC2086  # a process id and signals
    set -- $server
    kill -s "$2" "$1" 2>/dev/null
  done
  for server in ${running[@]+"${running[@]}"}; do
    # shellcheck disable=SC2086
    stop_process $server
  done
  running=()
  [ -z "$server_root" ] || rm -rf "$server_root"
}
