#!/usr/bin/env bash
# matrix.sh [ROW...]: the tests of this build with the servers and engines of other Debians; a table in Markdown, with the versions
# that were met. Rows: postgres-15 postgres-17 postgres-18 engine-bookworm engine-trixie engine-testing. Ends with 1 if a program
# failed; what failed said is in build/matrix.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

# SLIPWAY_MATRIX_TESTS names others, as a pattern of ctest.
DATABASES='^(store_.*|tenancy_.*|catalog|partial_results|refusal|command|http_.*)_pgtest$'
ENGINES='^(docker_.*|happy|life|hostile|reasons|live_logs|crash|engine_restart|daemon_life|spend)_dockertest$'

tests() { # tests ROW VERSION PATTERN VARIABLE...: one line of the table
  local row=$1 version=$2 pattern=$3 began=$SECONDS log=build/matrix/$1.log said
  shift 3
  env "$@" ctest --test-dir build/dev --output-on-failure --repeat until-pass:2 -j "${SLIPWAY_TEST_JOBS:-2}" -R "${SLIPWAY_MATRIX_TESTS:-$pattern}" >"$log" 2>&1 || failed=1
  said=$(grep -Eo '[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$log" || echo 'nothing ran, see build/matrix')
  printf '| %s | %s | %s | %s | %s s |\n' "$row" "$version" "$(awk '{print $NF}' <<<"$said")" \
    "$(awk '{print $4 == 0 ? "all pass" : $4 " fail"}' <<<"$said")" $((SECONDS - began))
}

postgres() {
  local bin=
  if [[ ! -x /usr/lib/postgresql/$1/bin/postgres ]]; then bin=$(test/machine/postgres.sh "$1"); else bin=/usr/lib/postgresql/$1/bin; fi
  tests "postgres-$1" "$("$bin/postgres" --version | awk '{print "PostgreSQL " $3}')" "$DATABASES" "SLIPWAY_PG_BIN=$bin"
}

engine() {
  local path=$PATH
  [[ $1 == "$(. /etc/os-release && echo "$VERSION_CODENAME")" ]] || path=$(test/machine/engine.sh "$1"):$PATH
  tests "engine-$1" "$(PATH=$path dockerd --version | sed 's/,.*//'), $(PATH=$path runc --version | head -n 1)" "$ENGINES" "PATH=$path"
}

main() {
  local row
  (($#)) || set -- postgres-15 postgres-17 postgres-18 engine-bookworm engine-trixie engine-testing
  mkdir -p build/matrix
  failed=0
  printf '%s, %s, %s\n\n| row | met | programs | | |\n|---|---|---|---|---|\n' "$(git rev-parse --short HEAD)" "$(date -u +%F)" \
    "cgroup $([[ -e /sys/fs/cgroup/cgroup.controllers ]] && echo v2 || echo v1)"
  for row in "$@"; do
    case $row in
      postgres-*) postgres "${row#*-}" ;;
      engine-*) engine "${row#*-}" ;;
      *) echo "no such row: $row" >&2; exit 2 ;;
    esac
  done
  return $failed
}
main "$@"
