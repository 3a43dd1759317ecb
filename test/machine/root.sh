#!/usr/bin/env bash
# root.sh NAME RELEASE PACKAGE...: a Debian with these packages in build/roots/NAME, from Debian's archive alone; prints where.
# Kept, and made again only when what is asked for changes. Nothing is started in it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
in_root() { # with a /proc of its own, and nothing left running
  unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" \
    /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy=$http_proxy} "$@"
}

make_root() {
  rm -rf --one-file-system "$root" "$root.holds"
  debootstrap --variant=minbase "$release" "$root" "$mirror/debian"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # packages start nothing
  chmod 755 "$root/usr/sbin/policy-rc.d"
  cp /etc/apt/apt.conf.d/*proxy* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
  echo "deb $mirror/debian $release main" >"$root/etc/apt/sources.list"
  case $release in
    testing | sid) ;;
    *) echo "deb $mirror/debian-security $release-security main" >>"$root/etc/apt/sources.list" ;;
  esac
  # Of the kernel's modules only what finds the disk: less to unpack at each boot.
  mkdir -p "$root/etc/initramfs-tools/conf.d"
  printf 'MODULES=list\nFSTYPE=ext4\n' >"$root/etc/initramfs-tools/conf.d/slipway"
  printf 'virtio_pci\nvirtio_blk\next4\n' >"$root/etc/initramfs-tools/modules"
  printf 'force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n' \
    >"$root/etc/dpkg/dpkg.cfg.d/slipway"
  in_root apt-get -q update
  in_root apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@"
  in_root apt-get clean
  rm "$root/usr/sbin/policy-rc.d"
}

main() {
  ((EUID == 0)) || { echo "a Debian root is made by root" >&2; exit 1; }
  name=$1 release=$2
  shift 2
  mirror=${SLIPWAY_DEBIAN_MIRROR:-http://deb.debian.org}
  root=$PWD/build/roots/$name
  wanted="$release $*"
  mkdir -p build/roots
  exec 9>"$root.lock"
  flock -w 1800 9
  if [[ $(cat "$root.holds" 2>/dev/null) == "$wanted" ]]; then
    echo "$root"
    exit
  fi
  say=$root.log
  make_root "$@" >"$say" 2>&1 || { tail -n 20 "$say" >&2; echo "$name could not be made: $say" >&2; exit 1; }
  echo "$wanted" >"$root.holds"
  echo "$root"
}
main "$@"
