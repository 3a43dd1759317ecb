#pragma once

#include "store/postgres/connection.h"
#include "store/postgres/execution_document.h"
#include "store/postgres/labels_fit.h"
#include "store/postgres/micros.h"

// The catalog's SQL. Names are written out once; parameters are text with a cast.
namespace slipway::store::postgres::catalog {

inline constexpr Statement kNow{"catalog_now",
                                "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"};

// -- writing
// ----------------------------------------------------------------------------------------------------------

// No row comes back when nothing would change: the trigger makes a new revision of whatever is written.
inline constexpr Statement kApplyAgent{"catalog_apply_agent", R"(
  INSERT INTO slipway.agents AS a (name, spec, labels) VALUES ($1, $2::jsonb, $3::jsonb)
  ON CONFLICT (name) DO UPDATE SET spec = EXCLUDED.spec, labels = EXCLUDED.labels
  WHERE (a.spec, a.labels) IS DISTINCT FROM (EXCLUDED.spec, EXCLUDED.labels) RETURNING a.xmax = 0)"};

inline constexpr Statement kLockEntitlement{"catalog_lock_entitlement", R"(
  SELECT user_id, agent FROM slipway.entitlements WHERE id = $1 FOR UPDATE)"};
inline constexpr Statement kApplyEntitlement{"catalog_apply_entitlement", R"(
  INSERT INTO slipway.entitlements AS e (id, user_id, agent, uses, expires_at)
  VALUES ($1, $2, $3, $4::int, $5::timestamptz)
  ON CONFLICT (id) DO UPDATE SET uses = EXCLUDED.uses, expires_at = EXCLUDED.expires_at
  WHERE (e.uses, e.expires_at) IS DISTINCT FROM (EXCLUDED.uses, EXCLUDED.expires_at) RETURNING e.xmax = 0)"};

inline constexpr Statement kApplyQuota{"catalog_apply_quota", R"(
  INSERT INTO slipway.quotas AS q (user_id, per_minute, max_running, max_queued, max_priority)
  VALUES ($1, $2::int, $3::int, $4::int, coalesce($5::int, 0))
  ON CONFLICT (user_id) DO UPDATE SET per_minute = EXCLUDED.per_minute, max_running = EXCLUDED.max_running,
    max_queued = EXCLUDED.max_queued, max_priority = EXCLUDED.max_priority
  WHERE (q.per_minute, q.max_running, q.max_queued, q.max_priority)
    IS DISTINCT FROM (EXCLUDED.per_minute, EXCLUDED.max_running, EXCLUDED.max_queued, EXCLUDED.max_priority)
  RETURNING q.xmax = 0)"};

inline constexpr Statement kInsertExecution{"catalog_insert_execution", R"(
  INSERT INTO slipway.executions (name, user_id, agent, entitlement_id, input, priority, timeout_seconds, not_before,
    start_deadline, retry_limit, ttl_seconds_after_finished, labels, traceparent, cancel_requested)
  VALUES ($1, $2, $3, $4, $5::json, $6::int, $7::int, $8::timestamptz, $9::timestamptz, $10::int, $11::int, $12::jsonb,
    $13, $14::boolean)
  ON CONFLICT (user_id, name) DO NOTHING RETURNING id)"};
// A field that is left out is as the row has it: the first decision has filled in the agent's, and a retry
// its pause. The revision: what it is held to, once that is decided.
inline constexpr Statement kLockExecution{"catalog_lock_execution", R"(
  SELECT id, agent, input::text, entitlement_id,
    coalesce($3::timestamptz = not_before, $3 IS NULL), coalesce($4::timestamptz = start_deadline, $4 IS NULL),
    coalesce($5 = traceparent, $5 IS NULL), cancel_requested, retry_limit, agent_revision
  FROM slipway.executions WHERE user_id = $1 AND name = $2 FOR UPDATE)"};
inline constexpr Statement kUpdateExecution{"catalog_update_execution", R"(
  UPDATE slipway.executions SET cancel_requested = cancel_requested OR $2::boolean,
    timeout_seconds = coalesce($3::int, timeout_seconds), priority = $4::int, labels = $5::jsonb,
    ttl_seconds_after_finished = coalesce($6::int, ttl_seconds_after_finished)
  WHERE id = $1::uuid AND (cancel_requested OR $2::boolean, coalesce($3::int, timeout_seconds), $4::int, $5::jsonb,
                           coalesce($6::int, ttl_seconds_after_finished))
    IS DISTINCT FROM (cancel_requested, timeout_seconds, priority, labels, ttl_seconds_after_finished) RETURNING id)"};

inline constexpr Statement kNewestSpec{"catalog_newest_spec",
                                       "SELECT revision, spec FROM slipway.agents WHERE name = $1"};

inline constexpr Statement kAgentNames{"catalog_agent_names",
                                       "SELECT name FROM slipway.agents ORDER BY name LIMIT 10000"};

inline constexpr Statement kWhy{"catalog_why", R"(
  SELECT e.id, e.status, e.reason, e.message,
    CASE WHEN e.queued THEN (SELECT count(*) FROM slipway.executions o WHERE o.user_id = e.user_id AND o.queued
      AND (-o.priority, o.created_at, o.id) <= (-e.priority, e.created_at, e.id)) ELSE 0 END,
    coalesce(u.queued, 0),
    (SELECT count(*) FROM slipway.user_usage o WHERE o.queued > 0 AND o.band >= u.band),
    (SELECT count(*) FROM slipway.user_usage o WHERE o.queued > 0 AND (-o.band, o.turn, o.user_id) < (-u.band, u.turn, u.user_id)),
    coalesce(u.running, 0), q.max_running,
    slipway.running_of_agent(e.agent), slipway.max_concurrent(a.spec),
    e.queued AND e.attempt = 0 AND slipway.right_of(e.user_id, e.agent, e.entitlement_id, now()) = 'waits',
    (extract(epoch FROM e.not_before - now()) * 1000)::bigint,
    n.ready, n.slots, (SELECT count(*) FROM slipway.executions r WHERE r.live AND r.finished_at IS NULL), n.cordoned,
    (SELECT s.p50_ms FROM slipway.agent_statistics s WHERE s.agent = e.agent),
    -- Who has the row locked stands in it, by the lower half of a transaction's number; none behind the last that was over
    -- can be over. A lock that several share is not told.
    e.xmax::text <> '0' AND coalesce((
      SELECT CASE WHEN x.number >= x.next THEN true
                  WHEN x.number > 2 THEN pg_xact_status(x.number::text::xid8) = 'in progress' END
      FROM (SELECT s.next, s.next - 2147483648 + ((e.xmax::text::bigint - s.next + 2147483648) & 4294967295) AS number
            FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) s) x), false)
  FROM slipway.executions e LEFT JOIN slipway.user_usage u ON u.user_id = e.user_id
  LEFT JOIN slipway.agents a ON a.name = e.agent
  LEFT JOIN LATERAL slipway.quota_of(e.user_id) q ON true
  CROSS JOIN (SELECT count(*) FILTER (WHERE NOT cordoned) AS ready, coalesce(sum(slots) FILTER (WHERE NOT cordoned), 0) AS slots,
                coalesce(json_agg(name ORDER BY name) FILTER (WHERE cordoned), '[]') AS cordoned
              FROM slipway.nodes WHERE ready AND heartbeat_at > now() - make_interval(secs => lease_seconds)) n
  WHERE e.id = $1::uuid)"};

