#include "store/postgres/coalescing_loader.h"

namespace slipway::store::postgres {
namespace {

constexpr std::size_t kMostRows = 256;

}  // namespace

CoalescingLoader::CoalescingLoader(Pool& pool, SpecCache& specs, asio::any_io_executor io,
                                   int batches_in_flight)
    : pool_(pool), specs_(specs), io_(std::move(io)), most_batches_(batches_in_flight) {}

asio::awaitable<Result<Execution>> CoalescingLoader::load(ExecutionId id) {
  // One id the database cannot read would fail its neighbours' statement.
  if (!is_execution_id(id)) co_return Error{ErrorClass::Invalid, "not an execution's id"};
  const auto executor = co_await asio::this_coro::executor;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<Execution>)>(
      [this, executor, id](auto handler) {
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        auto tracked = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        Entry entry{id, [resume, tracked](Result<Execution> answer) {
                      asio::post(tracked, [resume, answer = std::move(answer)]() mutable {
                        (*resume)(std::move(answer));
                      });
                    }};
        if (closed_) return entry.done(Error{ErrorClass::Retry, "the store is closing"});
        waiting_.push_back(std::move(entry));
        pump();
      },
      asio::use_awaitable);
}

void CoalescingLoader::close() {
  closed_ = true;
  for (auto& entry : waiting_) entry.done(Error{ErrorClass::Retry, "the store is closing"});
  waiting_.clear();
}

void CoalescingLoader::pump() {
  while (!closed_ && batches_ < most_batches_ && !waiting_.empty()) {
    auto batch = std::make_shared<std::vector<Entry>>();
    while (!waiting_.empty() && batch->size() < kMostRows) {
      batch->push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    submit(std::move(batch));
  }
}

void CoalescingLoader::submit(Entries batch) {
  ++batches_;
  std::vector<ExecutionId> ids;
  for (const auto& entry : *batch) ids.push_back(entry.id);
  auto found = std::make_shared<Loaded>();
  pool_.submit(
      "load",
      [specs = &specs_, ids = std::move(ids), found](Connection& c) {
        *found = postgres::load(c, *specs, ids);
      },
      [self = weak_from_this(), io = io_, batch, found](std::optional<Error> error) {
        asio::post(io, [self, batch, found, error = std::move(error)] {
          if (const auto loader = self.lock()) return loader->on_done(batch, found, error);
          for (const auto& entry : *batch) entry.done(Error{ErrorClass::Retry, "the store is closing"});
        });
      });
}

void CoalescingLoader::on_done(const Entries& batch, const Found& found, const std::optional<Error>& error) {
  --batches_;
  for (const auto& entry : *batch) {
    if (error) {
      entry.done(*error);
    } else if (const auto row = found->find(entry.id); row != found->end()) {
      entry.done(Result<Execution>(row->second));  // a copy: two callers may have asked for the same row
    } else {
      entry.done(Error{ErrorClass::NotFound, "no execution " + entry.id});
    }
  }
  pump();
}

}  // namespace slipway::store::postgres
