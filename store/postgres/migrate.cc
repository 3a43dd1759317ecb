#include "store/postgres/migrate.h"

#include <fmt/format.h>

#include "api/schemas/migrations.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {
namespace {

// Read from the catalogue's tables: to_regclass() may answer from a cache that has not heard what was
// committed while this transaction waited for the lock.
constexpr Statement kPresent{
    "schema_present",
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
    "c.relnamespace WHERE n.nspname = 'slipway' AND c.relname = 'schema_migrations')"};
constexpr Statement kVersion{
    "schema_version",
    "SELECT coalesce(max(number), 0), coalesce(max(oldest_binary), 0) FROM slipway.schema_migrations"};
constexpr Statement kLock{"migration_lock",
                          "SELECT pg_advisory_xact_lock(hashtextextended('slipway migrate', 0))"};

constexpr Statement kEncoding{
    "database_encoding",
    "SELECT pg_catalog.pg_encoding_to_char(encoding) FROM pg_catalog.pg_database WHERE datname = "
    "pg_catalog.current_database()"};

// What agents write is UTF-8, and has no place in any other encoding: a result could never be stored.
void refuse_other_encodings(Connection& connection) {
  const auto encoding = connection.query(kEncoding).string(0, 0);
  if (encoding == "UTF8") return;
  throw Failure(
      {ErrorClass::Unsupported,
       fmt::format("the database's encoding is {}, and results are UTF-8: create one with ENCODING 'UTF8' "
                   "TEMPLATE template0",
                   encoding)},
      "", false);
}

SchemaVersion read_version(Connection& connection) {
  if (!connection.query(kPresent).flag(0, 0)) return {};
  const auto rows = connection.query(kVersion);
  return {static_cast<int>(rows.number(0, 0)), static_cast<int>(rows.number(0, 1))};
}

ConnectionOptions patient(const std::string& url, std::chrono::seconds patience) {
  ConnectionOptions options;
  options.url = url;
  options.application_name = "slipway migrate";
  options.needed_role = "slipway_admin";
  options.statement_timeout = patience;
  options.lock_timeout = patience;
  return options;
}

// The lock belongs to the transaction, so that it also holds behind a pooler; after it, the version is read
// again.
bool apply_next(Connection& connection, std::vector<std::string>& applied) {
  bool more = false;
  std::string name;
  connection.transaction([&] {
    connection.query(kLock);
    const auto version = read_version(connection);
    for (const auto& migration : schemas::migrations()) {
      if (migration.number <= version.number) continue;
      connection.script(migration.sql);
      if (read_version(connection).number != migration.number) {
        throw Failure(
            {ErrorClass::Invalid, fmt::format("migration {} does not say its number", migration.name)}, "",
            false);
      }
      name = migration.name;
      more = true;
      return true;
    }
    return false;
  });
  if (more) applied.push_back(name);
  return more;
}

}  // namespace

int spoken_version() { return schemas::migrations().back().number; }

SchemaCheck judge_schema(const SchemaVersion& version, int spoken) {
  using enum SchemaCheck::Verdict;
  if (version.number == 0) {
    return {Absent, version, "the database has no slipway schema: run `slipway migrate`"};
  }
  if (version.number < spoken) {
    return {TooOld, version,
            fmt::format("the schema is at {}, this binary needs {}: run `slipway migrate`", version.number,
                        spoken)};
  }
  if (version.oldest_binary > spoken) {
    return {TooNew, version,
            fmt::format(
                "the schema is at {} and needs a binary that knows {}, this one knows {}: upgrade slipway",
                version.number, version.oldest_binary, spoken)};
  }
  return {Fits, version, ""};
}

Result<SchemaVersion> schema_version(const std::string& url) {
  try {
    Connection connection(patient(url, std::chrono::seconds(5)));
    refuse_other_encodings(connection);
    return read_version(connection);
  } catch (const Failure& failure) {
    return failure.error();
  }
}

Result<SchemaCheck> check_schema(const std::string& url) {
  const auto version = schema_version(url);
  if (!version) return version.error();
  return judge_schema(*version, spoken_version());
}

Result<std::vector<std::string>> migrate(const std::string& url, std::chrono::seconds patience) {
  try {
    Connection connection(patient(url, patience));
    refuse_other_encodings(connection);
    const auto check = judge_schema(read_version(connection), spoken_version());
    if (check.verdict == SchemaCheck::Verdict::TooNew) return Error{ErrorClass::Conflict, check.message};
    std::vector<std::string> applied;
    while (apply_next(connection, applied)) {
    }
    return applied;
  } catch (const Failure& failure) {
    return failure.error();
  }
}

}  // namespace slipway::store::postgres
