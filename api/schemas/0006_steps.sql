-- The steps of an attempt. One call is one transaction: the fence, the rows' locks, and the statements that write, without a
-- round trip between them. Each answers with the rows it could lock and whether they were written: a row that is missing is
-- locked by somebody else, one that is not written stands elsewhere by now.

-- The fence, then the locks in order of id, so that two batches cannot wait for each other in a ring. `p_durable` false: losing
-- the step to a crash of the server costs nothing, since what it says is found out anew (docs/adr/0005).
CREATE FUNCTION slipway.hold_rows(p_node text, p_epoch bigint, p_wait boolean, p_durable boolean, p_ids uuid[])
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  held uuid[];
BEGIN
  IF NOT slipway.act_as(p_node, p_epoch) THEN PERFORM slipway.refuse_taken_over(p_node); END IF;
  IF NOT p_durable THEN PERFORM set_config('synchronous_commit', 'off', true); END IF;
  IF p_wait THEN
    SELECT array_agg(q.id) INTO held FROM (
      SELECT e.id FROM slipway.executions e WHERE e.id = ANY (p_ids) ORDER BY e.id FOR NO KEY UPDATE) q;
  ELSE
    SELECT array_agg(q.id) INTO held FROM (
      SELECT e.id FROM slipway.executions e WHERE e.id = ANY (p_ids) ORDER BY e.id FOR NO KEY UPDATE SKIP LOCKED) q;
  END IF;
  RETURN coalesce(held, '{}');
END
$$;

-- NULL leaves a column alone. `p_guard`: not where a cancel has come. The hard deadline is when a node that lives must have
-- killed it: the grace of an agent is at most an hour (api/agent.cc).
CREATE FUNCTION slipway.record_moves(
  p_node text, p_epoch bigint, p_wait boolean, p_durable boolean,
  p_id uuid[], p_was text[], p_claim uuid[], p_guard boolean[], p_stage text[], p_status text[], p_reason text[],
  p_message text[], p_engine text[], p_container text[], p_image text[], p_limits text[], p_intent timestamptz[],
  p_started timestamptz[], p_deadline timestamptz[], p_kill timestamptz[], p_verdict text[],
  p_failures int[])
RETURNS TABLE (held_id uuid, written boolean) LANGUAGE plpgsql AS $$
DECLARE
  held uuid[] := slipway.hold_rows(p_node, p_epoch, p_wait, p_durable, p_id);
BEGIN
  RETURN QUERY
  WITH t AS MATERIALIZED (
    SELECT * FROM unnest(p_id, p_was, p_claim, p_guard, p_stage, p_status, p_reason, p_message, p_engine, p_container, p_image,
                         p_limits, p_intent, p_started, p_deadline, p_kill, p_verdict, p_failures)
      AS t(id, was, claim, guard, stage, status, reason, message, engine, container, image, limits, intent_at, started_at,
           deadline_at, kill_at, verdict, failures)
    WHERE t.id = ANY (held)
  ), moved AS (
    UPDATE slipway.executions e
    SET stage = t.stage, status = coalesce(t.status, e.status), reason = coalesce(t.reason, e.reason),
        message = coalesce(t.message, e.message), engine = coalesce(t.engine, e.engine),
        container_id = coalesce(t.container, e.container_id), image_digest = coalesce(t.image, e.image_digest),
        intent_at = coalesce(t.intent_at, e.intent_at), started_at = coalesce(t.started_at, e.started_at),
        deadline_at = coalesce(t.deadline_at, e.deadline_at), kill_at = coalesce(t.kill_at, e.kill_at),
        verdict = coalesce(e.verdict, t.verdict),
        create_failures = coalesce(t.failures, e.create_failures)
    FROM t WHERE e.id = t.id AND e.stage = t.was AND e.claim_id = t.claim AND e.node = p_node
      AND NOT (t.guard AND e.cancel_requested)
    RETURNING e.id, e.attempt, e.stage, e.reason, e.message, e.verdict, e.intent_at, e.deadline_at, e.timeout_seconds
  ), tried AS (
    UPDATE slipway.attempts a
    SET engine = coalesce(t.engine, a.engine), container_id = coalesce(t.container, a.container_id),
        image_digest = coalesce(t.image, a.image_digest), effective_limits = coalesce(t.limits::jsonb, a.effective_limits),
        intent_at = coalesce(t.intent_at, a.intent_at), started_at = coalesce(t.started_at, a.started_at),
        started = a.started OR t.started_at IS NOT NULL, deadline_at = coalesce(t.deadline_at, a.deadline_at),
        verdict = m.verdict,
        hard_deadline_at = coalesce(m.deadline_at, m.intent_at + make_interval(secs => m.timeout_seconds)) + interval '61 minutes'
    FROM moved m JOIN t ON t.id = m.id
    WHERE m.stage <> 'Cleaned' AND a.execution_id = m.id AND a.attempt = m.attempt
  ), told AS (
    INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message, node)
    SELECT id, attempt, stage, reason, message, p_node FROM moved
  )
  SELECT t.id, m.id IS NOT NULL FROM t LEFT JOIN moved m ON m.id = t.id;
