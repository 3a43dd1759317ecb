#!/usr/bin/env bash
# ./dev demo: three executions through three doors (command line twice, plain SQL once), their answers compared with the
# expected ones, and a look at whether anything is left. Everything it makes lies in one private directory.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
SAMPLES=manifests/samples
BUILD=${SLIPWAY_BUILD_DIR:-build/dev}
unset ${!SLIPWAY_@} # nobody's configured database or engine: private ones
SLIPWAY=$(readlink -f "$BUILD")/cmd/slipway/slipway
WORK=$(mktemp -d /tmp/slipway-demo.XXXXXX)
chmod 711 "$WORK" # the database's unprivileged user has to pass
# Inherited by every process that is started from here on, so that leftovers can be told from other people's processes.
export DEMO_RUN=$WORK TMPDIR=$WORK
DEV_PID=
DEV_DIR=none

say() { printf '\n== %s\n' "$*"; }
die() { printf 'demo FAILED: %s\n' "$*" >&2; exit 1; }

ours() { # servers started by this demo that are still there
  local proc pid
  for proc in /proc/[0-9]*; do
    pid=${proc#/proc/}
    case $(cat "$proc/comm" 2>/dev/null) in
      slipway | slipwayd | dockerd | containerd* | runc* | postgres | momentum | keyphrases) ;;
      *) continue ;;
    esac
    if grep -qsF "$WORK" "$proc/environ" || grep -qsF "$DEV_DIR" "$proc/cmdline"; then ps -o pid=,args= -p "$pid" || true; fi
  done
}

stop_dev() {
  [[ -n $DEV_PID ]] || return 0
  local pid=$DEV_PID
  DEV_PID=
  kill -TERM "$pid" 2>/dev/null || true
  for _ in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  wait "$pid" 2>/dev/null || true
}

on_exit() {
  local code=$?
  stop_dev
  if ((code != 0)); then
    [[ -s $WORK/dev.log ]] && { echo "-- end of slipway dev's log --" >&2; tail -n 30 "$WORK/dev.log" >&2; }
    rm -rf "$WORK/out"
  fi
  rm -rf "$WORK" 2>/dev/null || true
  exit "$code"
}
trap on_exit EXIT
trap 'exit 130' INT TERM

engine() { curl -sS --fail-with-body --max-time 60 --unix-socket "$ENGINE_SOCKET" "$@"; }

load_image() {  # a tar of one static program is an image: no registry, no Dockerfile, no base
  local name=$1 answer
  answer=$(tar -C "$BUILD/samples" --owner=0 --group=0 -cf - "$name" |
    engine -X POST -T - -H 'Content-Type: application/x-tar' \
      "http://engine/images/create?fromSrc=-&repo=slipway.local/$name&tag=demo") || die "image $name: $answer"
  engine "http://engine/images/slipway.local/$name:demo/json" | jq -r '"image slipway.local/'"$name"':demo \(.Id[7:19]) \(.Size) bytes"'
}

check_answer() {  # check_answer NAME ACTUAL EXPECTED, both JSON files
  if diff -u --label "expected $1" --label "$1" <(jq -S . "$3") <(jq -S . "$2"); then
    echo "$1: as expected"
  else
    die "$1 answered something else than $3"
  fi
}

sql() { psql -X -q -v ON_ERROR_STOP=1 -d "$SLIPWAY_DATABASE_URL" "$@"; }

say "start: a private database, a private engine, the controller"
"$SLIPWAY" --config /dev/null dev --engine private --info-file "$WORK/info.json" >"$WORK/dev.log" 2>&1 &
DEV_PID=$!
for _ in $(seq 600); do
  [[ -s $WORK/info.json ]] && break
  kill -0 "$DEV_PID" 2>/dev/null || die "slipway dev ended"
  sleep 0.1
done
[[ -s $WORK/info.json ]] || die "slipway dev was not ready within a minute"
SLIPWAY_DATABASE_URL=$(jq -re .database_url "$WORK/info.json")
ENGINE_SOCKET=$(jq -re .engine_socket "$WORK/info.json")
DEV_DIR=$(cut -d/ -f1-3 <<<"$ENGINE_SOCKET")
[[ $DEV_DIR == /tmp/slipway-dev-* ]] || die "the engine is not a private one: $ENGINE_SOCKET"
export SLIPWAY_DATABASE_URL
jq -r '"database \(.database_url)\nengine   \(.engine_socket)\nhttp     \(.http)"' "$WORK/info.json"

