// Many steps, one call, one transaction (api/schemas/0006_steps.sql): the fence, the locks in order of id,
// the conditional updates with all that hangs on them, and last the users' counts of running executions.
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

/// What every kind of step begins with.
struct Common {
  std::string node, epoch, wait;
};

std::string_view flag(bool value) { return value ? "t" : "f"; }

/// What a crash of the server may take back, since the next look at the engine finds it again: that it runs,
/// that nothing is left of it, and what is kept for readers only.
bool is_soft(const Transition& move) {
  if (move.to == Stage::Cleaned) return true;
  if (move.from == Stage::Launching) return move.to == Stage::Running;
  return move.from == move.to && !move.verdict;
}

Rows move_rows(Connection& connection, const Common& common, const std::vector<const Write*>& batch) {
  Column id, was, claim, guard, stage, status, reason, message, engine, container, image, limits, intent,
      started, deadline, kill, verdict, failures;
  bool durable = false;
  for (const auto* write : batch) {
    const auto& move = std::get<Transition>(*write);
    durable = durable || !is_soft(move);
    id.add(move.id);
    was.add(to_string(move.from));
    claim.add(move.claim);
    guard.add(move.unless_cancelled);
    stage.add(to_string(move.to));
    // A final row keeps what it ended with: cleaning up is no news for the user.
    const bool final = move.to == Stage::Finished || move.to == Stage::Cleaned;
    status.add(final ? std::nullopt : std::optional(to_string(status_while(move.to))));
    reason.add(final ? std::nullopt : std::optional(to_string(move.reason)));
    message.add(final ? std::nullopt : std::optional(row_of(move.reason).message));
    engine.add(move.engine);
    container.add(move.container_id);
    image.add(move.image_id);
    limits.add(move.effective_limits);
    intent.add(move.intent_at);
    started.add(move.started_at);
    deadline.add(move.deadline_at);
    kill.add(move.kill_at);
    verdict.add(move.verdict ? std::optional(to_string(*move.verdict)) : std::nullopt);
    failures.add(move.create_failures);
  }
  return connection.commit(sql::kMove,
                           {common.node,    common.epoch,     common.wait,     std::string(flag(durable)),
                            id.take(),      was.take(),       claim.take(),    guard.take(),
                            stage.take(),   status.take(),    reason.take(),   message.take(),
                            engine.take(),  container.take(), image.take(),    limits.take(),
                            intent.take(),  started.take(),   deadline.take(), kill.take(),
                            verdict.take(), failures.take()});
}

/// Finish and Recycle in one shape.
struct End {
  ExecutionId id;
  ClaimId claim;
  Stage from;
  Stage to;
  Reason reason;
  std::string message;
  const std::optional<std::string>* output = nullptr;
  const AttemptEnd* attempt;
};

