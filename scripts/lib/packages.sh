# shellcheck shell=bash
# Installs packages with apt-get, where there is one and we may.

service_policy=/usr/sbin/policy-rc.d
our_service_policy= # set while the policy file there is ours

# install_packages PACKAGE|FUNCTION...: installs the packages. A function names, one a line, groups
# of packages that would do; the first group that this distribution has is taken (asked only after
# the package lists are up to date).
install_packages() {
  local wanted packages=()
  if ! can_install_packages; then return 0; fi

  say "updating package lists"
  as_root_quietly apt-get "${apt_options[@]}" update || true # the old lists may do
  for wanted in "$@"; do
    if [ "$(type -t "$wanted" || true)" = function ]; then
      wanted=$("$wanted" | first_available)
    fi
    # shellcheck disable=SC2206  # one word a package
    packages+=($wanted)
  done
  [ ${#packages[@]} -gt 0 ] || return 0

  say "installing ${packages[*]}"
  forbid_services
  as_root_quietly env DEBIAN_FRONTEND=noninteractive \
    apt-get "${apt_options[@]}" install --no-install-recommends "${packages[@]}" || true # the caller looks
  end_installation
}

apt_options=(-qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)

can_install_packages() {
  command -v apt-get >/dev/null && as_root true 2>/dev/null
}

as_root() {
  if [ "$EUID" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Reads groups of packages, one a line, and prints the first whose packages can all be installed.
first_available() {
  local group
  while read -r group; do
    # shellcheck disable=SC2086  # one word a package
    if apt-get --simulate -qq install $group >/dev/null 2>&1 </dev/null; then
      echo "$group"
      return
    fi
  done
}

# Server packages start their service at once. We want the programs only, so Debian's policy hook
# says no for as long as we install. A hook that is there already is the administrator's.
forbid_services() {
  [ -e "$service_policy" ] && return
  our_service_policy=1
  # shellcheck disable=SC2016  # expanded by that shell
  as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >"$1" && chmod 755 "$1"' sh "$service_policy"
}

end_installation() {
  [ -n "$our_service_policy" ] || return 0
  as_root rm -f "$service_policy"
  our_service_policy=
}

# Shows what the command printed only if it failed.
as_root_quietly() {
  local printed
  if ! printed=$(as_root "$@" 2>&1 </dev/null); then
    tail -n 20 <<<"$printed" >&2
    say "failed: $*"
    return 1
  fi
}
