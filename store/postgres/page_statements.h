#pragma once

#include <string>

#include "store/postgres/connection.h"
#include "store/postgres/execution_document.h"
#include "store/postgres/labels_fit.h"
#include "store/postgres/micros.h"

// Reads of the HTTP door. Every list is led by an index of its own (0008_http.sql), chosen by what is asked
// for: one statement for all would walk the table, since a plan is made without knowing which parameter is
// NULL.
namespace slipway::store::postgres::pages {

// $1 user or NULL, $2 agent or NULL, $3 status or NULL, $4 labels or NULL, $5 other terms of labels, $6 name
// or id or NULL; of pages: $7 and $8 the row before, $9 limit, $10 skip
#define SLIPWAY_PAGE_FILTERS                                                                  \
  " AND ($3::text IS NULL OR e.status = $3) AND ($4::jsonb IS NULL OR e.labels @> $4::jsonb)" \
  " AND ($5::jsonb = '[]' OR " SLIPWAY_LABELS_FIT(                                            \
      "e.labels", "$5") ") AND ($6::text IS NULL OR e.id::text = $6 OR e.name = $6)"
#define SLIPWAY_PAGE_REST                                               \
  SLIPWAY_PAGE_FILTERS                                                  \
  " AND (e.created_at, e.id) < (coalesce($7::timestamptz, 'infinity')," \
  " coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"        \
  " ORDER BY e.created_at DESC, e.id DESC LIMIT $9::int OFFSET $10::int"
#define SLIPWAY_PAGE_HEAD \
  "SELECT " SLIPWAY_EXECUTION_DOCUMENT ", " SLIPWAY_MICROS("e.created_at") ", e.id FROM slipway.executions " \
                                                                           "e"

inline constexpr Statement kPageOfUser{
    "page_of_user",
    SLIPWAY_PAGE_HEAD " WHERE e.user_id = $1 AND ($2::text IS NULL OR e.agent = $2)" SLIPWAY_PAGE_REST};
inline constexpr Statement kPageOfAll{
    "page_of_all",
    SLIPWAY_PAGE_HEAD " WHERE $1::text IS NULL AND ($2::text IS NULL OR e.agent = $2)" SLIPWAY_PAGE_REST};
inline constexpr Statement kCountOfUser{"count_of_user",
                                        "SELECT count(*) FROM slipway.executions e WHERE e.user_id = $1 AND "
                                        "($2::text IS NULL OR e.agent = $2)" SLIPWAY_PAGE_FILTERS};
inline constexpr Statement kCountOfAll{"count_of_all",
                                       "SELECT count(*) FROM slipway.executions e WHERE $1::text IS NULL AND "
                                       "($2::text IS NULL OR e.agent = $2)" SLIPWAY_PAGE_FILTERS};

inline constexpr Statement kExecution{"page_execution",
                                      "SELECT " SLIPWAY_EXECUTION_DOCUMENT R"(, e.input::text, e.output::text,
    (SELECT json_build_object('name', a.name, 'revision', coalesce(e.agent_revision, a.revision), 'suspended',
       slipway.is_suspended(a.spec), 'price', r.price)
     FROM slipway.agents a LEFT JOIN slipway.agent_revisions r
       ON r.agent = a.name AND r.revision = coalesce(e.agent_revision, a.revision) WHERE a.name = e.agent),
    (SELECT json_build_object('name', n.id, 'uses', n.uses, 'used', n.used, 'expires', n.expires_at,
       'spent', s.refunded_at IS NULL, 'refundReason', s.refund_reason)
     FROM slipway.entitlement_spends s JOIN slipway.entitlements n ON n.id = s.entitlement_id WHERE s.execution_id = e.id),
    (SELECT json_build_object('running', coalesce(u.running, 0), 'queued', coalesce(u.queued, 0), 'maxRunning', q.max_running,
       'maxQueued', q.max_queued, 'perMinute', q.per_minute)
     FROM slipway.quota_of(e.user_id) q LEFT JOIN slipway.user_usage u ON u.user_id = e.user_id)
  FROM slipway.executions e WHERE e.id = $1::uuid)"};
inline constexpr Statement kFindOf{"page_find_of", R"(
  SELECT id FROM slipway.executions WHERE id = $2::uuid AND ($1::text IS NULL OR user_id = $1)
  UNION ALL
  (SELECT id FROM slipway.executions WHERE $1::text IS NOT NULL AND user_id = $1 AND name = $3)
  UNION ALL
  (SELECT id FROM slipway.executions WHERE $1::text IS NULL AND name = $3 LIMIT 2) LIMIT 2)"};
inline constexpr Statement kFinishedAmong{
    "page_finished_among",
    "SELECT id FROM slipway.executions WHERE id = ANY ($1::uuid[]) AND finished_at IS NOT NULL"};
inline constexpr Statement kGoneAmong{"page_gone_among", R"(
  SELECT t.id FROM unnest($1::uuid[]) t(id) WHERE NOT EXISTS (SELECT FROM slipway.executions e WHERE e.id = t.id))"};
inline constexpr Statement kChanges{"page_changes", "SELECT v.id, e.id, " SLIPWAY_EXECUTION_DOCUMENT R"(
  FROM (SELECT id, execution_id FROM slipway.execution_events WHERE id > $7::bigint ORDER BY id LIMIT 10000) v
  JOIN slipway.executions e ON e.id = v.execution_id
  WHERE ($1::text IS NULL OR e.user_id = $1) AND ($2::text IS NULL OR e.agent = $2))" SLIPWAY_PAGE_FILTERS
                                                    " ORDER BY v.id LIMIT 1000"};
