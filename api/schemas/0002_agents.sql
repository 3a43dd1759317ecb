-- What can be run, who may run it, and what was spent.
CREATE TABLE slipway.agents (
  name       slipway.object_name PRIMARY KEY,
  spec       jsonb NOT NULL,
  revision   int NOT NULL DEFAULT 0,
  labels     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  owner      text GENERATED ALWAYS AS (spec ->> 'owner') STORED  -- a user: reads what unpaid runs left (0007). NULL: operators only
);

-- Immutable; an execution pins one, and a deleted agent leaves its revisions behind.
CREATE TABLE slipway.agent_revisions (
  agent      slipway.object_name NOT NULL,
  revision   int NOT NULL CHECK (revision > 0),
  spec       jsonb NOT NULL,
  price      numeric NOT NULL DEFAULT 0 CHECK (price >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  owner      text GENERATED ALWAYS AS (spec ->> 'owner') STORED,
  PRIMARY KEY (agent, revision)
);

-- What SQL can see of a schema: its shape, its size, and whether it leads elsewhere. What only a compiler sees (api/json_schema) is
-- found at the first decision, which then refuses executions of the agent and says why.
CREATE FUNCTION slipway.refuse_bad_schema(p_field text, p_schema jsonb) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF p_schema IS NULL OR jsonb_typeof(p_schema) IN ('null', 'boolean') THEN RETURN; END IF;
  IF jsonb_typeof(p_schema) <> 'object' THEN
    RAISE EXCEPTION 'spec.%: expected a JSON Schema (an object)', p_field USING ERRCODE = 'check_violation';
  END IF;
  IF octet_length(p_schema::text) > 262144 THEN
    RAISE EXCEPTION 'spec.%: expected at most 256 KiB', p_field USING ERRCODE = 'check_violation';
  END IF;
  IF jsonb_path_exists(p_schema, '$.**."$ref" ? (@ like_regex "^[A-Za-z][A-Za-z0-9+.-]*:" && !(@ starts with "http://json-schema.org/" || @ starts with "https://json-schema.org/"))') THEN
    RAISE EXCEPTION 'spec.%: expected every $ref to lead within the schema; nothing is fetched', p_field USING ERRCODE = 'check_violation';
  END IF;
END
$$;

-- Quantities as every door reads them (api/quantity.cc); NULL: it is none. A number is read as if it stood in quotes.
CREATE FUNCTION slipway.spec_bytes(p_value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN jsonb_typeof(p_value) IN ('string', 'number') AND length(p_value #>> '{}') <= 64
    THEN (m[1])::numeric * CASE m[2]
      WHEN 'Ki' THEN 1024 WHEN 'Mi' THEN 1048576 WHEN 'Gi' THEN 1073741824 WHEN 'Ti' THEN 1099511627776
      WHEN 'k' THEN 1000 WHEN 'M' THEN 1000000 WHEN 'G' THEN 1000000000 WHEN 'T' THEN 1000000000000 ELSE 1 END END
  FROM regexp_match(p_value #>> '{}', '^([0-9]+)(Ki|Mi|Gi|Ti|k|M|G|T|)$') m
$$;
CREATE FUNCTION slipway.spec_millicores(p_value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN jsonb_typeof(p_value) IN ('string', 'number') AND length(p_value #>> '{}') <= 64
    THEN CASE WHEN m[2] = 'm' THEN (m[1])::numeric ELSE (m[1] || coalesce(m[3], ''))::numeric * 1000 END END
  FROM regexp_match(p_value #>> '{}', '^([0-9]+)(?:(m)|(\.[0-9]{1,3}))?$') m
$$;
CREATE FUNCTION slipway.spec_seconds(p_value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN jsonb_typeof(p_value) NOT IN ('string', 'number') OR length(t) NOT BETWEEN 1 AND 64 THEN NULL
    WHEN t ~ '^[0-9]+$' THEN t::numeric
    ELSE coalesce((m[1])::numeric, 0) * 3600 + coalesce((m[2])::numeric, 0) * 60 + coalesce((m[3])::numeric, 0)
         + coalesce((m[4])::numeric, 0) / 1000 END
  FROM (SELECT p_value #>> '{}' AS t) v,
       regexp_match(t, '^(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?(?:([0-9]{1,5})ms)?$') m
  WHERE m IS NOT NULL OR t ~ '^[0-9]+$'
$$;

-- The rules of one field; a field that is null is one that is not there.
CREATE FUNCTION slipway.refuse_spec(p_field text, p_expected text) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RAISE EXCEPTION 'spec%: expected %', p_field, p_expected USING ERRCODE = 'check_violation';
END
$$;
CREATE FUNCTION slipway.check_spec_fields(p_path text, p_object jsonb, p_known text[]) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  unknown text;
BEGIN
  IF p_object IS NULL OR jsonb_typeof(p_object) = 'null' THEN RETURN; END IF;
  IF jsonb_typeof(p_object) <> 'object' THEN PERFORM slipway.refuse_spec(p_path, 'an object'); END IF;
  SELECT min(k) INTO unknown FROM jsonb_object_keys(p_object) k WHERE k <> ALL (p_known);
  IF unknown IS NOT NULL THEN
    PERFORM slipway.refuse_spec(p_path || '.' || left(unknown, 64), 'no such field; known are ' || array_to_string(p_known, ', '));
  END IF;
END
$$;
CREATE FUNCTION slipway.check_spec_value(p_path text, p_value jsonb, p_type text, p_low numeric, p_high numeric) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  n numeric;
BEGIN
  IF p_value IS NULL OR jsonb_typeof(p_value) = 'null' THEN RETURN; END IF;
  CASE p_type
    WHEN 'boolean' THEN
      IF jsonb_typeof(p_value) <> 'boolean' THEN PERFORM slipway.refuse_spec(p_path, 'true or false'); END IF;
      RETURN;
    WHEN 'whole number' THEN
      IF jsonb_typeof(p_value) = 'number' AND p_value::text ~ '^-?[0-9]+$' THEN n := p_value::text::numeric; END IF;
    WHEN 'quantity of bytes' THEN n := slipway.spec_bytes(p_value);
    WHEN 'quantity of thousandths of a core' THEN n := slipway.spec_millicores(p_value);
    WHEN 'duration in whole seconds' THEN
      n := slipway.spec_seconds(p_value);
      IF n <> trunc(n) THEN n := NULL; END IF;
  END CASE;
  IF n IS NULL OR n NOT BETWEEN p_low AND p_high THEN
    PERFORM slipway.refuse_spec(p_path, format('a %s between %s and %s', p_type, p_low, p_high));
  END IF;
END
$$;
CREATE FUNCTION slipway.check_spec_texts(p_path text, p_value jsonb) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF p_value IS NULL OR jsonb_typeof(p_value) = 'null' THEN RETURN; END IF;
  IF jsonb_typeof(p_value) <> 'array' THEN PERFORM slipway.refuse_spec(p_path, 'a list of texts'); END IF;
  IF jsonb_array_length(p_value) > 512
     OR EXISTS (SELECT FROM jsonb_array_elements(p_value) e WHERE jsonb_typeof(e) <> 'string' OR octet_length(e #>> '{}') > 131071) THEN
    PERFORM slipway.refuse_spec(p_path, 'at most 512 texts of less than 128 KiB each');
  END IF;
END
$$;
CREATE FUNCTION slipway.check_spec_env(p_value jsonb) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  e jsonb;
  names text[] := '{}';
BEGIN
  IF p_value IS NULL OR jsonb_typeof(p_value) = 'null' THEN RETURN; END IF;
  IF jsonb_typeof(p_value) <> 'array' THEN PERFORM slipway.refuse_spec('.env', 'a list'); END IF;
  IF jsonb_array_length(p_value) > 256 THEN PERFORM slipway.refuse_spec('.env', 'at most 256 entries'); END IF;
  FOR e IN SELECT x FROM jsonb_array_elements(p_value) x LOOP
    IF jsonb_typeof(e) <> 'object' THEN PERFORM slipway.refuse_spec('.env', 'objects with name and value'); END IF;
    PERFORM slipway.check_spec_fields('.env', e, ARRAY['name', 'value']);
    IF jsonb_typeof(e -> 'name') IS DISTINCT FROM 'string' OR e ->> 'name' !~ '^[A-Za-z_][A-Za-z0-9_]*$'
       OR e ->> 'name' IN ('INPUT_DATA', 'TRACEPARENT', 'HOME') OR starts_with(e ->> 'name', 'SLIPWAY_') OR e ->> 'name' = ANY (names) THEN
      PERFORM slipway.refuse_spec('.env.name', 'letters, digits and _, each name once, and none that Slipway sets');
    END IF;
    IF coalesce(jsonb_typeof(e -> 'value'), 'null') NOT IN ('null', 'string') OR octet_length(e ->> 'value') > 131071 THEN
      PERFORM slipway.refuse_spec('.env.value', 'a text of less than 128 KiB');
    END IF;
    names := names || (e ->> 'name');
  END LOOP;
END
$$;

-- The grammar of api/image_reference.h: a first part with a dot or a port is a registry; or an id alone.
CREATE FUNCTION slipway.is_image(p_name text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN p_name ~ '^sha256:[0-9a-f]{64}$' OR (
  length(p_name) <= 512 AND p_name !~ '^(sha256:|[0-9a-f]{64}$)'
  AND length(regexp_replace(p_name, '(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$', '')) <= 255
  AND p_name ~ ('^((localhost|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+(:[0-9]+)?|[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?:[0-9]+|\[[0-9A-Fa-f]*:[0-9A-Fa-f:]*\](:[0-9]+)?)/|(?![^/]*[.:][^/]*/))'
                || '[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$'));

-- What the parser of every other door refuses (api/agent.cc) is refused here: a row that no daemon can read would hold up the rows of
-- others. A test holds the two together. What only a compiler of schemas sees is left (refuse_bad_schema).
CREATE FUNCTION slipway.refuse_bad_spec(p_spec jsonb) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  limits jsonb := p_spec #> '{resources,limits}';
BEGIN
  IF jsonb_typeof(p_spec) IS DISTINCT FROM 'object' THEN PERFORM slipway.refuse_spec('', 'an object'); END IF;
  PERFORM slipway.check_spec_fields('', p_spec, ARRAY['args', 'command', 'env', 'image', 'imagePullPolicy', 'inputSchema', 'maxConcurrent',
    'maxTimeout', 'outputSchema', 'owner', 'partialResults', 'price', 'resources', 'retry', 'runtimeClassName', 'securityContext', 'suspend', 'terminationGracePeriod',
    'timeout']);
  IF jsonb_typeof(p_spec -> 'image') IS DISTINCT FROM 'string' OR NOT slipway.is_image(p_spec ->> 'image') THEN
    PERFORM slipway.refuse_spec('.image', 'the name of an image');
  END IF;
  IF coalesce(p_spec -> 'imagePullPolicy', 'null') NOT IN ('null', '"IfNotPresent"', '"Always"', '"Never"') THEN
    PERFORM slipway.refuse_spec('.imagePullPolicy', 'IfNotPresent, Always or Never');
  END IF;
  PERFORM slipway.check_spec_texts('.command', p_spec -> 'command');
  PERFORM slipway.check_spec_texts('.args', p_spec -> 'args');
  PERFORM slipway.check_spec_env(p_spec -> 'env');
  PERFORM slipway.check_spec_fields('.resources', p_spec -> 'resources', ARRAY['limits']);
  PERFORM slipway.check_spec_fields('.resources.limits', limits, ARRAY['cpu', 'logs', 'memory', 'output', 'pids', 'scratch']);
  PERFORM slipway.check_spec_value('.resources.limits.cpu', limits -> 'cpu', 'quantity of thousandths of a core', 10, 512000);
  PERFORM slipway.check_spec_value('.resources.limits.memory', limits -> 'memory', 'quantity of bytes', 6291456, 4398046511104);
  PERFORM slipway.check_spec_value('.resources.limits.pids', limits -> 'pids', 'whole number', 1, 32768);
  PERFORM slipway.check_spec_value('.resources.limits.output', limits -> 'output', 'quantity of bytes', 4096, 67108864);
  PERFORM slipway.check_spec_value('.resources.limits.scratch', limits -> 'scratch', 'quantity of bytes', 4096, 68719476736);
  PERFORM slipway.check_spec_value('.resources.limits.logs', limits -> 'logs', 'quantity of bytes', 4096, 67108864);
  PERFORM slipway.check_spec_value('.timeout', p_spec -> 'timeout', 'duration in whole seconds', 1, 604800);
  PERFORM slipway.check_spec_value('.maxTimeout', p_spec -> 'maxTimeout', 'duration in whole seconds', 1, 604800);
  IF slipway.spec_seconds(p_spec -> 'maxTimeout') < coalesce(slipway.spec_seconds(p_spec -> 'timeout'), 300) THEN
    PERFORM slipway.refuse_spec('.maxTimeout', 'no less than timeout');
  END IF;
  PERFORM slipway.check_spec_value('.terminationGracePeriod', p_spec -> 'terminationGracePeriod', 'duration in whole seconds', 0, 3600);
  PERFORM slipway.check_spec_value('.maxConcurrent', p_spec -> 'maxConcurrent', 'whole number', 1, 1000000);
  IF coalesce(jsonb_typeof(p_spec -> 'runtimeClassName'), 'null') NOT IN ('null', 'string')
     OR p_spec ->> 'runtimeClassName' !~ '^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$' THEN
    PERFORM slipway.refuse_spec('.runtimeClassName', 'a name of a-z, 0-9 and -');
  END IF;
  PERFORM slipway.check_spec_value('.suspend', p_spec -> 'suspend', 'boolean', NULL, NULL);
  PERFORM slipway.check_spec_fields('.securityContext', p_spec -> 'securityContext', ARRAY['runAsGroup', 'runAsUser']);
  PERFORM slipway.check_spec_value('.securityContext.runAsUser', p_spec #> '{securityContext,runAsUser}', 'whole number', 1, 2147483647);
  PERFORM slipway.check_spec_value('.securityContext.runAsGroup', p_spec #> '{securityContext,runAsGroup}', 'whole number', 1, 2147483647);
  IF coalesce(jsonb_typeof(p_spec -> 'price'), 'null') NOT IN ('null', 'string')
     OR p_spec ->> 'price' !~ '^[0-9]{1,12}(\.[0-9]{1,6})?$' THEN
    PERFORM slipway.refuse_spec('.price', 'a decimal in quotes such as "0.05"');
  END IF;
  IF coalesce(jsonb_typeof(p_spec -> 'owner'), 'null') NOT IN ('null', 'string') OR char_length(p_spec ->> 'owner') NOT BETWEEN 1 AND 128
     OR p_spec ->> 'owner' ~ '[*\u0001-\u001f\u007f]' THEN
    PERFORM slipway.refuse_spec('.owner', 'the id of a user');
  END IF;
  IF coalesce(p_spec -> 'partialResults', 'null') NOT IN ('null', '"owner"', '"submitter"') THEN
    PERFORM slipway.refuse_spec('.partialResults', 'owner or submitter');
  END IF;
  PERFORM slipway.check_spec_fields('.retry', p_spec -> 'retry', ARRAY['limit', 'nodeLost']);
  PERFORM slipway.check_spec_value('.retry.limit', p_spec #> '{retry,limit}', 'whole number', 0, 10);
  PERFORM slipway.check_spec_value('.retry.nodeLost', p_spec #> '{retry,nodeLost}', 'boolean', NULL, NULL);
  PERFORM slipway.refuse_bad_schema('inputSchema', p_spec -> 'inputSchema');
  PERFORM slipway.refuse_bad_schema('outputSchema', p_spec -> 'outputSchema');
END
$$;

-- What the claim asks of a spec. Never a bare cast: a value that came past the rules (a restored dump, a trigger that was off) counts
-- as the strictest of its kind, and fails nobody's statement.
CREATE FUNCTION slipway.max_concurrent(p_spec jsonb) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN coalesce(jsonb_typeof(p_spec -> 'maxConcurrent'), 'null') = 'null' THEN NULL
    WHEN p_spec ->> 'maxConcurrent' ~ '^[0-9]{1,7}$' THEN (p_spec ->> 'maxConcurrent')::int
    ELSE 0 END;
CREATE FUNCTION slipway.is_suspended(p_spec jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce(p_spec -> 'suspend', 'null') NOT IN ('null', 'false');

CREATE FUNCTION slipway.agents_revise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.spec IS DISTINCT FROM OLD.spec THEN PERFORM slipway.refuse_bad_spec(NEW.spec); END IF;
  IF TG_OP = 'INSERT' THEN
    NEW.revision := 1 + coalesce((SELECT max(r.revision) FROM slipway.agent_revisions r WHERE r.agent = NEW.name), 0);
  ELSIF NEW.name <> OLD.name THEN
    RAISE EXCEPTION 'agents.name is immutable' USING ERRCODE = 'check_violation';
  ELSE
    NEW.revision := OLD.revision + (NEW.spec IS DISTINCT FROM OLD.spec)::int;
    NEW.created_at := OLD.created_at;
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER agents_revise BEFORE INSERT OR UPDATE ON slipway.agents
  FOR EACH ROW EXECUTE FUNCTION slipway.agents_revise();

CREATE FUNCTION slipway.agents_keep_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.revision <> OLD.revision THEN
    INSERT INTO slipway.agent_revisions (agent, revision, spec, price)
    VALUES (NEW.name, NEW.revision, NEW.spec, coalesce(NEW.spec ->> 'price', '0')::numeric);
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER agents_keep_revision AFTER INSERT OR UPDATE ON slipway.agents
  FOR EACH ROW EXECUTE FUNCTION slipway.agents_keep_revision();

CREATE FUNCTION slipway.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is immutable', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER agent_revisions_immutable BEFORE UPDATE OR DELETE ON slipway.agent_revisions
  FOR EACH ROW EXECUTE FUNCTION slipway.refuse_change();

CREATE TABLE slipway.entitlements (
  id         text PRIMARY KEY DEFAULT slipway.uuid_v7()::text CHECK (char_length(id) BETWEEN 1 AND 253),
  user_id    slipway.user_id NOT NULL,
  agent      slipway.object_name NOT NULL,
  uses       int CHECK (uses >= 0),                      -- granted in total; NULL: without a limit
  used       int NOT NULL DEFAULT 0 CHECK (used >= 0),   -- spent and not refunded
  expires_at timestamptz CHECK (expires_at >= '1970-01-01 00:00Z' AND expires_at < '10000-01-01 00:00Z'),  -- as every door reads a time; NULL: never
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (id, user_id, agent)
);
CREATE INDEX entitlements_holder ON slipway.entitlements (user_id, agent, expires_at, id);
CREATE INDEX agents_limited ON slipway.agents (name) WHERE spec ? 'maxConcurrent';

-- The ledger. At most one row an execution, whatever the number of attempts; a refund is a mark on it. Outlives retention.
CREATE TABLE slipway.entitlement_spends (
  execution_id   uuid PRIMARY KEY,
  entitlement_id text,
  user_id        slipway.user_id NOT NULL,
  agent          text NOT NULL,
  list_price     numeric NOT NULL DEFAULT 0,  -- of the agent's revision, at the claim
  price          numeric,                     -- what is owed; NULL until it is settled
  spent_at       timestamptz NOT NULL DEFAULT now(),
  settled_at     timestamptz,
  refunded_at    timestamptz,
  refund_reason  slipway.reason,
  CHECK ((refunded_at IS NULL) = (refund_reason IS NULL)),
  CHECK (refunded_at IS NULL OR settled_at IS NOT NULL),
  CHECK ((price IS NULL) = (settled_at IS NULL) AND (refunded_at IS NULL OR price = 0))
);
CREATE INDEX entitlement_spends_unsettled ON slipway.entitlement_spends (entitlement_id) WHERE settled_at IS NULL;

-- The row '*' is everybody's; a user's own row replaces it.
CREATE TABLE slipway.quotas (
  user_id      text PRIMARY KEY CHECK (char_length(user_id) BETWEEN 1 AND 128 AND user_id !~ '[[:cntrl:]]'),
  per_minute   int CHECK (per_minute >= 0),
  max_running  int CHECK (max_running >= 0),
  max_queued   int CHECK (max_queued >= 0),
  max_priority int NOT NULL DEFAULT 0 CHECK (max_priority BETWEEN -100 AND 100)
);
INSERT INTO slipway.quotas (user_id) VALUES ('*');

-- What a user has under way. The counts move in the transactions that move the stage, so no crash leaks them: `running` are the
-- rows from Claimed to Recycling, `queued` those at Deferred and Queued. `turn` is when the user was served last: the one who has
-- waited longest for a turn comes first, within the band that the quota grants.
CREATE SEQUENCE slipway.turns;
CREATE TABLE slipway.user_usage (
  user_id      text PRIMARY KEY,
  running      int NOT NULL DEFAULT 0 CHECK (running >= 0),
  queued       int NOT NULL DEFAULT 0 CHECK (queued >= 0),
  band         int NOT NULL DEFAULT 0,
  turn         bigint NOT NULL DEFAULT 0,
  minute       timestamptz,              -- the window that minute_count is of
  minute_count int NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX user_usage_turn ON slipway.user_usage (band DESC, turn, user_id) WHERE queued > 0;

-- The quota in force: the user's own row, or everybody's. NULL: without a limit. A set and a body understood now (0007), so that
-- the planner can put the query in place of the call.
CREATE FUNCTION slipway.quota_of(p_user text) RETURNS SETOF slipway.quotas LANGUAGE sql STABLE ROWS 1
BEGIN ATOMIC
  SELECT q.* FROM slipway.quotas q WHERE q.user_id IN (p_user, '*') ORDER BY q.user_id = '*' LIMIT 1;
END;

-- A count stays within what its column holds, whatever stood there before: no bad count may fail the claims of others.
CREATE FUNCTION slipway.counted(was int, came bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN greatest(least(was + came, 2147483647), 0)::int;

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (2, '0002_agents', 1);
