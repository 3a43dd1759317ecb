-- First decision and claim; outcomes and statistics; rights.

-- What the rights of a (user, agent) come to at this moment, for one execution that has not spent yet. `p_entitlement`: the one
-- it names, else any. 'waits': exhausted, but a spend that is not settled may still be given back.
CREATE FUNCTION slipway.right_of(p_user text, p_agent text, p_entitlement text, p_now timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN count(*) = 0 THEN 'EntitlementMissing'
    WHEN bool_or(x.lasts AND x.is_left) THEN 'usable'
    WHEN bool_or(x.lasts AND EXISTS (SELECT FROM slipway.entitlement_spends s
                                     WHERE s.entitlement_id = x.id AND s.settled_at IS NULL)) THEN 'waits'
    WHEN bool_or(x.lasts) THEN 'EntitlementExhausted'
    ELSE 'EntitlementExpired' END
  FROM (SELECT n.id, n.expires_at IS NULL OR n.expires_at > p_now AS lasts, n.uses IS NULL OR n.used < n.uses AS is_left
        FROM slipway.entitlements n
        WHERE n.user_id = p_user AND n.agent = p_agent AND (p_entitlement IS NULL OR n.id = p_entitlement)) x
$$;

-- The entitlement to spend from: the one that is named, else the usable one that expires soonest. No row: none is usable.
CREATE FUNCTION slipway.entitlement_for(p_user text, p_agent text, p_entitlement text, p_now timestamptz) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 1
BEGIN ATOMIC
  SELECT n.id FROM slipway.entitlements n
  WHERE n.user_id = p_user AND n.agent = p_agent AND (p_entitlement IS NULL OR n.id = p_entitlement)
    AND (n.expires_at IS NULL OR n.expires_at > p_now) AND (n.uses IS NULL OR n.used < n.uses)
  ORDER BY n.expires_at NULLS LAST, n.id LIMIT 1;
END;

-- Writes a batch of first decisions, and of second thoughts about rows that wait. What a row says of itself was judged by the
-- caller; here stands what depends on other rows: the entitlement, then how many of the user's wait, then how many came in this
-- minute. `p_refusals` are the words for these ends, by reason.
--   1. The users' rows of the count are locked; a user whose row is locked already is left for the next time.
--   2. The executions are locked, as far as they stand where they were and nobody else holds them.
--   3. New rows that are to be accepted are judged in the order of their age.
--   4. The rows, their events and outcomes are written, and the users' counts with them.
CREATE FUNCTION slipway.decide(p_node text, p_epoch bigint, p_id uuid[], p_was text[], p_stage text[], p_status text[], p_reason text[], p_fault text[],
  p_message text[], p_revision int[], p_timeout int[], p_retries int[], p_refusals jsonb)
RETURNS TABLE (step_id uuid, step_attempt int, step_from text, step_to text, step_reason text, step_agent text, step_trace text) LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := clock_timestamp();
  this_minute timestamptz := date_trunc('minute', at);
  everyone text[];
  users text[];
  held uuid[];
BEGIN
  IF NOT slipway.act_as(p_node, p_epoch) THEN PERFORM slipway.refuse_taken_over(p_node); END IF;
  SELECT array_agg(DISTINCT e.user_id ORDER BY e.user_id) INTO everyone FROM slipway.executions e WHERE e.id = ANY (p_id);
  INSERT INTO slipway.user_usage (user_id) SELECT unnest(everyone) ON CONFLICT DO NOTHING;
  SELECT array_agg(q.user_id) INTO users FROM (
    SELECT u.user_id FROM slipway.user_usage u WHERE u.user_id = ANY (everyone) ORDER BY u.user_id FOR UPDATE SKIP LOCKED) q;
  SELECT array_agg(q.id) INTO held FROM (
    SELECT e.id FROM slipway.executions e JOIN unnest(p_id, p_was) AS t(id, was) ON t.id = e.id
    WHERE e.stage = t.was AND e.user_id = ANY (users) ORDER BY e.id FOR UPDATE OF e SKIP LOCKED) q;

  RETURN QUERY
  WITH t AS MATERIALIZED (
    SELECT t.*, e.user_id, e.agent, e.entitlement_id, e.created_at, e.attempt, t.stage <> 'Finished' AND t.was = 'New' AS applies
    FROM unnest(p_id, p_was, p_stage, p_status, p_reason, p_fault, p_message, p_revision, p_timeout, p_retries)
           AS t(id, was, stage, status, reason, fault, message, revision, timeout, retries)
    JOIN slipway.executions e ON e.id = t.id
    WHERE t.id = ANY (held)
  ), limits AS MATERIALIZED (
    SELECT u.user_id, q.max_queued - u.queued AS room, coalesce(q.max_priority, 0) AS band,
           q.per_minute - CASE WHEN u.minute = this_minute THEN u.minute_count ELSE 0 END AS rate
    FROM slipway.user_usage u LEFT JOIN LATERAL slipway.quota_of(u.user_id) q ON true WHERE u.user_id = ANY (users)
  ), entitled AS MATERIALIZED (
    SELECT t.id, t.user_id, t.created_at, slipway.right_of(t.user_id, t.agent, t.entitlement_id, at) AS has FROM t WHERE t.applies
  ), queueing AS (
    SELECT n.id, n.user_id, row_number() OVER (PARTITION BY n.user_id ORDER BY n.created_at, n.id) AS place
    FROM entitled n WHERE n.has IN ('usable', 'waits')
  ), rating AS (
    SELECT r.id, r.user_id, r.place, row_number() OVER (PARTITION BY r.user_id ORDER BY r.place) AS place_in_minute
    FROM queueing r JOIN limits l USING (user_id) WHERE l.room IS NULL OR r.place <= l.room
  ), judged AS (
    SELECT t.*, CASE
        WHEN NOT t.applies THEN NULL
        WHEN n.has NOT IN ('usable', 'waits') THEN n.has
        WHEN r.id IS NULL THEN 'QueueFull'
        WHEN r.place_in_minute > l.rate THEN 'RateLimited' END AS refused, l.band
    FROM t LEFT JOIN entitled n ON n.id = t.id LEFT JOIN rating r ON r.id = t.id JOIN limits l ON l.user_id = t.user_id
  ), final AS MATERIALIZED (
    SELECT j.id, j.was, j.user_id, j.band, j.applies AND j.refused IS NULL AS enters, j.applies, j.revision, j.timeout, j.retries,
           CASE WHEN j.refused IS NULL THEN j.stage ELSE 'Finished' END AS stage,
           CASE WHEN j.refused IS NULL THEN j.status ELSE 'FAILED' END AS status,
           coalesce(j.refused, j.reason) AS reason,
           CASE WHEN j.refused IS NULL THEN j.fault ELSE 'Policy' END AS fault,
           CASE WHEN j.refused = 'RateLimited'
                THEN (p_refusals ->> j.refused) || ' Try again at ' || to_char(this_minute + interval '1 minute', 'HH24:MI "UTC."')
                ELSE coalesce(p_refusals ->> j.refused, j.message) END AS message
    FROM judged j
  ), moved AS (
    UPDATE slipway.executions e
    SET stage = f.stage, status = f.status, reason = f.reason, fault = f.fault, message = f.message,
        agent_revision = coalesce(f.revision, e.agent_revision), timeout_seconds = coalesce(f.timeout, e.timeout_seconds),
        retry_limit = coalesce(f.retries, e.retry_limit), priority = least(e.priority, f.band),
        finished_at = CASE WHEN f.stage = 'Finished' THEN now() END
    FROM final f WHERE e.id = f.id
    RETURNING e.id, e.user_id, e.agent, e.attempt, e.stage, e.status, e.reason, e.fault, e.message, f.enters, f.was, f.band, e.traceparent
  ), given_back AS (
    -- A row that waits for a further attempt has spent already, and ends through no run of its own.
    UPDATE slipway.entitlement_spends s SET settled_at = now(), price = 0, refunded_at = now(), refund_reason = m.reason
    FROM moved m WHERE m.stage = 'Finished' AND s.execution_id = m.id AND s.settled_at IS NULL RETURNING s.entitlement_id
  ), restored AS (
    UPDATE slipway.entitlements n SET used = slipway.counted(n.used, -g.uses)
    FROM (SELECT entitlement_id, count(*)::int AS uses FROM given_back GROUP BY 1) g WHERE n.id = g.entitlement_id
  ), counted AS (
    INSERT INTO slipway.outcomes (execution_id, agent, user_id, status, reason, fault, agent_known)
    SELECT m.id, m.agent, m.user_id, m.status, m.reason, m.fault,
           EXISTS (SELECT FROM slipway.agent_revisions r WHERE r.agent = m.agent)
    FROM moved m WHERE m.stage = 'Finished'
  ), said AS (
    INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes)
    SELECT id, 0, 0, now(), 'system', convert_to(message, 'UTF8') FROM moved WHERE stage = 'Finished' AND reason = 'Cancelled'
  ), told AS (
    INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message)
    SELECT id, attempt, stage, reason, message FROM moved
  ), used AS (
    UPDATE slipway.user_usage u
    SET queued = slipway.counted(u.queued, c.came - c.went), band = c.band,
        minute = CASE WHEN c.came > 0 THEN this_minute ELSE u.minute END,
        minute_count = CASE WHEN c.came = 0 THEN u.minute_count
                            WHEN u.minute = this_minute THEN slipway.counted(u.minute_count, c.came) ELSE c.came END
    FROM (SELECT user_id, max(band) AS band, count(*) FILTER (WHERE enters)::int AS came,
                 count(*) FILTER (WHERE stage = 'Finished' AND was <> 'New')::int AS went
          FROM moved GROUP BY user_id) c
    WHERE u.user_id = c.user_id
  )
  SELECT m.id, m.attempt, m.was, m.stage::text, m.reason::text, m.agent, m.traceparent FROM moved m;
