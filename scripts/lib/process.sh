# shellcheck shell=bash
# Starting and stopping processes. Everything is stopped by process id, never by name.

# as_user USER COMMAND...: runs the command as that user; as ourselves if we are not root.
as_user() {
  local user=$1
  shift
  if [ "$EUID" -ne 0 ]; then
    "$@"
  elif setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups true 2>/dev/null; then
    setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
  elif command -v runuser >/dev/null; then
    runuser -u "$user" -- "$@"
  else
    # A shell is named because `nobody` has none to log in with.
    su -s /bin/sh -c 'exec "$@"' "$user" -- sh "$@"
  fi
}

# launch USER DIRECTORY COMMAND...: starts the command in the background, in the directory, out of
# reach of the terminal's Ctrl-C, printing to DIRECTORY.log. Its process id is then in $launched:
# the one the command itself sees, whatever was needed to switch user stands between.
launch() {
  local user=$1 directory=$2 launcher detached tries
  shift 2
  detached=$(command -v setsid || echo env)
  : >"$directory.pid"
  (
    cd "$directory" || exit
    # shellcheck disable=SC2016  # expanded by that shell
    as_user "$user" "$detached" sh -c 'echo $$ >&3; exec "$@" 3>&-' sh "$@"
  ) </dev/null >"$directory.log" 2>&1 3>"$directory.pid" &
  launcher=$!
  # A tool that switches user may leave before the command has begun, hence the second condition.
  tries=0
  while is_running "$launcher" || [ "$tries" -lt 20 ]; do
    launched=$(cat "$directory.pid")
    [ -z "$launched" ] || return 0
    tries=$((tries + 1))
    sleep 0.05 || true
  done
}

is_running() {
  kill -0 "$1" 2>/dev/null
}

# stop_process PID SIGNAL...: sends the signals one after the other, and SIGKILL last, until the
# process is gone. Each has ten seconds, and is sent once a second: a server that is still starting
# may forget the first.
stop_process() {
  local pid=$1 signal second
  shift
  for signal in "$@" KILL; do
    for ((second = 0; second < 10; second++)); do
      kill -s "$signal" "$pid" 2>/dev/null || return 0
      wait_until_gone 1 "$pid" && return 0
    done
  done
}

# stop_tree PID SIGNAL: sends the signal to a process and all its descendants (a runner such as
# cargo does not pass it on), and SIGKILL after ten seconds.
stop_tree() {
  local pid signal pids
  pids=$(process_tree "$1")
  for signal in "$2" KILL; do
    for pid in $pids; do
      kill -s "$signal" "$pid" 2>/dev/null
    done
    # shellcheck disable=SC2086  # one word a process
    wait_until_gone 10 $pids && return 0
  done
}

# wait_until_gone SECONDS PID...
wait_until_gone() {
  local tries=$(($1 * 10)) pid alive
  shift
  for ((; tries > 0; tries--)); do
    alive=
    for pid in "$@"; do
      if is_running "$pid"; then alive=1; fi
    done
    [ -n "$alive" ] || return 0
    sleep 0.1
  done
  return 1
}

# Prints a process id and those of its descendants, parents first.
process_tree() {
  local child
  echo "$1"
  for child in $(children "$1"); do
    process_tree "$child"
  done
}

children() {
  if [ -r /proc/self/status ]; then # a minimal container has no ps
    grep -s "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | cut -d / -f 3
  else
    ps -A -o pid= -o ppid= | awk -v parent="$1" '$2 == parent { print $1 }'
  fi
}
