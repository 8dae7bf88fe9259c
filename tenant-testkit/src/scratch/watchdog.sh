# Outlives the process whose servers it watches, and removes them when that process is gone, however
# it went. Arguments: the scratch directory, and, where not a pipe but a process is watched, its id.
#
# Standard input is the pipe. Standard output is the lock that says that somebody is watching.
trap '' HUP INT QUIT TERM
root=$1 runner=${2:-}

if [ -n "$runner" ]; then
  while kill -0 "$runner" 2>/dev/null; do sleep 0.2 || sleep 1; done
else
  read -r _
fi

# Under another name nothing can be started in it any more, since that begins with a file there. So
# what is found now is all there is.
mv "$root" "$root.gone" 2>/dev/null || exit 0

# For ten seconds each, all of them at once: QUIT makes PostgreSQL give back its shared memory.
for signal in QUIT KILL; do
  tries=0
  while [ "$tries" -lt 100 ]; do
    tries=$((tries + 1))
    alive=
    for file in "$root.gone"/*/server.pid; do
      pid=
      [ -f "$file" ] && read -r pid <"$file"
      [ -n "$pid" ] && kill -s "$signal" "$pid" 2>/dev/null && alive=1
    done
    [ -n "$alive" ] || break 2
    sleep 0.1 || sleep 1
  done
done

# What a program that was killed had begun to write may come while it is removed.
for _ in 1 2 3 4 5; do
  rm -rf "$root.gone" && exit
  sleep 0.2 || sleep 1
done
