#include "test/support/simulation/node_process.h"

#include <boost/asio/co_spawn.hpp>

namespace slipway::simulation {

NodeProcess::NodeProcess(node::Settings settings, store::MemoryDatabase& db, runtime::SimulatedEngine& engine,
                         FaultLine& line, std::uint64_t seed)
    : clock_(engine.clock()),
      dice_(seed),
      interceptor_(line, clock_, io_->get_executor()),
      inner_store_(db, io_->get_executor()),
      inner_runtime_(engine, settings.instance_id, io_->get_executor()),
      store_(inner_store_, interceptor_, line),
      runtime_(inner_runtime_, interceptor_),
      sleep_(clock_, io_->get_executor()),
      node_(std::move(settings), parts(), hooks(engine)) {
  boost::asio::co_spawn(*io_, open(), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

// Frames go while everything they refer to still stands.
NodeProcess::~NodeProcess() {
  interceptor_.abandon();
  inner_runtime_.abandon();
  inner_store_.unwatch();
  sleep_.abandon();
  io_.reset();
}

bool NodeProcess::step() {
  io_->restart();
  return io_->poll_one() > 0;
}

controller::Random NodeProcess::random() {
  return [this] { return std::uniform_real_distribution<double>(0, 1)(dice_); };
}

node::Parts NodeProcess::parts() {
  return {.store = store_,
          .runtime = runtime_,
          .clock = clock_,
          .timers = timers_,
          .io = io_->get_executor(),
          .pool = io_->get_executor(),
          .random = [this] { return random(); },
          .executions = probe_,
          .contracts = contracts_};
}

node::Hooks NodeProcess::hooks(runtime::SimulatedEngine& engine) {
  return {.probe_of = [](const std::string&) -> controller::ControllerProbe* { return nullptr; },
          .engine_answers = [&engine] { return engine.up(); },
          .on_time = [](TimePoint, Duration) {},
          .on_taken_over = [this] { end(); },
          .on_lease_lost = [] {},
          .on_totals = [](const store::Totals&, Duration) {},
          .on_pull = [](Duration) {},
          .on_orphans = [](int) {}};
}

template <class Call>
boost::asio::awaitable<bool> NodeProcess::until_it_answers(Call call) {
  while (!ended_) {
    if (co_await call()) co_return true;
    co_await sleep_.until(clock_.now() + std::chrono::milliseconds(250));
  }
  co_return false;
}

boost::asio::awaitable<void> NodeProcess::open() {
  const bool up = co_await until_it_answers([this] { return node_.probe(); }) &&
                  co_await until_it_answers([this] { return node_.register_node(); }) &&
                  co_await until_it_answers([this] { return node_.adopt(); });
  if (up) node_.start();
}

void NodeProcess::end() {
  ended_ = true;
  node_.stop();
}

}  // namespace slipway::simulation
