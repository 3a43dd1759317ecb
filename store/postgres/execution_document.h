#pragma once

// An execution's document, without input and output: the SQL expression of a row `e` of slipway.executions, a
// literal that statements are put together with. `document.h` makes of it what users read.
#define SLIPWAY_EXECUTION_DOCUMENT                                                                         \
  "json_build_object('kind', 'Execution',"                                                                 \
  " 'metadata', json_build_object('name', e.name, 'uid', e.id, 'labels', e.labels, 'creationTimestamp', "  \
  "e.created_at),"                                                                                         \
  " 'spec', json_build_object('user', e.user_id, 'agent', e.agent, 'entitlement', e.entitlement_id, "      \
  "'priority', e.priority,"                                                                                \
  " 'timeout', e.timeout_seconds, 'notBefore', e.not_before, 'startDeadline', e.start_deadline, "          \
  "'retryLimit', e.retry_limit,"                                                                           \
  " 'ttlAfterFinished', e.ttl_seconds_after_finished, 'traceparent', e.traceparent,"                       \
  " 'cancel', CASE WHEN e.cancel_requested THEN true END),"                                                \
  " 'status', json_build_object('status', e.status, 'stage', e.stage, 'reason', e.reason, 'message', "     \
  "e.message,"                                                                                             \
  " 'fault', e.fault, 'conditions', e.conditions, 'attempt', e.attempt, 'exitCode', e.exit_code, 'node', " \
  "e.node,"                                                                                                \
  " 'startedAt', e.started_at, 'finishedAt', e.finished_at, 'durationMs', e.duration_ms,"                  \
  " 'peakMemoryBytes', e.peak_memory_bytes, 'cpuMs', e.cpu_ms, 'agentRevision', e.agent_revision,"         \
  " 'imageDigest', e.image_digest, 'listPrice', e.list_price, 'price', e.price, 'logsTruncated', "         \
  "e.logs_truncated))"
