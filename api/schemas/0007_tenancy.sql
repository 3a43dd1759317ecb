-- Tenancy: whose rows a login role sees and writes, and who may call what.

-- For whom a login role may submit and read; '*': for anyone. Keyed by session_user, the role that logged in: neither SET ROLE
-- nor a SECURITY DEFINER function nor a membership changes it (only a superuser's SET SESSION AUTHORIZATION does), whereas
-- current_user becomes whatever role the session may take on. No row: nothing is seen. Delete a role's rows when dropping the role.
CREATE TABLE slipway.submitter_users (
  role_name name NOT NULL,
  user_id   text NOT NULL CHECK (char_length(user_id) BETWEEN 1 AND 128 AND user_id !~ '[[:cntrl:]]'),
  PRIMARY KEY (role_name, user_id)
);

-- The two questions a policy asks, once a statement and not once a row: (SELECT f()) is an initplan. `slipway.user_id` narrows a
-- transaction; it is the session's own word, and so may only ever take away. Definer's rights: nobody reads the table itself.
CREATE FUNCTION slipway.for_everyone() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN coalesce(current_setting('slipway.user_id', true), '') = ''
     AND EXISTS (SELECT FROM slipway.submitter_users s WHERE s.role_name = session_user AND s.user_id = '*');
END
$$;
CREATE FUNCTION slipway.own_users() RETURNS text[] LANGUAGE plpgsql STABLE PARALLEL SAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  narrowed text := coalesce(current_setting('slipway.user_id', true), '');
BEGIN
  IF narrowed = '' THEN
    RETURN ARRAY(SELECT s.user_id FROM slipway.submitter_users s WHERE s.role_name = session_user);
  END IF;
  RETURN ARRAY(SELECT narrowed FROM slipway.submitter_users s
               WHERE s.role_name = session_user AND s.user_id IN ('*', narrowed) LIMIT 1);
END
$$;

-- SET LOCAL takes no parameter, and an empty setting narrows nothing: this takes one, and refuses what is no user's id.
CREATE FUNCTION slipway.narrow_to(p_user text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_user IS NULL OR p_user = '*' OR p_user = '' THEN
    RAISE EXCEPTION 'narrow_to: expected the id of one user' USING ERRCODE = 'check_violation';
  END IF;
  PERFORM set_config('slipway.user_id', p_user, true);
END
$$;

-- FORCEd, so that the owner is held as well. Whoever migrates is a member of slipway_controller and slipway_admin (0001), and
-- passes by their policies; so do the views and definer functions that run with the owner's rights. A policy that is plainly
-- true is folded away by the planner: the controller's plans are those of a table without policies.
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['executions', 'attempts', 'partial_results', 'execution_events', 'execution_log_chunks', 'entitlements',
                           'entitlement_spends', 'quotas', 'user_usage', 'outcomes', 'submitter_users'] LOOP
    EXECUTE format('ALTER TABLE slipway.%I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE slipway.%I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY platform ON slipway.%I TO slipway_controller, slipway_admin USING (true) WITH CHECK (true)', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['executions', 'entitlements', 'entitlement_spends', 'user_usage', 'outcomes'] LOOP
    EXECUTE format('CREATE POLICY tenants ON slipway.%I TO slipway_submitter, slipway_reader
      USING ((SELECT slipway.for_everyone()) OR user_id = ANY ((SELECT slipway.own_users())::text[]))', t);
  END LOOP;
  -- Seen where their execution is, which has the policy above. Not EXISTS: the planner may answer that one for all executions at
  -- once, by reading them all.
  FOREACH t IN ARRAY ARRAY['attempts', 'execution_events', 'execution_log_chunks'] LOOP
    EXECUTE format('CREATE POLICY tenants ON slipway.%I FOR SELECT TO slipway_submitter, slipway_reader
      USING ((SELECT slipway.for_everyone())
             OR (SELECT true FROM slipway.executions e WHERE e.id = execution_id))', t);
  END LOOP;
END
$$;
-- Nothing for nothing: what a run left that nobody pays for is not its submitter's. A role for everyone is no operator, and is shown
-- only what is everyone's to see; narrowed to an owner, the owner's.
CREATE POLICY tenants ON slipway.partial_results FOR SELECT TO slipway_submitter, slipway_reader
  USING (owner = ANY ((SELECT slipway.own_users())::text[])
         OR for_submitter AND ((SELECT slipway.for_everyone())
                               OR (SELECT true FROM slipway.executions e WHERE e.id = execution_id)));
-- The row '*' is everybody's, and no secret.
CREATE POLICY tenants ON slipway.quotas FOR SELECT TO slipway_submitter, slipway_reader
  USING (user_id = '*' OR (SELECT slipway.for_everyone()) OR user_id = ANY ((SELECT slipway.own_users())::text[]));

-- A view is read with its owner's rights unless it says otherwise. agent_statistics stays so: sums over all users.
ALTER VIEW slipway.execution_logs SET (security_invoker = true);

-- EXPLAIN shows the planner's estimates to anybody, and equality and order on text and uuid are leakproof: a histogram of these
-- columns would give away other users' ids by halving, its common values how busy they are. Uniqueness is known without statistics.
DO $$
DECLARE
  c record;
BEGIN
  FOR c IN SELECT a.attrelid::regclass AS t, a.attname FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
           WHERE r.relnamespace = 'slipway'::regnamespace AND r.relkind = 'r' AND r.relforcerowsecurity AND NOT a.attisdropped
             AND a.attname IN ('id', 'execution_id', 'user_id', 'name', 'entitlement_id', 'claim_id', 'container_id', 'traceparent',
                               'labels', 'input', 'output', 'message', 'bytes', 'result', 'owner', 'detail', 'effective_limits')
             AND NOT (r.relname = 'execution_events' AND a.attname = 'id') LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', c.t, c.attname);
  END LOOP;
END
$$;

-- The ledger outlives retention, and a claim does not spend again for an id that has spent (a further attempt of the same
-- execution): an id that was spent before must not come back as a new execution.
CREATE FUNCTION slipway.executions_unspent() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM slipway.entitlement_spends s WHERE s.execution_id = NEW.id) THEN
    RAISE EXCEPTION 'the id of an execution is not used twice' USING ERRCODE = 'unique_violation', CONSTRAINT = 'executions_pkey';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER executions_30_unspent BEFORE INSERT ON slipway.executions
  FOR EACH ROW EXECUTE FUNCTION slipway.executions_unspent();

-- COPY goes here: PostgreSQL refuses COPY into a table under row-level security. With the invoker's rights, so that the policies
-- and triggers of executions judge each row. Columns that are the controller's are not here to be forged.
CREATE VIEW slipway.submissions WITH (security_invoker = true) AS
  SELECT id, name, user_id, agent, entitlement_id, input, priority, timeout_seconds, not_before, start_deadline, retry_limit,
         ttl_seconds_after_finished, labels, traceparent, cancel_requested
  FROM slipway.executions;
CREATE FUNCTION slipway.submissions_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.id := coalesce(NEW.id, slipway.uuid_v7());
  INSERT INTO slipway.executions (id, name, user_id, agent, entitlement_id, input, priority, timeout_seconds, not_before,
    start_deadline, retry_limit, ttl_seconds_after_finished, labels, traceparent, cancel_requested)
  VALUES (NEW.id, NEW.name, NEW.user_id, NEW.agent, NEW.entitlement_id, NEW.input, NEW.priority, NEW.timeout_seconds,
    NEW.not_before, NEW.start_deadline, NEW.retry_limit, NEW.ttl_seconds_after_finished, NEW.labels, NEW.traceparent,
    NEW.cancel_requested);
  RETURN NEW;
END
$$;
CREATE TRIGGER submissions_insert INSTEAD OF INSERT ON slipway.submissions
  FOR EACH ROW EXECUTE FUNCTION slipway.submissions_insert();

-- A body given as text is parsed under the caller's search_path, where a schema of the caller's own may stand before pg_catalog
-- with a pg_has_role() or an operator `<>` that answers as it likes: it would be a controller. All of them are pinned;
-- a body given as an expression was understood when it was made, and stays cheap enough for every row.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'slipway'::regnamespace AND p.prosqlbody IS NULL LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', f);
  END LOOP;
END
$$;

-- New functions are everybody's to call unless that is taken away; a later migration must do the same (tenancy_rights_pgtest).
-- Triggers' functions need no right to fire; what they call does, and so does what stands in a default or a view.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA slipway FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA slipway TO slipway_controller;
GRANT EXECUTE ON FUNCTION slipway.for_everyone(), slipway.own_users(), slipway.narrow_to(text), slipway.log_text(bytea)
  TO slipway_submitter, slipway_reader, slipway_admin;
GRANT EXECUTE ON FUNCTION slipway.uuid_v7(), slipway.is_controller(), slipway.may_follow(text, text), slipway.some_node_is_idle(),
  slipway.may_notify(), slipway.tell(text, text),
  slipway.differing_columns(jsonb, jsonb), slipway.refuse_foreign_changes(slipway.executions, slipway.executions)
  TO slipway_submitter, slipway_admin;
GRANT EXECUTE ON FUNCTION slipway.duration_bucket(bigint), slipway.bucket_duration(int), slipway.quota_of(text),
  slipway.running_of_agent(text), slipway.right_of(text, text, text, timestamptz), slipway.max_concurrent(jsonb),
  slipway.is_suspended(jsonb) TO slipway_reader, slipway_admin;
GRANT EXECUTE ON FUNCTION slipway.refuse_bad_schema(text, jsonb), slipway.refuse_bad_spec(jsonb), slipway.refuse_spec(text, text),
  slipway.check_spec_fields(text, jsonb, text[]), slipway.check_spec_value(text, jsonb, text, numeric, numeric),
  slipway.check_spec_texts(text, jsonb), slipway.check_spec_env(jsonb), slipway.spec_bytes(jsonb), slipway.spec_millicores(jsonb),
  slipway.spec_seconds(jsonb), slipway.is_image(text) TO slipway_admin;

-- UPDATE on the table would allow LOCK TABLE in every mode, ACCESS EXCLUSIVE among them, and so stall everybody. UPDATE on each
-- of its columns allows the same statements, and of the locks only those of reading and inserting.
DO $$
DECLARE
  every text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                 WHERE attrelid = 'slipway.executions'::regclass AND attnum > 0 AND NOT attisdropped);
  users text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                 WHERE attrelid = 'slipway.attempts'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'detail');
BEGIN
  REVOKE UPDATE ON slipway.executions FROM slipway_submitter;
  EXECUTE format('GRANT UPDATE (%s) ON slipway.executions TO slipway_submitter', every);
  -- attempts.detail is the operator's: engine messages and paths, never shown to users.
  REVOKE SELECT ON slipway.attempts FROM slipway_submitter;
  EXECUTE format('GRANT SELECT (%s) ON slipway.attempts TO slipway_submitter', users);
END
$$;
GRANT SELECT ON slipway.entitlements, slipway.entitlement_spends, slipway.quotas, slipway.user_usage TO slipway_submitter;
GRANT SELECT, INSERT ON slipway.submissions TO slipway_submitter, slipway_admin;
GRANT SELECT ON slipway.submissions TO slipway_reader, slipway_controller;
GRANT SELECT, INSERT, UPDATE, DELETE ON slipway.submitter_users TO slipway_admin;

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (7, '0007_tenancy', 1);
