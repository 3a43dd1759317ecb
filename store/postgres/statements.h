#pragma once

#include "store/postgres/connection.h"

namespace slipway::store::postgres::sql {

// Times leave the database as whole microseconds since the epoch (numeric arithmetic: exact).

inline constexpr Statement kActAs{"act_as", "SELECT slipway.act_as($1, $2)"};

// clock_timestamp() is volatile and would keep the index on decide_at from being searched by range: now() of
// the statement's own transaction is as good.
inline constexpr Statement kListUndecided{"list_undecided", R"(
  SELECT e.id, e.stage, e.user_id, e.agent, e.cancel_requested,
         (extract(epoch FROM e.not_before) * 1000000)::bigint, (extract(epoch FROM e.start_deadline) * 1000000)::bigint,
         e.timeout_seconds, e.retry_limit, octet_length(e.input::text), coalesce(a.revision, 0)
  FROM slipway.executions e LEFT JOIN slipway.agents a ON a.name = e.agent
  WHERE e.decide_at <= now() ORDER BY e.decide_at LIMIT $1)"};

inline constexpr Statement kListCandidates{"list_candidates", R"(
  SELECT e.id, e.user_id, e.agent, e.priority, (extract(epoch FROM e.created_at) * 1000000)::bigint
  FROM slipway.executions e
  WHERE e.queued AND (e.not_before IS NULL OR e.not_before <= now()) AND (e.start_deadline IS NULL OR e.start_deadline > now())
  ORDER BY e.priority DESC, e.created_at, e.id LIMIT $1)"};

inline constexpr Statement kClaim{"claim", "SELECT slipway.claim($1, $2, $3::uuid[], $4)"};

inline constexpr Statement kDecide{"decide", R"(
  WITH t AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::int[], $9::int[], $10::int[], $11::boolean[])
      AS t(id, was, stage, status, reason, fault, message, revision, timeout, retries, final)
  ), held AS (
    SELECT e.id FROM slipway.executions e JOIN t ON t.id = e.id WHERE e.stage = t.was
    ORDER BY e.id FOR UPDATE OF e SKIP LOCKED
  ), moved AS (
    UPDATE slipway.executions e
    SET stage = t.stage, status = t.status, reason = t.reason, fault = t.fault, message = t.message,
        agent_revision = coalesce(t.revision, e.agent_revision), timeout_seconds = coalesce(t.timeout, e.timeout_seconds),
        retry_limit = coalesce(t.retries, e.retry_limit), finished_at = CASE WHEN t.final THEN now() END
    FROM t JOIN held h ON h.id = t.id WHERE e.id = t.id
    RETURNING e.id, e.user_id, e.agent, e.attempt, e.stage, e.status, e.reason, e.fault, e.message, t.final
  ), refunded AS (  -- a row that waits for a further attempt has spent already, and ends through no run of its own
    UPDATE slipway.entitlement_spends s SET settled_at = now(), refunded_at = now(), refund_reason = m.reason
    FROM moved m WHERE m.final AND s.execution_id = m.id AND s.settled_at IS NULL
  ), counted AS (
    INSERT INTO slipway.outcomes (execution_id, agent, user_id, status, reason, fault)
    SELECT id, agent, user_id, status, reason, fault FROM moved WHERE final
  ), said AS (
    INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes)
    SELECT id, 0, 0, now(), 'system', convert_to(message, 'UTF8') FROM moved WHERE final AND reason = 'Cancelled'
  ), told AS (
    INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message)
    SELECT id, attempt, stage, reason, message FROM moved
  )
  SELECT count(*) FROM moved)"};

inline constexpr Statement kLoad{"load", R"(
  SELECT e.id, e.attempt, e.generation, e.claim_id, e.node, e.user_id, e.agent, coalesce(e.agent_revision, 0), e.image_digest,
         e.stage, e.status, e.reason, e.cancel_requested, e.timeout_seconds, e.retry_limit, e.create_failures, e.traceparent,
         e.engine, (extract(epoch FROM e.intent_at) * 1000000)::bigint, (extract(epoch FROM e.started_at) * 1000000)::bigint,
         (extract(epoch FROM e.deadline_at) * 1000000)::bigint, (extract(epoch FROM e.kill_at) * 1000000)::bigint,
         (extract(epoch FROM e.not_before) * 1000000)::bigint, e.verdict
  FROM unnest($1::uuid[]) AS t(id) JOIN slipway.executions e ON e.id = t.id)"};

