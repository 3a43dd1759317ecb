#!/usr/bin/env bash
# postgres.sh VERSION: the PostgreSQL server of that version, as Debian has it, for tests of this host: prints a directory
# for SLIPWAY_PG_BIN. Its programs run by the libraries they came with, as the same process and user: nothing is entered.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
main() {
  local version=$1 release root into
  case $version in
    15) release=bookworm ;;
    17) release=trixie ;;
    18) release=testing ;;
    *) echo "Debian has 15, 17 and 18" >&2; exit 2 ;;
  esac
  root=$(test/machine/root.sh "$release" "$release" "postgresql-$version" docker.io)
  into=$root.bin/usr/lib/postgresql/$version/bin
  mkdir -p "$into"
  # Where the programs look for their files, from where they think they are.
  ln -sfn "$root/usr/share" "$root.bin/usr/share"
  ln -sfn "$root/usr/lib/postgresql/$version/lib" "$root.bin/usr/lib/postgresql/$version/lib"
  for program in initdb postgres; do
    cat >"$into/$program" <<SH
#!/bin/sh
exec $root/lib64/ld-linux-x86-64.so.2 --argv0 "\$0" --library-path $root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu \\
  $root/usr/lib/postgresql/$version/bin/$program "\$@"
SH
    chmod 755 "$into/$program"
  done
  echo "$into"
}
main "$@"
