#include "test/support/simulation/node_process.h"

#include <boost/asio/co_spawn.hpp>

namespace slipway::simulation {

using reconcilers::Claimer;
using reconcilers::OrphanReconciler;

NodeProcess::NodeProcess(NodeOptions options, store::MemoryDatabase& db, runtime::SimulatedEngine& engine,
                         FaultLine& line, std::uint64_t seed)
    : options_(std::move(options)),
      clock_(engine.clock()),
      dice_(seed),
      interceptor_(line, clock_, io_->get_executor()),
      inner_store_(db, io_->get_executor()),
      inner_runtime_(engine, options_.instance, io_->get_executor()),
      store_(inner_store_, interceptor_, line),
      runtime_(inner_runtime_, interceptor_),
      sleep_(clock_, io_->get_executor()),
      slots_(options_.slots,
             [this] {
               if (claim_loop_) claim_loop_->enqueue(Claimer::kKey);
             }),
      gate_(options_.starts, [this](const ExecutionId& id) { look_at(id); }),
      deadlines_(runtime_, io_->get_executor(), clock_, timers_,
                 [this](const ExecutionId& id) { look_at(id); }),
      logs_(store_, runtime_, io_->get_executor(), clock_, timers_, random()),
      executions_({.node = options_.name,
                   .store = store_,
                   .runtime = runtime_,
                   .clock = clock_,
                   .lease = lease_,
                   .slots = slots_,
                   .gate = gate_,
                   .images = images_,
                   .deadlines = deadlines_,
                   .logs = logs_,
                   .contracts = contracts_,
                   .capabilities = capabilities_,
                   .pool = io_->get_executor(),
                   .random = random(),
                   .probe = probe_,
                   .want_image = [this](const std::string& key) { image_loop_->enqueue(key); },
                   .on_engine =
                       [this](const EngineIdentity& identity) {
                         const bool first = engine_.empty();
                         engine_ = identity;
                         if (!first) orphan_loop_->enqueue(OrphanReconciler::kKey);
                       }}),
      claims_({.store = store_,
               .clock = clock_,
               .lease = lease_,
               .slots = slots_,
               .contracts = contracts_,
               .pool = io_->get_executor(),
               .policy = {}},
              {.on_claimed =
                   [this](const ExecutionId& id, int attempt) {
                     executions_.expect_nothing_of(id, attempt);
                     look_at(id);
                   },
               .on_found = [this](const ExecutionId& id) { look_at(id); }}),
      pulls_(runtime_, clock_, images_,
             {.on_answer = [this](const ExecutionId& id) { look_at(id); }, .on_pull = [](bool, Duration) {}}),
      orphans_(store_, runtime_, clock_, options_.name, options_.resync,
               {.on_execution = [this](const ExecutionId& id) { look_at(id); }, .on_orphans = [](int) {}}),
      node_(store_, clock_, lease_, options_.lease,
            {.report = [this] { return report(); },
             .on_time = [](TimePoint, Duration) {},
             .on_wishes_changed =
                 [this] {
                   orphan_loop_->enqueue(OrphanReconciler::kKey);
                   claim_loop_->enqueue(Claimer::kKey);
                 },
             .on_taken_over = [this] { end(); },
             .on_lease_lost = [] {}}),
      retention_(store_, clock_),
      statistics_(store_, clock_, {.on_totals = [](const store::Totals&, Duration) {}}) {
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

store::NodeReport NodeProcess::report() const {
  store::NodeReport report;
  report.name = options_.name;
  report.instance_id = options_.instance;
  report.slots = options_.slots;
  report.version = "simulated";
  return report;
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
  co_await until_it_answers([this]() -> boost::asio::awaitable<bool> {
    auto probed = co_await runtime_.probe();
    if (probed) capabilities_ = std::move(*probed);
    co_return probed.has_value();
  });
  co_await until_it_answers([this]() -> boost::asio::awaitable<bool> {
    const auto asked = clock_.monotonic();
    const auto state = co_await store_.register_node(report());
    if (!state) co_return false;
    lease_.renew(asked + options_.lease);
    lease_.set_wishes(state->cordoned, state->draining);
    co_return true;
  });
  start_loops();
  const auto rows = co_await store_.list_unconverged();
  if (rows) {
    for (const auto& id : *rows) {
      slots_.hold(id);
      look_at(id);
    }
  }
  orphan_loop_->enqueue(OrphanReconciler::kKey);
  claim_loop_->enqueue(Claimer::kKey);
}

controller::Controller& NodeProcess::add_loop(const std::string& name, controller::Reconciler& reconciler,
                                              int workers) {
  controller::ControllerOptions options;
  options.name = name;
  options.workers = workers;
  loops_.push_back(std::make_unique<controller::Controller>(options, reconciler, io_->get_executor(), clock_,
                                                            timers_, random()));
  return *loops_.back();
}

void NodeProcess::start_loops() {
  execution_loop_ = &add_loop("execution", executions_, 128);
  claim_loop_ = &add_loop("claim", claims_, 1);
  image_loop_ = &add_loop("image", pulls_, 4);
  orphan_loop_ = &add_loop("orphan", orphans_, 1);
  add_loop("node", node_, 1).enqueue(reconcilers::NodeReconciler::kKey);
  add_loop("retention", retention_, 1).enqueue(reconcilers::RetentionReconciler::kKey);
  add_loop("statistics", statistics_, 1).enqueue(reconcilers::StatisticsReconciler::kKey);
  runtime_.watch([this](const ExecutionId& id) {
    id.empty() ? orphan_loop_->enqueue(OrphanReconciler::kKey) : look_at(id);
  });
  store_.watch([this](const store::Hint& hint) {
    if (hint.kind == store::Hint::Kind::Changed) look_at(hint.id);
    if (hint.kind == store::Hint::Kind::Resync) orphan_loop_->enqueue(OrphanReconciler::kKey);
    claim_loop_->enqueue(Claimer::kKey);
  });
}

void NodeProcess::end() {
  ended_ = true;
  for (const auto& loop : loops_) loop->stop();
}

}  // namespace slipway::simulation