// As slipway.decide judges a new row (0005_claims.sql), without its locks.
inline constexpr Statement kOutlook{"catalog_outlook", R"(
  SELECT a.revision, a.spec,
    CASE WHEN r.has NOT IN ('usable', 'waits') THEN r.has
         WHEN q.max_queued <= coalesce(u.queued, 0) THEN 'QueueFull'
         WHEN q.per_minute <= CASE WHEN u.minute = date_trunc('minute', now()) THEN u.minute_count ELSE 0 END THEN 'RateLimited' END,
    (extract(epoch FROM date_trunc('minute', now()) + interval '1 minute' - now()) * 1000)::bigint
  FROM (SELECT slipway.right_of($1, $2, $3, now()) AS has) r
  LEFT JOIN slipway.agents a ON a.name = $2
  LEFT JOIN slipway.user_usage u ON u.user_id = $1
  LEFT JOIN LATERAL slipway.quota_of($1) q ON true)"};

inline constexpr Statement kCancel{"catalog_cancel", R"(
  UPDATE slipway.executions SET cancel_requested = true
  WHERE id = $1::uuid AND finished_at IS NULL AND NOT cancel_requested RETURNING id)"};

inline constexpr Statement kRemoveAgent{"catalog_remove_agent",
                                        "DELETE FROM slipway.agents WHERE name = $1 RETURNING 1"};
