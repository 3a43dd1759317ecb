#!/usr/bin/env bash
# both_orders.sh DEV, in a clean root: whether apt would install what `DEV demo` asks for, then what `DEV test` asks for beside,
# and the other way round. Only simulated: apt is told of a status file of ours, and after the first step that file says
# what the first step would have installed. Prints each order; ends with 1 if one cannot be.
set -euo pipefail
eval "$(sed -n '/^PACKAGES=(/,/^)/p; /^TEST_PACKAGES=(/,/^)/p; /TEST_PACKAGES+=/p' "$1")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

step() {  # step STATUS NEXT PACKAGE...: NEXT is the status after it
  local status=$1 next=$2
  shift 2
  apt-get -s -q -o Dir::State::status="$status" -o Dir::State::extended_states="$dir/extended" -o Debug::NoLocking=1 \
    install -y --no-install-recommends "$@" >"$dir/said" 2>&1 || return 1
  ! grep '^Remv' "$dir/said" || return 1  # what another step needs
  cp "$status" "$next"
  sed -n 's/^Inst \([^ ]*\) .*(\([^ ]*\) .*/\1=\2/p' "$dir/said" | xargs -r apt-cache show --no-all-versions |
    sed 's/^Package: .*/&\nStatus: install ok installed/' >>"$next"
}

said() {
  if (($2 == 0)); then echo "$1: can be installed"; else
    echo "$1: cannot be installed"
    sed -n '/unmet dependencies/,$p; /^Remv/p' "$dir/said" | head -30
    code=1
  fi
}

cp /var/lib/dpkg/status "$dir/none"
: >"$dir/extended"
code=0 made=0
step "$dir/none" "$dir/half" "${PACKAGES[@]}" && step "$dir/half" "$dir/whole" "${TEST_PACKAGES[@]}" || made=1
said 'demo, then test' $made
made=0
step "$dir/none" "$dir/whole" "${PACKAGES[@]}" "${TEST_PACKAGES[@]}" || made=1  # after which nothing is missing for the demo
said 'test, then demo' $made
exit $code
