-- The schema, its version table, the roles, and the words every other table uses.
CREATE SCHEMA IF NOT EXISTS slipway;

-- One row a migration. `oldest_binary` is the lowest schema number a binary may speak and still work with this schema:
-- old and new daemons run side by side during an upgrade as long as it allows that.
CREATE TABLE slipway.schema_migrations (
  number        int PRIMARY KEY,
  name          text NOT NULL,
  oldest_binary int NOT NULL CHECK (oldest_binary <= number),
  applied_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Roles belong to the cluster, not to the database: another database's migration may have made them already.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['slipway_submitter', 'slipway_reader', 'slipway_controller', 'slipway_admin'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
  END LOOP;
  -- From PostgreSQL 16 on, who makes a role may grant it, and is a member that neither inherits nor may SET ROLE: by name a member,
  -- for row security none. What counts is USAGE.
  FOREACH role_name IN ARRAY ARRAY['slipway_controller', 'slipway_admin'] LOOP
    CONTINUE WHEN pg_has_role(current_user, role_name, 'USAGE');
    BEGIN
      EXECUTE format('GRANT %I TO %I', role_name, current_user)
        || CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
    EXCEPTION WHEN insufficient_privilege THEN NULL;  -- another role made it; told below
    END;
    IF NOT pg_has_role(current_user, role_name, 'USAGE') THEN
      RAISE EXCEPTION '% must inherit slipway_controller and slipway_admin, and may not grant them: let a superuser, or who first ran `slipway migrate` on this server, run GRANT slipway_submitter, slipway_reader, slipway_controller, slipway_admin TO % WITH ADMIN OPTION',
        current_user, quote_ident(current_user) USING ERRCODE = 'insufficient_privilege';
    END IF;
  END LOOP;
END
$$;

-- Time-ordered ids (RFC 9562): neighbours in time are neighbours in the index.
CREATE FUNCTION slipway.uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
  RETURN encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
              PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
      52, 1), 53, 1), 'hex')::uuid;

CREATE DOMAIN slipway.stage AS text CHECK (VALUE IN (
  'New', 'Deferred', 'Queued', 'Claimed', 'Launching', 'Running', 'Stopping', 'Recycling', 'Finished', 'Cleaned'));
CREATE DOMAIN slipway.status AS text CHECK (VALUE IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'TIMEOUT'));
CREATE DOMAIN slipway.fault AS text CHECK (VALUE IN ('None', 'Agent', 'User', 'Platform', 'Policy'));
CREATE DOMAIN slipway.verdict AS text CHECK (VALUE IN ('Deadline', 'Cancel', 'Drain'));
CREATE DOMAIN slipway.reason AS text CHECK (VALUE IN (
  'Queued', 'Throttled', 'NoCapacity', 'PullingImage', 'Starting', 'Retrying',
  'Running', 'Stopping',
  'Completed',
  'NonZeroExit', 'OOMKilled', 'OutputMissing', 'OutputInvalid', 'OutputTooLarge', 'CommandInvalid', 'ImageNotFound', 'ImageNotAllowed',
  'DeadlineExceeded',
  'Cancelled',
  'InputInvalid', 'InputTooLarge', 'StartDeadlineExceeded',
  'EntitlementMissing', 'EntitlementExpired', 'EntitlementExhausted', 'RateLimited', 'QueueFull', 'AgentNotFound', 'AgentSuspended',
  'ImagePullFailed', 'EngineError', 'Interrupted', 'ContainerLost', 'NodeLost', 'NodeStorageFull', 'NodeDraining', 'NotEnforceable'));
CREATE DOMAIN slipway.user_id AS text CHECK (
  char_length(VALUE) BETWEEN 1 AND 128 AND VALUE !~ '[[:cntrl:]]' AND VALUE <> '*');
CREATE DOMAIN slipway.object_name AS text CHECK (
  char_length(VALUE) BETWEEN 1 AND 253 AND VALUE ~ '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$');

INSERT INTO slipway.schema_migrations (number, name, oldest_binary) VALUES (1, '0001_foundation', 1);
