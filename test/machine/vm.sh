#!/usr/bin/env bash
# vm.sh PACKAGES [RELEASE]: boots a Debian with systemd as PID 1 and cgroup version 2, installs the .deb files from that
# directory, and lets inside.sh try both units there. Prints its table; ends with 1 if a line of it failed, or none came.
# Nothing of it is kept but the root and its image, under build/; the processor is emulated.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
packages=$(readlink -f "${1:?vm.sh PACKAGES [RELEASE]}") release=${2:-bookworm}
minutes=${SLIPWAY_VM_MINUTES:-30}

root=$(test/machine/root.sh "machine-$release" "$release" systemd systemd-sysv dbus udev polkitd linux-image-amd64 initramfs-tools \
  procps iproute2 kmod ca-certificates apparmor sudo curl jq busybox-static postgresql docker.io)
work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-vm-XXXXXX")
qemu=
cleanup() {
  [[ -z $qemu ]] || kill -KILL "$qemu" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

disk() { # disk DIRECTORY FILE MIB
  rm -f "$2"
  truncate -s "$3M" "$2"
  mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=0 -m 0 -d "$1" "$2"
}

# The machine starts one service of ours, from the second disk, and is told nothing else.
provision() {
  cat >"$root/etc/systemd/system/slipway-check.service" <<'UNIT'
[Unit]
After=docker.service postgresql.service
RequiresMountsFor=/check
[Service]
Type=exec
ExecStart=/check/inside.sh
ExecStopPost=/usr/bin/systemctl poweroff --force
StandardOutput=file:/dev/ttyS1
StandardError=inherit
[Install]
WantedBy=multi-user.target
UNIT
  printf '/dev/vda / ext4 rw,noatime 0 1\n/dev/vdb /check ext4 ro,x-systemd.device-timeout=900 0 0\n' >"$root/etc/fstab"
  mkdir -p "$root/check" "$root/etc/systemd/system/multi-user.target.wants"
  ln -sf ../slipway-check.service "$root/etc/systemd/system/multi-user.target.wants/"
  local idle
  for idle in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$idle"
  done
  echo machine >"$root/etc/hostname"
  echo '127.0.0.1 localhost machine' >"$root/etc/hosts"
  : >"$root/etc/machine-id"
}

# What the packages depend on comes from the archive, too, while there is a network: the machine has none.
depends=$(for package in "$packages"/slipway*.deb; do dpkg-deb -f "$package" Depends; done | paste -sd, | sed 's/slipwayd\? ([^)]*)//')
satisfy() {
  unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy=$http_proxy} apt-get -q "$@" >"$work/apt.log" 2>&1
}

image=build/roots/machine-$release.img
exec 8>"$image.lock"
flock -w 1800 8
if [[ ! $image -nt $root.holds || ! $image -nt test/machine/vm.sh || $(cat "$image.depends" 2>/dev/null) != "$depends" ]]; then
  satisfy satisfy -y --no-install-recommends "$depends" ||
    { satisfy update && satisfy satisfy -y --no-install-recommends "$depends"; } || { cat "$work/apt.log"; exit 1; }
  rm -rf "$root/var/lib/apt/lists"/* # megabytes that apt would read in the machine
  provision
  disk "$root" "$image.new" 4096
  mv "$image.new" "$image"
  echo "$depends" >"$image.depends"
fi
exec 8>&-
mkdir "$work/check"
tr ' ' '\n' <<<"${SLIPWAY_VM_UNITS:-slipwayd slipwayd-volume}" >"$work/check/units"
cp test/machine/inside.sh "$packages"/slipway*.deb "$work/check/"
disk "$work/check" "$work/check.img" 128

# A /dev/kvm says little: in a machine that is one itself it may not work. SLIPWAY_VM_ACCEL=kvm where it does.
fast=${SLIPWAY_VM_ACCEL:-tcg,thread=multi}
began=$SECONDS
TMPDIR=$work qemu-system-x86_64 -accel "$fast" -cpu "${SLIPWAY_VM_CPU:-Nehalem}" -smp 1 -m 2048 -display none -nic none -no-reboot -monitor none \
  -kernel "$(ls "$root"/boot/vmlinuz-* | tail -n 1)" -initrd "$(ls "$root"/boot/initrd.img-* | tail -n 1)" \
  -append "root=/dev/vda rw console=ttyS0 quiet systemd.default_timeout_start_sec=900 net.ifnames=0 mitigations=off tsc=reliable" \
  -drive "file=$image,if=virtio,format=raw,snapshot=on" -drive "file=$work/check.img,if=virtio,format=raw,readonly=on" \
  -serial "file:$work/console" -serial "file:$work/table" &
qemu=$!
tail -n +1 -F --pid "$qemu" "$work/table" 2>/dev/null &
until [[ ! -d /proc/$qemu || $SECONDS -gt $((began + minutes * 60)) ]]; do sleep 1; done
[[ -d /proc/$qemu ]] && printf 'the machine was still busy after %s minutes\n' "$minutes" && kill -KILL "$qemu"
wait "$qemu" || true
qemu=
wait || true
if ! grep -q '^all of them passed' "$work/table"; then
  tail -n 30 "$work/console"
  exit 1
fi
printf '%s seconds in all, by %s\n' "$((SECONDS - began))" "${fast%%,*}"