END
$$;

-- Of a user's rights what is used up and may come back, since a spend of it is not settled: the agents for which no other right is
-- usable, and the rights themselves, for rows that name one. What waits for these waits beside the queue, and stands in it again as
-- soon as the spend is settled.
CREATE FUNCTION slipway.awaited_rights(p_user text, p_now timestamptz, OUT agents text[], OUT ids text[]) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT coalesce(array_agg(DISTINCT r.agent) FILTER (WHERE r.awaited AND NOT r.another), '{}'),
         coalesce(array_agg(r.id) FILTER (WHERE r.awaited), '{}')
  FROM (SELECT n.id, n.agent, bool_or(n.lasts AND n.is_left) OVER (PARTITION BY n.agent) AS another,
               CASE WHEN n.lasts AND NOT n.is_left
                    THEN EXISTS (SELECT FROM slipway.entitlement_spends s WHERE s.entitlement_id = n.id AND s.settled_at IS NULL)
                    ELSE false END AS awaited
        FROM (SELECT x.id, x.agent, x.expires_at IS NULL OR x.expires_at > p_now AS lasts, x.uses IS NULL OR x.used < x.uses AS is_left
              FROM slipway.entitlements x WHERE x.user_id = p_user) n) r;
END;

-- Whether a waiting row may be offered for a claim: it is due, its agent has room, and its right is not one that is waited for.
CREATE FUNCTION slipway.is_offered(e slipway.executions, p_full text[], p_awaited_agents text[], p_awaited_ids text[], p_now timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN e.agent <> ALL (p_full) AND (e.not_before IS NULL OR e.not_before <= p_now) AND (e.start_deadline IS NULL OR e.start_deadline > p_now)
  AND (e.attempt > 0 OR CASE WHEN e.entitlement_id IS NULL THEN e.agent <> ALL (p_awaited_agents) ELSE e.entitlement_id <> ALL (p_awaited_ids) END);

-- The next rows that may be claimed, the fair way: users take turns, the one served longest ago first; a band that a quota grants
-- goes before a lower one; a user's own priority orders that user's rows only. What cannot be taken now takes no place: users and
-- agents at their limit, rows whose right is waited for.
CREATE FUNCTION slipway.list_candidates(p_limit int) RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
  full_agents text[];
BEGIN
  SELECT coalesce(array_agg(a.name::text), '{}') INTO full_agents FROM slipway.agents a
  WHERE a.spec ? 'maxConcurrent' AND slipway.running_of_agent(a.name) >= slipway.max_concurrent(a.spec);
  RETURN QUERY
  WITH heads AS MATERIALIZED (
    SELECT u.user_id, u.band, u.turn, w.agents, w.ids, coalesce(q.max_running - u.running, p_limit) AS room
    FROM slipway.user_usage u LEFT JOIN LATERAL slipway.quota_of(u.user_id) q ON true
      CROSS JOIN LATERAL slipway.awaited_rights(u.user_id, now()) w
    WHERE u.queued > 0 AND (q.max_running IS NULL OR u.running < q.max_running)
      -- Not EXISTS: the planner would make a join of it and ask every user who waits, instead of the first few.
      AND (SELECT true FROM slipway.executions e
           WHERE e.user_id = u.user_id AND e.queued AND slipway.is_offered(e, full_agents, w.agents, w.ids, now()) LIMIT 1)
    ORDER BY u.band DESC, u.turn, u.user_id LIMIT p_limit
  )
  SELECT r.id FROM heads h, LATERAL (
    SELECT e.id, row_number() OVER (ORDER BY e.priority DESC, e.created_at, e.id) AS place FROM slipway.executions e
    WHERE e.user_id = h.user_id AND e.queued AND slipway.is_offered(e, full_agents, h.agents, h.ids, now())
    ORDER BY e.priority DESC, e.created_at, e.id
    LIMIT least(h.room, ceil(p_limit / (SELECT count(*) FROM heads)::numeric)::int)) r
  ORDER BY h.band DESC, r.place, h.turn, h.user_id LIMIT p_limit;
END
$$;

-- The same past what others hold: a row, a user's count, an entitlement, an agent that somebody has locked takes no place either, nor
-- does a row that has lost its right (the usual look offers it, and the claim ends it). For a look after a claim that took less than it
-- was offered: it locks what it looks at, for as long as it looks.
CREATE FUNCTION slipway.list_unlocked_candidates(p_limit int) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
  most_of_one CONSTANT int := greatest(1, p_limit / 4);
  open_agents text[];
  shut_agents text[];
  head record;
  row record;
  held_rights text[] := '{}';
  offered int := 0;
  of_user int;
BEGIN
  SELECT array_agg(q.name) INTO open_agents FROM (
    SELECT a.name FROM slipway.agents a WHERE a.spec ? 'maxConcurrent' ORDER BY a.name FOR NO KEY UPDATE SKIP LOCKED) q;
  SELECT coalesce(array_agg(a.name::text), '{}') INTO shut_agents FROM slipway.agents a
  WHERE a.spec ? 'maxConcurrent' AND (a.name <> ALL (coalesce(open_agents, '{}'))
                                      OR slipway.running_of_agent(a.name) >= slipway.max_concurrent(a.spec));
  FOR head IN
    SELECT u.user_id, w.agents, w.ids, coalesce(q.max_running - u.running, p_limit) AS room
    FROM slipway.user_usage u LEFT JOIN LATERAL slipway.quota_of(u.user_id) q ON true
      CROSS JOIN LATERAL slipway.awaited_rights(u.user_id, now()) w
    WHERE u.queued > 0 AND (q.max_running IS NULL OR u.running < q.max_running)
    ORDER BY u.band DESC, u.turn, u.user_id LIMIT 10000
  LOOP
    EXIT WHEN offered >= p_limit;
    PERFORM FROM slipway.user_usage u WHERE u.user_id = head.user_id FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    of_user := 0;
    FOR row IN
      SELECT e.id, n.id AS entitlement FROM slipway.executions e JOIN slipway.agents a ON a.name = e.agent
      LEFT JOIN LATERAL slipway.entitlement_for(e.user_id, e.agent, e.entitlement_id, now()) AS n(id) ON e.attempt = 0
      WHERE e.user_id = head.user_id AND e.queued AND slipway.is_offered(e, shut_agents, head.agents, head.ids, now())
        AND NOT slipway.is_suspended(a.spec) AND (e.attempt > 0 OR n.id IS NOT NULL)
      ORDER BY e.priority DESC, e.created_at, e.id LIMIT 1000 FOR UPDATE OF e SKIP LOCKED
    LOOP
      EXIT WHEN offered >= p_limit OR of_user >= least(head.room, most_of_one);
      CONTINUE WHEN row.entitlement = ANY (held_rights);
      IF row.entitlement IS NOT NULL THEN
        PERFORM FROM slipway.entitlements n WHERE n.id = row.entitlement FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
          held_rights := held_rights || row.entitlement;
          CONTINUE;
        END IF;
      END IF;
      offered := offered + 1;
      of_user := of_user + 1;
      RETURN NEXT row.id;
    END LOOP;
  END LOOP;
END
$$;

CREATE FUNCTION slipway.running_of_agent(p_agent text) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT count(*)::int FROM slipway.executions e WHERE e.live AND e.agent = p_agent AND e.finished_at IS NULL
$$;

-- Takes those of `p_ids` that may run now, in the order given: one call, several statements, so that each sees fresh data.
-- Whose row is locked by somebody else is skipped, never waited for.
--   1. Locks: the users' counts, the agents that have a limit, the rows, the entitlements.
--   2. Rows that have lost their right meanwhile end here; those that wait for a spend to be settled wait on.
--   3. Of the rest as many as user, agent and entitlement allow are taken. Each is asked alone for room first, then in turn
--      with the others, so that a row held up by one limit takes no place under another; the first in order is always taken.
CREATE FUNCTION slipway.claim(p_node text, p_epoch bigint, p_ids uuid[], p_message text, p_refusals jsonb)
RETURNS TABLE (step_id uuid, step_attempt int, step_from text, step_to text, step_reason text, step_agent text, step_trace text) LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := clock_timestamp();
  users text[];
  agents text[];
  rows uuid[];
  rights text[];       -- of each row, NULL where it has spent already
  rightless uuid[];
  held_rights text[];
  taken uuid[];
BEGIN
  IF NOT slipway.act_as(p_node, p_epoch) THEN PERFORM slipway.refuse_taken_over(p_node); END IF;
  SELECT array_agg(q.user_id) INTO users FROM (
    SELECT u.user_id FROM slipway.user_usage u
    WHERE u.user_id IN (SELECT e.user_id FROM slipway.executions e WHERE e.id = ANY (p_ids))
    ORDER BY u.user_id FOR UPDATE SKIP LOCKED) q;
  SELECT array_agg(q.name) INTO agents FROM (
    SELECT a.name FROM slipway.agents a
    WHERE a.spec ? 'maxConcurrent' AND a.name IN (SELECT e.agent FROM slipway.executions e WHERE e.id = ANY (p_ids))
    ORDER BY a.name FOR NO KEY UPDATE SKIP LOCKED) q;
  SELECT array_agg(q.id) INTO rows FROM (
    SELECT e.id FROM slipway.executions e
    WHERE e.id = ANY (p_ids) AND e.stage = 'Queued' AND NOT e.cancel_requested AND e.user_id = ANY (users)
      AND (e.not_before IS NULL OR e.not_before <= at) AND (e.start_deadline IS NULL OR e.start_deadline > at)
      AND NOT EXISTS (SELECT FROM slipway.agents a WHERE a.name = e.agent AND a.spec ? 'maxConcurrent' AND a.name <> ALL (coalesce(agents, '{}')))
    ORDER BY e.id FOR UPDATE SKIP LOCKED) q;
  IF rows IS NULL THEN RETURN; END IF;
  SELECT array_agg(n.id ORDER BY r.place), array_agg(e.id) FILTER (
           WHERE a.name IS NULL OR slipway.is_suspended(a.spec) OR (e.attempt = 0 AND n.id IS NULL))
    INTO rights, rightless
    FROM unnest(rows) WITH ORDINALITY AS r(id, place) JOIN slipway.executions e ON e.id = r.id LEFT JOIN slipway.agents a ON a.name = e.agent
    LEFT JOIN LATERAL slipway.entitlement_for(e.user_id, e.agent, e.entitlement_id, at) AS n(id) ON e.attempt = 0;
  IF rightless IS NOT NULL THEN RETURN QUERY SELECT * FROM slipway.end_rightless(rightless, at, p_refusals); END IF;

  SELECT array_agg(q.id) INTO held_rights FROM (
    SELECT n.id FROM slipway.entitlements n WHERE n.id = ANY (rights) ORDER BY n.id FOR NO KEY UPDATE SKIP LOCKED) q;

  WITH row AS MATERIALIZED (
    SELECT e.id, e.user_id, e.agent, o.place, e.attempt > 0 AS has_spent, q.max_running - u.running AS user_room,
           CASE WHEN a.spec ? 'maxConcurrent' THEN slipway.max_concurrent(a.spec) - slipway.running_of_agent(e.agent) END AS agent_room,
           n.id AS entitlement, n.uses - n.used AS uses_left
    FROM unnest(p_ids) WITH ORDINALITY AS o(id, place) JOIN unnest(rows, rights) AS r(id, entitlement) ON r.id = o.id
    JOIN slipway.executions e ON e.id = o.id AND e.queued AND (e.not_before IS NULL OR e.not_before <= at)
    JOIN slipway.user_usage u ON u.user_id = e.user_id
    LEFT JOIN LATERAL slipway.quota_of(e.user_id) q ON true
    LEFT JOIN slipway.agents a ON a.name = e.agent
    LEFT JOIN slipway.entitlements n ON n.id = r.entitlement AND n.id = ANY (held_rights)
  ), alone AS (
    SELECT * FROM row
    WHERE (user_room IS NULL OR user_room > 0) AND (agent_room IS NULL OR agent_room > 0)
      AND (has_spent OR (entitlement IS NOT NULL AND (uses_left IS NULL OR uses_left > 0)))
  ), by_agent AS (
    SELECT *, row_number() OVER (PARTITION BY agent ORDER BY place) AS nth_of_agent FROM alone
  ), by_right AS (
    SELECT *, row_number() OVER (PARTITION BY entitlement ORDER BY place) AS nth_of_right FROM by_agent
    WHERE agent_room IS NULL OR nth_of_agent <= agent_room
  ), by_user AS (
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY place) AS nth_of_user FROM by_right
    WHERE has_spent OR uses_left IS NULL OR nth_of_right <= uses_left
  ), granted AS MATERIALIZED (
    SELECT id, user_id, entitlement, has_spent FROM by_user WHERE user_room IS NULL OR nth_of_user <= user_room
  ), spent AS (
    INSERT INTO slipway.entitlement_spends (execution_id, entitlement_id, user_id, agent, list_price)
    SELECT g.id, g.entitlement, e.user_id, e.agent,
           coalesce((SELECT r.price FROM slipway.agent_revisions r WHERE r.agent = e.agent AND r.revision = e.agent_revision), 0)
    FROM granted g JOIN slipway.executions e ON e.id = g.id WHERE NOT g.has_spent  -- a further attempt stands on the first one's
  ), used AS (
    UPDATE slipway.entitlements n SET used = slipway.counted(n.used, g.uses)
    FROM (SELECT entitlement, count(*)::int AS uses FROM granted WHERE NOT has_spent GROUP BY entitlement) g WHERE n.id = g.entitlement
  ), running AS (
    UPDATE slipway.user_usage u SET running = slipway.counted(u.running, g.n), queued = slipway.counted(u.queued, -g.n), turn = nextval('slipway.turns')
    FROM (SELECT user_id, count(*)::int AS n FROM granted GROUP BY user_id) g WHERE u.user_id = g.user_id
  )
  SELECT array_agg(id) INTO taken FROM granted;
  IF taken IS NULL THEN RETURN; END IF;

  UPDATE slipway.executions e
    SET stage = 'Claimed', status = 'PENDING', reason = 'Starting', message = p_message,
        node = p_node, epoch = p_epoch, attempt = e.attempt + 1, claim_id = gen_random_uuid(),
        create_failures = 0, list_price = s.list_price
    FROM slipway.entitlement_spends s WHERE e.id = ANY (taken) AND s.execution_id = e.id;
  INSERT INTO slipway.attempts (execution_id, attempt, node, epoch, claim_id, image_digest)
    SELECT e.id, e.attempt, p_node, p_epoch, e.claim_id, e.image_digest FROM slipway.executions e WHERE e.id = ANY (taken);
  INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message, node)
    SELECT e.id, e.attempt, e.stage, e.reason, e.message, p_node FROM slipway.executions e WHERE e.id = ANY (taken);
  RETURN QUERY SELECT e.id, e.attempt, 'Queued', e.stage::text, e.reason::text, e.agent, e.traceparent
    FROM unnest(taken) WITH ORDINALITY AS t(id, place) JOIN slipway.executions e ON e.id = t.id ORDER BY t.place;