inline constexpr Statement kNewestEvent{"page_newest_event",
                                        "SELECT coalesce(max(id), 0) FROM slipway.execution_events"};
inline constexpr Statement kStatistics{"page_statistics", R"(
  SELECT json_build_object('agent', a.name, 'total', coalesce(s.total, 0), 'completed', coalesce(s.completed, 0),
    'failed', coalesce(s.failed, 0), 'timedOut', coalesce(s.timed_out, 0), 'agentFaults', coalesce(s.agent_faults, 0),
    'userFaults', coalesce(s.user_faults, 0), 'platformFaults', coalesce(s.platform_faults, 0),
    'policyFaults', coalesce(s.policy_faults, 0), 'successRate', s.success_rate, 'revenue', coalesce(s.revenue, 0)::text,
    'p50Ms', s.p50_ms, 'p95Ms', s.p95_ms, 'lastRunAt', s.last_run_at)
  FROM slipway.agents a LEFT JOIN slipway.agent_statistics s ON s.agent = a.name WHERE a.name = $1)"};

inline constexpr Statement kCreateToken{"token_create", R"(
  INSERT INTO slipway.api_tokens (id, sha256, role, user_id, description, expires_at)
  VALUES ($1, decode($2, 'hex'), $3, $4, $5, $6::timestamptz) ON CONFLICT (id) DO NOTHING RETURNING 1)"};
inline constexpr Statement kListTokens{"token_list", R"(
  SELECT id, role, user_id, description, )" SLIPWAY_MICROS("created_at") R"(,
    )" SLIPWAY_MICROS("expires_at") R"(, )" SLIPWAY_MICROS("revoked_at") R"(
  FROM slipway.api_tokens ORDER BY created_at DESC, id LIMIT 1000)"};
inline constexpr Statement kRevokeToken{
    "token_revoke",
    "UPDATE slipway.api_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING 1"};
inline constexpr Statement kTokenBy{"token_by", R"(
  SELECT id, role, user_id, description, )" SLIPWAY_MICROS("created_at") R"(,
    )" SLIPWAY_MICROS("expires_at") R"(, )" SLIPWAY_MICROS("revoked_at") R"(
  FROM slipway.api_tokens WHERE sha256 = decode($1, 'hex') AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))"};

#undef SLIPWAY_PAGE_REST
#undef SLIPWAY_PAGE_HEAD
#undef SLIPWAY_PAGE_FILTERS

}  // namespace slipway::store::postgres::pages