inline constexpr Statement kLoadSpec{
    "load_spec", "SELECT spec FROM slipway.agent_revisions WHERE agent = $1 AND revision = $2"};
inline constexpr Statement kLoadInput{"load_input", "SELECT input FROM slipway.executions WHERE id = $1"};

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
inline constexpr Statement kFoldOutcomes{"fold_outcomes", "SELECT slipway.fold_outcomes($1)"};

// A batch is locked in order of id; rows that somebody else holds are left out and tried alone.
inline constexpr Statement kLockBatch{"lock_batch", R"(
  SELECT e.id, e.stage, e.claim_id, e.node, e.cancel_requested, e.user_id
  FROM slipway.executions e WHERE e.id = ANY ($1::uuid[]) ORDER BY e.id FOR NO KEY UPDATE SKIP LOCKED)"};
inline constexpr Statement kLockOne{"lock_one", R"(
  SELECT e.id, e.stage, e.claim_id, e.node, e.cancel_requested, e.user_id
  FROM slipway.executions e WHERE e.id = ANY ($1::uuid[]) ORDER BY e.id FOR NO KEY UPDATE)"};

// The rows are locked and examined already. NULL leaves a column alone. The hard deadline is when a node that
// lives must have killed it: the grace of an agent is at most an hour (api/agent.cc).
inline constexpr Statement kMove{"move", R"(
  WITH t AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                         $9::text[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::text[],
                         $15::int[], $16::int[])
      AS t(id, stage, status, reason, message, engine, container_id, image, limits, intent_at, started_at, deadline_at, kill_at,
           verdict, generation, create_failures)
  ), moved AS (
    UPDATE slipway.executions e
    SET stage = t.stage, status = coalesce(t.status, e.status), reason = coalesce(t.reason, e.reason),
        message = coalesce(t.message, e.message), engine = coalesce(t.engine, e.engine),
        container_id = coalesce(t.container_id, e.container_id), image_digest = coalesce(t.image, e.image_digest),
        intent_at = coalesce(t.intent_at, e.intent_at), started_at = coalesce(t.started_at, e.started_at),
        deadline_at = coalesce(t.deadline_at, e.deadline_at), kill_at = coalesce(t.kill_at, e.kill_at),
        verdict = coalesce(e.verdict, t.verdict), generation = coalesce(t.generation, e.generation),
        create_failures = coalesce(t.create_failures, e.create_failures)
    FROM t WHERE e.id = t.id
    RETURNING e.id, e.attempt, e.stage, e.reason, e.message, e.node, e.verdict, e.intent_at, e.deadline_at, e.timeout_seconds
  ), tried AS (
    UPDATE slipway.attempts a
    SET engine = coalesce(t.engine, a.engine), container_id = coalesce(t.container_id, a.container_id),
        image_digest = coalesce(t.image, a.image_digest), effective_limits = coalesce(t.limits::jsonb, a.effective_limits),
        intent_at = coalesce(t.intent_at, a.intent_at), started_at = coalesce(t.started_at, a.started_at),
        started = a.started OR t.started_at IS NOT NULL, deadline_at = coalesce(t.deadline_at, a.deadline_at),
        verdict = m.verdict, generation = coalesce(t.generation, a.generation),
        hard_deadline_at = coalesce(m.deadline_at, m.intent_at + make_interval(secs => m.timeout_seconds)) + interval '61 minutes'
    FROM moved m JOIN t ON t.id = m.id WHERE a.execution_id = m.id AND a.attempt = m.attempt
  )
  INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message, node)
  SELECT id, attempt, stage, reason, message, node FROM moved)"};

