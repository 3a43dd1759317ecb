#include "test/support/postgres_server/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "store/postgres/migrate.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// Of the newest server of this host, or of SLIPWAY_PG_BIN, a directory with `initdb` and `postgres`.
fs::path find_binary(const std::string& name) {
  if (const char* bin = std::getenv("SLIPWAY_PG_BIN")) return fs::path(bin) / name;
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(version.path() / "bin" / name)) found.push_back(version.path() / "bin" / name);
  }
  if (found.empty()) throw std::runtime_error("no PostgreSQL server under /usr/lib/postgresql");
  return *std::ranges::max_element(found);
}

// Whom the server runs as; it refuses root.
struct Account {
  uid_t uid = ::geteuid();
  gid_t gid = ::getegid();
};

Account unprivileged() {
  if (::geteuid() != 0) return {};
  for (const auto* name : {"postgres", "nobody"}) {
    if (const auto* entry = ::getpwnam(name)) return {entry->pw_uid, entry->pw_gid};
  }
  throw std::runtime_error("neither postgres nor nobody exists to run the server as");
}

// Starts a program as the unprivileged account, its output going to `log`. It dies with this thread's
// process.
pid_t spawn(const std::vector<std::string>& command, const fs::path& log, const fs::path& directory) {
  const auto account = unprivileged();
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(out, 1), ::dup2(out, 2);
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  for (int fd = 3; fd < 1024; ++fd) ::close(fd);
  if (::geteuid() == 0 &&
      (::setgroups(0, nullptr) != 0 || ::setgid(account.gid) != 0 || ::setuid(account.uid) != 0)) {
    ::_exit(126);
  }
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (::chdir(directory.c_str()) != 0) ::_exit(126);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

/// With owners and modes; as this process, for the server's account may not look into the build tree.
bool copy_all(const fs::path& from, const fs::path& to) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/cp", "cp", "-a", from.c_str(), to.c_str(), nullptr);
    ::_exit(127);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  if (status == 0) return true;
  std::error_code ignored;
  fs::remove_all(to, ignored);
  return false;
}

std::string read_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

PostgresServer::PostgresServer() : PostgresServer(Options{}) {}

PostgresServer::PostgresServer(Options options) : options_(std::move(options)) {
  std::string name = "/tmp/slipway-pg-XXXXXX";
  if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
  directory_ = name;
  if (options_.tcp) port_ = free_port();
  initialize();
  start();
}