say "two images, one static program each"
load_image momentum
load_image keyphrases

say "slipway apply -f $SAMPLES"
"$SLIPWAY" apply -f "$SAMPLES"

say "slipway grant u-42 …"
"$SLIPWAY" grant u-42 momentum --uses 2
"$SLIPWAY" grant u-42 keyphrases --uses 1

mkdir "$WORK/out"
output_of() { sql -At -v id="$1" <<<"SELECT output FROM slipway.executions WHERE id = :'id'::uuid"; }

say "slipway run momentum --user u-42 --input @$SAMPLES/momentum/demo/eth-1h.json --follow"
"$SLIPWAY" run momentum --user u-42 --input "@$SAMPLES/momentum/demo/eth-1h.json" --follow >"$WORK/out/eth.json"
jq -c . "$WORK/out/eth.json"

say "slipway run keyphrases on the GPL-3 as Debian ships it"
jq -Rs '{document: .}' /usr/share/common-licenses/GPL-3 >"$WORK/out/gpl-3.input.json"
"$SLIPWAY" run keyphrases --user u-42 --input "@$WORK/out/gpl-3.input.json" --follow >"$WORK/out/gpl-3.json"
jq -r '.keySentences[] | "  \(.score)  \(.text)"' "$WORK/out/gpl-3.json"

say "and one by plain SQL"
ID=$(sql -At -v input="$(cat $SAMPLES/momentum/demo/btc-4h.json)" <<'SQL'
INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-42', 'momentum', :'input') RETURNING id;
SQL
)
echo "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-42', 'momentum', …) → $ID"
for _ in $(seq 600); do
  STATUS=$(sql -At -v id="$ID" <<<"SELECT status FROM slipway.executions WHERE id = :'id'::uuid")
  [[ $STATUS == PENDING || $STATUS == RUNNING ]] || break
  sleep 0.05
done
output_of "$ID" >"$WORK/out/btc.json"
jq -c . "$WORK/out/btc.json"

say "the answers"
check_answer "momentum ETH 1h" "$WORK/out/eth.json" $SAMPLES/momentum/demo/eth-1h.expected.json
check_answer "keyphrases GPL-3" "$WORK/out/gpl-3.json" $SAMPLES/keyphrases/demo/gpl-3.expected.json
check_answer "momentum BTC 4h" "$WORK/out/btc.json" $SAMPLES/momentum/demo/btc-4h.expected.json

say "what happened"
for _ in $(seq 300); do
  [[ $(sql -Atc "SELECT count(*) FROM slipway.executions WHERE stage <> 'Cleaned'") == 0 ]] && break
  sleep 0.1
done
sql -P pager=off -P footer=off -c "
  SELECT id, agent, status, reason, duration_ms AS ms, pg_size_pretty(peak_memory_bytes) AS \"peak memory\", attempt
  FROM slipway.executions ORDER BY created_at, id"
[[ $(sql -Atc "SELECT count(*) FILTER (WHERE status = 'COMPLETED' AND stage = 'Cleaned') || '/' || count(*) FROM slipway.executions") == 3/3 ]] ||
  die "expected three converged COMPLETED rows"
[[ $(engine 'http://engine/containers/json?all=1' | jq length) == 0 ]] || die "the engine still holds containers"

say "stop, and look for leftovers"
CGROUPS=$(sql -Atc "SELECT 'slipway-' || id FROM slipway.executions UNION ALL SELECT instance_id::text FROM slipway.nodes")
for image in momentum keyphrases; do engine -X DELETE "http://engine/images/slipway.local/$image:demo" >/dev/null; done
stop_dev
rm -rf "$WORK/out" "$WORK/info.json"
left=$(ours)
[[ -z $left ]] || die "processes are left: $left"
left=$(grep -F -e "$WORK" -e "$DEV_DIR" /proc/self/mountinfo || true)
[[ -z $left ]] || die "mounts are left: $left"
left=$(find /sys/fs/cgroup -type d 2>/dev/null | grep -F "$CGROUPS" || true)
[[ -z $left ]] || die "cgroups are left: $left"
[[ ! -e $DEV_DIR ]] || die "files are left: $(find "$DEV_DIR" | head)"
left=$(find "$WORK" -mindepth 1 ! -name dev.log)
[[ -z $left ]] || die "files are left: $left"
rm -rf "$WORK"
printf '\ndemo OK: three executions COMPLETED, three answers as expected, nothing left behind\n'
