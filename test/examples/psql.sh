#!/usr/bin/env bash
# psql alone: insert, wait by polling, read the output; then one that is cancelled. DATABASE_URL says where, and as whom.
set -euo pipefail
sql() { psql -X -q -At -v ON_ERROR_STOP=1 "$@" "$DATABASE_URL"; }

finished() { # finished ID: waits half a minute at most
  for _ in $(seq 150); do
    [[ $(sql -v id="$1" <<<"SELECT finished_at IS NOT NULL FROM slipway.executions WHERE id = :'id'") == t ]] && return
    sleep 0.2
  done
  echo "not finished: $1" >&2
  return 1
}

id=$(
  sql -v user=u-42 -v input='{"symbol":"ETH","timeframe":"1h","prices":[2510.0,2531.5,2544.1]}' <<'SQL'
INSERT INTO slipway.executions (user_id, agent, input) VALUES (:'user', 'momentum', :'input') RETURNING id;
SQL
)
finished "$id"
sql -v id="$id" <<<"SELECT status, output FROM slipway.executions WHERE id = :'id'"

later=$(
  sql -v user=u-42 <<'SQL'
INSERT INTO slipway.executions (user_id, agent, input, not_before)
VALUES (:'user', 'momentum', '{}', now() + interval '1 hour') RETURNING id;
SQL
)
sql -v id="$later" <<<"UPDATE slipway.executions SET cancel_requested = true WHERE id = :'id'"
finished "$later"
sql -v id="$later" <<<"SELECT status, reason FROM slipway.executions WHERE id = :'id'"
