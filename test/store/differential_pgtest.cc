// The two stores side by side: the same random acts of submitters, admins and a node on memory and PostgreSQL
// must come to the same. SLIPWAY_STEPS=100000 plays longer, SLIPWAY_SEED=n other acts.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "admission/first_decision.h"
#include "test/store/memory_harness.h"
#include "test/store/postgres_harness.h"

namespace slipway::store {
namespace {

constexpr int kUsers = 4;
constexpr int kAgents = 3;
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int kSteps = 400;
#else
constexpr int kSteps = 1500;
#endif

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// One of the two: its database, a node on it, and the ids of its rows in the order of their insert.
struct Side {
  explicit Side(std::unique_ptr<StoreHarness> from)
      : harness(std::move(from)), store(harness->open_session()) {
    NodeReport report;
    report.name = "node-a";
    report.instance_id = "11111111-1111-4111-8111-111111111111";
    report.slots = 8;
    harness->run(store->register_node(report)).value();
  }
  std::size_t place_of(const ExecutionId& id) const {
    return static_cast<std::size_t>(std::ranges::find(ids, id) - ids.begin());
  }
  std::vector<std::size_t> places_of(const std::vector<ExecutionId>& some) const {
    std::vector<std::size_t> places;
    for (const auto& id : some) places.push_back(place_of(id));
    return places;
  }
  std::vector<ExecutionId> ids_at(const std::vector<std::size_t>& places) const {
    std::vector<ExecutionId> some;
    for (const auto place : places) some.push_back(ids.at(place));
    return some;
  }
  void decide() {
    const auto undecided = harness->run(store->list_undecided(100)).value();
    std::vector<Decision> decisions;
    for (const auto& row : undecided)
      decisions.push_back(admission::decide_first(row, {}, Policy{}, harness->now()));
    if (!decisions.empty()) harness->run(store->decide(decisions)).value();
  }
  /// The places of those taken, in order.
  std::vector<std::size_t> claim(const std::vector<std::size_t>& places) {
    auto taken = places_of(store::taken(harness->run(store->claim(ids_at(places))).value()));
    std::ranges::sort(taken);
    return taken;
  }
  std::string told(std::size_t place) {
    const auto row = harness->row(ids.at(place));
    if (!row) return "none";
    const auto spend = harness->spend(ids.at(place));
    const auto is_over = row->status == Status::Failed || row->status == Status::Completed;
    return std::string(to_string(row->stage)) + " " + std::string(to_string(row->status)) + " " +
           (is_over ? std::string(to_string(row->reason)) : "") + " attempt " + std::to_string(row->attempt) +
           (spend.exists ? spend.refunded ? " refunded" : " spent" : "");
  }

  std::unique_ptr<StoreHarness> harness;
  std::unique_ptr<Store> store;
  std::vector<ExecutionId> ids;
};

class Differential : public ::testing::Test {
 protected:
  Differential() {
    both([&](Side& side) {
      for (int agent = 0; agent < kAgents; ++agent) {
        AgentSpec spec;
        spec.image = "image:1";
        spec.retry_limit = 3;
        if (agent == 1) spec.max_concurrent = 2;
        side.harness->apply_agent(agent_name(agent), spec);
      }
      for (int user = 0; user < kUsers; ++user)
        for (int agent = 0; agent < kAgents; ++agent)
          if (user + agent != 4) side.harness->grant(user_name(user), agent_name(agent), 3);
      side.harness->set_quota("u-1", {.max_running = 2, .max_queued = 4, .max_priority = 0});
      side.harness->set_quota("u-2", {.max_running = 3, .max_priority = 1});
    });
  }

  static std::string user_name(int user) { return "u-" + std::to_string(user + 1); }
  static std::string agent_name(int agent) { return "agent-" + std::to_string(agent); }
  template <class Act>
  void both(Act act) {
    act(memory_);
    act(postgres_);
  }
  int between(int low, int high) { return std::uniform_int_distribution<>(low, high)(dice_); }
  std::optional<std::size_t> any_at(std::initializer_list<Stage> stages) {
    std::vector<std::size_t> there;
    for (std::size_t place = first_; place < memory_.ids.size(); ++place)
      if (std::ranges::count(stages, memory_.harness->row(memory_.ids[place])->stage)) there.push_back(place);
    if (there.empty()) return std::nullopt;
    return there[static_cast<std::size_t>(between(0, static_cast<int>(there.size()) - 1))];
  }

  /// Mostly none; else an hour ago, or in ten days, far beyond the end of the test.
  std::optional<Duration> any_moment() {
    switch (between(0, 11)) {
      case 0:
        return -std::chrono::hours(1);
      case 1:
        return std::chrono::hours(240);
      default:
        return std::nullopt;
    }
  }
  static std::optional<TimePoint> at(Side& side, std::optional<Duration> offset) {
    if (!offset) return std::nullopt;
    return side.harness->now() + *offset;
  }

  void insert() {
    NewExecution row;
    row.user_id = user_name(between(0, kUsers - 1));
    row.agent = agent_name(between(0, kAgents - 1));
    row.priority = between(-1, 1);
    const auto not_before = any_moment(), start_deadline = any_moment();
    both([&](Side& side) {
      row.not_before = at(side, not_before);
      row.start_deadline = at(side, start_deadline);
      side.ids.push_back(side.harness->insert(row));
      side.decide();
    });
  }

