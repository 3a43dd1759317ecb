#include "store/postgres/reads.h"

#include <nlohmann/json.hpp>

#include "api/granted.h"
#include "store/postgres/parameters.h"
#include "store/postgres/statements.h"

namespace slipway::store::postgres {
namespace {

std::optional<TimePoint> time_at(const Rows& rows, int row, int column) {
  if (rows.null(row, column)) return std::nullopt;
  return time_point(rows.number(row, column));
}

std::optional<int> int_at(const Rows& rows, int row, int column) {
  if (rows.null(row, column)) return std::nullopt;
  return static_cast<int>(rows.number(row, column));
}

// The submitter may have asked for more since, up to what the agent allows.
std::chrono::seconds effective_timeout(std::optional<int> asked, const AgentSpec* spec) {
  if (!spec) return std::chrono::seconds(asked.value_or(300));
  if (!asked) return spec->timeout;
  return granted_timeout({std::chrono::seconds(*asked), std::nullopt}, *spec);
}

int effective_retries(std::optional<int> asked, const AgentSpec* spec) {
  return spec ? granted_retries({std::nullopt, asked}, *spec) : 0;
}

std::vector<std::string> first_column(const Rows& rows) {
  std::vector<std::string> values;
  values.reserve(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) values.push_back(rows.string(i, 0));
  return values;
}

std::vector<Step> steps(const Rows& rows) {
  std::vector<Step> list;
  list.reserve(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    list.push_back({.id = rows.string(i, 0),
                    .attempt = static_cast<int>(rows.number(i, 1)),
                    .from = stage_from(rows.string(i, 2)).value_or(Stage::New),
                    .to = stage_from(rows.string(i, 3)).value_or(Stage::New),
                    .reason = reason_from(rows.string(i, 4)).value_or(Reason::Queued),
                    .agent = rows.string(i, 5),
                    .traceparent = rows.string(i, 6)});
  }
  return list;
}

/// What the database itself may have to say of a row, by reason.
std::string words() {
  static const std::string text = [] {
    auto all = nlohmann::json::object();
    for (auto reason : {Reason::EntitlementMissing, Reason::EntitlementExpired, Reason::EntitlementExhausted,
                        Reason::RateLimited, Reason::QueueFull, Reason::AgentNotFound, Reason::AgentSuspended,
                        Reason::Throttled, Reason::NoCapacity}) {
      all[std::string(row_of(reason).name)] = row_of(reason).message;
    }
    return all.dump();
  }();
  return text;
}

Execution execution_at(const Rows& rows, int i) {
  Execution e;
  e.ref = {rows.string(i, 0), static_cast<int>(rows.number(i, 1)), static_cast<int>(rows.number(i, 2)),
           rows.string(i, 3)};
  e.owner = rows.string(i, 4);
  e.user_id = rows.string(i, 5);
  e.agent = rows.string(i, 6);
  e.agent_revision = static_cast<int>(rows.number(i, 7));
  e.image_id = rows.string(i, 8);
  e.stage = stage_from(rows.string(i, 9)).value_or(Stage::New);
  e.status = status_from(rows.string(i, 10)).value_or(Status::Pending);
  e.reason = reason_from(rows.string(i, 11)).value_or(Reason::Queued);
  e.cancel_requested = rows.flag(i, 12);
  e.create_failures = static_cast<int>(rows.number(i, 15));
  e.traceparent = rows.string(i, 16);
  e.engine = rows.string(i, 17);
  e.intent_at = time_at(rows, i, 18);
  e.started_at = time_at(rows, i, 19);
  e.deadline_at = time_at(rows, i, 20);
  e.kill_at = time_at(rows, i, 21);
  e.not_before = time_at(rows, i, 22);
  e.verdict = verdict_from(rows.string(i, 23));
  e.created_at = time_point(rows.number(i, 24));
  e.input = rows.text(i, 25);
  return e;
}

}  // namespace

std::vector<Undecided> list_undecided(Connection& connection, SpecCache& specs, int limit) {
  const auto rows = connection.query(sql::kListUndecided, {std::to_string(limit)});
  std::vector<Undecided> list;
  list.reserve(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    list.push_back({.id = rows.string(i, 0),
                    .stage = stage_from(rows.string(i, 1)).value_or(Stage::New),
                    .user_id = rows.string(i, 2),
                    .agent = rows.string(i, 3),
                    .cancel_requested = rows.flag(i, 4),
                    .not_before = time_at(rows, i, 5),
                    .start_deadline = time_at(rows, i, 6),
                    .timeout_seconds = int_at(rows, i, 7),
                    .retry_limit = int_at(rows, i, 8),
                    .input = rows.string(i, 9),
                    .agent_revision = static_cast<int>(rows.number(i, 10))});
    list.back().spec = specs.get(connection, list.back().agent, list.back().agent_revision);
  }
  return list;
}

std::vector<Step> decide(Connection& connection, const Writer& writer,
                         const std::vector<Decision>& decisions) {
  Column id, was, stage, status, reason, fault, message, revision, timeout, retries;
  for (const auto& d : decisions) {
    const auto& row = row_of(d.reason);
    const bool ends = d.to == Stage::Finished;
    id.add(d.id);
    was.add(to_string(d.from));
    stage.add(to_string(d.to));
    status.add(to_string(ends ? row.status : Status::Pending));
    reason.add(row.name);
    fault.add(to_string(ends ? row.fault : Fault::None));
    message.add(d.message.empty() ? row.message : std::string_view(d.message));
    revision.add(!ends ? std::optional(d.agent_revision) : std::nullopt);
    timeout.add(!ends && d.timeout_seconds > 0 ? std::optional(d.timeout_seconds) : std::nullopt);
    retries.add(!ends ? std::optional(d.retry_limit) : std::nullopt);
  }
  return steps(connection.commit(
      sql::kDecide, {writer.node, std::to_string(writer.epoch), id.take(), was.take(), stage.take(),
                     status.take(), reason.take(), fault.take(), message.take(), revision.take(),
                     timeout.take(), retries.take(), words()}));
}

std::vector<ExecutionId> list_candidates(Connection& connection, int limit) {
  return first_column(connection.query(sql::kListCandidates, {std::to_string(limit)}));
}

std::vector<ExecutionId> list_unlocked_candidates(Connection& connection, int limit) {
  return first_column(connection.query(sql::kListUnlockedCandidates, {std::to_string(limit)}));
}

std::vector<Step> claim(Connection& connection, const Writer& writer, const std::vector<ExecutionId>& ids) {
  return steps(connection.commit(sql::kClaim, {writer.node, std::to_string(writer.epoch), array(ids),
                                               std::string(row_of(Reason::Starting).message), words()}));
}

int explain_waiting(Connection& connection, const Writer& writer, bool slots_free) {
  constexpr int kAtOnce = 200;
  const auto rows = connection.commit(
      sql::kExplainWaiting,
      {writer.node, std::to_string(writer.epoch), std::to_string(kAtOnce), slots_free ? "t" : "f", words()});
  return static_cast<int>(rows.number(0, 0));
}

std::map<ExecutionId, Execution> load(Connection& connection, SpecCache& specs,
                                      const std::vector<ExecutionId>& ids) {
  const auto rows = connection.query(sql::kLoad, {array(ids), std::to_string(kSmallInput)});
  std::map<ExecutionId, Execution> found;
  for (int i = 0; i < rows.size(); ++i) {
    auto execution = execution_at(rows, i);
    execution.spec = specs.get(connection, execution.agent, execution.agent_revision);
    execution.timeout = effective_timeout(int_at(rows, i, 13), execution.spec.get());
    execution.retry_limit = effective_retries(int_at(rows, i, 14), execution.spec.get());
    found.insert_or_assign(execution.ref.execution, std::move(execution));
  }
  return found;
}

std::string load_input(Connection& connection, const ExecutionId& id) {
  const auto rows = connection.query(sql::kLoadInput, {id});
  if (rows.size() == 0) throw Failure({ErrorClass::NotFound, "no execution " + id}, "", false);
  return rows.string(0, 0);
}

LiveLog live_log(Connection& connection, const ExecutionId& id, int attempt) {
  const auto rows = connection.query(sql::kLiveLog, {id, std::to_string(attempt)});
  if (rows.size() == 0) return {};
  return {rows.number(0, 0), time_point(rows.number(0, 1)), time_point(rows.number(0, 2))};
}

std::vector<ExecutionId> list_unconverged(Connection& connection, const std::string& node) {
  return first_column(connection.query(sql::kListUnconverged, {node}));
}

std::vector<ClaimId> live_claims(Connection& connection, const std::vector<ClaimId>& claims) {
  return first_column(connection.query(sql::kLiveClaims, {array(claims)}));
}

Prospect look_ahead(Connection& connection) {
  const auto rows = connection.query(sql::kLookAhead);
  return {.waiting = rows.flag(0, 0), .next_decision = time_at(rows, 0, 1)};
}

}  // namespace slipway::store::postgres
