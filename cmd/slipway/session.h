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

/// What every command shares: where the database or the server before it is, and the one catalog opened
/// there.
struct Session {
  std::string database_flag;            ///< --database-url, empty if not given
  std::string server_flag;              ///< --server
  std::string token_flag;               ///< --token
  std::string token_file;               ///< --token-file
  std::string certificate_authority;    ///< --certificate-authority
  std::string request_timeout = "60s";  ///< --request-timeout, of a server's answer
  std::string config_file = "/etc/slipway/config.yaml";
  int exit_code = 0;

  /// flag > SLIPWAY_DATABASE_URL > database.url of the file.
  Result<std::string> database_url() const;
  /// The server's URL; empty: the database itself is spoken to. Usage error when both are named with the same
  /// weight.
  std::string server_url() const;
  /// Usage error of a command that works on the database or this machine alone, where a server is named.
  void refuse_server(const std::string& command, const std::string& why) const;
  /// Connects, and checks the schema or the token. On an error says it on stderr and answers null: the
  /// command ends with 1.
  store::CommandCatalog* catalog();
  /// For whom a run is that names nobody: the token's user, or else $USER.
  std::string default_user();
  /// What the server calls its version; nothing where none is named.
  Result<std::string> server_version();
  /// What somebody who waits at a terminal is told from now on; empty: nothing more, since output comes by
  /// itself.
  void tell(const std::string& what);

 private:
  std::unique_ptr<Progress> progress_;
  std::shared_ptr<store::CommandCatalog> catalog_;
  std::string own_user_;  // of a user's token
};

/// A database or server that is away for a while does not end a command that waits or follows: it says so
/// once and goes on where it stood.
class Outage {
 public:
  /// False: an error that does not pass, or one that has lasted too long.
  bool bears(const Error& error);
  void over() { since_.reset(); }

 private:
  std::optional<std::chrono::steady_clock::time_point> since_;
};

/// On stderr what was done as asked and will not all hold.
void warn(const store::Change& change);

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
