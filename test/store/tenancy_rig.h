#pragma once

#include "test/store/store_rig.h"
#include "test/store/tenancy_place.h"

namespace slipway::test {

/// A StoreRig without a superuser: the store logs in as a mere member of slipway_controller, `sql_` as the
/// owner.
class TenancyRig : public StoreRig {
 protected:
  TenancyRig() : TenancyRig(TenancyPlace::create(PostgresServer::shared())) {}

  /// A session of the role's own: what it may, and nothing of who started the test.
  Sql& as(const std::string& role) {
    auto& session = sessions_[role];
    if (!session) session = std::make_unique<Sql>(place_.url(server_, role));
    return *session;
  }
  /// What only a superuser may: lay rows down beside the triggers, make schemas.
  Sql& superuser() { return as("postgres"); }

  /// A whole life of one execution of the user, whose every text says `mark`.
  ExecutionId lived(const std::string& user, const std::string& mark) {
    sql_->query("INSERT INTO slipway.entitlements (id, user_id, agent, uses) VALUES ($1, $2, 'echo', 9)",
                {"bought-" + mark, user});
    sql_->query("INSERT INTO slipway.quotas (user_id, max_running) VALUES ($1, 7)", {user});
    const auto id = sql_->value(
        "INSERT INTO slipway.executions (user_id, agent, input, name, labels, entitlement_id, traceparent) "
        "VALUES "
        "($1, 'echo', to_json($2::text), $2, jsonb_build_object('mark', $2::text), $3, $2) RETURNING id",
        {user, mark, "bought-" + mark});
    admit(id);
    EXPECT_EQ(store::taken(run(store_->claim({id})).value()).size(), 1U);
    const auto e = load(id);
    start(e);
    auto done = end(e, Stage::Running, Reason::Completed);
    done.output = "{\"said\":\"" + mark + "\"}";
    done.attempt.partial_result = mark;
    done.attempt.detail = "the operator's own: " + mark;
    done.attempt.logs = {{LogChunk::Stream::Stdout, now(), mark + "\n"}};
    EXPECT_TRUE(run(store_->finish(done)).value());
    return id;
  }

  TenancyPlace place_;

 private:
  explicit TenancyRig(const TenancyPlace& place)
      : StoreRig(PostgresServer::shared(), {place.url(PostgresServer::shared(), "landlord"),
                                            place.url(PostgresServer::shared(), "daemon")}),
        place_(place) {}

  std::map<std::string, std::unique_ptr<Sql>> sessions_;
};

}  // namespace slipway::test
