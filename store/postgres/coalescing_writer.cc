#include "store/postgres/coalescing_writer.h"

#include <algorithm>
#include <span>

#include "store/postgres/refusal.h"

namespace slipway::store::postgres {

struct CoalescingWriter::Entry {
  Write write;
  Writer writer;
  std::chrono::steady_clock::time_point due;
  std::function<void(Result<bool>)> done;
  // Written by the pool's thread while the entry is in flight, read by the io thread afterwards.
  bool busy = false;
  std::optional<Result<bool>> answer;
};

namespace {

// Tries a batch; halves it while the database refuses it for what is in it. The failure that cost the
// connection is kept and thrown at the end, so that the pool drops it.
template <class Entry>
class Attempt {
 public:
  Attempt(Connection& connection, bool alone) : connection_(connection), alone_(alone) {}

  void run(std::span<const std::shared_ptr<Entry>> entries) {
    if (entries.empty()) return;
    try {
      settle(entries, write_batch(connection_, entries[0]->writer, writes(entries), alone_));
    } catch (const Failure& cause) {
      const auto failure = refusal(cause);
      const bool refused = failure.error().error_class == ErrorClass::Invalid;
      if (refused && entries.size() > 1) {
        run(entries.first(entries.size() / 2));
        run(entries.subspan(entries.size() / 2));
        return;
      }
      if (failure.connection_lost() && !lost_) lost_ = failure;
      // Lost before anything was written: left without an answer, so that the pool may run the rest once
      // more.
      if (failure.connection_lost() && failure.error().error_class == ErrorClass::Retry) return;
      for (const auto& entry : entries) entry->answer = failure.error();
    }
  }

  void finish() const {
    if (lost_) throw Failure(*lost_);  // the pool drops the connection
  }

 private:
  static std::vector<const Write*> writes(std::span<const std::shared_ptr<Entry>> entries) {
    std::vector<const Write*> all;
    for (const auto& entry : entries) all.push_back(&entry->write);
    return all;
  }
  static void settle(std::span<const std::shared_ptr<Entry>> entries, const std::vector<Outcome>& outcomes) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      entries[i]->busy = outcomes[i] == Outcome::Busy;
      if (!entries[i]->busy) entries[i]->answer = outcomes[i] == Outcome::Written;
    }
  }

  Connection& connection_;
  bool alone_;
  std::optional<Failure> lost_;
};

}  // namespace

CoalescingWriter::CoalescingWriter(Pool& pool, asio::any_io_executor io, Options options)
    : pool_(pool), io_(io), options_(std::move(options)), company_(std::move(io)) {}

asio::awaitable<Result<bool>> CoalescingWriter::write(Write write, Writer writer) {
  const auto executor = co_await asio::this_coro::executor;
  auto entry = std::make_shared<Entry>();
  entry->write = std::move(write);
  entry->writer = std::move(writer);
  entry->due = std::chrono::steady_clock::now();
  if (is_patient(entry->write)) entry->due += options_.patience;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<bool>)>(
      [this, executor, entry](auto handler) {
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        auto tracked = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        entry->done = [resume, tracked](Result<bool> answer) {
          asio::post(tracked,
                     [resume, answer = std::move(answer)]() mutable { (*resume)(std::move(answer)); });
        };
        if (closed_) return entry->done(Error{ErrorClass::Retry, "the store is closing"});
        waiting_.push_back(entry);
        pump();
      },
      asio::use_awaitable);
}

void CoalescingWriter::close() {
  closed_ = true;
  company_.cancel();
  for (auto* queue : {&waiting_, &busy_}) {
    for (auto& entry : *queue) entry->done(Error{ErrorClass::Retry, "the store is closing"});
    queue->clear();
  }
}

