// One transaction for many steps:
//   1. the fence: the node still holds its name under this epoch;
//   2. lock the rows in order of id, and look at where they stand;
//   3. one statement for the moves, one for the ends, one for the log chunks, one for the requeues;
//   4. the users' counts of running executions, last, since their rows are shared the most.
#include "store/postgres/write.h"

#include <map>

#include "store/postgres/parameters.h"
#include "store/postgres/statements.h"

namespace slipway::store::postgres {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

struct Held {
  std::string stage, claim, node, user_id;
  bool cancel_requested = false;
};

std::map<ExecutionId, Held> lock_rows(Connection& connection, const std::vector<const Write*>& batch,
                                      bool wait) {
  Column ids;
  for (const auto* write : batch) ids.add(id_of(*write));
  const auto rows = connection.query(wait ? sql::kLockOne : sql::kLockBatch, {ids.take()});
  std::map<ExecutionId, Held> held;
  for (int i = 0; i < rows.size(); ++i) {
    held[rows.string(i, 0)] = {rows.string(i, 1), rows.string(i, 2), rows.string(i, 3), rows.string(i, 5),
                               rows.flag(i, 4)};
  }
  return held;
}

Stage from_of(const Write& write) {
  return std::visit(
      Overloaded{[](const Requeue&) { return Stage::Recycling; }, [](const auto& w) { return w.from; }},
      write);
}

const ClaimId& claim_of(const Write& write) {
  return std::visit([](const auto& w) -> const ClaimId& { return w.claim; }, write);
}

bool stands(const Held& row, const Write& write, const Writer& writer) {
  if (row.stage != to_string(from_of(write)) || row.claim != claim_of(write) || row.node != writer.node)
    return false;
  const auto* transition = std::get_if<Transition>(&write);
  return !(transition && transition->unless_cancelled && row.cancel_requested);
}

void move_rows(Connection& connection, const std::vector<const Transition*>& moves) {
  if (moves.empty()) return;
  Column id, stage, status, reason, message, engine, container, image, limits, intent, started, deadline,
      kill, verdict, generation, failures;
  for (const auto* move : moves) {
    id.add(move->id);
    stage.add(to_string(move->to));
    // A final row keeps what it ended with: cleaning up is no news for the user.
    const bool final = move->to == Stage::Finished || move->to == Stage::Cleaned;
    status.add(final ? std::nullopt : std::optional(to_string(status_while(move->to))));
    reason.add(final ? std::nullopt : std::optional(to_string(move->reason)));
    message.add(final ? std::nullopt : std::optional(row_of(move->reason).message));
    engine.add(move->engine);
    container.add(move->container_id);
    image.add(move->image_id);
    limits.add(move->effective_limits);
    intent.add(move->intent_at);
    started.add(move->started_at);
    deadline.add(move->deadline_at);
    kill.add(move->kill_at);
    verdict.add(move->verdict ? std::optional(to_string(*move->verdict)) : std::nullopt);
    generation.add(move->generation);
    failures.add(move->create_failures);
  }
  connection.query(sql::kMove,
                   {id.take(), stage.take(), status.take(), reason.take(), message.take(), engine.take(),
                    container.take(), image.take(), limits.take(), intent.take(), started.take(),
                    deadline.take(), kill.take(), verdict.take(), generation.take(), failures.take()});
}

/// Finish and Recycle in one shape.
struct End {
  ExecutionId id;
  Stage from;
  Stage to;
  Reason reason;
  std::string message;
  const std::optional<std::string>* output = nullptr;
  const AttemptEnd* attempt;
};

End end_of(const Finish& f) {
  return {f.id, f.from, Stage::Finished, f.reason, f.message, &f.output, &f.attempt};
}
End end_of(const Recycle& r) {
  return {r.id, r.from, Stage::Recycling, Reason::Retrying, "", nullptr, &r.attempt};
}

// At Recycling the attempt has ended through a Platform fault: whatever ends the execution now, its use is
// given back.
std::optional<std::string_view> settlement(const End& end) {
  switch (row_of(end.reason).use) {
    case UseRule::None:
      return std::nullopt;
    case UseRule::Spent:
      return "keep";
    case UseRule::NeverSpent:
    case UseRule::Refunded:
      return "refund";
    case UseRule::RefundedIfNeverStarted: {
      const bool ran = end.from == Stage::Running || end.from == Stage::Stopping || end.attempt->started;
      return ran && end.from != Stage::Recycling ? "keep" : "refund";
    }
  }
  return std::nullopt;
}

void end_rows(Connection& connection, const std::vector<End>& ends) {
  if (ends.empty()) return;
  Column id, stage, status, reason, fault, message, output, settle, priced, why, code, oom, started, finished,
      peak, cpu, partial, detail, truncated;
  for (const auto& end : ends) {
    const auto& row = row_of(end.reason);
    const auto& attempt = *end.attempt;
    id.add(end.id);
    stage.add(to_string(end.to));
    status.add(to_string(row.status));
    reason.add(row.name);
    fault.add(to_string(row.fault));
    message.add(end.message.empty() ? row.message : std::string_view(end.message));
    output.add(end.output ? *end.output : std::nullopt);
    settle.add(settlement(end));
    priced.add(row.priced);
    why.add(to_string(attempt.reason));
    code.add(attempt.exit_code);
    oom.add(attempt.oom_killed);
    started.add(attempt.started);
    finished.add(attempt.finished_at);
    peak.add(attempt.peak_memory_bytes);
    cpu.add(attempt.cpu_ms);
    partial.add(attempt.partial_result ? std::optional(bytea(*attempt.partial_result)) : std::nullopt);
    detail.add(attempt.detail);
    truncated.add(attempt.logs_truncated);
  }
  connection.query(sql::kEnd, {id.take(), stage.take(), status.take(), reason.take(), fault.take(),
                               message.take(), output.take(), settle.take(), priced.take(), why.take(),
                               code.take(), oom.take(), started.take(), finished.take(), peak.take(),
                               cpu.take(), partial.take(), detail.take(), truncated.take()});
}

constexpr std::size_t kLargestChunk = 65536;

void add_logs(Connection& connection, const std::vector<End>& ends) {
  Column id, n, at, stream, bytes;
  int count = 0;
  const auto add = [&](const ExecutionId& execution, int index, const std::optional<TimePoint>& when,
                       std::string_view name, std::string_view text) {
    id.add(execution), n.add(index), at.add(when), stream.add(name), bytes.add(bytea(text));
    ++count;
  };
  for (const auto& end : ends) {
    int index = 0;
    if (end.from != Stage::Recycling) {  // there, the evidence has been written already
      for (const auto& chunk : end.attempt->logs) {
        for (std::size_t from = 0; from < chunk.bytes.size(); from += kLargestChunk) {
          add(end.id, index++, chunk.at, to_string(chunk.stream),
              std::string_view(chunk.bytes).substr(from, kLargestChunk));
        }
      }
    }
    if (end.to == Stage::Finished && end.reason == Reason::Cancelled) {
      add(end.id, index, std::nullopt, to_string(LogChunk::Stream::System),
          end.message.empty() ? row_of(end.reason).message : std::string_view(end.message));
    }
  }
  if (count > 0) connection.query(sql::kLogs, {id.take(), n.take(), at.take(), stream.take(), bytes.take()});
}

void requeue_rows(Connection& connection, const std::vector<const Requeue*>& rows) {
  if (rows.empty()) return;
  Column id, backoff, reason, message;
  for (const auto* row : rows) {
    id.add(row->id);
    backoff.add(static_cast<std::int64_t>(row->backoff.count()));
    reason.add(to_string(Reason::Retrying));
    message.add(row_of(Reason::Retrying).message);
  }
  connection.query(sql::kRequeue, {id.take(), backoff.take(), reason.take(), message.take()});
}

void release_usage(Connection& connection, const std::map<std::string, int>& released) {
  if (released.empty()) return;
  Column user, count;
  for (const auto& [name, n] : released) {
    user.add(name);
    count.add(n);
  }
  connection.query(sql::kReleaseUsage, {user.take(), count.take()});
}

/// The batch sorted by kind, holding only what is to be written.
struct Sorted {
  std::vector<const Transition*> moves;
  std::vector<End> ends;
  std::vector<const Requeue*> requeues;
  std::map<std::string, int> released;  ///< users whose executions stop running
};

void sort_in(Sorted& sorted, const Write& write, const std::string& user_id) {
  std::visit(Overloaded{[&](const Transition& t) { sorted.moves.push_back(&t); },
                        [&](const Finish& f) {
                          sorted.ends.push_back(end_of(f));
                          ++sorted.released[user_id];
                        },
                        [&](const Recycle& r) { sorted.ends.push_back(end_of(r)); },
                        [&](const Requeue& r) {
                          sorted.requeues.push_back(&r);
                          ++sorted.released[user_id];
                        }},
             write);
}

}  // namespace