END
$$;

-- Hours may lie between the first decision and the claim: agent and entitlement are asked again. A use that was spent stays
-- valid for every attempt. The rows and their users' counts are locked.
CREATE FUNCTION slipway.end_rightless(p_rows uuid[], p_at timestamptz, p_refusals jsonb)
RETURNS TABLE (step_id uuid, step_attempt int, step_from text, step_to text, step_reason text, step_agent text, step_trace text) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT e.id, CASE
        WHEN a.name IS NULL THEN 'AgentNotFound'
        WHEN slipway.is_suspended(a.spec) THEN 'AgentSuspended'
        WHEN e.attempt > 0 THEN 'usable'
        ELSE slipway.right_of(e.user_id, e.agent, e.entitlement_id, p_at) END AS has
    FROM slipway.executions e LEFT JOIN slipway.agents a ON a.name = e.agent WHERE e.id = ANY (p_rows)
  ), moved AS (
    UPDATE slipway.executions e
    SET stage = 'Finished', status = 'FAILED', reason = asked.has, fault = 'Policy', message = p_refusals ->> asked.has, finished_at = now()
    FROM asked WHERE asked.has NOT IN ('usable', 'waits') AND e.id = asked.id
    RETURNING e.id, e.user_id, e.agent, e.attempt, e.stage, e.status, e.reason, e.fault, e.message, e.traceparent
  ), given_back AS (
    UPDATE slipway.entitlement_spends s SET settled_at = now(), price = 0, refunded_at = now(), refund_reason = m.reason
    FROM moved m WHERE s.execution_id = m.id AND s.settled_at IS NULL RETURNING s.entitlement_id
  ), restored AS (
    UPDATE slipway.entitlements n SET used = slipway.counted(n.used, -g.uses)
    FROM (SELECT entitlement_id, count(*)::int AS uses FROM given_back GROUP BY 1) g WHERE n.id = g.entitlement_id
  ), counted AS (
    INSERT INTO slipway.outcomes (execution_id, agent, user_id, status, reason, fault)
    SELECT id, agent, user_id, status, reason, fault FROM moved
  ), told AS (
    INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message)
    SELECT id, attempt, stage, reason, message FROM moved
  ), used AS (
    UPDATE slipway.user_usage u SET queued = slipway.counted(u.queued, -c.n)
    FROM (SELECT user_id, count(*)::int AS n FROM moved GROUP BY user_id) c WHERE u.user_id = c.user_id
  )
  SELECT m.id, m.attempt, 'Queued', m.stage::text, m.reason::text, m.agent, m.traceparent FROM moved m;
