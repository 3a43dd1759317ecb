#include <fmt/format.h>

#include "api/granted.h"
#include "logging/log.h"
#include "store/postgres/parameters.h"
#include "store/postgres/reads.h"
#include "store/postgres/statements.h"

// Reads of many rows at once, of which one may hold what cannot be read: a value this binary does not know,
// or one that the database itself cannot give. That row is told apart, by its id; the others are read.
namespace slipway::store::postgres {
namespace {

constexpr std::size_t kInputsAtOnce = 8 << 20;  ///< bytes, as kListUndecided says

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

void tell(const ExecutionId& id, const std::string& why) {
  logging::error("a row cannot be read", {{"execution", id}, {"error", why}});
}

Error unknown(const char* column, const std::string& value) {
  return {ErrorClass::Invalid,
          fmt::format("{} holds \"{}\", which this binary does not know", column, value)};
}

Result<Execution> execution_at(const Rows& rows, int i) {
  const auto stage = stage_from(rows.string(i, 8));
  const auto status = status_from(rows.string(i, 9));
  const auto verdict = verdict_from(rows.string(i, 22));
  if (!stage) return unknown("stage", rows.string(i, 8));
  if (!status) return unknown("status", rows.string(i, 9));
  if (!verdict && !rows.null(i, 22)) return unknown("verdict", rows.string(i, 22));
  Execution e;
  e.ref = {rows.string(i, 0), static_cast<int>(rows.number(i, 1)), rows.string(i, 2)};
  e.owner = rows.string(i, 3);
  e.user_id = rows.string(i, 4);
  e.agent = rows.string(i, 5);
  e.agent_revision = static_cast<int>(rows.number(i, 6));
  e.image_id = rows.string(i, 7);
  e.stage = *stage;
  e.status = *status;
  e.reason = reason_from(rows.string(i, 10)).value_or(Reason::Queued);
  e.cancel_requested = rows.flag(i, 11);
  e.create_failures = static_cast<int>(rows.number(i, 14));
  e.traceparent = rows.string(i, 15);
  e.engine = rows.string(i, 16);
  e.intent_at = time_at(rows, i, 17);
  e.started_at = time_at(rows, i, 18);
  e.deadline_at = time_at(rows, i, 19);
  e.kill_at = time_at(rows, i, 20);
  e.not_before = time_at(rows, i, 21);
  e.verdict = verdict;
  e.created_at = time_point(rows.number(i, 23));
  e.input = rows.text(i, 24);
  return e;
}

Result<Execution> with_spec(Connection& connection, SpecCache& specs, const Rows& rows, int i) {
  auto execution = execution_at(rows, i);
  if (!execution) return execution;
  auto read = specs.get(connection, execution->agent, execution->agent_revision);
  if (!read.spec && execution->agent_revision > 0)
    return Error{ErrorClass::Invalid, "the agent's revision is not there"};
  execution->spec = std::move(read.spec);
  execution->spec_whole = read.whole;
  execution->timeout = effective_timeout(int_at(rows, i, 12), execution->spec.get());
  execution->retry_limit = effective_retries(int_at(rows, i, 13), execution->spec.get());
  return execution;
}

Loaded read(Connection& connection, SpecCache& specs, const std::vector<ExecutionId>& ids,
            int largest_input) {
  const auto rows = connection.query(sql::kLoad, {array(ids), std::to_string(largest_input)});
  Loaded found;
  for (int i = 0; i < rows.size(); ++i) {
    auto execution = with_spec(connection, specs, rows, i);
    if (!execution) tell(rows.string(i, 0), execution.error().message);
    found.insert_or_assign(rows.string(i, 0), std::move(execution));
  }
  return found;
}

/// One row that the database cannot give whole: without its input, which is asked for by itself once it is
/// needed.
Loaded read_without_input(Connection& connection, SpecCache& specs, const ExecutionId& id) {
  try {
    return read(connection, specs, {id}, -1);
  } catch (const Failure& failure) {
    if (!failure.of_data()) throw;
    tell(id, failure.error().message);
    return {{id, Error{ErrorClass::Invalid, failure.error().message}}};
  }
}

Undecided undecided_at(Connection& connection, SpecCache& specs, const Rows& rows, int i) {
  const auto stage = stage_from(rows.string(i, 1));
  Undecided row{.id = rows.string(i, 0),
                .stage = stage.value_or(Stage::New),
                .user_id = rows.string(i, 2),
                .agent = rows.string(i, 3),
                .cancel_requested = rows.flag(i, 4),
                .not_before = time_at(rows, i, 5),
                .start_deadline = time_at(rows, i, 6),
                .timeout_seconds = int_at(rows, i, 7),
                .retry_limit = int_at(rows, i, 8),
                .input = rows.string(i, 9),
                .agent_revision = static_cast<int>(rows.number(i, 10))};
  if (!stage) row.unreadable = unknown("stage", rows.string(i, 1)).message;
  auto read = specs.get(connection, row.agent, row.agent_revision);
  if (read.whole) row.spec = std::move(read.spec);
  return row;
}

std::vector<Undecided> one_by_one(Connection& connection, SpecCache& specs, int limit) {
  const auto heads = connection.query(sql::kUndecidedHeads, {std::to_string(limit)});
  std::vector<Undecided> list;
  std::size_t bytes = 0;
  for (int i = 0; i < heads.size() && bytes < kInputsAtOnce; ++i) {
    const auto id = heads.string(i, 0);
    try {
      const auto rows = connection.query(sql::kUndecidedOne, {id});
      if (rows.size() > 0) list.push_back(undecided_at(connection, specs, rows, 0));
    } catch (const Failure& failure) {
      if (!failure.of_data()) throw;
      tell(id, failure.error().message);
      Undecided row{.id = id, .stage = stage_from(heads.string(i, 1)).value_or(Stage::New)};
      row.unreadable = failure.error().message;
      list.push_back(std::move(row));
    }
    bytes += list.empty() ? 0 : list.back().input.size();
  }
  return list;
}

}  // namespace

std::vector<Undecided> list_undecided(Connection& connection, SpecCache& specs, int limit) {
  try {
    const auto rows = connection.query(sql::kListUndecided, {std::to_string(limit)});
    std::vector<Undecided> list;
    list.reserve(static_cast<std::size_t>(rows.size()));
    for (int i = 0; i < rows.size(); ++i) list.push_back(undecided_at(connection, specs, rows, i));
    return list;
  } catch (const Failure& failure) {
    if (!failure.of_data()) throw;
    return one_by_one(connection, specs, limit);
  }
}

Loaded load(Connection& connection, SpecCache& specs, const std::vector<ExecutionId>& ids) {
  try {
    return read(connection, specs, ids, kSmallInput);
  } catch (const Failure& failure) {
    if (!failure.of_data()) throw;
  }
  if (ids.size() == 1) return read_without_input(connection, specs, ids.front());
  const auto middle = ids.begin() + std::ssize(ids) / 2;
  auto found = load(connection, specs, {ids.begin(), middle});
  found.merge(load(connection, specs, {middle, ids.end()}));
  return found;
}

}  // namespace slipway::store::postgres
