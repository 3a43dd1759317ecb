#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "api/result.h"

namespace slipway::store::postgres {

/// A statement with a stable name: prepared on each connection when it is first used there.
struct Statement {
  const char* name;
  const char* sql;
};

/// Text parameters; nullopt is NULL. A NUL byte in one is refused as Invalid: the wire format would cut it in
/// silence.
using Param = std::optional<std::string>;
using Params = std::vector<Param>;

/// How a connection behaves. Times bound every call.
struct ConnectionOptions {
  std::string url;
  std::chrono::seconds connect_timeout{2};
  std::chrono::milliseconds statement_timeout{5000};
  std::chrono::milliseconds lock_timeout{1000};
  std::string application_name = "slipwayd";
  std::string needed_role = "slipway_controller";  ///< named where the server denies a right
};

/// Thrown inside this folder only; translated to its Error where a call leaves it.
class Failure : public std::runtime_error {
 public:
  Failure(Error error, std::string sqlstate, bool connection_lost)
      : std::runtime_error(error.message),
        error_(std::move(error)),
        sqlstate_(std::move(sqlstate)),
        lost_(connection_lost) {}
  const Error& error() const { return error_; }
  const std::string& sqlstate() const { return sqlstate_; }
  /// A value is at fault, of a parameter or of a stored row: other values may fare better.
  bool of_data() const;
  /// The connection must not be used again.
  bool connection_lost() const { return lost_; }

 private:
  Error error_;
  std::string sqlstate_;
  bool lost_;
};

/// What an SQLSTATE means to the caller. Nothing was written in any of these cases.
ErrorClass classify(std::string_view sqlstate);

/// The answer to one statement. Columns are counted from 0.
class Rows {
 public:
  explicit Rows(std::shared_ptr<const void> result);
  int size() const;
  std::optional<std::string> text(int row, int column) const;
  std::string string(int row, int column) const;   ///< empty for NULL
  std::int64_t number(int row, int column) const;  ///< 0 for NULL
  bool flag(int row, int column) const;            ///< false for NULL
  bool null(int row, int column) const;

 private:
  std::shared_ptr<const void> result_;
};

/// One connection to the server. Blocking, for one thread at a time; throws Failure. The only place, with its
/// listening sister, that knows which client library is used.
class Connection {
 public:
  /// Connects. `on_socket` is told the socket once there is one, before anything is said on it: from then on
  /// the caller may cut a server that does not answer.
  explicit Connection(const ConnectionOptions& options, const std::function<void(int)>& on_socket = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One statement in a transaction of its own, or within the one that is open.
  Rows query(const Statement& statement, const Params& params = {});
  /// One statement that writes, in a transaction of its own: a lost answer is a Failure of class Doubt. A
  /// connection on which the server has spoken unasked (it says goodbye so) is found out before anything is
  /// sent: Retry, lost.
  Rows commit(const Statement& statement, const Params& params);
  /// Several statements without parameters and without an answer (migrations, settings).
  void script(std::string_view sql);
  /// BEGIN, `work`, COMMIT; rolls back when `work` throws or answers false. A lost answer to COMMIT is a
  /// Failure of class Doubt.
  void transaction(const std::function<bool()>& work);
  /// Another process than the one connected to answers, and may be a different one for each transaction:
  /// nothing of a session holds (settings, prepared statements, LISTEN, locks beyond a transaction). Found
  /// out at the connect; statements and transactions work all the same.
  bool pooled() const;
  /// The socket, for the watchdog to cut when the server hangs.
  int socket() const;

 private:
  void prepare(const Statement& statement);
  Rows exec(const Statement& statement, const Params& params, bool committing);
  Failure told(const Failure& failure) const;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::store::postgres