END
$$;

-- Tells the rows at the head of each queue what they wait for: their user's or agent's limit, a use that may come back, or a slot. At most `p_limit` rows,
-- and only where it is not said already.
CREATE FUNCTION slipway.say_why_waiting(p_node text, p_epoch bigint, p_limit int, p_slots_free boolean, p_words jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  said int;
BEGIN
  IF NOT slipway.act_as(p_node, p_epoch) THEN PERFORM slipway.refuse_taken_over(p_node); END IF;
  WITH head AS (
    SELECT r.id, CASE
        WHEN u.running >= q.max_running OR r.agent_full OR r.awaits THEN 'Throttled'
        WHEN NOT p_slots_free THEN 'NoCapacity' END AS reason
    FROM slipway.user_usage u LEFT JOIN LATERAL slipway.quota_of(u.user_id) q ON true CROSS JOIN LATERAL (
      SELECT e.id, e.reason, coalesce(slipway.max_concurrent(a.spec) <= slipway.running_of_agent(e.agent), false) AS agent_full,
             e.attempt = 0 AND slipway.right_of(e.user_id, e.agent, e.entitlement_id, now()) = 'waits' AS awaits
      FROM slipway.executions e LEFT JOIN slipway.agents a ON a.name = e.agent AND a.spec ? 'maxConcurrent'
      WHERE e.user_id = u.user_id AND e.queued ORDER BY e.priority DESC, e.created_at, e.id LIMIT 20) r
    WHERE u.queued > 0 ORDER BY u.band DESC, u.turn, u.user_id LIMIT p_limit
  ), held AS (
    SELECT e.id, h.reason FROM head h JOIN slipway.executions e ON e.id = h.id
    WHERE h.reason IS NOT NULL AND e.queued AND e.reason <> h.reason AND e.reason <> 'Retrying'
    ORDER BY e.id FOR NO KEY UPDATE OF e SKIP LOCKED
  ), told AS (
    UPDATE slipway.executions e SET reason = h.reason, message = p_words ->> h.reason FROM held h WHERE e.id = h.id
    RETURNING e.id, e.attempt, e.stage, e.reason, e.message
  ), events AS (
    INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message)
    SELECT id, attempt, stage, reason, message FROM told
  )
  SELECT count(*) INTO said FROM told;
  RETURN said;