END
$$;

-- How many bytes of an attempt's log are stored.
CREATE FUNCTION slipway.log_end(p_id uuid, p_attempt int) RETURNS int LANGUAGE sql STABLE
RETURN coalesce((SELECT c.seq + octet_length(c.bytes) FROM slipway.execution_log_chunks c
                 WHERE c.execution_id = p_id AND c.attempt = p_attempt ORDER BY c.seq DESC LIMIT 1), 0);

-- What containers have said, while they run. The chunks of a row follow each other without a gap. What is stored already is
-- left out, so that a follower may begin anew; chunks that would leave a gap are not written.
CREATE FUNCTION slipway.append_logs(
  p_node text, p_epoch bigint, p_wait boolean, p_id uuid[], p_claim uuid[],
  p_log_id uuid[], p_log_seq int[], p_log_at timestamptz[], p_log_until timestamptz[], p_log_stream text[], p_log_bytes bytea[])
RETURNS TABLE (held_id uuid, written boolean) LANGUAGE plpgsql AS $$
DECLARE
  held uuid[] := slipway.hold_rows(p_node, p_epoch, p_wait, false, p_id);
BEGIN
  RETURN QUERY
  WITH l AS MATERIALIZED (
    SELECT * FROM unnest(p_log_id, p_log_seq, p_log_at, p_log_until, p_log_stream, p_log_bytes)
      AS l(id, seq, at, until, stream, bytes)
  ), r AS MATERIALIZED (
    SELECT e.id, e.attempt, slipway.log_end(e.id, e.attempt) AS stored
    FROM unnest(p_id, p_claim) AS t(id, claim) JOIN slipway.executions e ON e.id = t.id
    WHERE t.id = ANY (held) AND e.stage IN ('Running', 'Stopping') AND e.claim_id = t.claim AND e.node = p_node
  ), fitting AS MATERIALIZED (
    SELECT r.id, r.attempt, r.stored FROM r WHERE r.stored >= (SELECT min(l.seq) FROM l WHERE l.id = r.id)
  ), said AS (
    INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, until, stream, bytes)
    SELECT f.id, f.attempt, greatest(l.seq, f.stored), l.at, l.until, l.stream,
           substring(l.bytes FROM greatest(f.stored - l.seq, 0) + 1)
    FROM fitting f JOIN l ON l.id = f.id WHERE l.seq + octet_length(l.bytes) > f.stored
  )
  SELECT h.id, f.id IS NOT NULL FROM unnest(held) AS h(id) LEFT JOIN fitting f ON f.id = h.id;
END
$$;

-- `p_settle`: whether the spend is given back ('refund'), stays ('keep') or is not settled yet (NULL: another attempt comes).
-- An attempt that has ended keeps the evidence it ended with. The chunks of all rows stand behind each other, `p_log_n` is
-- how many bytes of its row's stand before it. They take the place of what was stored while the container ran, from byte
-- `p_behind` of it on; NULL: they come behind all of it. Users' counts of running executions come last where no use is given back, since those rows are shared the most.
CREATE FUNCTION slipway.record_ends(
  p_node text, p_epoch bigint, p_wait boolean,
  p_id uuid[], p_was text[], p_claim uuid[], p_stage text[], p_status text[], p_reason text[], p_fault text[], p_message text[],
  p_output text[], p_settle text[], p_priced boolean[], p_why text[], p_code int[], p_oom boolean[], p_started boolean[],
  p_finished timestamptz[], p_peak bigint[], p_cpu bigint[], p_partial bytea[], p_detail text[], p_truncated boolean[],
  p_behind int[], p_log_id uuid[], p_log_n int[], p_log_at timestamptz[], p_log_stream text[], p_log_bytes bytea[])
