#!/usr/bin/env bash
# engine.sh RELEASE: the container engine of another Debian, for tests of this host: prints a directory to put first in PATH.
# Its programs run by the libraries they came with: each is a copy that names them, since runc executes itself.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
main() {
  local release=$1 root into program
  case $release in
    trixie) root=$(test/machine/root.sh trixie trixie postgresql-17 docker.io) ;;
    testing) root=$(test/machine/root.sh testing testing postgresql-18 docker.io) ;;
    *) echo "engines come from trixie and testing" >&2; exit 2 ;;
  esac
  into=$root.engine
  if [[ ! $into -nt $root.holds ]]; then
    rm -rf "$into" "$into.new"
    mkdir "$into.new"
    for program in dockerd containerd containerd-shim-runc-v2 ctr docker-proxy runc; do
      cp "$(find "$root/usr/sbin" "$root/usr/bin" "$root/usr/libexec" -name "$program" -type f 2>/dev/null | head -n 1)" "$into.new/"
      if patchelf --print-interpreter "$into.new/$program" >/dev/null 2>&1; then
        patchelf --set-interpreter "$root/lib64/ld-linux-x86-64.so.2" --force-rpath \
          --set-rpath "$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu" "$into.new/$program"
      fi
    done
    mv "$into.new" "$into"
  fi
  echo "$into"
}
main "$@"
