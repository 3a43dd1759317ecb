#pragma once

#include <memory>

#include "store/store.h"
#include "test/support/simulation/intercept.h"

namespace slipway::simulation {

/// Any store, with every call led through a fault line.
class InterceptedStore final : public store::Store {
 public:
  InterceptedStore(store::Store& inner, Interceptor& interceptor, FaultLine& line)
      : inner_(inner), interceptor_(interceptor), line_(line) {}

  boost::asio::awaitable<Result<store::NodeState>> register_node(const store::NodeReport& report) override {
    return interceptor_.lead<store::NodeState>({"store.register_node", true}, line_.store_latency(),
                                               [this, report] { return inner_.register_node(report); });
  }
  boost::asio::awaitable<Result<store::NodeState>> heartbeat(const store::NodeReport& report) override {
    return interceptor_.lead<store::NodeState>({"store.heartbeat", true}, line_.store_latency(),
                                               [this, report] { return inner_.heartbeat(report); });
  }
  boost::asio::awaitable<Result<std::vector<store::Undecided>>> list_undecided(int limit) override {
    return interceptor_.lead<std::vector<store::Undecided>>(
        {"store.list_undecided", false}, line_.store_latency(),
        [this, limit] { return inner_.list_undecided(limit); });
  }
  boost::asio::awaitable<Result<std::vector<store::Step>>> decide(
      const std::vector<store::Decision>& decisions) override {
    return interceptor_.lead<std::vector<store::Step>>(
        {"store.decide", true, rows_of(decisions)}, line_.store_latency(),
        [this, decisions] { return inner_.decide(decisions); });
  }
  boost::asio::awaitable<Result<int>> explain_waiting(bool slots_free) override {
    return interceptor_.lead<int>({"store.explain_waiting", true}, line_.store_latency(),
                                  [this, slots_free] { return inner_.explain_waiting(slots_free); });
  }
  boost::asio::awaitable<Result<std::vector<ExecutionId>>> list_candidates(int limit) override {
    return interceptor_.lead<std::vector<ExecutionId>>(
        {"store.list_candidates", false}, line_.store_latency(),
        [this, limit] { return inner_.list_candidates(limit); });
  }
  boost::asio::awaitable<Result<std::vector<ExecutionId>>> list_unlocked_candidates(int limit) override {
    return interceptor_.lead<std::vector<ExecutionId>>(
        {"store.list_unlocked_candidates", false}, line_.store_latency(),
        [this, limit] { return inner_.list_unlocked_candidates(limit); });
  }
  boost::asio::awaitable<Result<std::vector<store::Step>>> claim(
      const std::vector<ExecutionId>& ids) override {
    return interceptor_.lead<std::vector<store::Step>>({"store.claim", true, ids}, line_.store_latency(),
                                                       [this, ids] { return inner_.claim(ids); });
  }
  boost::asio::awaitable<Result<Execution>> load(const ExecutionId& id) override {
    return interceptor_.lead<Execution>({"store.load", false, {id}}, line_.store_latency(),
                                        [this, id] { return inner_.load(id); });
  }
  boost::asio::awaitable<Result<std::string>> load_input(const ExecutionId& id) override {
    return interceptor_.lead<std::string>({"store.load_input", false, {id}}, line_.store_latency(),
                                          [this, id] { return inner_.load_input(id); });
  }
  boost::asio::awaitable<Result<bool>> record(const store::Transition& transition) override {
    return interceptor_.lead<bool>({describe(transition), true, {transition.id}}, line_.store_latency(),
                                   [this, transition] { return inner_.record(transition); });
  }
  boost::asio::awaitable<Result<bool>> finish(const store::Finish& finish) override {
    return interceptor_.lead<bool>({"store.finish", true, {finish.id}}, line_.store_latency(),
                                   [this, finish] { return inner_.finish(finish); });
  }
  boost::asio::awaitable<Result<bool>> recycle(const store::Recycle& recycle) override {
    return interceptor_.lead<bool>({"store.recycle", true, {recycle.id}}, line_.store_latency(),
                                   [this, recycle] { return inner_.recycle(recycle); });
  }
  boost::asio::awaitable<Result<bool>> requeue(const ExecutionId& id, const ClaimId& claim,
                                               Duration backoff) override {
    return interceptor_.lead<bool>({"store.requeue", true, {id}}, line_.store_latency(),
                                   [this, id, claim, backoff] { return inner_.requeue(id, claim, backoff); });
  }
  boost::asio::awaitable<Result<bool>> append_log(const store::LogAppend& append) override {
    return interceptor_.lead<bool>({"store.append_log", true, {append.id}}, line_.store_latency(),
                                   [this, append] { return inner_.append_log(append); });
  }
  boost::asio::awaitable<Result<LiveLog>> live_log(const ExecutionId& id, int attempt) override {
    return interceptor_.lead<LiveLog>({"store.live_log", false, {id}}, line_.store_latency(),
                                      [this, id, attempt] { return inner_.live_log(id, attempt); });
  }
  boost::asio::awaitable<Result<std::vector<ExecutionId>>> list_unconverged() override {
    return interceptor_.lead<std::vector<ExecutionId>>({"store.list_unconverged", false},
                                                       line_.store_latency(),
                                                       [this] { return inner_.list_unconverged(); });
  }
  boost::asio::awaitable<Result<std::vector<ClaimId>>> live_claims(
      const std::vector<ClaimId>& claims) override {
    return interceptor_.lead<std::vector<ClaimId>>({"store.live_claims", false}, line_.store_latency(),
                                                   [this, claims] { return inner_.live_claims(claims); });
  }
  boost::asio::awaitable<Result<int>> retire(int limit) override {
    return interceptor_.lead<int>({"store.retire", true}, line_.store_latency(),
                                  [this, limit] { return inner_.retire(limit); });
  }
  boost::asio::awaitable<Result<int>> recount_usage() override {
    return interceptor_.lead<int>({"store.recount_usage", true}, line_.store_latency(),
                                  [this] { return inner_.recount_usage(); });
  }
  boost::asio::awaitable<Result<int>> fold_outcomes(int limit) override {
    return interceptor_.lead<int>({"store.fold_outcomes", true}, line_.store_latency(),
                                  [this, limit] { return inner_.fold_outcomes(limit); });
  }
  boost::asio::awaitable<Result<void>> set_idle(bool idle) override {
    return interceptor_.lead<void>({"store.set_idle", false}, line_.store_latency(),
                                   [this, idle] { return inner_.set_idle(idle); });
  }
  boost::asio::awaitable<Result<store::Totals>> read_totals(Duration term) override {
    return interceptor_.lead<store::Totals>({"store.read_totals", false}, line_.store_latency(),
                                            [this, term] { return inner_.read_totals(term); });
  }
  boost::asio::awaitable<Result<store::Prospect>> look_ahead() override {
    return interceptor_.lead<store::Prospect>({"store.look_ahead", false}, line_.store_latency(),
                                              [this] { return inner_.look_ahead(); });
  }
  void watch(std::function<void(const store::Hint&)> on_hint) override { inner_.watch(std::move(on_hint)); }
  void unwatch() override { inner_.unwatch(); }
  bool hears_hints() const override { return inner_.hears_hints(); }

 private:
  static std::vector<std::string> rows_of(const std::vector<store::Decision>& decisions) {
    std::vector<std::string> rows;
    for (const auto& decision : decisions) rows.push_back(decision.id);
    return rows;
  }
  static std::string describe(const store::Transition& step) {
    return "store.record " + std::string(to_string(step.from)) + ">" + std::string(to_string(step.to));
  }
  store::Store& inner_;
  Interceptor& interceptor_;
  FaultLine& line_;
};

}  // namespace slipway::simulation