RETURNS TABLE (held_id uuid, written boolean) LANGUAGE plpgsql AS $$
DECLARE
  held uuid[] := slipway.hold_rows(p_node, p_epoch, p_wait, true, p_id);
  done uuid[];
  users text[];
  counts int[];
BEGIN
  DELETE FROM slipway.execution_log_chunks c
  USING unnest(p_id, p_was, p_claim, p_behind) AS t(id, was, claim, behind)
  JOIN slipway.executions e ON e.id = t.id AND e.stage = t.was AND e.claim_id = t.claim AND e.node = p_node
  WHERE t.id = ANY (held) AND c.execution_id = e.id AND c.attempt = e.attempt AND c.seq >= t.behind;
  -- Who gives uses back locks the users' counts before the entitlements, as first decisions and claims do.
  IF 'refund' = ANY (p_settle) THEN
    PERFORM FROM slipway.user_usage u
    WHERE u.user_id IN (SELECT e.user_id FROM slipway.executions e WHERE e.id = ANY (held)) ORDER BY u.user_id FOR UPDATE;
  END IF;
  WITH t AS MATERIALIZED (
    SELECT * FROM unnest(p_id, p_was, p_claim, p_stage, p_status, p_reason, p_fault, p_message, p_output, p_settle, p_priced,
                         p_why, p_code, p_oom, p_started, p_finished, p_peak, p_cpu, p_partial, p_detail, p_truncated,
                         p_behind)
      AS t(id, was, claim, stage, status, reason, fault, message, output, settle, priced, why, exit_code, oom, started,
           finished_at, peak, cpu, partial, detail, truncated, behind)
    WHERE t.id = ANY (held)
  ), moved AS (
    UPDATE slipway.executions e
    SET stage = t.stage, status = t.status, reason = t.reason, fault = t.fault, message = t.message, output = t.output::json,
        exit_code = coalesce(t.exit_code, e.exit_code), peak_memory_bytes = coalesce(t.peak, e.peak_memory_bytes),
        cpu_ms = coalesce(t.cpu, e.cpu_ms), logs_truncated = e.logs_truncated OR t.truncated,
        price = CASE WHEN t.stage = 'Finished' THEN CASE WHEN t.priced THEN coalesce(e.list_price, 0) ELSE 0 END END,
        duration_ms = CASE WHEN t.stage = 'Finished' THEN coalesce(
          greatest((extract(epoch FROM t.finished_at - e.started_at) * 1000)::bigint, 0), e.duration_ms) END,
        finished_at = CASE WHEN t.stage = 'Finished' THEN now() END
    FROM t WHERE e.id = t.id AND e.stage = t.was AND e.claim_id = t.claim AND e.node = p_node
    RETURNING e.id, e.user_id, e.agent, e.attempt, e.stage, e.status, e.reason, e.fault, e.message, e.duration_ms, e.price,
              e.agent_revision, t.settle, t.behind, coalesce(octet_length(t.output), 0) AS output_bytes
  ), tried AS (
    UPDATE slipway.attempts a
    SET ended_at = now(), reason = t.why, exit_code = t.exit_code, oom_killed = t.oom, started = a.started OR t.started,
        finished_at = t.finished_at, peak_memory_bytes = t.peak, cpu_ms = t.cpu, detail = t.detail,
        logs_truncated = t.truncated
    FROM moved m JOIN t ON t.id = m.id WHERE a.execution_id = m.id AND a.attempt = m.attempt AND a.ended_at IS NULL
    RETURNING a.execution_id, a.attempt, a.reason, a.exit_code, t.partial, m.agent, m.agent_revision, m.settle
  ), remains AS (
    INSERT INTO slipway.partial_results (execution_id, attempt, agent, agent_revision, owner, for_submitter, reason, exit_code, result)
    SELECT a.execution_id, a.attempt, a.agent, a.agent_revision, r.owner,
           coalesce(a.settle = 'keep' AND r.spec ->> 'partialResults' = 'submitter', false), a.reason, a.exit_code, a.partial
    FROM tried a LEFT JOIN slipway.agent_revisions r ON r.agent = a.agent AND r.revision = a.agent_revision
    WHERE a.partial IS NOT NULL
  ), settled AS (
    UPDATE slipway.entitlement_spends s
    SET settled_at = now(), price = CASE WHEN m.settle = 'refund' THEN 0 ELSE coalesce(m.price, 0) END,
        refunded_at = CASE WHEN m.settle = 'refund' THEN now() END, refund_reason = CASE WHEN m.settle = 'refund' THEN m.reason END
    FROM moved m WHERE m.settle IS NOT NULL AND s.execution_id = m.id AND s.settled_at IS NULL
    RETURNING CASE WHEN m.settle = 'refund' THEN s.entitlement_id END AS given_back
  ), restored AS (
    UPDATE slipway.entitlements n SET used = greatest(n.used - g.uses, 0)
    FROM (SELECT given_back, count(*)::int AS uses FROM settled WHERE given_back IS NOT NULL GROUP BY 1) g WHERE n.id = g.given_back
  ), counted AS (
    INSERT INTO slipway.outcomes (execution_id, agent, user_id, status, reason, fault, revenue, duration_ms, output_bytes)
    SELECT id, agent, user_id, status, reason, fault, price, duration_ms, output_bytes
    FROM moved WHERE stage = 'Finished'
  ), told AS (
    INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message, node)
    SELECT id, attempt, stage, reason, message, p_node FROM moved
  ), said AS (
    INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes)
    SELECT m.id, m.attempt, l.n + coalesce(m.behind, slipway.log_end(m.id, m.attempt)), coalesce(l.at, now()), l.stream, l.bytes
    FROM unnest(p_log_id, p_log_n, p_log_at, p_log_stream, p_log_bytes) AS l(id, n, at, stream, bytes)
    JOIN moved m ON m.id = l.id
  ), released AS (
    SELECT user_id, count(*)::int AS n FROM moved WHERE stage = 'Finished' GROUP BY user_id
  )
  SELECT (SELECT array_agg(id) FROM moved), (SELECT array_agg(user_id::text ORDER BY user_id) FROM released),
         (SELECT array_agg(n ORDER BY user_id) FROM released)
  INTO done, users, counts;
  IF users IS NOT NULL THEN PERFORM slipway.release_usage(users, counts, false); END IF;
  RETURN QUERY SELECT h.id, coalesce(h.id = ANY (done), false) FROM unnest(held) AS h(id);