// `settle`: whether the spend is given back ('refund'), stays ('keep') or is not settled yet (NULL: another
// attempt comes). An attempt that has ended keeps the evidence it ended with.
inline constexpr Statement kEnd{"end", R"(
  WITH t AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                         $9::boolean[], $10::text[], $11::int[], $12::boolean[], $13::boolean[], $14::timestamptz[],
                         $15::bigint[], $16::bigint[], $17::bytea[], $18::text[], $19::boolean[])
      AS t(id, stage, status, reason, fault, message, output, settle, priced, why, exit_code, oom, started, finished_at,
           peak, cpu, partial, detail, truncated)
  ), moved AS (
    UPDATE slipway.executions e
    SET stage = t.stage, status = t.status, reason = t.reason, fault = t.fault, message = t.message, output = t.output::json,
        exit_code = coalesce(t.exit_code, e.exit_code), peak_memory_bytes = coalesce(t.peak, e.peak_memory_bytes),
        cpu_ms = coalesce(t.cpu, e.cpu_ms), logs_truncated = e.logs_truncated OR t.truncated,
        duration_ms = CASE WHEN t.stage = 'Finished' THEN coalesce(
          greatest((extract(epoch FROM t.finished_at - e.started_at) * 1000)::bigint, 0), e.duration_ms) END,
        finished_at = CASE WHEN t.stage = 'Finished' THEN now() END
    FROM t WHERE e.id = t.id
    RETURNING e.id, e.user_id, e.agent, e.attempt, e.stage, e.status, e.reason, e.fault, e.message, e.node, e.duration_ms, e.price,
              t.settle, t.priced
  ), tried AS (
    UPDATE slipway.attempts a
    SET ended_at = now(), reason = t.why, exit_code = t.exit_code, oom_killed = t.oom, started = a.started OR t.started,
        finished_at = t.finished_at, peak_memory_bytes = t.peak, cpu_ms = t.cpu, partial_result = t.partial,
        detail = t.detail, logs_truncated = t.truncated
    FROM moved m JOIN t ON t.id = m.id WHERE a.execution_id = m.id AND a.attempt = m.attempt AND a.ended_at IS NULL
  ), settled AS (
    UPDATE slipway.entitlement_spends s
    SET settled_at = now(), refunded_at = CASE WHEN m.settle = 'refund' THEN now() END,
        refund_reason = CASE WHEN m.settle = 'refund' THEN m.reason END
    FROM moved m WHERE m.settle IS NOT NULL AND s.execution_id = m.id AND s.settled_at IS NULL
  ), counted AS (
    INSERT INTO slipway.outcomes (execution_id, agent, user_id, status, reason, fault, revenue, duration_ms)
    SELECT id, agent, user_id, status, reason, fault, CASE WHEN priced THEN coalesce(price, 0) ELSE 0 END, duration_ms
    FROM moved WHERE stage = 'Finished'
  )
  INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message, node)
  SELECT id, attempt, stage, reason, message, node FROM moved)"};

inline constexpr Statement kLogs{"logs", R"(
  INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes)
  SELECT e.id, e.attempt, t.n + coalesce((SELECT max(c.seq) + 1 FROM slipway.execution_log_chunks c
                                          WHERE c.execution_id = e.id AND c.attempt = e.attempt), 0),
         coalesce(t.at, now()), t.stream, t.bytes
  FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::bytea[]) AS t(id, n, at, stream, bytes)
  JOIN slipway.executions e ON e.id = t.id)"};

inline constexpr Statement kReleaseUsage{"release_usage",
                                         "SELECT slipway.release_usage($1::text[], $2::int[])"};

inline constexpr Statement kRequeue{"requeue", R"(
  WITH t AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) AS t(id, backoff_us, reason, message)),
  moved AS (
    UPDATE slipway.executions e
    SET stage = 'Queued', status = 'PENDING', reason = t.reason, message = t.message,
        not_before = now() + t.backoff_us * interval '1 microsecond', node = NULL, epoch = NULL, claim_id = NULL, verdict = NULL,
        engine = NULL, container_id = NULL, intent_at = NULL, started_at = NULL, deadline_at = NULL, kill_at = NULL,
        generation = 0, create_failures = 0
    FROM t WHERE e.id = t.id RETURNING e.id, e.attempt, e.stage, e.reason, e.message
  )
  INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message)
  SELECT id, attempt, stage, reason, message FROM moved)"};

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