void CoalescingWriter::pump() {
  while (!closed_ && batches_ < options_.batches_in_flight) {
    auto batch = take_batch();
    if (batch.empty()) break;
    submit(std::move(batch), false);
  }
  if (!closed_ && alone_ == 0 && !busy_.empty()) {
    Entries one{busy_.front()};
    busy_.pop_front();
    submit(std::move(one), true);
  }
  if (!closed_) wait_for_company();
}

bool CoalescingWriter::may_go(const Entry& entry) const {
  const bool logs_wait = logs_under_way_ && kind_of(entry.write) == Kind::Append;
  return !logs_wait && !in_flight_.contains(id_of(entry.write));
}

std::shared_ptr<CoalescingWriter::Entry> CoalescingWriter::first_due() const {
  const auto now = std::chrono::steady_clock::now();
  const auto found =
      std::ranges::find_if(waiting_, [&](const auto& entry) { return entry->due <= now && may_go(*entry); });
  return found == waiting_.end() ? nullptr : *found;
}

void CoalescingWriter::wait_for_company() {
  if (company_awaited_ || waiting_.empty()) return;
  company_awaited_ = true;
  company_.expires_after(options_.patience);
  company_.async_wait([self = weak_from_this()](const boost::system::error_code&) {
    const auto writer = self.lock();
    if (!writer) return;
    writer->company_awaited_ = false;
    if (!writer->closed_) writer->pump();
  });
}

CoalescingWriter::Entries CoalescingWriter::take_batch() {
  Entries batch;
  const auto lead = first_due();
  if (!lead) return batch;
  std::size_t bytes = 0;
  for (auto it = waiting_.begin();
       it != waiting_.end() && static_cast<int>(batch.size()) < options_.batch_rows;) {
    const auto& entry = **it;
    const bool other_batch =
        lead->writer.epoch != entry.writer.epoch || kind_of(lead->write) != kind_of(entry.write);
    if (other_batch || !may_go(entry)) {
      ++it;
      continue;
    }
    bytes += bytes_of(entry.write);
    if (!batch.empty() && bytes > options_.batch_bytes) break;
    in_flight_.insert(id_of(entry.write));
    batch.push_back(std::move(*it));
    it = waiting_.erase(it);
  }
  return batch;
}

bool CoalescingWriter::is_logs(const Entries& batch) { return kind_of(batch.front()->write) == Kind::Append; }

void CoalescingWriter::submit(Entries batch, bool alone) {
  ++(alone ? alone_ : batches_);
  if (!alone && is_logs(batch)) logs_under_way_ = true;
  if (options_.probe && !alone) options_.probe->on_batch(static_cast<int>(batch.size()));
  pool_.submit(
      alone ? "write_alone" : "write",
      [batch, alone](Connection& connection) {
        Entries open;
        for (const auto& entry : batch) {
          if (!entry->answer && !entry->busy) open.push_back(entry);
        }
        Attempt<Entry> attempt(connection, alone);
        attempt.run(open);
        attempt.finish();
      },
      [self = weak_from_this(), io = io_, batch, alone](std::optional<Error> error) {
        asio::post(io, [self, batch, alone, error = std::move(error)] {
          if (const auto writer = self.lock()) return writer->on_done(batch, alone, error);
          for (const auto& entry : batch) entry->done(Error{ErrorClass::Retry, "the store is closing"});
        });
      });
}

void CoalescingWriter::on_done(const Entries& batch, bool alone, const std::optional<Error>& error) {
  --(alone ? alone_ : batches_);
  if (!alone && is_logs(batch)) logs_under_way_ = false;
  for (const auto& entry : batch) {
    if (entry->busy && !entry->answer && !alone && !closed_) {
      entry->busy = false;
      busy_.push_back(entry);  // stays in in_flight_
      continue;
    }
    in_flight_.erase(id_of(entry->write));
    if (!entry->answer) entry->answer = error.value_or(Error{ErrorClass::Retry, "the row is locked"});
    entry->done(std::move(*entry->answer));
  }
  pump();
}

}  // namespace slipway::store::postgres