End end_of(const Finish& f) {
  return {f.id, f.claim, f.from, Stage::Finished, f.reason, f.message, &f.output, &f.attempt};
}
End end_of(const Recycle& r) {
  return {r.id, r.claim, r.from, Stage::Recycling, Reason::Retrying, "", nullptr, &r.attempt};
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

constexpr std::size_t kLargestChunk = 65536;

/// The chunks of all rows, one behind the other, each with the number of its row's bytes before it.
struct LogColumns {
  Column id, n, at, stream, bytes;

  void add(const End& end) {
    std::int64_t place = 0;
    if (end.from != Stage::Recycling) {  // there, the evidence has been written already
      for (const auto& chunk : end.attempt->logs) {
        for (std::size_t from = 0; from < chunk.bytes.size(); from += kLargestChunk) {
          const auto part = std::string_view(chunk.bytes).substr(from, kLargestChunk);
          add(end.id, place, chunk.at, to_string(chunk.stream), part);
          place += static_cast<std::int64_t>(part.size());
        }
      }
    }
    if (end.to == Stage::Finished && end.reason == Reason::Cancelled) {
      add(end.id, place, std::nullopt, to_string(LogChunk::Stream::System),
          end.message.empty() ? row_of(end.reason).message : std::string_view(end.message));
    }
  }

 private:
  void add(const ExecutionId& execution, std::int64_t place, const std::optional<TimePoint>& when,
           std::string_view name, std::string_view text) {
    id.add(execution), n.add(place), at.add(when), stream.add(name), bytes.add(bytea(text));
  }
};

End end_of(const Write& write) {
  if (const auto* finish = std::get_if<Finish>(&write)) return end_of(*finish);
  return end_of(std::get<Recycle>(write));
}

Rows end_rows(Connection& connection, const Common& common, const std::vector<const Write*>& batch) {
  Column id, was, claim, stage, status, reason, fault, message, output, settle, priced, why, code, oom,
      started, finished, peak, cpu, partial, detail, truncated, behind;
  LogColumns logs;
  for (const auto* write : batch) {
    const auto end = end_of(*write);
    const auto& row = row_of(end.reason);
    const auto& attempt = *end.attempt;
    id.add(end.id);
    was.add(to_string(end.from));
    claim.add(end.claim);
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
    behind.add(end.from == Stage::Recycling ? std::nullopt : attempt.logs_behind);
    logs.add(end);
  }
  return connection.commit(
      sql::kEnd, {common.node,    common.epoch,   common.wait,    id.take(),          was.take(),
                  claim.take(),   stage.take(),   status.take(),  reason.take(),      fault.take(),
                  message.take(), output.take(),  settle.take(),  priced.take(),      why.take(),
                  code.take(),    oom.take(),     started.take(), finished.take(),    peak.take(),
                  cpu.take(),     partial.take(), detail.take(),  truncated.take(),   behind.take(),
                  logs.id.take(), logs.n.take(),  logs.at.take(), logs.stream.take(), logs.bytes.take()});
}

Rows requeue_rows(Connection& connection, const Common& common, const std::vector<const Write*>& batch) {
  Column id, claim, backoff;
  for (const auto* write : batch) {
    const auto& requeue = std::get<Requeue>(*write);
    id.add(requeue.id);
    claim.add(requeue.claim);
    backoff.add(static_cast<std::int64_t>(requeue.backoff.count()));
  }
  return connection.commit(sql::kRequeue, {common.node, common.epoch, common.wait, id.take(), claim.take(),
                                           backoff.take(), std::string(to_string(Reason::Retrying)),
                                           std::string(row_of(Reason::Retrying).message)});
}

Rows append_rows(Connection& connection, const Common& common, const std::vector<const Write*>& batch) {
  Column id, claim, log_id, place, at, until, stream, bytes;
  for (const auto* write : batch) {
    const auto& append = std::get<LogAppend>(*write);
    id.add(append.id);
    claim.add(append.claim);
    for (const auto& piece : append.pieces) {
      log_id.add(append.id);
      place.add(piece.place);
      at.add(piece.chunk.at);
      until.add(piece.until);
      stream.add(to_string(piece.chunk.stream));
      bytes.add(bytea(piece.chunk.bytes));
    }
  }
  return connection.commit(sql::kAppendLogs,
                           {common.node, common.epoch, common.wait, id.take(), claim.take(), log_id.take(),
                            place.take(), at.take(), until.take(), stream.take(), bytes.take()});
}

Rows write_rows(Connection& connection, const Common& common, const std::vector<const Write*>& batch) {
  switch (kind_of(*batch.front())) {
    case Kind::Move:
      return move_rows(connection, common, batch);
    case Kind::End:
      return end_rows(connection, common, batch);
    case Kind::Requeue:
      return requeue_rows(connection, common, batch);
    case Kind::Append:
      return append_rows(connection, common, batch);
  }
  __builtin_unreachable();
}

}  // namespace

bool is_patient(const Write& write) {
  const auto* move = std::get_if<Transition>(&write);
  return move && move->to == Stage::Cleaned;
}

Kind kind_of(const Write& write) {
  return std::visit(
      Overloaded{[](const Transition&) { return Kind::Move; }, [](const Finish&) { return Kind::End; },
                 [](const Recycle&) { return Kind::End; }, [](const Requeue&) { return Kind::Requeue; },
                 [](const LogAppend&) { return Kind::Append; }},
      write);
}

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
                                     [](const Requeue&) { return std::size_t{0}; },
                                     [](const LogAppend& a) {
                                       std::size_t sum = 0;
                                       for (const auto& piece : a.pieces) sum += 2 * piece.chunk.bytes.size();
                                       return sum;
                                     }},
                          write);
}

void act_as(Connection& connection, const Writer& writer) {
  if (!connection.query(sql::kActAs, {writer.node, std::to_string(writer.epoch)}).flag(0, 0)) {
    throw Failure({ErrorClass::Conflict, "the name of node " + writer.node + " was taken over"}, "", false);
  }
}

std::vector<Outcome> write_batch(Connection& connection, const Writer& writer,
                                 const std::vector<const Write*>& batch, bool wait) {
  const Common common{writer.node, std::to_string(writer.epoch), std::string(flag(wait))};
  const auto rows = write_rows(connection, common, batch);
  std::map<ExecutionId, bool> held;
  for (int i = 0; i < rows.size(); ++i) held[rows.string(i, 0)] = rows.flag(i, 1);
  std::vector<Outcome> outcomes;
  for (const auto* write : batch) {
    const auto row = held.find(id_of(*write));
    const bool free = row != held.end();
    outcomes.push_back(free && row->second ? Outcome::Written
                       : free || wait      ? Outcome::Elsewhere
                                           : Outcome::Busy);
  }
  return outcomes;
}

}  // namespace slipway::store::postgres
