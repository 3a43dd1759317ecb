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

-- The full rules live in the binaries (api/agent.cc). Here stands what the tables themselves rest on.
CREATE FUNCTION slipway.agents_revise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF jsonb_typeof(NEW.spec) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'spec: expected an object' USING ERRCODE = 'check_violation';
  END IF;
  IF jsonb_typeof(NEW.spec -> 'image') IS DISTINCT FROM 'string' OR NEW.spec ->> 'image' = '' THEN
    RAISE EXCEPTION 'spec.image: expected the name of an image' USING ERRCODE = 'check_violation';
  END IF;
  IF coalesce(NEW.spec ->> 'price', '0') !~ '^[0-9]{1,12}(\.[0-9]{1,6})?$' THEN
    RAISE EXCEPTION 'spec.price: expected a decimal such as "0.05"' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.spec ->> 'owner' IS NOT NULL AND (jsonb_typeof(NEW.spec -> 'owner') <> 'string' OR NEW.spec ->> 'owner' = '*'
      OR char_length(NEW.spec ->> 'owner') NOT BETWEEN 1 AND 128 OR NEW.spec ->> 'owner' ~ '[[:cntrl:]]') THEN
    RAISE EXCEPTION 'spec.owner: expected the id of a user' USING ERRCODE = 'check_violation';
  END IF;
  IF coalesce(NEW.spec ->> 'partialResults', 'owner') NOT IN ('owner', 'submitter') THEN
    RAISE EXCEPTION 'spec.partialResults: expected owner or submitter' USING ERRCODE = 'check_violation';
  END IF;
  PERFORM slipway.refuse_bad_schema('inputSchema', NEW.spec -> 'inputSchema');
  PERFORM slipway.refuse_bad_schema('outputSchema', NEW.spec -> 'outputSchema');
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
  expires_at timestamptz,
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

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (2, '0002_agents', 1);