END
$$;

-- An agent leaves when nothing unfinished names it; its revisions, ledgers and totals stay.
CREATE FUNCTION slipway.agents_leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM slipway.executions e WHERE e.agent = OLD.name AND e.live AND e.finished_at IS NULL)
     OR EXISTS (SELECT FROM slipway.executions e WHERE e.agent = OLD.name AND e.queued)
     OR EXISTS (SELECT FROM slipway.executions e WHERE e.agent = OLD.name AND e.decide_at IS NOT NULL) THEN
    RAISE EXCEPTION 'agent % has unfinished executions; suspend it and wait, or cancel them', OLD.name
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN OLD;
END
$$;
CREATE TRIGGER agents_leave BEFORE DELETE ON slipway.agents FOR EACH ROW EXECUTE FUNCTION slipway.agents_leave();

-- The other half of the claim's count; `p_queued`: those of them that wait again. Rows are locked in order, so two batches cannot
-- wait for each other in a ring.
CREATE FUNCTION slipway.release_usage(p_users text[], p_counts int[], p_queued boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM slipway.user_usage u WHERE u.user_id = ANY (p_users) ORDER BY u.user_id FOR UPDATE;
  UPDATE slipway.user_usage u SET running = slipway.counted(u.running, -d.n), queued = slipway.counted(u.queued, CASE WHEN p_queued THEN d.n ELSE 0 END)
    FROM unnest(p_users, p_counts) AS d(user_id, n) WHERE u.user_id = d.user_id;
END
$$;

-- Counts that are not what the rows say are set right, a user at a time; whose count is locked waits for the next time. Every step locks
-- the count of its user before it commits, so nothing is between the rows and the count that is held here. Answers how many were wrong.
CREATE FUNCTION slipway.recount_usage() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  suspect text;
  wrong int := 0;
BEGIN
  FOR suspect IN
    SELECT user_id FROM (
      SELECT u.user_id, u.queued, u.running FROM slipway.user_usage u WHERE u.queued > 0 OR u.running > 0
      UNION ALL
      SELECT e.user_id, -1, 0 FROM slipway.executions e WHERE e.queued
      UNION ALL
      SELECT e.user_id, -1, 0 FROM slipway.executions e
      WHERE e.decide_at IS NOT NULL AND NOT e.queued AND e.stage IN ('Deferred', 'Queued')
      UNION ALL
      SELECT e.user_id, 0, -1 FROM slipway.executions e WHERE e.live AND e.finished_at IS NULL) c
    GROUP BY user_id HAVING sum(queued) <> 0 OR sum(running) <> 0 ORDER BY user_id
  LOOP
    INSERT INTO slipway.user_usage (user_id) VALUES (suspect) ON CONFLICT DO NOTHING;
    PERFORM FROM slipway.user_usage u WHERE u.user_id = suspect FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    UPDATE slipway.user_usage u SET queued = c.queued, running = c.running
    FROM (SELECT (SELECT count(*) FROM slipway.executions e WHERE e.queued AND e.user_id = suspect)
               + (SELECT count(*) FROM slipway.executions e
                  WHERE e.decide_at IS NOT NULL AND e.user_id = suspect AND NOT e.queued AND e.stage IN ('Deferred', 'Queued')) AS queued,
                 (SELECT count(*) FROM slipway.executions e WHERE e.live AND e.user_id = suspect AND e.finished_at IS NULL) AS running) c
    WHERE u.user_id = suspect AND (u.queued, u.running) IS DISTINCT FROM (c.queued, c.running);
    IF FOUND THEN wrong := wrong + 1; END IF;
  END LOOP;
  RETURN wrong;
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
  finished_at  timestamptz NOT NULL DEFAULT now(),
  output_bytes bigint NOT NULL DEFAULT 0,       -- of the stored result
  agent_known  boolean NOT NULL DEFAULT true    -- else its name is whatever a submitter wrote
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
  revenue         numeric NOT NULL DEFAULT 0,
  last_run_at     timestamptz
) WITH (fillfactor = 70);

