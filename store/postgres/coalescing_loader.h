#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "store/postgres/pool.h"
#include "store/postgres/reads.h"
#include "store/postgres/spec_cache.h"
#include "store/store.h"

namespace slipway::store::postgres {

/// Loads rows; calls that arrive while others are under way share one statement. Each sees the row as it is
/// after its own call began. Io thread only.
class CoalescingLoader : public std::enable_shared_from_this<CoalescingLoader> {
 public:
  CoalescingLoader(Pool& pool, SpecCache& specs, asio::any_io_executor io, int batches_in_flight);

  asio::awaitable<Result<Execution>> load(ExecutionId id);
  /// Answers everything that waits with Retry; afterwards nothing reaches the pool.
  void close();

 private:
  struct Entry {
    ExecutionId id;
    std::function<void(Result<Execution>)> done;
  };
  using Entries = std::shared_ptr<std::vector<Entry>>;
  using Found = std::shared_ptr<Loaded>;

  void pump();
  void submit(Entries batch);
  void on_done(const Entries& batch, const Found& found, const std::optional<Error>& error);

  Pool& pool_;
  SpecCache& specs_;
  asio::any_io_executor io_;
  int most_batches_;
  int batches_ = 0;
  bool closed_ = false;
  std::deque<Entry> waiting_;
};

}  // namespace slipway::store::postgres
