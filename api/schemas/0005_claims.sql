-- Claim, usage, outcomes and statistics; rights.

-- Takes those of `p_ids` that are still free for the node. One call, several statements, so that each sees fresh data.
-- Called after act_as() in the same transaction.
CREATE FUNCTION slipway.claim(p_node text, p_epoch bigint, p_ids uuid[], p_message text) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
  taken uuid[];
BEGIN
  SELECT array_agg(q.id) INTO taken FROM (
    SELECT e.id FROM slipway.executions e
    WHERE e.id = ANY (p_ids) AND e.stage = 'Queued' AND NOT e.cancel_requested
      AND (e.not_before IS NULL OR e.not_before <= clock_timestamp())
      AND (e.start_deadline IS NULL OR e.start_deadline > clock_timestamp())
    ORDER BY e.id FOR UPDATE SKIP LOCKED) q;
  IF taken IS NULL THEN RETURN; END IF;

  -- Limits that depend on other rows (running at once per user and agent, uses left) narrow `taken` at this point, by
  -- row_number() over the rows just locked.

  INSERT INTO slipway.user_usage AS u (user_id, running)
    SELECT e.user_id, count(*) FROM slipway.executions e WHERE e.id = ANY (taken) GROUP BY e.user_id ORDER BY e.user_id
    ON CONFLICT (user_id) DO UPDATE SET running = u.running + excluded.running;

  UPDATE slipway.executions e
    SET stage = 'Claimed', status = 'PENDING', reason = 'Starting', message = p_message,
        node = p_node, epoch = p_epoch, attempt = e.attempt + 1, generation = 0, claim_id = gen_random_uuid(),
        create_failures = 0,
        price = coalesce(e.price, (SELECT r.price FROM slipway.agent_revisions r
                                   WHERE r.agent = e.agent AND r.revision = e.agent_revision), 0)
    WHERE e.id = ANY (taken);

  INSERT INTO slipway.entitlement_spends (execution_id, entitlement_id, user_id, agent, price)
    SELECT e.id, e.entitlement_id, e.user_id, e.agent, e.price FROM slipway.executions e WHERE e.id = ANY (taken)
    ON CONFLICT (execution_id) DO NOTHING;  -- a further attempt stands on the first one's spend

  INSERT INTO slipway.attempts (execution_id, attempt, node, epoch, claim_id, image_digest)
    SELECT e.id, e.attempt, p_node, p_epoch, e.claim_id, e.image_digest FROM slipway.executions e WHERE e.id = ANY (taken);

  INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message, node)
    SELECT e.id, e.attempt, e.stage, e.reason, e.message, p_node FROM slipway.executions e WHERE e.id = ANY (taken);

  RETURN QUERY SELECT unnest(taken);
END
$$;