inline constexpr Statement kRemoveEntitlement{"catalog_remove_entitlement",
                                              "DELETE FROM slipway.entitlements WHERE id = $1 RETURNING 1"};
inline constexpr Statement kRemoveQuota{"catalog_remove_quota",
                                        "DELETE FROM slipway.quotas WHERE user_id = $1 RETURNING 1"};
inline constexpr Statement kRemoveExecution{"catalog_remove_execution",
                                            "DELETE FROM slipway.executions WHERE id::text = $1 RETURNING 1"};
inline constexpr Statement kWishNode{"catalog_wish_node", R"(
  UPDATE slipway.nodes SET cordoned = $2::boolean, draining = $3::boolean WHERE name = $1 RETURNING 1)"};

// -- reading: each row is one document
// ---------------------------------------------------------------------------------- $1 name or id or NULL,
// $2 user or NULL, $3 status or NULL, $4 limit, $5 with input and output, $6 agent or NULL, $7 what the
// labels must meet, as a JSON list of {key, op, values}, $8 the name after which a list by name goes on, or
// NULL

inline constexpr Statement kListAgents{"catalog_list_agents", R"(
  SELECT json_build_object('kind', 'Agent',
    'metadata', json_build_object('name', name, 'labels', labels, 'creationTimestamp', created_at, 'revision', revision),
    'spec', spec)
  FROM slipway.agents WHERE ($1::text IS NULL OR name = $1) AND $2::text IS NULL AND $3::text IS NULL AND $5::boolean IS NOT NULL
    AND ($6::text IS NULL OR name = $6) AND )" SLIPWAY_LABELS_FIT("labels", "$7") R"(
    AND ($8::text IS NULL OR name > $8)
  ORDER BY name LIMIT $4::int)"};
inline constexpr Statement kListEntitlements{"catalog_list_entitlements", R"(
  SELECT json_build_object('kind', 'Entitlement',
    'metadata', json_build_object('name', id, 'creationTimestamp', created_at),
    'spec', json_build_object('user', user_id, 'agent', agent, 'uses', uses, 'expires', expires_at),
    'status', json_build_object('used', used))
  FROM slipway.entitlements
  WHERE ($1::text IS NULL OR id = $1) AND ($2::text IS NULL OR user_id = $2) AND $3::text IS NULL AND $5::boolean IS NOT NULL
    AND ($6::text IS NULL OR agent = $6) AND $7::jsonb = '[]' AND ($8::text IS NULL OR id > $8)
  ORDER BY id LIMIT $4::int)"};
inline constexpr Statement kListQuotas{"catalog_list_quotas", R"(
  SELECT json_build_object('kind', 'Quota', 'metadata', json_build_object('name', q.user_id),
    'spec', json_build_object('user', q.user_id, 'perMinute', per_minute, 'maxRunning', max_running,
                              'maxQueued', max_queued, 'maxPriority', max_priority),
    'status', json_build_object('running', coalesce(u.running, 0)))
  FROM slipway.quotas q LEFT JOIN slipway.user_usage u USING (user_id)
  WHERE ($1::text IS NULL OR q.user_id = $1) AND ($2::text IS NULL OR q.user_id = $2) AND $3::text IS NULL
    AND $5::boolean IS NOT NULL AND $6::text IS NULL AND $7::jsonb = '[]' AND ($8::text IS NULL OR q.user_id > $8)
  ORDER BY q.user_id LIMIT $4::int)"};
