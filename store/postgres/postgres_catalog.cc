#include "store/postgres/postgres_catalog.h"

#include "store/postgres/catalog_statements.h"
#include "store/postgres/catalog_warnings.h"
#include "store/postgres/catalog_writer.h"
#include "store/postgres/document.h"
#include "store/postgres/labels_fit.h"
#include "store/postgres/outlook.h"
#include "store/postgres/parameters.h"

namespace slipway::store::postgres {

using nlohmann::json;

namespace {

const Statement& list_statement(Table table) {
  switch (table) {
    case Table::Agents:
      return catalog::kListAgents;
    case Table::Entitlements:
      return catalog::kListEntitlements;
    case Table::Quotas:
      return catalog::kListQuotas;
    case Table::Executions:
      return catalog::kListExecutions;
    case Table::Nodes:
      return catalog::kListNodes;
  }
  return catalog::kListAgents;
}

Param unless_empty(const std::string& text) { return text.empty() ? Param() : Param(text); }

std::string unhex(const std::string& text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  }
  return bytes;
}

LogChunk::Stream stream_from(const std::string& name) {
  if (name == "stderr") return LogChunk::Stream::Stderr;
  return name == "system" ? LogChunk::Stream::System : LogChunk::Stream::Stdout;
}

Error not_found(Table table, const std::string& name) {
  return {ErrorClass::NotFound, std::string(singular_of(table)) + " \"" + name + "\" not found"};
}

std::vector<json> documents_of(const Rows& rows) {
  std::vector<json> all;
  for (int i = 0; i < rows.size(); ++i) all.push_back(json::parse(rows.string(i, 0), nullptr, false));
  return all;
}

}  // namespace

PostgresCatalog::PostgresCatalog(const std::string& url) {
  options_.url = url;
  options_.application_name = "slipway";
  options_.needed_role = "slipway_admin";
  options_.statement_timeout = std::chrono::seconds(30);
  options_.lock_timeout = std::chrono::seconds(10);
}

Result<TimePoint> PostgresCatalog::now() {
  return call<TimePoint>([](Connection& connection) -> Result<TimePoint> {
    return time_point(connection.query(catalog::kNow).number(0, 0));
  });
}

Result<std::vector<Change>> PostgresCatalog::apply(const std::vector<Object>& objects,
                                                   const ApplyOptions& options) {
  return call<std::vector<Change>>([&](Connection& connection) -> Result<std::vector<Change>> {
    std::vector<Change> changes;
    std::optional<Error> error;
    connection.transaction([&] {
      for (const auto& object : objects) {
        auto change = write_object(connection, object, options.create_only);
        if (!change) {
          error = change.error();
          return false;
        }
        changes.push_back(std::move(*change));
      }
      // Once all is written: an agent or entitlement further down the file counts as well.
      for (std::size_t i = 0; i < objects.size(); ++i)
        changes[i].warnings = warnings_of(connection, objects[i]);
      if (!options.dry_run) return true;
      for (std::size_t i = 0; i < objects.size(); ++i) {
        const auto* request = std::get_if<ExecutionSpec>(&objects[i].spec);
        if (request && changes[i].what == Change::What::Created)
          changes[i].outlook = outlook_of(connection, *request);
      }
      return false;
    });
    if (error) return *error;
    return changes;
  });
}

Result<std::vector<json>> PostgresCatalog::list(const Query& query) {
  return call<std::vector<json>>([&](Connection& connection) -> Result<std::vector<json>> {
    const auto rows =
        connection.query(list_statement(query.table),
                         {unless_empty(query.name), unless_empty(query.user), unless_empty(query.status),
                          std::to_string(query.limit), query.full ? "true" : "false",
                          unless_empty(query.agent), terms_of(query.labels), unless_empty(query.after)});
    if (rows.size() == 0 && !query.name.empty()) return not_found(query.table, query.name);
    std::vector<json> all;
    const bool whole = query.full && query.table == Table::Executions;
    for (int i = 0; i < rows.size(); ++i) {
      auto object = document_of(rows.string(i, 0));
      all.push_back(whole ? with_payload(std::move(object), rows, i, 1, 2) : std::move(object));
    }
    return all;
  });
}

Result<ExecutionId> PostgresCatalog::find_execution(const std::string& name_or_id) {
  return find_execution_of("", name_or_id);
}

Result<Standing> PostgresCatalog::standing(const ExecutionId& id) {
  return call<Standing>([&](Connection& connection) -> Result<Standing> {
    const auto rows = connection.query(catalog::kStanding, {id});
    if (rows.size() == 0) return not_found(Table::Executions, id);
    Standing standing;
    standing.id = rows.string(0, 0);
    standing.status = status_from(rows.string(0, 1)).value_or(Status::Pending);
    standing.reason = reason_from(rows.string(0, 2)).value_or(Reason::Queued);
    standing.message = rows.string(0, 3);
    if (!rows.null(0, 4)) standing.exit_code = static_cast<int>(rows.number(0, 4));
    standing.converged = rows.flag(0, 5);
    standing.name = rows.text(0, 6).value_or("");
    standing.user = rows.string(0, 7);
    standing.agent = rows.string(0, 8);
    standing.image = rows.text(0, 9).value_or("");
    if (!rows.null(0, 10)) standing.timeout = std::chrono::seconds(rows.number(0, 10));
    if (!rows.null(0, 11)) standing.duration_ms = rows.number(0, 11);
    return standing;
  });
}