-- The other half of the claim's count. Rows are locked in order, so two batches cannot wait for each other in a ring.
CREATE FUNCTION slipway.release_usage(p_users text[], p_counts int[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM slipway.user_usage u WHERE u.user_id = ANY (p_users) ORDER BY u.user_id FOR UPDATE;
  UPDATE slipway.user_usage u SET running = greatest(u.running - d.n, 0)
    FROM unnest(p_users, p_counts) AS d(user_id, n) WHERE u.user_id = d.user_id;
END
$$;

-- One row an execution, written with its end, deleted when it is folded into the totals: counted exactly once.
CREATE TABLE slipway.outcomes (
  execution_id uuid PRIMARY KEY,
  agent        text NOT NULL,
  user_id      text NOT NULL,
  status       slipway.status NOT NULL,
  reason       slipway.reason NOT NULL,
  fault        slipway.fault NOT NULL,
  revenue      numeric NOT NULL DEFAULT 0,
  duration_ms  bigint,  -- of the run; NULL: never started
  finished_at  timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);  -- a queue: its dead rows are its length

CREATE TABLE slipway.agent_stats (
  agent           text PRIMARY KEY,
  total           bigint NOT NULL DEFAULT 0,
  completed       bigint NOT NULL DEFAULT 0,
  failed          bigint NOT NULL DEFAULT 0,
  timed_out       bigint NOT NULL DEFAULT 0,
  agent_faults    bigint NOT NULL DEFAULT 0,
  user_faults     bigint NOT NULL DEFAULT 0,
  platform_faults bigint NOT NULL DEFAULT 0,
  policy_faults   bigint NOT NULL DEFAULT 0,
  revenue         numeric NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

-- A log-linear histogram: exact below 32 ms, then 16 buckets to each power of two; the middle of a bucket is off by 3.2 % at most.
CREATE TABLE slipway.agent_stat_buckets (
  agent  text NOT NULL,
  bucket int NOT NULL,
  n      bigint NOT NULL,
  PRIMARY KEY (agent, bucket)
) WITH (fillfactor = 70);

CREATE FUNCTION slipway.duration_bucket(ms bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN ms < 32 THEN greatest(ms, 0)::int
    ELSE (SELECT (e - 3) * 16 + ((ms >> (e - 4)) & 15)::int
          FROM (SELECT length(ltrim(ms::bit(64)::text, '0')) - 1 AS e) p) END;
CREATE FUNCTION slipway.bucket_duration(bucket int) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN bucket < 32 THEN bucket::bigint
    ELSE ((16 + bucket % 16)::bigint << (bucket / 16 - 1)) + (1::bigint << (bucket / 16 - 2)) END;

-- Deletes what it counts in the same statement, never by order of id: ids do not commit in order.
CREATE FUNCTION slipway.fold_outcomes(p_limit int) RETURNS bigint LANGUAGE sql AS $$
  WITH gone AS (
    DELETE FROM slipway.outcomes o WHERE o.execution_id IN (
      SELECT execution_id FROM slipway.outcomes LIMIT p_limit FOR UPDATE SKIP LOCKED)
    RETURNING o.*
  ), totals AS (
    INSERT INTO slipway.agent_stats AS s
      SELECT agent, count(*), count(*) FILTER (WHERE status = 'COMPLETED'), count(*) FILTER (WHERE status = 'FAILED'),
             count(*) FILTER (WHERE status = 'TIMEOUT'), count(*) FILTER (WHERE fault = 'Agent'),
             count(*) FILTER (WHERE fault = 'User'), count(*) FILTER (WHERE fault = 'Platform'),
             count(*) FILTER (WHERE fault = 'Policy'), sum(revenue)
      FROM gone GROUP BY agent ORDER BY agent
    ON CONFLICT (agent) DO UPDATE SET
      total = s.total + excluded.total, completed = s.completed + excluded.completed, failed = s.failed + excluded.failed,
      timed_out = s.timed_out + excluded.timed_out, agent_faults = s.agent_faults + excluded.agent_faults,
      user_faults = s.user_faults + excluded.user_faults, platform_faults = s.platform_faults + excluded.platform_faults,
      policy_faults = s.policy_faults + excluded.policy_faults, revenue = s.revenue + excluded.revenue
  ), buckets AS (
    INSERT INTO slipway.agent_stat_buckets AS b
      SELECT agent, slipway.duration_bucket(duration_ms), count(*) FROM gone WHERE duration_ms IS NOT NULL
      GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (agent, bucket) DO UPDATE SET n = b.n + excluded.n
  )
  SELECT count(*) FROM gone
$$;

-- Exact totals: the folded and the not yet folded, read in one snapshot.
CREATE VIEW slipway.agent_statistics AS
  WITH counted AS (
    SELECT * FROM slipway.agent_stats
    UNION ALL
    SELECT agent, count(*), count(*) FILTER (WHERE status = 'COMPLETED'), count(*) FILTER (WHERE status = 'FAILED'),
           count(*) FILTER (WHERE status = 'TIMEOUT'), count(*) FILTER (WHERE fault = 'Agent'),
           count(*) FILTER (WHERE fault = 'User'), count(*) FILTER (WHERE fault = 'Platform'),
           count(*) FILTER (WHERE fault = 'Policy'), sum(revenue)
    FROM slipway.outcomes GROUP BY agent
  ), totals AS (
    SELECT agent, sum(total)::bigint AS total, sum(completed)::bigint AS completed, sum(failed)::bigint AS failed,
           sum(timed_out)::bigint AS timed_out, sum(agent_faults)::bigint AS agent_faults, sum(user_faults)::bigint AS user_faults,
           sum(platform_faults)::bigint AS platform_faults, sum(policy_faults)::bigint AS policy_faults, sum(revenue) AS revenue
    FROM counted GROUP BY agent
  ), buckets AS (
    SELECT agent, bucket, sum(n) AS n FROM (
      SELECT agent, bucket, n FROM slipway.agent_stat_buckets
      UNION ALL
      SELECT agent, slipway.duration_bucket(duration_ms), 1 FROM slipway.outcomes WHERE duration_ms IS NOT NULL) x
    GROUP BY agent, bucket
  ), ranked AS (
    SELECT agent, bucket, sum(n) OVER (PARTITION BY agent ORDER BY bucket) AS upto, sum(n) OVER (PARTITION BY agent) AS n FROM buckets
  )
  SELECT t.*, round(t.completed::numeric / nullif(t.completed + t.agent_faults, 0), 4) AS success_rate,
         (SELECT slipway.bucket_duration(min(r.bucket)) FROM ranked r WHERE r.agent = t.agent AND r.upto >= 0.50 * r.n) AS p50_ms,
         (SELECT slipway.bucket_duration(min(r.bucket)) FROM ranked r WHERE r.agent = t.agent AND r.upto >= 0.95 * r.n) AS p95_ms
  FROM totals t;

GRANT USAGE ON SCHEMA slipway TO slipway_submitter, slipway_reader, slipway_controller, slipway_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA slipway TO slipway_reader, slipway_controller, slipway_admin;
GRANT SELECT, INSERT, UPDATE ON slipway.executions TO slipway_submitter;
GRANT SELECT ON slipway.attempts, slipway.execution_events, slipway.execution_log_chunks, slipway.execution_logs,
  slipway.agents, slipway.schema_migrations TO slipway_submitter;
GRANT INSERT, UPDATE, DELETE ON slipway.executions, slipway.attempts, slipway.execution_events, slipway.execution_log_chunks,
  slipway.entitlement_spends, slipway.entitlements, slipway.user_usage, slipway.outcomes, slipway.agent_stats,
  slipway.agent_stat_buckets, slipway.nodes TO slipway_controller;
GRANT INSERT, UPDATE, DELETE ON slipway.agents, slipway.entitlements, slipway.quotas, slipway.nodes, slipway.executions TO slipway_admin;
GRANT INSERT ON slipway.agent_revisions TO slipway_admin;
GRANT DELETE ON slipway.attempts, slipway.execution_events, slipway.execution_log_chunks TO slipway_admin;

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (5, '0005_claims', 1);
