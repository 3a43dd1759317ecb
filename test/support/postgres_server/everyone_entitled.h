#pragma once

#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {

/// For tests that are about something else: whoever submits holds an entitlement without limits to what it
/// asks for, given at the insert.
inline void entitle_everyone(Sql& owner) {
  owner.exec(R"(
    CREATE SCHEMA testing;
    GRANT USAGE ON SCHEMA testing TO PUBLIC;
    CREATE FUNCTION testing.entitle_submitter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      IF NOT EXISTS (SELECT FROM slipway.entitlements n WHERE n.user_id = NEW.user_id AND n.agent = NEW.agent) THEN
        INSERT INTO slipway.entitlements (user_id, agent) SELECT NEW.user_id, NEW.agent
        WHERE NEW.agent ~ '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$' ON CONFLICT DO NOTHING;
      END IF;
      RETURN NEW;
    END
    $$;
    CREATE TRIGGER aa_entitle_submitter BEFORE INSERT ON slipway.executions
      FOR EACH ROW EXECUTE FUNCTION testing.entitle_submitter())");
}

}  // namespace slipway::test