Result<Waiting> PostgresCatalog::why(const ExecutionId& id) {
  return call<Waiting>([&](Connection& connection) -> Result<Waiting> {
    const auto rows = connection.query(catalog::kWhy, {id});
    if (rows.size() == 0) return not_found(Table::Executions, id);
    const auto number = [&](int column) { return static_cast<int>(rows.number(0, column)); };
    const auto maybe = [&](int column) {
      return rows.null(0, column) ? std::nullopt : std::optional(number(column));
    };
    Waiting w;
    w.id = rows.string(0, 0);
    w.status = status_from(rows.string(0, 1)).value_or(Status::Pending);
    w.reason = reason_from(rows.string(0, 2)).value_or(Reason::Queued);
    w.message = rows.string(0, 3);
    w.place = number(4), w.queued = number(5), w.users_waiting = number(6), w.users_ahead = number(7);
    w.user_running = number(8), w.user_limit = maybe(9);
    w.agent_running = number(10), w.agent_limit = maybe(11);
    w.waits_for_a_use = rows.flag(0, 12);
    w.not_before_in = std::max(0.0, static_cast<double>(rows.number(0, 13)) / 1000);
    w.nodes_ready = number(14), w.slots = number(15), w.slots_used = number(16);
    w.cordoned = json::parse(rows.string(0, 17)).get<std::vector<std::string>>();
    if (!rows.null(0, 18)) w.median_run_ms = rows.number(0, 18);
    w.locked = rows.flag(0, 19);
    return w;
  });
}

Result<std::optional<std::string>> PostgresCatalog::output(const ExecutionId& id) {
  return call<std::optional<std::string>>([&](Connection& connection) -> Result<std::optional<std::string>> {
    const auto rows = connection.query(catalog::kOutput, {id});
    if (rows.size() == 0) return not_found(Table::Executions, id);
    return rows.text(0, 0);
  });
}

Result<std::vector<json>> PostgresCatalog::events(const ExecutionId& id) {
  return call<std::vector<json>>([&](Connection& connection) -> Result<std::vector<json>> {
    return documents_of(connection.query(catalog::kEvents, {id}));
  });
}

Result<LogPage> PostgresCatalog::logs(const ExecutionId& id, const LogCursor& after) {
  return call<LogPage>([&](Connection& connection) -> Result<LogPage> {
    LogPage page{{}, {}, after};
    const auto rows =
        connection.query(catalog::kLogs, {id, std::to_string(after.attempt), std::to_string(after.place)});
    for (int i = 0; i < rows.size(); ++i) {
      page.next = {static_cast<int>(rows.number(i, 0)), static_cast<int>(rows.number(i, 1))};
      page.cursors.push_back(page.next);
      page.chunks.push_back(
          {stream_from(rows.string(i, 3)), time_point(rows.number(i, 2)), unhex(rows.string(i, 4))});
    }
    return page;
  });
}

Result<bool> PostgresCatalog::cancel(const ExecutionId& id) {
  return call<bool>([&](Connection& connection) -> Result<bool> {
    if (connection.query(catalog::kCancel, {id}).size() > 0) return true;
    const auto rows = connection.query(catalog::kStanding, {id});
    if (rows.size() == 0) return not_found(Table::Executions, id);
    const auto status = rows.string(0, 1);
    if (!is_final(status_from(status).value_or(Status::Pending))) return false;
    return Error{ErrorClass::Conflict,
                 "execution " + id + " is already " + status + " (" + rows.string(0, 2) + ")"};
  });
}

Result<void> PostgresCatalog::remove(Table table, const std::string& name) {
  const auto statement = [&]() -> const Statement* {
    switch (table) {
      case Table::Agents:
        return &catalog::kRemoveAgent;
      case Table::Entitlements:
        return &catalog::kRemoveEntitlement;
      case Table::Quotas:
        return &catalog::kRemoveQuota;
      case Table::Executions:
        return &catalog::kRemoveExecution;
      case Table::Nodes:
        return nullptr;
    }
    return nullptr;
  }();
  if (statement == nullptr)
    return Error{ErrorClass::Unsupported, "a node leaves when its slipwayd stops; it is not deleted"};
  const auto done = call<bool>([&](Connection& connection) -> Result<bool> {
    if (connection.query(*statement, {name}).size() == 0) return not_found(table, name);
    return true;
  });
  if (!done) return done.error();
  return {};
}

Result<void> PostgresCatalog::wish(const std::string& node, NodeWish wish) {
  const auto done = call<bool>([&](Connection& connection) -> Result<bool> {
    const bool cordoned = wish != NodeWish::Uncordon;
    const auto rows = connection.query(
        catalog::kWishNode, {node, cordoned ? "true" : "false", wish == NodeWish::Drain ? "true" : "false"});
    if (rows.size() == 0) return not_found(Table::Nodes, node);
    return true;
  });
  if (!done) return done.error();
  return {};
}

}  // namespace slipway::store::postgres
