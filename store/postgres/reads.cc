#include "store/postgres/reads.h"

#include <nlohmann/json.hpp>

#include "store/postgres/parameters.h"
#include "store/postgres/statements.h"

namespace slipway::store::postgres {
namespace {

std::optional<TimePoint> time_at(const Rows& rows, int row, int column) {
  if (rows.null(row, column)) return std::nullopt;
  return time_point(rows.number(row, column));
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

}  // namespace

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
