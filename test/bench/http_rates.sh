#!/usr/bin/env bash
# Rates of the HTTP API beside the same work in plain SQL, in one run: POST beside INSERT, GET beside SELECT, each with 16
# connections. One slipwayd on a durable private PostgreSQL; its node is cordoned, so rows are decided and never run.
# usage: test/bench/http_rates.sh [SECONDS each] [BUILD DIR]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
SECONDS_EACH=${1:-10}
BUILD=${2:-build/release}
SLIPWAY=$(readlink -f "$BUILD")/cmd/slipway/slipway
PGBENCH=$(ls /usr/lib/postgresql/*/bin/pgbench | tail -1)
command -v wrk >/dev/null || { echo "wrk is missing: apt install wrk" >&2; exit 1; }
unset ${!SLIPWAY_@}
WORK=$(mktemp -d /tmp/slipway-rates.XXXXXX)
trap 'kill "$DEV" 2>/dev/null && wait "$DEV" || true; rm -rf "$WORK"' EXIT

"$SLIPWAY" --config /dev/null dev --engine private --info-file "$WORK/info.json" >"$WORK/dev.log" 2>&1 &
DEV=$!
for _ in $(seq 600); do [[ -s $WORK/info.json ]] && break; sleep 0.1; done
SLIPWAY_DATABASE_URL=$(jq -re .database_url "$WORK/info.json")
export SLIPWAY_DATABASE_URL
HTTP=$(jq -re .http "$WORK/info.json")
"$SLIPWAY" cordon "$("$SLIPWAY" get nodes -o jsonpath='{.items[0].metadata.name}')" >&2
"$SLIPWAY" apply -f - >&2 <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Agent
metadata: {name: rated}
spec:
  image: none:1
  inputSchema: {type: object, properties: {n: {type: integer}}, required: [n]}
YAML
"$SLIPWAY" grant u-1 rated >&2
TOKEN=$("$SLIPWAY" token create --role service 2>/dev/null | tail -1)
ID=$(psql -XAtq -d "$SLIPWAY_DATABASE_URL" -c "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-1', 'rated', '{\"n\":1}') RETURNING id")

cat >"$WORK/post.lua" <<LUA
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer $TOKEN"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"spec": {"user": "u-1", "agent": "rated", "input": {"n": 1}}}'
LUA
printf 'wrk.headers["Authorization"] = "Bearer %s"\n' "$TOKEN" >"$WORK/get.lua"
echo "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-1', 'rated', '{\"n\":1}') RETURNING id;" >"$WORK/insert.sql"
echo "SELECT to_json(e) FROM slipway.executions e WHERE id = '$ID';" >"$WORK/select.sql"

# wrk counts answers that are no success as "Non-2xx": a rate of refusals is no rate.
http() {
  wrk -t2 -c16 -d"${SECONDS_EACH}s" -s "$1" "$HTTP$2" >"$WORK/wrk.out"
  if grep -q 'Non-2xx' "$WORK/wrk.out"; then cat "$WORK/wrk.out" >&2; exit 1; fi
  awk '/Requests\/sec/ {print $2}' "$WORK/wrk.out"
}
sql() { "$PGBENCH" -n -M prepared -c16 -j2 -T"$SECONDS_EACH" -f "$1" -d "$SLIPWAY_DATABASE_URL" 2>/dev/null | awk '/^tps/ {print $3}'; }

printf '%-28s %12s\n' "16 connections, ${SECONDS_EACH} s each" "per second"
for turn in 1 2; do
  INSERTS=$(sql "$WORK/insert.sql"); POSTS=$(http "$WORK/post.lua" /v1/executions)
  SELECTS=$(sql "$WORK/select.sql"); GETS=$(http "$WORK/get.lua" "/v1/executions/$ID")
  printf '%-28s %12.0f\n' "INSERT ($turn)" "$INSERTS" "POST /v1/executions ($turn)" "$POSTS" "SELECT ($turn)" "$SELECTS" "GET /v1/executions/ID ($turn)" "$GETS"
  awk -v p="$POSTS" -v i="$INSERTS" -v g="$GETS" -v s="$SELECTS" 'BEGIN {printf "POST/INSERT %.2f, GET/SELECT %.2f\n", p / i, g / s}'
done
