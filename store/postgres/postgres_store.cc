#include "store/postgres/postgres_store.h"

#include "store/postgres/coalescing_loader.h"
#include "store/postgres/coalescing_writer.h"
#include "store/postgres/listener.h"
#include "store/postgres/parameters.h"
#include "store/postgres/pool.h"
#include "store/postgres/reads.h"
#include "store/postgres/refusal.h"
#include "store/postgres/statements.h"
#include "store/postgres/write.h"

namespace slipway::store {

using postgres::Connection;
using postgres::Failure;

namespace {

postgres::ConnectionOptions connection_options(const PostgresOptions& options, bool direct) {
  postgres::ConnectionOptions connection;
  connection.url = direct && !options.listen_url.empty() ? options.listen_url : options.url;
  connection.connect_timeout = options.connect_timeout;
  connection.statement_timeout = options.statement_timeout;
  connection.lock_timeout = options.lock_timeout;
  return connection;
}

postgres::PoolOptions pool_options(const PostgresOptions& options) {
  postgres::PoolOptions pool;
  pool.connection = connection_options(options, false);
  pool.size = std::max(options.pool_size, 2);
  pool.hang_timeout = options.statement_timeout + std::chrono::seconds(2);
  pool.probe = options.probe;
  return pool;
}

}  // namespace

struct PostgresStore::Impl {
  Impl(PostgresOptions given, asio::any_io_executor executor)
      : options(std::move(given)),
        io(std::move(executor)),
        pool(std::make_unique<postgres::Pool>(pool_options(options))),
        writer(std::make_shared<postgres::CoalescingWriter>(
            *pool, io,
            postgres::CoalescingWriter::Options{.batch_rows = options.batch_rows,
                                                .batch_bytes = options.batch_bytes,
                                                .batches_in_flight = std::max(1, options.pool_size / 2),
                                                .probe = options.probe})),
        loader(std::make_shared<postgres::CoalescingLoader>(*pool, specs, io,
                                                            std::max(1, options.pool_size / 2))) {}

  postgres::Writer identity() const { return {options.node_name, epoch}; }

  /// Runs `work` in a transaction of this node, after the fence.
  template <class T>
  asio::awaitable<Result<T>> fenced(std::string_view op, std::function<T(Connection&)> work) {
    return pool->run<T>(
        op, std::function<T(Connection&)>([me = identity(), work = std::move(work)](Connection& connection) {
          T answer{};
          connection.transaction([&] {
            postgres::act_as(connection, me);
            answer = work(connection);
            return true;
          });
          return answer;
        }));
  }

  asio::awaitable<Result<NodeState>> take_name(NodeReport report);

  PostgresOptions options;
  asio::any_io_executor io;
  std::int64_t epoch = 0;  ///< io thread only
  postgres::SpecCache specs;
  std::unique_ptr<postgres::Pool> pool;
  std::shared_ptr<postgres::CoalescingWriter> writer;
  std::shared_ptr<postgres::CoalescingLoader> loader;
  std::unique_ptr<postgres::Pool> name_pool;  ///< made when the name is first to be held
  std::unique_ptr<postgres::Listener> listener;
};

PostgresStore::PostgresStore(PostgresOptions options, asio::any_io_executor io)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(io))) {}

PostgresStore::~PostgresStore() {
  unwatch();
  impl_->writer->close();
  impl_->loader->close();
  impl_->name_pool.reset();
  impl_->pool.reset();
}

namespace {

/// Runs `work`, over which a row may end if it is refused as data: that is told apart (refusal.h).
template <class Work>
auto telling_refusals(Work work) {
  try {
    return work();
  } catch (const Failure& failure) {
    throw postgres::refusal(failure);
  }
}

asio::awaitable<Result<void>> without_value(asio::awaitable<Result<bool>> call) {
  const auto done = co_await std::move(call);
  if (!done) co_return done.error();
  co_return Result<void>();
}

}  // namespace

// The port's calls are plain functions that copy what they are given into the coroutine they return: an
// argument need not outlive the call, even where the coroutine is spawned later.

asio::awaitable<Result<void>> PostgresStore::hold_name() {
  if (!impl_->name_pool) {
    auto options = pool_options(impl_->options);
    options.connection = connection_options(impl_->options, true);
    options.connection.application_name = "slipwayd name";
    options.size = 1;  // its one session holds the lock
    impl_->name_pool = std::make_unique<postgres::Pool>(options);
  }
  return without_value(
      impl_->name_pool->run<bool>("hold_name", [node = impl_->options.node_name](Connection& c) {
        postgres::hold_name(c, node);
        return true;
      }));
}

asio::awaitable<Result<NodeState>> PostgresStore::Impl::take_name(NodeReport report) {
  auto state = co_await pool->run<NodeState>("register_node", [report, lease = options.lease](Connection& c) {
    return postgres::register_node(c, report, lease);
  });
  if (state) {
    options.node_name = report.name;
    epoch = state->epoch;
  }
  co_return state;
}

asio::awaitable<Result<NodeState>> PostgresStore::register_node(const NodeReport& report) {
  return impl_->take_name(report);
}

asio::awaitable<Result<NodeState>> PostgresStore::heartbeat(const NodeReport& report) {
  return impl_->pool->run<NodeState>("heartbeat", [report, me = impl_->identity()](Connection& c) {
    return postgres::heartbeat(c, me, report);
  });
}

asio::awaitable<Result<void>> PostgresStore::set_idle(bool idle) {
  return without_value(impl_->pool->run<bool>("set_idle", [idle, me = impl_->identity()](Connection& c) {
    postgres::set_idle(c, me, idle);
    return true;
  }));
}