PostgresServer::~PostgresServer() {
  if (pid_ > 0) {
    resume();
    stop(Shutdown::Immediate);
  }
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

void PostgresServer::initialize() {
  const auto account = unprivileged();
  if (::geteuid() == 0 && ::chown(directory_.c_str(), account.uid, account.gid) != 0)
    throw std::runtime_error("chown failed");
  // initdb takes most of a second: the build tree keeps what it made, by version and account, and the next
  // server is a copy.
  const char* build = std::getenv("SLIPWAY_BUILD_DIR");
  const auto initdb = find_binary("initdb");
  const auto kept =
      fs::path(build ? build : "") / ("cluster-" + initdb.parent_path().parent_path().filename().string() +
                                      "-" + std::to_string(account.uid));
  if (build && fs::exists(kept) && copy_all(kept, directory_ / "data")) return;
  const pid_t child = spawn({initdb, "-D", directory_ / "data", "-U", "postgres", "--auth=trust", "--no-sync",
                             "--encoding=UTF8", "--locale=C", "--no-instructions"},
                            directory_ / "initdb.log", directory_);
  int status = 0;
  ::waitpid(child, &status, 0);
  std::error_code ignored;
  if (status != 0) {
    const auto words = read_file(directory_ / "initdb.log");
    fs::remove_all(directory_, ignored);
    throw std::runtime_error("initdb failed: " + words);
  }
  if (!build) return;
  // Several begin at once: who is first puts its copy there whole, the others' are thrown away.
  const fs::path fresh = kept.string() + "." + std::to_string(::getpid());
  if (copy_all(directory_ / "data", fresh)) fs::rename(fresh, kept, ignored);
  fs::remove_all(fresh, ignored);
}

void PostgresServer::start() {
  std::vector<std::string> command{find_binary("postgres"),
                                   "-D",
                                   directory_ / "data",
                                   "-k",
                                   directory_,
                                   "-p",
                                   std::to_string(port_),
                                   "-c",
                                   options_.tcp ? "listen_addresses=127.0.0.1" : "listen_addresses=",
                                   "-c",
                                   "unix_socket_permissions=0777",
                                   "-c",
                                   "max_connections=" + std::to_string(options_.max_connections)};
  const auto set = [&](const std::string& key, const std::string& value) {
    command.insert(command.end(), {"-c", key + "=" + value});
  };
  // Nor is there anything to vacuum in a database of some seconds, while its launcher visits hundreds of
  // them.
  if (!options_.fsync) set("fsync", "off"), set("full_page_writes", "off"), set("autovacuum", "off");
  for (const auto& [key, value] : options_.settings) set(key, value);
  pid_ = spawn(command, directory_ / "server.log", directory_);
  for (const auto until = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < until;) {
    if (answers()) return;
    std::this_thread::sleep_for(10ms);
    if (::waitpid(pid_, nullptr, WNOHANG) != pid_) continue;
    pid_ = -1;
    // Of a server that was killed, a process or two may live a moment longer.
    if (log().find("pre-existing shared memory block") == std::string::npos) break;
    pid_ = spawn(command, directory_ / "server.log", directory_);
  }
  throw std::runtime_error("the server did not start: " + log());
}

bool PostgresServer::answers() const { return ::PQping(url().c_str()) == PQPING_OK; }

void PostgresServer::stop(Shutdown how) {
  if (pid_ <= 0) return;
  ::kill(pid_, how == Shutdown::Fast ? SIGINT : SIGQUIT);
  wait_for_exit();
}

void PostgresServer::restart(Shutdown how) {
  stop(how);
  start();
}

void PostgresServer::kill9() {
  if (pid_ <= 0) return;
  signal_all(SIGKILL);
  wait_for_exit();
}

void PostgresServer::pause() { signal_all(SIGSTOP); }
void PostgresServer::resume() { signal_all(SIGCONT); }

std::string PostgresServer::log() const { return read_file(directory_ / "server.log"); }

std::vector<pid_t> PostgresServer::processes() const {
  std::vector<pid_t> all{pid_};
  std::ifstream children("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
  for (pid_t child = 0; children >> child;) all.push_back(child);
  return all;
}

void PostgresServer::signal_all(int signal) const {
  if (pid_ <= 0) return;
  for (const auto pid : processes()) ::kill(pid, signal);
}

void PostgresServer::wait_for_exit() {
  for (const auto until = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < until;) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return;
    }
    std::this_thread::sleep_for(5ms);
  }
  signal_all(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string PostgresServer::url(const std::string& database, const std::string& user) const {
  return "postgresql://" + user + "@/" + database + "?host=" + directory_.string() +
         "&port=" + std::to_string(port_);
}

std::string PostgresServer::tcp_url(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresServer::create_database() {
  const auto name = "test_" + std::to_string(++databases_);
  Sql(url()).exec("CREATE DATABASE " + name);
  return url(name);
}

std::string PostgresServer::create_migrated_database() {
  if (!has_template_) {
    Sql(url()).exec("CREATE DATABASE slipway_template");
    const auto migrated = store::postgres::migrate(url("slipway_template"));
    if (!migrated) throw std::runtime_error("migrate: " + migrated.error().message);
    has_template_ = true;
  }
  const auto name = "test_" + std::to_string(++databases_);
  Sql(url()).exec("CREATE DATABASE " + name + " TEMPLATE slipway_template");
  return url(name);
}

struct Sql::Impl {
  PGconn* connection = nullptr;
};

Sql::Sql(const std::string& url) : impl_(std::make_unique<Impl>()) {
  impl_->connection = ::PQconnectdb(url.c_str());
  if (::PQstatus(impl_->connection) == CONNECTION_OK) {
    ::PQsetNoticeProcessor(impl_->connection, [](void*, const char*) {}, nullptr);
    return;
  }
  const std::string message = ::PQerrorMessage(impl_->connection);
  ::PQfinish(impl_->connection);
  throw SqlError(message, "08001");
}

Sql::~Sql() { ::PQfinish(impl_->connection); }

namespace {

using Answer = std::unique_ptr<PGresult, decltype(&::PQclear)>;

void check(const PGresult* answer, const std::string& sql) {
  const auto status = ::PQresultStatus(answer);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return;
  const char* sqlstate = ::PQresultErrorField(answer, PG_DIAG_SQLSTATE);
  throw SqlError(::PQresultErrorMessage(answer) + (" in: " + sql.substr(0, 200)),
                 sqlstate ? sqlstate : "08006");
}

}  // namespace

void Sql::exec(const std::string& sql) {
  const Answer answer(::PQexec(impl_->connection, sql.c_str()), &::PQclear);
  check(answer.get(), sql);
}

std::vector<Sql::Row> Sql::query(const std::string& sql, const Params& params) {
  std::vector<const char*> raw;
  for (const auto& param : params) raw.push_back(param ? param->c_str() : nullptr);
  const Answer answer(::PQexecParams(impl_->connection, sql.c_str(), static_cast<int>(raw.size()), nullptr,
                                     raw.data(), nullptr, nullptr, 0),
                      &::PQclear);
  check(answer.get(), sql);
  std::vector<Row> rows(static_cast<std::size_t>(::PQntuples(answer.get())));
  for (int i = 0; i < ::PQntuples(answer.get()); ++i) {
    for (int column = 0; column < ::PQnfields(answer.get()); ++column) {
      const bool null = ::PQgetisnull(answer.get(), i, column) != 0;
      rows[static_cast<std::size_t>(i)].push_back(
          null ? std::nullopt : std::optional<std::string>(::PQgetvalue(answer.get(), i, column)));
    }
  }
  return rows;
}

std::string Sql::value(const std::string& sql, const Params& params) {
  const auto rows = query(sql, params);
  return rows.empty() || rows[0].empty() ? "" : rows[0][0].value_or("");
}

std::string Sql::fails_with(const std::string& sql, const Params& params) {
  try {
    query(sql, params);
    return "";
  } catch (const SqlError& error) {
    return error.sqlstate;
  }
}

std::string Sql::copy(const std::string& sql, const std::string& rows) {
  const Answer begun(::PQexec(impl_->connection, sql.c_str()), &::PQclear);
  if (::PQresultStatus(begun.get()) == PGRES_COPY_IN) {
    ::PQputCopyData(impl_->connection, rows.data(), static_cast<int>(rows.size()));
    ::PQputCopyEnd(impl_->connection, nullptr);
  }
  std::string failure;
  while (const Answer answer{::PQgetResult(impl_->connection), &::PQclear}) {
    if (const char* state = ::PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE)) failure = state;
  }
  const char* early = ::PQresultErrorField(begun.get(), PG_DIAG_SQLSTATE);
  return early ? early : failure;
}

std::string Sql::copied(const std::string& sql) {
  const Answer begun(::PQexec(impl_->connection, sql.c_str()), &::PQclear);
  if (::PQresultStatus(begun.get()) != PGRES_COPY_OUT) check(begun.get(), sql);
  std::string rows;
  char* piece = nullptr;
  for (int size = 0; (size = ::PQgetCopyData(impl_->connection, &piece, 0)) > 0; ::PQfreemem(piece)) {
    rows.append(piece, static_cast<std::size_t>(size));
  }
  while (const Answer answer{::PQgetResult(impl_->connection), &::PQclear}) continue;
  return rows;
}

std::vector<std::pair<std::string, std::string>> Sql::notifications(int milliseconds) {
  std::vector<std::pair<std::string, std::string>> all;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  for (;;) {
    ::PQconsumeInput(impl_->connection);
    while (auto* notice = ::PQnotifies(impl_->connection)) {
      all.emplace_back(notice->relname, notice->extra);
      ::PQfreemem(notice);
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now())
            .count();
    if (!all.empty() || left <= 0) return all;
    pollfd fd{::PQsocket(impl_->connection), POLLIN, 0};
    ::poll(&fd, 1, static_cast<int>(left));
  }
}

int Sql::backend_pid() const { return ::PQbackendPID(impl_->connection); }

}  // namespace slipway::test
