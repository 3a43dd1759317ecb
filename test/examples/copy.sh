#!/usr/bin/env bash
# Many rows at once: COPY into the view slipway.submissions, all of them or none. `name` is each user's idempotency key.
set -euo pipefail
sql() { psql -X -q -At -v ON_ERROR_STOP=1 "$@" "$DATABASE_URL"; }

csv=$(mktemp)
trap 'rm -f "$csv"' EXIT
for n in 1 2 3; do echo "u-42,momentum,nightly-$n,\"{\"\"symbol\"\":\"\"ETH\"\",\"\"prices\"\":[$n]}\""; done >"$csv"

sql -c "\\copy slipway.submissions (user_id, agent, name, input) FROM '$csv' CSV"

left="SELECT count(*) FROM slipway.executions WHERE user_id = 'u-42' AND name LIKE 'nightly-%' AND finished_at IS NULL"
for _ in $(seq 150); do
  [[ $(sql -c "$left") == 0 ]] && break
  sleep 0.2
done
sql -c "SELECT name, status, output FROM slipway.executions WHERE user_id = 'u-42' AND name LIKE 'nightly-%' ORDER BY name"
