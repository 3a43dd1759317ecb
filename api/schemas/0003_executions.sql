-- Nodes, executions, and what is kept about each attempt.
CREATE TABLE slipway.nodes (
  name            slipway.object_name PRIMARY KEY,
  instance_id     text NOT NULL,
  epoch           bigint NOT NULL DEFAULT 0,       -- grows at each registration; fences every write of earlier processes
  registered_at   timestamptz NOT NULL DEFAULT now(),
  heartbeat_at    timestamptz NOT NULL DEFAULT now(),
  lease_seconds   int NOT NULL DEFAULT 15 CHECK (lease_seconds > 0),
  ready           boolean NOT NULL DEFAULT false,
  message         text NOT NULL DEFAULT '',
  cordoned        boolean NOT NULL DEFAULT false,  -- the operator's wish: claim nothing new
  draining        boolean NOT NULL DEFAULT false,  -- the operator's wish: stop what runs
  idle            boolean NOT NULL DEFAULT false,  -- waits for work: submitters ring the doorbell
  slots           int NOT NULL DEFAULT 0,
  version         text NOT NULL DEFAULT '',
  not_enforceable text[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 85);  -- the heartbeat is a HOT update: no second index here

CREATE TABLE slipway.executions (
  -- the submitter's
  id                 uuid PRIMARY KEY DEFAULT slipway.uuid_v7(),
  name               slipway.object_name,
  user_id            slipway.user_id NOT NULL,
  agent              text NOT NULL CHECK (char_length(agent) BETWEEN 1 AND 253 AND agent !~ '[[:cntrl:]]'),
  entitlement_id     text CHECK (char_length(entitlement_id) BETWEEN 1 AND 253),
  input              json NOT NULL,                 -- at most 1 MiB: checked by the trigger, once
  priority           int NOT NULL DEFAULT 0 CHECK (priority BETWEEN -100 AND 100),
  timeout_seconds    int CHECK (timeout_seconds BETWEEN 1 AND 2592000),
  not_before         timestamptz,
  start_deadline     timestamptz,
  retry_limit        int CHECK (retry_limit BETWEEN 0 AND 100),
  ttl_seconds_after_finished int CHECK (ttl_seconds_after_finished BETWEEN 0 AND 315360000),
  labels             jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object'),  -- at most 64 KiB
  traceparent        text CHECK (char_length(traceparent) <= 128),
  cancel_requested   boolean NOT NULL DEFAULT false,
  -- the controller's: what users read
  status             slipway.status NOT NULL DEFAULT 'PENDING',
  reason             slipway.reason NOT NULL DEFAULT 'Queued',
  message            text NOT NULL DEFAULT 'Waiting for its turn.',
  fault              slipway.fault NOT NULL DEFAULT 'None',
  conditions         jsonb NOT NULL DEFAULT '{}',   -- condition -> when it came true
  output             json,
  exit_code          int,
  created_at         timestamptz NOT NULL DEFAULT now(),
  started_at         timestamptz,
  finished_at        timestamptz,
  duration_ms        bigint CHECK (duration_ms >= 0),
  peak_memory_bytes  bigint,
  cpu_ms             bigint,
  agent_revision     int,
  image_digest       text,                          -- the image's id where it has no digest
  list_price         numeric,                       -- of the agent's revision, since the claim
  price              numeric,                       -- what is owed, since the end: the list price, or 0
  logs_truncated     boolean NOT NULL DEFAULT false,
  -- the controller's: where it stands
  stage              slipway.stage NOT NULL DEFAULT 'New',
  node               text,
  epoch              bigint,
  attempt            int NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  claim_id           uuid,
  verdict            slipway.verdict,
  engine             text,
  container_id       text,
  intent_at          timestamptz,
  deadline_at        timestamptz,
  kill_at            timestamptz,
  create_failures    int NOT NULL DEFAULT 0 CHECK (create_failures >= 0),
  input_bytes        int NOT NULL DEFAULT 0,        -- measured once, by the trigger
  -- derived by the trigger for the partial indexes. A predicate on `stage` itself would forbid every HOT update.
  queued             boolean NOT NULL DEFAULT false,  -- may be claimed
  live               boolean NOT NULL DEFAULT false,  -- a node answers for it: Claimed to Finished, until Cleaned
  decide_at          timestamptz,                     -- when it next wants a decision
  expires_at         timestamptz,                     -- when it may be retired
  CONSTRAINT name_is_unique_per_user UNIQUE (user_id, name),
  CONSTRAINT status_follows_stage CHECK (CASE
    WHEN stage IN ('Finished', 'Cleaned') THEN status IN ('COMPLETED', 'FAILED', 'TIMEOUT')
    WHEN stage IN ('Running', 'Stopping') THEN status = 'RUNNING'
    ELSE status = 'PENDING' END),
  CONSTRAINT final_has_finished_at CHECK ((stage IN ('Finished', 'Cleaned')) = (finished_at IS NOT NULL)),
  CONSTRAINT output_only_completed CHECK (output IS NULL OR status = 'COMPLETED'),
  CONSTRAINT owed_only_completed CHECK (coalesce(price, 0) = 0 OR status = 'COMPLETED'),
  CONSTRAINT completed_without_fault CHECK ((status = 'COMPLETED') = (reason = 'Completed')),
  CONSTRAINT fault_only_final CHECK (fault = 'None' OR stage IN ('Finished', 'Cleaned')),
  CONSTRAINT owned_while_in_attempt CHECK (
    stage NOT IN ('Claimed', 'Launching', 'Running', 'Stopping', 'Recycling')
    OR (node IS NOT NULL AND claim_id IS NOT NULL AND attempt > 0)),
  -- As every door reads a time (api/timestamp.cc); no 'infinity': NULL is "never".
  CONSTRAINT times_from_1970_to_9999 CHECK (
    not_before >= '1970-01-01 00:00Z' AND not_before < '10000-01-01 00:00Z'
    AND start_deadline >= '1970-01-01 00:00Z' AND start_deadline < '10000-01-01 00:00Z'),
  CONSTRAINT launching_has_intent CHECK (stage <> 'Launching' OR intent_at IS NOT NULL),
  CONSTRAINT stopping_has_verdict CHECK (stage <> 'Stopping' OR verdict IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0.02);

-- Unfinished rows only (and, for retention, one entry a finished row): finished rows cost the loop nothing.
CREATE INDEX executions_undecided ON slipway.executions (decide_at) WHERE decide_at IS NOT NULL;
CREATE INDEX executions_queued ON slipway.executions (user_id, priority DESC, created_at, id) WHERE queued;
CREATE INDEX executions_of_agent ON slipway.executions (agent) WHERE live;
CREATE INDEX executions_live ON slipway.executions (node) WHERE live;
CREATE INDEX executions_claims ON slipway.executions (claim_id) WHERE live;
CREATE INDEX executions_expiring ON slipway.executions (expires_at) WHERE expires_at IS NOT NULL;

-- One container made for an execution. Written by the owner together with the stage.
CREATE TABLE slipway.attempts (
  execution_id      uuid NOT NULL,
  attempt           int NOT NULL,
  node              text NOT NULL,
  epoch             bigint NOT NULL,
  claim_id          uuid NOT NULL,
  claimed_at        timestamptz NOT NULL DEFAULT now(),
  engine            text,
  container_id      text,
  image_digest      text,
  effective_limits  jsonb,
  intent_at         timestamptz,
  started_at        timestamptz,
  deadline_at       timestamptz,
  hard_deadline_at  timestamptz,  -- the owner has killed it by then, or nobody may ever know: takeover waits for it
  verdict           slipway.verdict,
  started           boolean NOT NULL DEFAULT false,
  finished_at       timestamptz,  -- of the container
  ended_at          timestamptz,  -- of the attempt: evidence committed
  reason            slipway.reason,
  exit_code         int,
  oom_killed        boolean NOT NULL DEFAULT false,
  peak_memory_bytes bigint,
  cpu_ms            bigint,
  logs_truncated    boolean NOT NULL DEFAULT false,
  detail            text NOT NULL DEFAULT '',  -- the operator's words, never shown to users
  PRIMARY KEY (execution_id, attempt)
) WITH (fillfactor = 80);

-- What a run that did not complete left in result.json. Apart from the attempt, since it is read by others (0007): by the owner that
-- the agent had in this revision; by the submitter only where a use stays spent for it and the agent says so. What else is known
-- of the run, its user and its input first, is not here.
CREATE TABLE slipway.partial_results (
  execution_id   uuid NOT NULL,
  attempt        int NOT NULL,
  agent          text NOT NULL,
  agent_revision int,
  owner          text,
  for_submitter  boolean NOT NULL,
  reason         slipway.reason NOT NULL,
  exit_code      int,
  at             timestamptz NOT NULL DEFAULT now(),
  result         bytea NOT NULL,
  PRIMARY KEY (execution_id, attempt)
);
CREATE INDEX partial_results_of_owner ON slipway.partial_results (owner, at) WHERE owner IS NOT NULL;

CREATE TABLE slipway.execution_events (
  execution_id uuid NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempt      int NOT NULL DEFAULT 0,
  stage        slipway.stage NOT NULL,
  reason       slipway.reason NOT NULL,
  message      text NOT NULL DEFAULT '',
  node         text,
  PRIMARY KEY (execution_id, id)
);

-- `seq` is the place of a chunk in its attempt's log, in bytes: what is written while the container runs is replaced at the end
-- by the whole, cut otherwise, and a reader goes on behind the bytes it has read (docs/adr/0009).
CREATE TABLE slipway.execution_log_chunks (
  execution_id uuid NOT NULL,
  attempt      int NOT NULL,
  seq          int NOT NULL,
  at           timestamptz NOT NULL,
  stream       text NOT NULL CHECK (stream IN ('stdout', 'stderr', 'system')),
  bytes        bytea NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 65536),
  until        timestamptz,  -- of a chunk written while the container ran: when its last line was written
  PRIMARY KEY (execution_id, attempt, seq)
);

-- Logs are a stranger's bytes: what is not UTF-8 is shown escaped rather than failing the reader's query.
CREATE FUNCTION slipway.log_text(bytes bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
  RETURN replace(encode(bytes, 'escape'), E'\\012', E'\n');
END
$$;

-- A line's `seq` is the place of its first byte: the same while the container runs and afterwards.
CREATE VIEW slipway.execution_logs AS
  SELECT c.execution_id, c.attempt, (c.attempt::bigint << 40) + c.seq + l.before AS seq, c.at, c.stream, l.line
  FROM slipway.execution_log_chunks c,
       LATERAL (SELECT s.line, sum(octet_length(s.line) + 1) OVER (ORDER BY s.n)::bigint - octet_length(s.line) - 1 AS before
                FROM string_to_table(regexp_replace(slipway.log_text(c.bytes), E'\n$', ''), E'\n')
                  WITH ORDINALITY AS s(line, n)) l;

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (3, '0003_executions', 1);
