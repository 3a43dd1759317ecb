-- The state chart and the border between submitter and controller, kept by the database itself.

-- Every write transaction of a node begins here: it is refused (false) once another process has registered the name, and
-- only after it may controller columns change. KEY SHARE meets the FOR UPDATE of a registration and nothing else.
CREATE FUNCTION slipway.act_as(p_node text, p_epoch bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM slipway.nodes n WHERE n.name = p_node AND n.epoch = p_epoch FOR KEY SHARE;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM set_config('slipway.controller', 'on', true);
  RETURN true;
END
$$;

-- What a step is refused with then; the daemon knows the code (store/postgres/connection.cc).
CREATE FUNCTION slipway.refuse_taken_over(p_node text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the name of node % was taken over', p_node USING ERRCODE = 'SW001';
END
$$;

-- A setting alone is forgeable and a role alone does not stop a slip by the owner: both are asked for. The body is an expression and
-- not a text, here and in may_follow: it is understood now, and not by the search_path of whoever calls (0007).
CREATE FUNCTION slipway.is_controller() RETURNS boolean LANGUAGE sql STABLE
  RETURN coalesce(current_setting('slipway.controller', true) = 'on', false)
     AND pg_has_role(current_user, 'slipway_controller', 'MEMBER');

CREATE FUNCTION slipway.may_follow(was text, becomes text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE was
    WHEN 'New'       THEN becomes IN ('Deferred', 'Queued', 'Finished')
    WHEN 'Deferred'  THEN becomes IN ('Queued', 'Finished')
    WHEN 'Queued'    THEN becomes IN ('Claimed', 'Finished')
    WHEN 'Claimed'   THEN becomes IN ('Launching', 'Recycling', 'Finished')
    WHEN 'Launching' THEN becomes IN ('Running', 'Claimed', 'Recycling', 'Finished')
    WHEN 'Running'   THEN becomes IN ('Stopping', 'Recycling', 'Finished')
    WHEN 'Stopping'  THEN becomes IN ('Recycling', 'Finished')
    WHEN 'Recycling' THEN becomes IN ('Queued', 'Finished')
    WHEN 'Finished'  THEN becomes = 'Cleaned'
    ELSE false END;

CREATE FUNCTION slipway.differing_columns(a jsonb, b jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(x.key, ', ' ORDER BY x.key)
  FROM jsonb_each(a) x JOIN jsonb_each(b) y USING (key) WHERE x.value IS DISTINCT FROM y.value
$$;

-- On insert: an explicit NULL means the default, and a controller column may only hold its default. Mappers that fill in a "now" of
-- their own for created_at mean the default too: what is near now() is taken for it, and replaced by it.
CREATE FUNCTION slipway.executions_admit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.id := coalesce(NEW.id, slipway.uuid_v7());
  NEW.priority := coalesce(NEW.priority, 0);
  NEW.labels := coalesce(NEW.labels, '{}');
  NEW.cancel_requested := coalesce(NEW.cancel_requested, false);
  IF coalesce(NEW.status <> 'PENDING', false) OR coalesce(NEW.reason <> 'Queued', false)
     OR coalesce(NEW.message <> 'Waiting for its turn.', false) OR coalesce(NEW.fault <> 'None', false)
     OR coalesce(NEW.conditions <> '{}', false) OR coalesce(NEW.created_at <> now() AND abs(extract(epoch FROM NEW.created_at - now())) > 300, false)
     OR coalesce(NEW.input_bytes <> 0, false) OR coalesce(NEW.logs_truncated, false) OR coalesce(NEW.stage <> 'New', false)
     OR coalesce(NEW.attempt <> 0, false) OR coalesce(NEW.create_failures <> 0, false)
     OR coalesce(NEW.queued, false) OR coalesce(NEW.live, false)
     OR num_nonnulls(NEW.output, NEW.exit_code, NEW.started_at, NEW.finished_at, NEW.duration_ms, NEW.peak_memory_bytes,
                     NEW.cpu_ms, NEW.agent_revision, NEW.image_digest, NEW.list_price, NEW.price, NEW.node, NEW.epoch, NEW.claim_id,
                     NEW.verdict, NEW.engine, NEW.container_id, NEW.intent_at, NEW.deadline_at, NEW.kill_at,
                     NEW.decide_at, NEW.expires_at) > 0 THEN
    RAISE EXCEPTION 'a new execution may not set columns of the controller' USING ERRCODE = 'insufficient_privilege';
  END IF;
  NEW.status := 'PENDING'; NEW.reason := 'Queued'; NEW.message := 'Waiting for its turn.'; NEW.fault := 'None';
  NEW.conditions := '{}'; NEW.created_at := now(); NEW.logs_truncated := false; NEW.stage := 'New';
  NEW.attempt := 0; NEW.create_failures := 0; NEW.queued := false; NEW.live := false;
  NEW.decide_at := NEW.created_at;
  RETURN NEW;
END
$$;
-- Sizes stand here and not in CHECKs: those are evaluated at every update, and would read a large input back at every step.
CREATE FUNCTION slipway.executions_sizes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN NEW.input_bytes := coalesce(octet_length(NEW.input::text), 0); END IF;
  IF NEW.input_bytes > 1048576 THEN
    RAISE EXCEPTION 'input is larger than 1 MiB' USING ERRCODE = 'check_violation', CONSTRAINT = 'input_at_most_1_mib';
  END IF;
  IF octet_length(NEW.labels::text) > 65536 THEN
    RAISE EXCEPTION 'labels are larger than 64 KiB' USING ERRCODE = 'check_violation', CONSTRAINT = 'labels_at_most_64_kib';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER executions_20_sizes BEFORE INSERT OR UPDATE OF labels ON slipway.executions
  FOR EACH ROW EXECUTE FUNCTION slipway.executions_sizes();
CREATE TRIGGER executions_10_admit BEFORE INSERT ON slipway.executions
  FOR EACH ROW EXECUTE FUNCTION slipway.executions_admit();

-- Large or immutable columns are compared only when a statement names them: the controller never does.
CREATE FUNCTION slipway.executions_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id <> OLD.id OR NEW.name IS DISTINCT FROM OLD.name OR NEW.user_id <> OLD.user_id OR NEW.agent <> OLD.agent
     OR NEW.input::text <> OLD.input::text OR NEW.entitlement_id IS DISTINCT FROM OLD.entitlement_id
     OR NEW.traceparent IS DISTINCT FROM OLD.traceparent OR NEW.start_deadline IS DISTINCT FROM OLD.start_deadline
     OR NEW.created_at <> OLD.created_at THEN
    RAISE EXCEPTION 'field is immutable' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER executions_10_immutable
  BEFORE UPDATE OF id, name, user_id, agent, input, entitlement_id, traceparent, start_deadline, created_at
  ON slipway.executions FOR EACH ROW EXECUTE FUNCTION slipway.executions_immutable();

CREATE FUNCTION slipway.executions_output() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.output::text IS DISTINCT FROM OLD.output::text
     AND (OLD.stage IN ('Finished', 'Cleaned') OR NOT slipway.is_controller()) THEN
    RAISE EXCEPTION 'output is written once, by the controller' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER executions_20_output BEFORE UPDATE OF output ON slipway.executions
  FOR EACH ROW EXECUTE FUNCTION slipway.executions_output();

-- Refuses any difference but in the columns that may change at this point. Compared without the large columns, which have
-- triggers of their own.
CREATE FUNCTION slipway.refuse_foreign_changes(was slipway.executions, becomes slipway.executions) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  was.input := NULL; was.output := NULL; becomes.input := NULL; becomes.output := NULL;
  becomes.labels := was.labels;
  becomes.ttl_seconds_after_finished := was.ttl_seconds_after_finished;
  IF was.finished_at IS NULL THEN
    becomes.cancel_requested := was.cancel_requested;
    becomes.timeout_seconds := was.timeout_seconds;
    becomes.priority := was.priority;
  ELSIF slipway.is_controller() THEN
    becomes.stage := was.stage;
  END IF;
  IF becomes *<> was THEN
    RAISE EXCEPTION 'not to be changed here: %', slipway.differing_columns(to_jsonb(becomes), to_jsonb(was))
      USING ERRCODE = 'insufficient_privilege',
            HINT = CASE WHEN was.finished_at IS NULL THEN 'submitters change cancel_requested, timeout_seconds, priority, labels, ttl_seconds_after_finished'
                        ELSE 'a final execution takes labels and ttl_seconds_after_finished only' END;
  END IF;
END
$$;

CREATE FUNCTION slipway.executions_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.cancel_requested AND NEW.cancel_requested IS NOT TRUE THEN
    RAISE EXCEPTION 'cancel_requested cannot be taken back' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF OLD.finished_at IS NOT NULL OR NOT slipway.is_controller() THEN
    PERFORM slipway.refuse_foreign_changes(OLD, NEW);
  END IF;
  IF NEW.stage <> OLD.stage THEN
    IF NOT slipway.may_follow(OLD.stage, NEW.stage) THEN
      RAISE EXCEPTION 'stage % may not follow %', NEW.stage, OLD.stage USING ERRCODE = 'check_violation';
    END IF;
    CASE NEW.stage
      WHEN 'Queued'   THEN NEW.conditions := jsonb_build_object('Admitted', now()) || NEW.conditions;
      WHEN 'Running'  THEN NEW.conditions := NEW.conditions || jsonb_build_object('Started', NEW.started_at);
      WHEN 'Finished' THEN NEW.conditions := NEW.conditions || jsonb_build_object('Finished', NEW.finished_at);
      WHEN 'Cleaned'  THEN NEW.conditions := NEW.conditions || jsonb_build_object('Cleaned', now());
      ELSE NULL;
    END CASE;
  END IF;
  IF NEW.cancel_requested AND NOT OLD.cancel_requested THEN
    NEW.conditions := NEW.conditions || jsonb_build_object('CancelRequested', now());
  END IF;
  IF NEW.attempt <> OLD.attempt + (OLD.stage = 'Queued' AND NEW.stage = 'Claimed')::int THEN
    RAISE EXCEPTION 'attempt grows by one at the claim, and only there' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.image_digest IS NULL AND NEW.image_digest IS NOT NULL THEN
    NEW.conditions := NEW.conditions || jsonb_build_object('ImageReady', now());
  END IF;
  NEW.queued := NEW.stage = 'Queued' AND NOT NEW.cancel_requested;
  NEW.live := NEW.node IS NOT NULL AND NEW.stage IN ('Claimed', 'Launching', 'Running', 'Stopping', 'Recycling', 'Finished');
  NEW.decide_at := CASE
    WHEN NEW.stage NOT IN ('New', 'Deferred', 'Queued') THEN NULL
    WHEN NEW.stage = 'New' OR NEW.cancel_requested THEN NEW.created_at
    WHEN NEW.stage = 'Deferred' THEN least(coalesce(NEW.not_before, NEW.created_at), NEW.start_deadline)
    ELSE NEW.start_deadline END;
  IF NEW.finished_at IS NOT NULL THEN NEW.price := coalesce(NEW.price, 0); END IF;  -- what ended before a claim owes nothing
  NEW.expires_at := CASE WHEN NEW.finished_at IS NOT NULL AND NOT NEW.live THEN
    NEW.finished_at + make_interval(secs => coalesce(NEW.ttl_seconds_after_finished, 2592000)) END;
  RETURN NEW;
END
$$;
CREATE TRIGGER executions_30_guard BEFORE UPDATE ON slipway.executions
  FOR EACH ROW EXECUTE FUNCTION slipway.executions_guard();

-- A row leaves only when nothing of it can be left on a node; what hangs on it leaves with it. Ledgers stay.
CREATE FUNCTION slipway.executions_leave() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_WHEN = 'BEFORE' THEN
    IF OLD.live OR OLD.finished_at IS NULL THEN
      RAISE EXCEPTION 'execution % has not converged; cancel it first', OLD.id USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN OLD;
  END IF;
  DELETE FROM slipway.attempts WHERE execution_id = OLD.id;
  DELETE FROM slipway.partial_results WHERE execution_id = OLD.id;
  DELETE FROM slipway.execution_events WHERE execution_id = OLD.id;
  DELETE FROM slipway.execution_log_chunks WHERE execution_id = OLD.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER executions_may_leave BEFORE DELETE ON slipway.executions FOR EACH ROW EXECUTE FUNCTION slipway.executions_leave();
CREATE TRIGGER executions_left AFTER DELETE ON slipway.executions FOR EACH ROW EXECUTE FUNCTION slipway.executions_leave();

-- Any login may LISTEN, or be told nothing for hours by staying in a transaction, and so fill the server's one queue: NOTIFY then fails
-- every commit. What is told here only saves somebody a look, so it is left out before that.
CREATE FUNCTION slipway.may_notify() RETURNS boolean LANGUAGE sql VOLATILE RETURN pg_notification_queue_usage() < 0.5;
CREATE FUNCTION slipway.tell(p_channel text, p_payload text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF slipway.may_notify() THEN PERFORM pg_notify(p_channel, p_payload); END IF;
END
$$;

-- The doorbell: once a transaction, and only while a node says that it is idle; a NOTIFY for every insert would cost two
-- thirds of the insert rate. Definer's rights, since submitters cannot read nodes.
CREATE FUNCTION slipway.some_node_is_idle() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM slipway.nodes WHERE idle)
$$;
CREATE FUNCTION slipway.executions_ring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('slipway.rung', true) = 'on' THEN RETURN NULL; END IF;
  PERFORM set_config('slipway.rung', 'on', true);
  IF slipway.some_node_is_idle() THEN PERFORM slipway.tell('slipway_work', ''); END IF;
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER executions_ring AFTER INSERT ON slipway.executions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slipway.executions_ring();

CREATE FUNCTION slipway.executions_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.live THEN
    PERFORM slipway.tell('slipway_changed', NEW.id::text);
  ELSIF NEW.decide_at IS NOT NULL AND slipway.some_node_is_idle() THEN
    PERFORM slipway.tell('slipway_work', '');
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER executions_changed AFTER UPDATE OF cancel_requested, timeout_seconds ON slipway.executions FOR EACH ROW
  WHEN (NEW.cancel_requested <> OLD.cancel_requested OR NEW.timeout_seconds IS DISTINCT FROM OLD.timeout_seconds)
  EXECUTE FUNCTION slipway.executions_changed();

CREATE FUNCTION slipway.executions_finished() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM slipway.tell('slipway_finished', '');  -- without an id: any role may listen
  RETURN NULL;
END
$$;
CREATE TRIGGER executions_finished AFTER UPDATE OF stage ON slipway.executions FOR EACH ROW
  WHEN (NEW.stage = 'Finished' AND OLD.stage <> 'Finished') EXECUTE FUNCTION slipway.executions_finished();

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (4, '0004_state_chart', 1);
