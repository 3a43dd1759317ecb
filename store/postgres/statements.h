#pragma once

#include "store/postgres/connection.h"
#include "store/postgres/micros.h"

namespace slipway::store::postgres::sql {

// Times leave the database as whole microseconds since the epoch (numeric arithmetic: exact).

inline constexpr Statement kActAs{"act_as", "SELECT slipway.act_as($1, $2)"};

// clock_timestamp() is volatile and would keep the index on decide_at from being searched by range: now() of
// the statement's own transaction is as good.
inline constexpr Statement kListUndecided{"list_undecided", R"(
  SELECT e.id, e.stage, e.user_id, e.agent, e.cancel_requested,
         )" SLIPWAY_MICROS("e.not_before") R"(, )" SLIPWAY_MICROS("e.start_deadline") R"(,
         e.timeout_seconds, e.retry_limit, CASE WHEN e.stage = 'New' THEN e.input END, coalesce(a.revision, 0)
  FROM (SELECT *, sum(input_bytes) OVER (ORDER BY decide_at ROWS UNBOUNDED PRECEDING) - input_bytes AS bytes_before
        FROM (SELECT * FROM slipway.executions WHERE decide_at <= now() ORDER BY decide_at LIMIT $1) q) e
  LEFT JOIN slipway.agents a ON a.name = e.agent
  WHERE e.bytes_before < 8388608 ORDER BY e.decide_at)"};

// The same, for when one of the rows cannot be read: what is surely there of each, then each by itself.
inline constexpr Statement kUndecidedHeads{
    "undecided_heads",
    "SELECT id, stage FROM slipway.executions WHERE decide_at <= now() ORDER BY decide_at LIMIT $1"};
inline constexpr Statement kUndecidedOne{"undecided_one", R"(
  SELECT e.id, e.stage, e.user_id, e.agent, e.cancel_requested,
         )" SLIPWAY_MICROS("e.not_before") R"(, )" SLIPWAY_MICROS("e.start_deadline") R"(,
         e.timeout_seconds, e.retry_limit, CASE WHEN e.stage = 'New' THEN e.input END, coalesce(a.revision, 0)
  FROM slipway.executions e LEFT JOIN slipway.agents a ON a.name = e.agent WHERE e.id = $1 AND e.decide_at <= now())"};

// One transaction each (api/schemas/0005_claims.sql).
inline constexpr Statement kListCandidates{"list_candidates", "SELECT slipway.list_candidates($1)"};
inline constexpr Statement kListUnlockedCandidates{"list_unlocked_candidates",
                                                   "SELECT slipway.list_unlocked_candidates($1)"};
inline constexpr Statement kRecountUsage{"recount_usage", "SELECT slipway.recount_usage()"};
inline constexpr Statement kClaim{"claim", "SELECT * FROM slipway.claim($1, $2, $3::uuid[], $4, $5::jsonb)"};
inline constexpr Statement kExplainWaiting{"explain_waiting",
                                           "SELECT slipway.say_why_waiting($1, $2, $3, $4, $5::jsonb)"};
inline constexpr Statement kDecide{"decide", R"(
  SELECT * FROM slipway.decide($1, $2, $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                               $10::int[], $11::int[], $12::int[], $13::jsonb))"};

// $2: kSmallInput.
inline constexpr Statement kLoad{"load", R"(
  SELECT e.id, e.attempt, e.claim_id, e.node, e.user_id, e.agent, coalesce(e.agent_revision, 0), e.image_digest,
         e.stage, e.status, e.reason, e.cancel_requested, e.timeout_seconds, e.retry_limit, e.create_failures, e.traceparent,
         e.engine, )" SLIPWAY_MICROS("e.intent_at") R"(, )" SLIPWAY_MICROS("e.started_at") R"(,
         )" SLIPWAY_MICROS("e.deadline_at") R"(, )" SLIPWAY_MICROS("e.kill_at") R"(,
         )" SLIPWAY_MICROS("e.not_before") R"(, e.verdict,
         )" SLIPWAY_MICROS("e.created_at") R"(,
         CASE WHEN e.stage = 'Claimed' AND e.input_bytes <= $2 THEN e.input END
  FROM unnest($1::uuid[]) AS t(id) JOIN slipway.executions e ON e.id = t.id)"};

inline constexpr Statement kLoadSpec{
    "load_spec", "SELECT spec FROM slipway.agent_revisions WHERE agent = $1 AND revision = $2"};
inline constexpr Statement kLoadInput{"load_input", "SELECT input FROM slipway.executions WHERE id = $1"};

inline constexpr Statement kLiveLog{"live_log", R"(
  SELECT slipway.log_end($1, $2), )" SLIPWAY_MICROS("f.at") R"(,
         )" SLIPWAY_MICROS("coalesce(l.until, l.at)") R"(
  FROM (SELECT at FROM slipway.execution_log_chunks WHERE execution_id = $1 AND attempt = $2 ORDER BY seq LIMIT 1) f,
       (SELECT at, until FROM slipway.execution_log_chunks WHERE execution_id = $1 AND attempt = $2
        ORDER BY seq DESC LIMIT 1) l)"};

inline constexpr Statement kListUnconverged{"list_unconverged",
                                            "SELECT id FROM slipway.executions WHERE live AND node = $1"};
inline constexpr Statement kLiveClaims{"live_claims", R"(
  SELECT e.claim_id FROM unnest($1::uuid[]) AS t(claim_id) JOIN slipway.executions e ON e.live AND e.claim_id = t.claim_id)"};
inline constexpr Statement kRetire{"retire", R"(
  WITH gone AS (
    DELETE FROM slipway.executions WHERE id IN (
      SELECT id FROM slipway.executions WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING id)
  SELECT count(*) FROM gone)"};
inline constexpr Statement kReadTotals{
    "read_totals",
    "SELECT kind, agent, status, reason, n FROM slipway.cluster_totals($1, $2 * interval '1 microsecond')"};
// min() by the index; at Queued nothing is told of when a row may run, so any row there counts.
inline constexpr Statement kLookAhead{
    "look_ahead", R"(
  SELECT EXISTS (SELECT FROM slipway.executions WHERE queued),
         (SELECT )" SLIPWAY_MICROS(
                      "min(decide_at)") R"( FROM slipway.executions WHERE decide_at IS NOT NULL))"};
inline constexpr Statement kFoldOutcomes{"fold_outcomes", "SELECT slipway.fold_outcomes($1)"};

// One transaction each (api/schemas/0006_steps.sql); the answer holds the rows that could be locked, and
// whether each was written.
inline constexpr Statement kMove{"move", R"(
  SELECT held_id, written FROM slipway.record_moves(
    $1, $2, $3, $4, $5::uuid[], $6::text[], $7::uuid[], $8::boolean[], $9::text[], $10::text[], $11::text[], $12::text[],
    $13::text[], $14::text[], $15::text[], $16::text[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[],
    $20::timestamptz[], $21::text[], $22::int[]))"};
inline constexpr Statement kEnd{"end", R"(
  SELECT held_id, written FROM slipway.record_ends(
    $1, $2, $3, $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
    $13::text[], $14::boolean[], $15::text[], $16::int[], $17::boolean[], $18::boolean[], $19::timestamptz[], $20::bigint[],
    $21::bigint[], $22::bytea[], $23::text[], $24::boolean[], $25::int[], $26::uuid[], $27::int[], $28::timestamptz[],
    $29::text[], $30::bytea[]))"};
inline constexpr Statement kAppendLogs{"append_logs", R"(
  SELECT held_id, written FROM slipway.append_logs(
    $1, $2, $3, $4::uuid[], $5::uuid[], $6::uuid[], $7::int[], $8::timestamptz[], $9::timestamptz[], $10::text[],
    $11::bytea[]))"};
inline constexpr Statement kRequeue{"requeue", R"(
  SELECT held_id, written FROM slipway.record_requeues($1, $2, $3, $4::uuid[], $5::uuid[], $6::bigint[], $7, $8))"};

// FOR UPDATE, not a plain update: it must meet the KEY SHARE of a write in flight under the old epoch.
inline constexpr Statement kLockNode{"lock_node", "SELECT 1 FROM slipway.nodes WHERE name = $1 FOR UPDATE"};
inline constexpr Statement kRegisterNode{"register_node", R"(
  INSERT INTO slipway.nodes AS n (name, instance_id, epoch, slots, version, not_enforceable, ready, message, lease_seconds)
  VALUES ($1, $2, 1, $3, $4, $5::text[], $6, $7, $8)
  ON CONFLICT (name) DO UPDATE SET
    instance_id = excluded.instance_id, epoch = n.epoch + 1, slots = excluded.slots, version = excluded.version,
    not_enforceable = excluded.not_enforceable, ready = excluded.ready, message = excluded.message, idle = false,
    lease_seconds = excluded.lease_seconds, registered_at = now(), heartbeat_at = clock_timestamp()
  RETURNING n.epoch, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, n.cordoned, n.draining)"};
inline constexpr Statement kHeartbeat{"heartbeat", R"(
  UPDATE slipway.nodes n
  SET heartbeat_at = clock_timestamp(), slots = $3, version = $4, not_enforceable = $5::text[], ready = $6, message = $7
  WHERE n.name = $1 AND n.epoch = $2
  RETURNING n.epoch, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, n.cordoned, n.draining)"};
inline constexpr Statement kSetIdle{
    "set_idle", "UPDATE slipway.nodes SET idle = $3 WHERE name = $1 AND epoch = $2 RETURNING 1"};
inline constexpr Statement kHoldName{
    "hold_name", "SELECT pg_try_advisory_lock(hashtextextended('slipway node ' || $1, 0))"};

}  // namespace slipway::store::postgres::sql