asio::awaitable<Result<std::vector<Undecided>>> PostgresStore::list_undecided(int limit) {
  return impl_->pool->run<std::vector<Undecided>>(
      "list_undecided",
      [limit, specs = &impl_->specs](Connection& c) { return postgres::list_undecided(c, *specs, limit); });
}

asio::awaitable<Result<std::vector<Step>>> PostgresStore::decide(const std::vector<Decision>& decisions) {
  return impl_->pool->run<std::vector<Step>>("decide", [decisions, me = impl_->identity()](Connection& c) {
    return telling_refusals([&] { return postgres::decide(c, me, decisions); });
  });
}

asio::awaitable<Result<int>> PostgresStore::explain_waiting(bool slots_free) {
  return impl_->pool->run<int>("explain_waiting", [slots_free, me = impl_->identity()](Connection& c) {
    return postgres::explain_waiting(c, me, slots_free);
  });
}

asio::awaitable<Result<std::vector<ExecutionId>>> PostgresStore::list_candidates(int limit) {
  return impl_->pool->run<std::vector<ExecutionId>>(
      "list_candidates", [limit](Connection& c) { return postgres::list_candidates(c, limit); });
}

asio::awaitable<Result<std::vector<ExecutionId>>> PostgresStore::list_unlocked_candidates(int limit) {
  return impl_->pool->run<std::vector<ExecutionId>>("list_unlocked_candidates", [limit](Connection& c) {
    return postgres::list_unlocked_candidates(c, limit);
  });
}

asio::awaitable<Result<std::vector<Step>>> PostgresStore::claim(const std::vector<ExecutionId>& ids) {
  return impl_->pool->run<std::vector<Step>>("claim", [ids, me = impl_->identity()](Connection& c) {
    return telling_refusals([&] { return postgres::claim(c, me, ids); });
  });
}

asio::awaitable<Result<Execution>> PostgresStore::load(const ExecutionId& id) {
  return impl_->loader->load(id);
}

asio::awaitable<Result<std::string>> PostgresStore::load_input(const ExecutionId& id) {
  return impl_->pool->run<std::string>("load_input", [id](Connection& c) {
    return telling_refusals([&] { return postgres::load_input(c, id); });
  });
}

asio::awaitable<Result<bool>> PostgresStore::record(const Transition& transition) {
  return impl_->writer->write(transition, impl_->identity());
}

asio::awaitable<Result<bool>> PostgresStore::finish(const Finish& finish) {
  return impl_->writer->write(finish, impl_->identity());
}

asio::awaitable<Result<bool>> PostgresStore::recycle(const Recycle& recycle) {
  return impl_->writer->write(recycle, impl_->identity());
}

asio::awaitable<Result<bool>> PostgresStore::requeue(const ExecutionId& id, const ClaimId& claim,
                                                     Duration backoff) {
  return impl_->writer->write(postgres::Requeue{id, claim, backoff}, impl_->identity());
}

asio::awaitable<Result<bool>> PostgresStore::append_log(const LogAppend& append) {
  return impl_->writer->write(append, impl_->identity());
}

asio::awaitable<Result<LiveLog>> PostgresStore::live_log(const ExecutionId& id, int attempt) {
  return impl_->pool->run<LiveLog>("live_log", [id, attempt](Connection& c) {
    return telling_refusals([&] { return postgres::live_log(c, id, attempt); });
  });
}

asio::awaitable<Result<std::vector<ExecutionId>>> PostgresStore::list_unconverged() {
  return impl_->pool->run<std::vector<ExecutionId>>(
      "list_unconverged",
      [node = impl_->options.node_name](Connection& c) { return postgres::list_unconverged(c, node); });
}

asio::awaitable<Result<std::vector<ClaimId>>> PostgresStore::live_claims(const std::vector<ClaimId>& claims) {
  return impl_->pool->run<std::vector<ClaimId>>(
      "live_claims", [claims](Connection& c) { return postgres::live_claims(c, claims); });
}

asio::awaitable<Result<int>> PostgresStore::retire(int limit) {
  return impl_->fenced<int>("retire", [limit](Connection& c) {
    return static_cast<int>(c.query(postgres::sql::kRetire, {std::to_string(limit)}).number(0, 0));
  });
}

asio::awaitable<Result<int>> PostgresStore::recount_usage() {
  return impl_->fenced<int>("recount_usage", [](Connection& c) {
    return static_cast<int>(c.query(postgres::sql::kRecountUsage, {}).number(0, 0));
  });
}

asio::awaitable<Result<int>> PostgresStore::fold_outcomes(int limit) {
  return impl_->fenced<int>("fold_outcomes", [limit](Connection& c) {
    return static_cast<int>(c.query(postgres::sql::kFoldOutcomes, {std::to_string(limit)}).number(0, 0));
  });
}

asio::awaitable<Result<Totals>> PostgresStore::read_totals(Duration term) {
  return impl_->pool->run<Totals>("read_totals", [node = impl_->options.node_name, term](Connection& c) {
    return postgres::read_totals(c, node, term);
  });
}

asio::awaitable<Result<Prospect>> PostgresStore::look_ahead() {
  return impl_->pool->run<Prospect>("look_ahead", [](Connection& c) { return postgres::look_ahead(c); });
}

void PostgresStore::watch(std::function<void(const Hint&)> on_hint) {
  unwatch();
  impl_->listener = std::make_unique<postgres::Listener>(connection_options(impl_->options, true), impl_->io,
                                                         std::move(on_hint));
}

void PostgresStore::unwatch() { impl_->listener.reset(); }

bool PostgresStore::hears_hints() const { return impl_->listener && impl_->listener->connected(); }

}  // namespace slipway::store
