# shellcheck shell=bash
# What the scripts tell people. On standard error: standard output is the command's.

say() {
  echo "${0##*/}: $*" >&2 || true
}

die() {
  say "$*"
  exit 1
}