inline constexpr Statement kListExecutions{"catalog_list_executions",
                                           "SELECT " SLIPWAY_EXECUTION_DOCUMENT R"(,
    CASE WHEN $5::boolean THEN e.input::text END, CASE WHEN $5::boolean THEN e.output::text END
  FROM slipway.executions e
  WHERE ($1::text IS NULL OR e.id::text = $1 OR e.name = $1) AND ($2::text IS NULL OR e.user_id = $2)
    AND ($3::text IS NULL OR e.status = $3) AND ($6::text IS NULL OR e.agent = $6) AND $8::text IS NULL AND )" SLIPWAY_LABELS_FIT(
                                               "e.labels", "$7") R"(
  ORDER BY e.created_at DESC, e.id DESC LIMIT $4::int)"};
inline constexpr Statement kListNodes{"catalog_list_nodes", R"(
  SELECT json_build_object('kind', 'Node', 'metadata', json_build_object('name', name, 'creationTimestamp', registered_at),
    'spec', json_build_object('cordoned', cordoned, 'draining', draining),
    'status', json_build_object('ready', ready AND heartbeat_at > now() - make_interval(secs => lease_seconds),
      'message', message, 'epoch', epoch, 'slots', slots, 'version', version, 'heartbeatAt', heartbeat_at,
      'instance', instance_id, 'notEnforceable', not_enforceable,
      'live', (SELECT count(*) FROM slipway.executions e WHERE e.live AND e.node = n.name),
      'running', (SELECT count(*) FROM slipway.executions e WHERE e.live AND e.node = n.name
                  AND e.stage NOT IN ('Finished', 'Cleaned'))))
  FROM slipway.nodes n WHERE ($1::text IS NULL OR name = $1) AND $2::text IS NULL AND $3::text IS NULL
    AND $5::boolean IS NOT NULL AND $6::text IS NULL AND $7::jsonb = '[]' AND ($8::text IS NULL OR name > $8)
  ORDER BY name LIMIT $4::int)"};

inline constexpr Statement kStanding{"catalog_standing", R"(
  SELECT e.id, e.status, e.reason, e.message, e.exit_code, e.finished_at IS NOT NULL AND NOT e.live, e.name, e.user_id,
    e.agent, (SELECT a.spec ->> 'image' FROM slipway.agents a
              WHERE a.name = e.agent AND a.revision = coalesce(e.agent_revision, a.revision)),
    e.timeout_seconds, e.duration_ms
  FROM slipway.executions e WHERE e.id = $1::uuid)"};
inline constexpr Statement kOutput{"catalog_output",
                                   "SELECT output::text FROM slipway.executions WHERE id = $1::uuid"};
inline constexpr Statement kEvents{"catalog_events", R"(
  SELECT json_build_object('at', v.at, 'attempt', v.attempt, 'stage', v.stage, 'reason', v.reason, 'message', v.message,
                           'node', v.node, 'traceparent', e.traceparent)
  FROM slipway.execution_events v JOIN slipway.executions e ON e.id = v.execution_id
  WHERE v.execution_id = $1::uuid ORDER BY v.id LIMIT 500)"};
// Behind the place where the reader stands, which may lie within a chunk: none is longer than 65536 bytes.
inline constexpr Statement kLogs{"catalog_logs", R"(
  SELECT attempt, seq + octet_length(bytes), )" SLIPWAY_MICROS("at") R"(, stream,
    encode(CASE WHEN attempt = $2::int AND seq < $3::int THEN substring(bytes FROM $3::int - seq + 1) ELSE bytes END, 'hex')
  FROM slipway.execution_log_chunks
  WHERE execution_id = $1::uuid AND (attempt, seq) > ($2::int, $3::int - 65536)
    AND (attempt > $2::int OR seq + octet_length(bytes) > $3::int)
  ORDER BY attempt, seq LIMIT 64)"};

}  // namespace slipway::store::postgres::catalog
