#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "test/support/house/house.h"

namespace slipway::test {

/// Asks again until the database, which is killed now and then, has answered.
inline std::string persistently(House& house, const std::string& question) {
  std::string answer;
  const bool answered = wait_until(
      [&] {
        try {
          answer = house.sql().value(question);
          return true;
        } catch (const std::exception&) {
          house.reconnect();
          return false;
        }
      },
      30'000);
  EXPECT_TRUE(answered) << question;
  return answer;
}

inline void without_free_entitlements(House& house) {
  house.sql().exec("DROP TRIGGER aa_entitle_submitter ON slipway.executions");
}

/// Everything that can become of an execution, in the proportions of a busy day.
class Mixture {
 public:
  explicit Mixture(House& house) : house_(house) {
    const auto agent = [&](const std::string& name, const std::string& script,
                           const std::string& spec = "{}") {
      auto whole = nlohmann::json::parse(spec);
      if (!whole.contains("price")) whole["price"] = "0.05";
      house.agent(name, script, whole.dump());
    };
    agent("echo", "cp /input/input.json /output/result.json");
    agent("dear", "cp /input/input.json /output/result.json",
          R"({"price": "1.000001", "retry": {"limit": 2}})");
    agent("exits", "exit 3");
    agent("sleeper", "while :; do sleep 0.1; done");
    agent("typed", "cp /input/input.json /output/result.json",
          R"({"inputSchema": {"required": ["symbol"]}})");
    agent("unreachable", "", R"({"image": "127.0.0.1:1/x:1", "imagePullPolicy": "Always"})");
    house.sql().exec(R"(
      INSERT INTO slipway.entitlements (user_id, agent) SELECT 'u-' || u, a FROM generate_series(1, 5) u,
        unnest(ARRAY['echo', 'dear', 'exits', 'sleeper', 'typed', 'unreachable']) a;
      INSERT INTO slipway.entitlements (id, user_id, agent, uses) VALUES ('few', 'u-few', 'echo', 7), ('more', 'u-few', 'exits', 11);
      INSERT INTO slipway.entitlements (user_id, agent, expires_at) VALUES ('u-late', 'echo', now() - interval '1 day');
      INSERT INTO slipway.entitlements (user_id, agent) VALUES ('u-slow', 'echo');
      INSERT INTO slipway.quotas (user_id, per_minute) VALUES ('u-slow', 3))");
  }

  /// A hundred rows in one transaction; half of them will start a container.
  static constexpr const char* kHundred = R"(
    INSERT INTO slipway.executions (user_id, agent, input, timeout_seconds, not_before, labels)
    SELECT CASE k WHEN 'few' THEN 'u-few' WHEN 'late' THEN 'u-late' WHEN 'slow' THEN 'u-slow' WHEN 'poor' THEN 'u-poor'
                  ELSE 'u-' || 1 + n % 5 END,
           CASE WHEN k IN ('poor', 'late', 'slow', 'withdrawn') THEN 'echo'
                WHEN k = 'few' THEN CASE n % 2 WHEN 0 THEN 'echo' ELSE 'exits' END
                WHEN k = 'untyped' THEN 'typed' WHEN k = 'stopped' THEN 'sleeper' ELSE k END,
           CASE k WHEN 'typed' THEN '{"symbol":1}' ELSE '{}' END::json,
           CASE k WHEN 'sleeper' THEN 1 END,
           CASE k WHEN 'withdrawn' THEN now() + interval '1 hour' END, jsonb_build_object('kind', k)
    FROM (SELECT n, CASE WHEN n < 20 THEN 'echo' WHEN n < 28 THEN 'dear' WHEN n < 38 THEN 'exits' WHEN n < 42 THEN 'sleeper'
            WHEN n < 45 THEN 'stopped' WHEN n < 48 THEN 'typed' WHEN n < 50 THEN 'unreachable' WHEN n < 60 THEN 'untyped'
            WHEN n < 68 THEN 'withdrawn' WHEN n < 76 THEN 'poor' WHEN n < 82 THEN 'late' WHEN n < 88 THEN 'slow'
            WHEN n < 94 THEN 'few' ELSE 'nobody' END AS k
          FROM generate_series(0, 99) n) kinds)";

  /// Cancels what is to be cancelled as soon as it stands where it is to be hit.
  static constexpr const char* kCancel = R"(
    UPDATE slipway.executions SET cancel_requested = true
    WHERE finished_at IS NULL AND NOT cancel_requested
      AND (stage = 'Deferred' AND labels ->> 'kind' = 'withdrawn' OR stage = 'Running' AND labels ->> 'kind' = 'stopped'))";

  void kill_something() {
    const int turn = kills_++ % 5;
    if (turn == 4) {
      house_.engine().restart();
      ++probes_;
    } else if (turn % 2 == 0) {
      house_.daemon().kill9();
      house_.daemon().start(false);
      ++probes_;
    } else {
      house_.postgres().kill9();
      house_.postgres().start();
      house_.reconnect();
    }
  }
  int kills() const { return kills_; }
  /// Containers of the daemons' own, to learn what their engine can do: one for each life of either.
  int probes() const { return probes_; }

 private:
  House& house_;
  int kills_ = 0;
  int probes_ = 1;
};

}  // namespace slipway::test