  /// Two passes of a claimer with `free` slots; then whatever could still be claimed by itself breaks the
  /// law.
  void pass() {
    int free = between(1, 4);
    for (int turn = 0; turn < 2 && free > 0; ++turn) {
      const auto offers =
          memory_.places_of(memory_.harness->run(memory_.store->list_candidates(free)).value());
      const auto others = postgres_.harness->run(postgres_.store->list_candidates(free)).value();
      EXPECT_EQ(offers.empty(), others.empty()) << "one offers, the other does not";
      if (offers.empty()) break;
      const auto taken = memory_.claim(offers);
      EXPECT_EQ(taken, claim_all(offers, taken));
      free -= static_cast<int>(taken.size());
    }
    if (free <= 0) return;
    std::vector<std::size_t> left;
    for (std::size_t place = first_; place < memory_.ids.size(); ++place)
      if (memory_.harness->row(memory_.ids[place])->stage == Stage::Queued) left.push_back(place);
    // What was given back or ended meanwhile may make room for more; a third look finds that, too.
    const bool offered = !memory_.harness->run(memory_.store->list_candidates(free)).value().empty();
    if (offered || left.empty()) return;
    EXPECT_TRUE(memory_.claim(left).empty()) << "a usable row and a free slot";
    EXPECT_TRUE(postgres_.claim(left).empty()) << "a usable row and a free slot";
  }

  /// PostgreSQL spends from one entitlement of a user and agent a claim, memory from as many as there are:
  /// what is left over when one is used up is taken by the next claim.
  std::vector<std::size_t> claim_all(const std::vector<std::size_t>& offers,
                                     const std::vector<std::size_t>& wanted) {
    auto taken = postgres_.claim(offers);
    for (int again = 0; again < 2 && taken.size() < wanted.size(); ++again) {
      std::vector<std::size_t> missing;
      std::ranges::set_difference(wanted, taken, std::back_inserter(missing));
      for (const auto place : postgres_.claim(missing)) taken.push_back(place);
      std::ranges::sort(taken);
    }
    return taken;
  }

  void end() {
    const auto place = any_at({Stage::Claimed});
    if (!place) return;
    const bool recycles = between(0, 2) == 0;
    const auto reason = std::vector{Reason::EngineError, Reason::ImageNotFound,
                                    Reason::Cancelled}[static_cast<std::size_t>(between(0, 2))];
    both([&](Side& side) {
      const auto& id = side.ids.at(*place);
      const auto claim = side.harness->run(side.store->load(id)).value().ref.claim;
      if (recycles) {
        Recycle again{.id = id, .claim = claim, .from = Stage::Claimed};
        again.attempt.reason = Reason::ContainerLost;
        EXPECT_TRUE(side.harness->run(side.store->recycle(again)).value());
        return;
      }
      Finish finish{.id = id, .claim = claim, .from = Stage::Claimed, .reason = reason};
      finish.attempt.reason = reason;
      EXPECT_TRUE(side.harness->run(side.store->finish(finish)).value());
    });
  }

  void requeue() {
    const auto place = any_at({Stage::Recycling});
    if (!place) return;
    both([&](Side& side) {
      const auto& id = side.ids.at(*place);
      const auto claim = side.harness->run(side.store->load(id)).value().ref.claim;
      EXPECT_TRUE(side.harness->run(side.store->requeue(id, claim, Duration{0})).value());
    });
  }

  void cancel() {
    const auto place = any_at({Stage::Queued, Stage::Deferred});
    if (!place) return;
    both([&](Side& side) {
      side.harness->cancel(side.ids.at(*place));
      side.decide();
    });
  }

  void administer() {
    const auto user = user_name(between(0, kUsers - 1));
    const auto agent = agent_name(between(0, kAgents - 1));
    const int uses = between(1, 3);
    NewQuota quota{.max_running = between(1, 3), .max_priority = between(0, 1)};
    if (between(0, 1) == 0) quota.max_queued = between(2, 6);
    if (between(0, 4) == 0) quota.per_minute = 0;  // another number would depend on when a minute begins
    const auto expires = any_moment();
    const bool grants = between(0, 1) == 0;
    both([&](Side& side) {
      grants ? side.harness->grant(user, agent, uses, at(side, expires))
             : side.harness->set_quota(user, quota);
    });
  }

  void act() {
    switch (between(0, 11)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return insert();
      case 4:
      case 5:
      case 6:
        return pass();
      case 7:
      case 8:
        return end();
      case 9:
        return requeue();
      case 10:
        return cancel();
      default:
        return administer();
    }
  }

  /// Rows that have ended are compared once more and then left alone.
  void compare() {
    for (std::size_t place = first_; place < memory_.ids.size(); ++place)
      EXPECT_EQ(memory_.told(place), postgres_.told(place)) << "row " << place;
    for (int user = 0; user < kUsers; ++user) {
      EXPECT_EQ(memory_.harness->running(user_name(user)), postgres_.harness->running(user_name(user)));
      for (int agent = 0; agent < kAgents; ++agent)
        EXPECT_EQ(memory_.harness->remaining_uses(user_name(user), agent_name(agent)),
                  postgres_.harness->remaining_uses(user_name(user), agent_name(agent)));
    }
    while (first_ < memory_.ids.size() && memory_.harness->row(memory_.ids[first_])->stage == Stage::Finished)
      ++first_;
  }

  Side memory_{std::make_unique<MemoryHarness>()};
  Side postgres_{
      std::make_unique<PostgresHarness>(test::PostgresServer::shared().create_migrated_database())};
  std::mt19937_64 dice_{number_from("SLIPWAY_SEED", 1)};
  std::size_t first_ = 0;  ///< before it every row has ended
};

TEST_F(Differential, TheSameActsComeToTheSame) {
  const auto steps = number_from("SLIPWAY_STEPS", kSteps);
  for (std::uint64_t step = 1; step <= steps && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    act();
    if (step % 25 == 0) compare();
  }
  compare();
  std::printf("%llu steps, %zu rows\n", static_cast<unsigned long long>(steps), memory_.ids.size());
}

}  // namespace
}  // namespace slipway::store
