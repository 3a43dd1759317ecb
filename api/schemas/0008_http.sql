-- The HTTP door: its tokens, and the lists it pages through.

-- A token is 32 random bytes that nobody keeps but its bearer; here stands their SHA-256. Revoked ones stay, to be seen.
CREATE TABLE slipway.api_tokens (
  id          text PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,64}$'),
  sha256      bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
  role        text NOT NULL CHECK (role IN ('user', 'service', 'reader', 'admin')),
  user_id     slipway.user_id,
  description text NOT NULL DEFAULT '' CHECK (char_length(description) <= 256),
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz CHECK (expires_at >= '1970-01-01 00:00Z' AND expires_at < '10000-01-01 00:00Z'),
  revoked_at  timestamptz,
  CONSTRAINT a_user_token_is_of_one_user CHECK ((role = 'user') = (user_id IS NOT NULL))
);
ALTER TABLE slipway.api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE slipway.api_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON slipway.api_tokens TO slipway_controller, slipway_admin USING (true) WITH CHECK (true);
GRANT SELECT ON slipway.api_tokens TO slipway_controller;
GRANT SELECT, INSERT, UPDATE ON slipway.api_tokens TO slipway_admin;

-- Pages of executions, newest first: of everybody and of one user. No third one for agents: a step that is no HOT update writes to
-- every index of the row.
CREATE INDEX executions_by_age ON slipway.executions (created_at DESC, id DESC);
CREATE INDEX executions_of_user ON slipway.executions (user_id, created_at DESC, id DESC);
-- By name alone, for whoever may see everybody's.
CREATE INDEX executions_by_name ON slipway.executions (name) WHERE name IS NOT NULL;
-- Watchers follow the events of all executions.
CREATE INDEX execution_events_in_order ON slipway.execution_events (id);

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (8, '0008_http', 1);
