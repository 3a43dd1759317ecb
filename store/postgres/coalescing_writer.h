#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "store/postgres/pool.h"
#include "store/postgres/write.h"

namespace slipway::store::postgres {

/// Gathers the writes that arrive while others are under way into one statement, and tells each caller its
/// own result.
///
/// A row somebody else has locked is left out of its batch and tried again alone, one such row at a time, so
/// that it costs its neighbours nothing. A batch that the database refuses is halved until the row at fault
/// stands alone. What nobody waits for (that a finished one is cleaned up) rides with the next write of its
/// kind, or goes by itself after `patience`. Io thread only.
class CoalescingWriter : public std::enable_shared_from_this<CoalescingWriter> {
 public:
  struct Options {
    int batch_rows = 256;
    std::size_t batch_bytes = 8 << 20;
    int batches_in_flight = 2;
    std::chrono::milliseconds patience{150};
    std::shared_ptr<StoreProbe> probe;
  };

  CoalescingWriter(Pool& pool, asio::any_io_executor io, Options options);

  /// `writer` is whoever the node is now: the batch is fenced by it.
  asio::awaitable<Result<bool>> write(Write write, Writer writer);
  /// Answers everything that waits with Retry; afterwards nothing reaches the pool.
  void close();

 private:
  struct Entry;
  using Entries = std::vector<std::shared_ptr<Entry>>;

  void pump();
  bool may_go(const Entry& entry) const;
  std::shared_ptr<Entry> first_due() const;
  void wait_for_company();
  Entries take_batch();
  static bool is_logs(const Entries& batch);
  void submit(Entries batch, bool alone);
  void on_done(const Entries& batch, bool alone, const std::optional<Error>& error);

  Pool& pool_;
  asio::any_io_executor io_;
  Options options_;
  asio::steady_timer company_;  ///< runs while all that waits is patient
  bool company_awaited_ = false;
  std::deque<std::shared_ptr<Entry>> waiting_, busy_;
  std::set<ExecutionId> in_flight_;  ///< a row is in one statement at a time, and its writes keep their order
  int batches_ = 0, alone_ = 0;
  bool logs_under_way_ = false;  ///< at most one batch of them, so that steps find another free
  bool closed_ = false;
};

}  // namespace slipway::store::postgres