const ExecutionId& id_of(const Write& write) {
  return std::visit([](const auto& w) -> const ExecutionId& { return w.id; }, write);
}

std::size_t bytes_of(const Write& write) {
  const auto attempt_bytes = [](const AttemptEnd& attempt) {
    std::size_t sum =
        attempt.detail.size() + (attempt.partial_result ? 2 * attempt.partial_result->size() : 0);
    for (const auto& chunk : attempt.logs) sum += 2 * chunk.bytes.size();  // hexadecimal on the wire
    return sum;
  };
  return 512 + std::visit(Overloaded{[&](const Finish& f) {
                                       return attempt_bytes(f.attempt) + (f.output ? f.output->size() : 0);
                                     },
                                     [&](const Recycle& r) { return attempt_bytes(r.attempt); },
                                     [](const Transition& t) {
                                       return t.effective_limits ? t.effective_limits->size()
                                                                 : std::size_t{0};
                                     },
                                     [](const Requeue&) { return std::size_t{0}; }},
                          write);
}

void act_as(Connection& connection, const Writer& writer) {
  if (!connection.query(sql::kActAs, {writer.node, std::to_string(writer.epoch)}).flag(0, 0)) {
    throw Failure({ErrorClass::Conflict, "the name of node " + writer.node + " was taken over"}, "", false);
  }
}

std::vector<Outcome> write_batch(Connection& connection, const Writer& writer,
                                 const std::vector<const Write*>& batch, bool wait) {
  std::vector<Outcome> outcomes;
  connection.transaction([&] {
    act_as(connection, writer);
    const auto held = lock_rows(connection, batch, wait);
    Sorted sorted;
    for (const auto* write : batch) {
      const auto row = held.find(id_of(*write));
      const bool free = row != held.end();
      const bool here = free && stands(row->second, *write, writer);
      outcomes.push_back(here ? Outcome::Written : free || wait ? Outcome::Elsewhere : Outcome::Busy);
      if (here) sort_in(sorted, *write, row->second.user_id);
    }
    move_rows(connection, sorted.moves);
    end_rows(connection, sorted.ends);
    add_logs(connection, sorted.ends);
    requeue_rows(connection, sorted.requeues);
    release_usage(connection, sorted.released);
    return !sorted.moves.empty() || !sorted.ends.empty() || !sorted.requeues.empty();
  });
  return outcomes;
}

}  // namespace slipway::store::postgres
