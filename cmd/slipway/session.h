#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "api/result.h"
#include "store/catalog.h"

namespace slipway::cli {

/// What every command shares: where the database is, and the one catalog opened on it.
struct Session {
  std::string database_flag;  ///< --database-url, empty if not given
  std::string config_file = "/etc/slipway/config.yaml";
  int exit_code = 0;

  /// flag > SLIPWAY_DATABASE_URL > database.url of the file.
  Result<std::string> database_url() const;
  /// Connects and checks the schema. On an error says it on stderr and answers null: the command ends with 1.
  store::Catalog* catalog();

 private:
  std::shared_ptr<store::Catalog> catalog_;
};

/// One clear line for an error of the catalog; answers exit code 1.
int fail(const Error& error);

/// The sentence for a database that cannot be talked to.
std::string unreachable(const std::string& url, const Error& error);

/// The URL without its password, for people.
std::string redacted(const std::string& url);

/// Asks `done` again and again, with growing pauses up to a quarter of a second, until it answers true or the
/// time is over.
bool poll_until(std::chrono::milliseconds timeout, const std::function<bool()>& done);

}  // namespace slipway::cli