-- What the metrics count (cluster_totals). Agents that never were share one row: nobody makes series by inserting.
CREATE TABLE slipway.end_totals (
  agent        text NOT NULL,
  status       slipway.status NOT NULL,
  reason       slipway.reason NOT NULL,
  executions   bigint NOT NULL,
  spends       bigint NOT NULL,
  refunds      bigint NOT NULL,
  output_bytes bigint NOT NULL,
  PRIMARY KEY (agent, status, reason)
) WITH (fillfactor = 70);

-- The one node that tells the cluster's totals, until when: sums over all nodes' metrics count nothing twice.
CREATE TABLE slipway.totals_teller (
  one   boolean PRIMARY KEY DEFAULT true CHECK (one),
  node  text NOT NULL,
  until timestamptz NOT NULL
);

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
             count(*) FILTER (WHERE fault = 'Policy'), sum(revenue), max(finished_at) FILTER (WHERE duration_ms IS NOT NULL)
      FROM gone GROUP BY agent ORDER BY agent
    ON CONFLICT (agent) DO UPDATE SET
      total = s.total + excluded.total, completed = s.completed + excluded.completed, failed = s.failed + excluded.failed,
      timed_out = s.timed_out + excluded.timed_out, agent_faults = s.agent_faults + excluded.agent_faults,
      user_faults = s.user_faults + excluded.user_faults, platform_faults = s.platform_faults + excluded.platform_faults,
      policy_faults = s.policy_faults + excluded.policy_faults, revenue = s.revenue + excluded.revenue,
      last_run_at = greatest(s.last_run_at, excluded.last_run_at)
  ), buckets AS (
    INSERT INTO slipway.agent_stat_buckets AS b
      SELECT agent, slipway.duration_bucket(duration_ms), count(*) FROM gone WHERE duration_ms IS NOT NULL
      GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (agent, bucket) DO UPDATE SET n = b.n + excluded.n
  ), ends AS (
    INSERT INTO slipway.end_totals AS t
      SELECT CASE WHEN g.agent_known THEN g.agent ELSE '<none>' END, g.status, g.reason, count(*), count(s.execution_id),
             count(s.refunded_at), sum(g.output_bytes)
      FROM gone g LEFT JOIN slipway.entitlement_spends s ON s.execution_id = g.execution_id
      GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (agent, status, reason) DO UPDATE SET
      executions = t.executions + excluded.executions, spends = t.spends + excluded.spends,
      refunds = t.refunds + excluded.refunds, output_bytes = t.output_bytes + excluded.output_bytes
  )
  SELECT count(*) FROM gone
