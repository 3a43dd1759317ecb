#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway::test {

/// A private PostgreSQL server: its own data directory and 0700 socket directory under /tmp, `trust`, no TCP
/// unless asked for, the superuser `postgres`. Everything is stopped and removed with the object. When the
/// test process dies first, the server stops with it and its directory stays.
///
/// As root the server runs as `postgres` or `nobody`; otherwise as the caller. Failures throw
/// std::runtime_error, with the server's own words. One thread.
class PostgresServer {
 public:
  struct Options {
    bool fsync = false;  ///< and full_page_writes; tests of durability and measurements switch it on
    bool tcp = false;    ///< listens on 127.0.0.1, at a free port, as well
    int max_connections = 100;
    std::vector<std::pair<std::string, std::string>> settings;  ///< more of postgresql.conf
  };
  enum class Shutdown {
    Fast,       ///< ends sessions, writes a checkpoint
    Immediate,  ///< as a crash: recovery at the next start
  };

  PostgresServer();  ///< started, with the defaults
  explicit PostgresServer(Options options);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// The server of this test process: started at first use, removed at exit.
  static PostgresServer& shared();

  /// Of a database on this server, for libpq: "postgresql://user@/database?host=…".
  std::string url(const std::string& database = "postgres", const std::string& user = "postgres") const;
  /// The same over TCP. Only with Options::tcp.
  std::string tcp_url(const std::string& database = "postgres") const;
  int port() const { return port_; }

  /// A new, empty database; the answer is its URL.
  std::string create_database();
  /// A new database with the current schema. Migrated once per server, then copied: some 30 ms each.
  std::string create_migrated_database();

  void start();  ///< waits until it answers (30 s at most)
  void stop(Shutdown how = Shutdown::Fast);
  void restart(Shutdown how = Shutdown::Fast);
  void kill9();   ///< SIGKILL to the server and all its processes
  void pause();   ///< SIGSTOP to all of them: connections stay open and silent
  void resume();  ///< SIGCONT
  bool running() const { return pid_ > 0; }

  const std::filesystem::path& directory() const { return directory_; }
  std::string log() const;  ///< what the server has written so far

 private:
  void initialize();
  std::vector<pid_t> processes() const;
  void signal_all(int signal) const;
  void wait_for_exit();
  bool answers() const;

  Options options_;
  std::filesystem::path directory_;
  pid_t pid_ = -1;
  int port_ = 5432;
  int databases_ = 0;
  bool has_template_ = false;
};

/// Statements of a test, on a connection of its own. A failing one throws SqlError, with the SQLSTATE.
class Sql {
 public:
  using Row = std::vector<std::optional<std::string>>;
  using Params = std::vector<std::optional<std::string>>;

  explicit Sql(const std::string& url);
  ~Sql();
  Sql(const Sql&) = delete;
  Sql& operator=(const Sql&) = delete;

  void exec(const std::string& sql);  ///< any number of statements
  std::vector<Row> query(const std::string& sql, const Params& params = {});
  /// The first column of the first row; empty for NULL or no row.
  std::string value(const std::string& sql, const Params& params = {});
  /// The SQLSTATE with which it fails; empty when it does not.
  std::string fails_with(const std::string& sql, const Params& params = {});
  /// COPY … FROM STDIN of `rows`; the SQLSTATE with which it fails, empty when it does not.
  std::string copy(const std::string& sql, const std::string& rows);
  /// The rows of a COPY … TO STDOUT.
  std::string copied(const std::string& sql);
  /// The names of the channels notified since the last call, each with its payload; waits up to
  /// `milliseconds` for one.
  std::vector<std::pair<std::string, std::string>> notifications(int milliseconds = 0);
  int backend_pid() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class SqlError : public std::runtime_error {
 public:
  SqlError(const std::string& message, std::string sqlstate_)
      : std::runtime_error(message), sqlstate(std::move(sqlstate_)) {}
  std::string sqlstate;
};

}  // namespace slipway::test
