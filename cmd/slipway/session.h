#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/result.h"
#include "cmd/slipway/progress.h"
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
  /// What somebody who waits at a terminal is told from now on; empty: nothing more, since output comes by
  /// itself.
  void tell(const std::string& what);

 private:
  std::unique_ptr<Progress> progress_;
  std::shared_ptr<store::Catalog> catalog_;
};

/// A database that is away for a while does not end a command that waits or follows: it says so once and goes
/// on where it stood.
class Outage {
 public:
  /// False: an error that does not pass, or one that has lasted too long.
  bool bears(const Error& error);
  void over() { since_.reset(); }

 private:
  std::optional<std::chrono::steady_clock::time_point> since_;
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