$$;

-- What the metrics say of the whole cluster, in one snapshot: the folded and the not yet folded ends, the uses spent (a spend is
-- settled in the transaction that ends its execution), and what is not finished, by the partial indexes. Told by one node, which keeps
-- the word for `p_for` from now; the others only hear whether there is something to fold.
CREATE FUNCTION slipway.cluster_totals(p_node text, p_for interval)
RETURNS TABLE (kind text, agent text, status text, reason text, n bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO slipway.totals_teller AS t (node, until) VALUES (p_node, clock_timestamp() + p_for)
    ON CONFLICT (one) DO UPDATE SET node = excluded.node, until = excluded.until
    WHERE t.node = excluded.node OR t.until < clock_timestamp();
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unfolded', '', '', '', count(*) FROM (SELECT FROM slipway.outcomes LIMIT 1) o;
    RETURN;
  END IF;
  RETURN QUERY
  WITH fresh AS MATERIALIZED (
    SELECT CASE WHEN o.agent_known THEN o.agent ELSE '<none>' END AS agent, o.status, o.reason, 1::bigint AS executions,
           (s.execution_id IS NOT NULL)::int::bigint AS spends, (s.refunded_at IS NOT NULL)::int::bigint AS refunds, o.output_bytes
    FROM slipway.outcomes o LEFT JOIN slipway.entitlement_spends s ON s.execution_id = o.execution_id
  ), ends AS MATERIALIZED (
    SELECT e.agent, e.status::text AS status, e.reason::text AS reason, sum(e.executions)::bigint AS executions,
           sum(e.spends)::bigint AS spends, sum(e.refunds)::bigint AS refunds, sum(e.output_bytes)::bigint AS output_bytes
    FROM (TABLE slipway.end_totals UNION ALL TABLE fresh) e GROUP BY 1, 2, 3
  ), unfinished AS MATERIALIZED (
    SELECT u.agent, u.status, count(*) AS n, min(greatest(u.created_at, u.not_before)) FILTER (
             WHERE u.status = 'PENDING' AND (u.not_before IS NULL OR u.not_before <= now())) AS since
    FROM (SELECT e.agent, e.status::text AS status, e.created_at, e.not_before FROM slipway.executions e WHERE e.queued
          UNION ALL
          SELECT e.agent, e.status, e.created_at, e.not_before FROM slipway.executions e WHERE e.decide_at IS NOT NULL AND NOT e.queued
          UNION ALL
          SELECT e.agent, e.status, e.created_at, e.not_before FROM slipway.executions e WHERE e.live AND e.finished_at IS NULL) u
    GROUP BY 1, 2
  )
  SELECT 'finished', e.agent, e.status, e.reason, e.executions FROM ends e
  UNION ALL SELECT 'agent', a.name, '', '', 0 FROM slipway.agents a
  UNION ALL SELECT 'spends', '', '', '', coalesce(sum(e.spends), 0)::bigint
    + (SELECT count(*) FROM slipway.entitlement_spends s WHERE s.settled_at IS NULL) FROM ends e
  UNION ALL SELECT 'refunds', '', '', '', coalesce(sum(e.refunds), 0)::bigint FROM ends e
  UNION ALL SELECT 'output_bytes', '', '', '', coalesce(sum(e.output_bytes), 0)::bigint FROM ends e
  UNION ALL SELECT 'unfinished', coalesce(a.name, '<none>'), u.status, '', sum(u.n)::bigint
    FROM unfinished u LEFT JOIN slipway.agents a ON a.name = u.agent GROUP BY 2, 3
  UNION ALL SELECT 'oldest_pending_us', '', '', '',
    coalesce((extract(epoch FROM clock_timestamp() - min(u.since)) * 1000000)::bigint, 0) FROM unfinished u
  UNION ALL SELECT 'unfolded', '', '', '', (SELECT count(*) FROM fresh);
END
$$;

-- Exact totals: the folded and the not yet folded, read in one snapshot.
CREATE VIEW slipway.agent_statistics AS
  WITH counted AS (
    SELECT * FROM slipway.agent_stats
    UNION ALL
    SELECT agent, count(*), count(*) FILTER (WHERE status = 'COMPLETED'), count(*) FILTER (WHERE status = 'FAILED'),
           count(*) FILTER (WHERE status = 'TIMEOUT'), count(*) FILTER (WHERE fault = 'Agent'),
           count(*) FILTER (WHERE fault = 'User'), count(*) FILTER (WHERE fault = 'Platform'),
           count(*) FILTER (WHERE fault = 'Policy'), sum(revenue), max(finished_at) FILTER (WHERE duration_ms IS NOT NULL)
    FROM slipway.outcomes GROUP BY agent
  ), totals AS (
    SELECT agent, sum(total)::bigint AS total, sum(completed)::bigint AS completed, sum(failed)::bigint AS failed,
           sum(timed_out)::bigint AS timed_out, sum(agent_faults)::bigint AS agent_faults, sum(user_faults)::bigint AS user_faults,
           sum(platform_faults)::bigint AS platform_faults, sum(policy_faults)::bigint AS policy_faults, sum(revenue) AS revenue,
           max(last_run_at) AS last_run_at
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
GRANT SELECT ON slipway.attempts, slipway.partial_results, slipway.execution_events, slipway.execution_log_chunks, slipway.execution_logs,
  slipway.agents, slipway.schema_migrations TO slipway_submitter;
GRANT INSERT, UPDATE, DELETE ON slipway.executions, slipway.attempts, slipway.partial_results, slipway.execution_events, slipway.execution_log_chunks,
  slipway.entitlement_spends, slipway.entitlements, slipway.user_usage, slipway.outcomes, slipway.agent_stats,
  slipway.agent_stat_buckets, slipway.end_totals, slipway.totals_teller, slipway.nodes TO slipway_controller;
GRANT USAGE ON SEQUENCE slipway.turns TO slipway_controller;
-- Locking a row needs the right to change it; the claim locks the agents that have a limit.
GRANT UPDATE (updated_at) ON slipway.agents TO slipway_controller;
GRANT INSERT, UPDATE, DELETE ON slipway.agents, slipway.entitlements, slipway.quotas, slipway.nodes, slipway.executions TO slipway_admin;
GRANT INSERT ON slipway.agent_revisions TO slipway_admin;
GRANT DELETE ON slipway.attempts, slipway.partial_results, slipway.execution_events, slipway.execution_log_chunks TO slipway_admin;

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (5, '0005_claims', 1);