END
$$;

-- Recycling -> Queued: the attempt's evidence is committed and its container proven gone. The spend is kept.
CREATE FUNCTION slipway.record_requeues(
  p_node text, p_epoch bigint, p_wait boolean, p_id uuid[], p_claim uuid[], p_backoff_us bigint[], p_reason text, p_message text)
RETURNS TABLE (held_id uuid, written boolean) LANGUAGE plpgsql AS $$
DECLARE
  held uuid[] := slipway.hold_rows(p_node, p_epoch, p_wait, true, p_id);
  done uuid[];
  users text[];
  counts int[];
BEGIN
  WITH moved AS (
    UPDATE slipway.executions e
    SET stage = 'Queued', status = 'PENDING', reason = p_reason, message = p_message,
        not_before = now() + t.backoff_us * interval '1 microsecond', node = NULL, epoch = NULL, claim_id = NULL, verdict = NULL,
        engine = NULL, container_id = NULL, intent_at = NULL, started_at = NULL, deadline_at = NULL, kill_at = NULL,
        create_failures = 0
    FROM unnest(p_id, p_claim, p_backoff_us) AS t(id, claim, backoff_us)
    WHERE e.id = t.id AND t.id = ANY (held) AND e.stage = 'Recycling' AND e.claim_id = t.claim AND e.node = p_node
    RETURNING e.id, e.user_id, e.attempt, e.stage, e.reason, e.message
  ), told AS (
    INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message)
    SELECT id, attempt, stage, reason, message FROM moved
  ), released AS (
    SELECT user_id, count(*)::int AS n FROM moved GROUP BY user_id
  )
  SELECT (SELECT array_agg(id) FROM moved), (SELECT array_agg(user_id::text ORDER BY user_id) FROM released),
         (SELECT array_agg(n ORDER BY user_id) FROM released)
  INTO done, users, counts;
  IF users IS NOT NULL THEN PERFORM slipway.release_usage(users, counts, true); END IF;
  RETURN QUERY SELECT h.id, coalesce(h.id = ANY (done), false) FROM unnest(held) AS h(id);
END
$$;

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (6, '0006_steps', 1);
