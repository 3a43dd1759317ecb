#include "store/postgres/catalog_writer.h"

#include <random>

#include "api/granted.h"
#include "api/timestamp.h"
#include "store/postgres/catalog_statements.h"
#include "store/postgres/catalog_warnings.h"

namespace slipway::store::postgres {

using nlohmann::json;

namespace {

Param number(const auto& value) { return value ? Param(std::to_string(*value)) : Param(); }
Param seconds(const std::optional<std::chrono::seconds>& value) {
  return value ? Param(std::to_string(value->count())) : Param();
}
Param time(const std::optional<TimePoint>& value) {
  return value ? Param(format_timestamp(*value)) : Param();
}
Param text(const std::string& value) { return value.empty() ? Param() : Param(value); }

// What came out of no file has no place there.
std::string where(const Object& object) {
  return (object.file.empty() ? "" : object.file + ":" + std::to_string(object.place.line) + ": ") +
         std::string(singular_of(object.kind())) + (object.name.empty() ? "" : "/" + object.name);
}

Error immutable(const Object& object, const std::string& field) {
  return {ErrorClass::Invalid, where(object) + ": " + field + ": field is immutable"};
}

Error exists(const Object& object) { return {ErrorClass::Conflict, where(object) + " already exists"}; }

// The upserts answer one row (inserted or not) where they wrote, and none where nothing would have changed.
Result<Change> written(const Object& object, const Rows& rows, bool create_only) {
  const bool inserted = rows.size() > 0 && rows.flag(0, 0);
  if (create_only && !inserted) return exists(object);
  Change change{Change::What::Unchanged, object.kind(), object.name, ""};
  if (rows.size() > 0) change.what = inserted ? Change::What::Created : Change::What::Configured;
  return change;
}

Result<Change> write(Connection& connection, const Object& object, const AgentSpec& spec, bool create_only) {
  const auto rows =
      connection.query(catalog::kApplyAgent, {object.name, to_json(spec).dump(), json(object.labels).dump()});
  return written(object, rows, create_only);
}

Result<Change> write(Connection& connection, const Object& object, const EntitlementSpec& spec,
                     bool create_only) {
  const auto before = connection.query(catalog::kLockEntitlement, {object.name});
  if (before.size() > 0 && before.string(0, 0) != spec.user) return immutable(object, "spec.user");
  if (before.size() > 0 && before.string(0, 1) != spec.agent) return immutable(object, "spec.agent");
  const auto rows = connection.query(catalog::kApplyEntitlement, {object.name, spec.user, spec.agent,
                                                                  number(spec.uses), time(spec.expires)});
  return written(object, rows, create_only);
}

Result<Change> write(Connection& connection, const Object& object, const QuotaSpec& spec, bool create_only) {
  const auto rows =
      connection.query(catalog::kApplyQuota, {spec.user, number(spec.per_minute), number(spec.max_running),
                                              number(spec.max_queued), number(spec.max_priority)});
  return written(object, rows, create_only);
}

// Five characters, as Kubernetes appends them.
std::string generate_name(const std::string& prefix) {
  static constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> pick(0, letters.size() - 1);
  std::string name = prefix;
  for (int i = 0; i < 5; ++i) name += letters[pick(random)];
  return name;
}

// The first field of a row that stands which this document would change and may not; empty: none.
std::string first_immutable(const Rows& rows, const ExecutionSpec& spec) {
  if (rows.string(0, 1) != spec.agent) return "spec.agent";
  // As values: the file's spelling of the same JSON may differ.
  if (json::parse(rows.string(0, 2), nullptr, false) != json::parse(spec.input, nullptr, false))
    return "spec.input";
  if (rows.text(0, 3) != spec.entitlement) return "spec.entitlement";
  static constexpr const char* compared_by_the_query[] = {"notBefore", "startDeadline", "traceparent"};
  for (int i = 0; i < 3; ++i) {
    if (!rows.flag(0, 4 + i)) return std::string("spec.") + compared_by_the_query[i];
  }
  if (rows.flag(0, 7) && !spec.cancel) return "spec.cancel";
  const auto retries = rows.null(0, 8) ? std::nullopt : std::optional(static_cast<int>(rows.number(0, 8)));
  if (spec.retry_limit && spec.retry_limit != retries) return "spec.retryLimit";
  return "";
}

// What the first decision has made, or would make, of the request: else the same document applied again would
// ask for more each time. Under another revision than the newest it is left to the node to hold it to that.
ExecutionSpec as_decided(Connection& connection, ExecutionSpec spec, const Rows& row) {
  const Asked asked{spec.timeout, spec.retry_limit};
  const auto newest = asked == Asked{} || row.null(0, 9) ? std::nullopt : newest_spec(connection, spec.agent);
  if (!newest || newest->revision != row.number(0, 9)) return spec;
  if (spec.timeout) spec.timeout = granted_timeout(asked, newest->spec);
  if (spec.retry_limit) spec.retry_limit = granted_retries(asked, newest->spec);
  return spec;
}

Result<Change> update(Connection& connection, const Object& object, const ExecutionSpec& asked) {
  const auto rows = connection.query(
      catalog::kLockExecution,
      {asked.user, object.name, time(asked.not_before), time(asked.start_deadline), text(asked.traceparent)});
  if (rows.size() == 0) return Error{ErrorClass::Conflict, where(object) + " was removed meanwhile"};
  const auto spec = as_decided(connection, asked, rows);
  if (const auto field = first_immutable(rows, spec); !field.empty()) return immutable(object, field);
  const auto id = rows.string(0, 0);
  const auto changed = connection.query(
      catalog::kUpdateExecution,
      {id, spec.cancel ? "true" : "false", seconds(spec.timeout), std::to_string(spec.priority.value_or(0)),
       json(object.labels).dump(), seconds(spec.ttl_after_finished)});
  return Change{changed.size() > 0 ? Change::What::Configured : Change::What::Unchanged, Kind::Execution,
                object.name, id};
}

Result<Change> write(Connection& connection, const Object& object, const ExecutionSpec& spec,
                     bool create_only) {
  const auto name = object.generate_name.empty() ? object.name : generate_name(object.generate_name);
  const auto rows =
      connection.query(catalog::kInsertExecution,
                       {text(name), spec.user, spec.agent, spec.entitlement, spec.input,
                        number(spec.priority), seconds(spec.timeout), time(spec.not_before),
                        time(spec.start_deadline), number(spec.retry_limit), seconds(spec.ttl_after_finished),
                        json(object.labels).dump(), text(spec.traceparent), spec.cancel ? "true" : "false"});
  if (rows.size() > 0) {
    const auto id = rows.string(0, 0);
    return Change{Change::What::Created, Kind::Execution, name.empty() ? id : name, id};
  }
  if (create_only) return exists(object);
  return update(connection, object, spec);
}

}  // namespace

Result<Change> write_object(Connection& connection, const Object& object, bool create_only) {
  try {
    return std::visit([&](const auto& spec) { return write(connection, object, spec, create_only); },
                      object.spec);
  } catch (const Failure& failure) {
    // The database's own refusal (a CHECK, a trigger), told beside the document it concerns.
    if (failure.error().error_class != ErrorClass::Invalid) throw;
    throw Failure({ErrorClass::Invalid, where(object) + ": " + failure.error().message}, failure.sqlstate(),
                  failure.connection_lost());
  }
}

}  // namespace slipway::store::postgres
