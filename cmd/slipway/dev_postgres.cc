#include "cmd/slipway/dev_postgres.h"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "cmd/slipway/session.h"
#include "store/postgres/migrate.h"

namespace slipway::cli {
namespace {

namespace fs = std::filesystem;

// Debian keeps a server's binaries out of the PATH, a folder a version.
std::string find_binaries() {
  int newest = 0;
  std::string found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const auto name = entry.path().filename().string();
    int version = 0;
    std::from_chars(name.data(), name.data() + name.size(), version);
    if (version > newest && ::access((entry.path() / "bin/postgres").c_str(), X_OK) == 0) {
      newest = version;
      found = (entry.path() / "bin").string();
    }
  }
  return found;
}

// The server refuses to run as root.
const passwd* unprivileged_user() {
  if (::geteuid() != 0) return nullptr;
  const auto* user = ::getpwnam("postgres");
  return user != nullptr ? user : ::getpwnam("nobody");
}

Result<void> make_directory(const std::string& path, const passwd* owner) {
  std::error_code error;
  fs::create_directories(path, error);
  const bool good = !error && ::chmod(path.c_str(), 0700) == 0 &&
                    (owner == nullptr || ::chown(path.c_str(), owner->pw_uid, owner->pw_gid) == 0);
  if (!good) return Error{ErrorClass::Invalid, "cannot make the directory " + path};
  return {};
}

// The first directory on the way to `path` that the server's user may not enter; empty: none.
std::string closed_ancestor(const fs::path& path, const passwd* user) {
  if (user == nullptr) return "";
  for (auto at = path.parent_path(); at != at.parent_path(); at = at.parent_path()) {
    struct stat facts{};
    if (::stat(at.c_str(), &facts) != 0) continue;
    const bool owner = facts.st_uid == user->pw_uid && (facts.st_mode & S_IXUSR) != 0;
    const bool group = facts.st_gid == user->pw_gid && (facts.st_mode & S_IXGRP) != 0;
    if (!owner && !group && (facts.st_mode & S_IXOTH) == 0) return at.string();
  }
  return "";
}

Launch launch_as(const passwd* user, std::string name, std::vector<std::string> argv,
                 const std::string& log) {
  Launch launch{std::move(name), std::move(argv), log, std::nullopt, 0, "/"};
  if (user != nullptr) {
    launch.user = user->pw_uid;
    launch.group = user->pw_gid;
  }
  return launch;
}

std::vector<std::string> server_arguments(const std::string& binaries, const DevPostgresPlace& place) {
  std::vector<std::string> argv = {binaries + "/postgres",
                                   "-D",
                                   place.data,
                                   "-c",
                                   "listen_addresses=",
                                   "-c",
                                   "unix_socket_directories=" + place.sockets,
                                   "-c",
                                   "unix_socket_permissions=0700"};
  if (!place.durable) argv.insert(argv.end(), {"-c", "fsync=off", "-c", "full_page_writes=off"});
  return argv;
}

}  // namespace

Result<std::unique_ptr<DevPostgres>> DevPostgres::start(const DevPostgresPlace& place) {
  const auto binaries = find_binaries();
  if (binaries.empty()) {
    return Error{ErrorClass::Invalid,
                 "no PostgreSQL server below /usr/lib/postgresql: install one (Debian: postgresql-15), or "
                 "name a database "
                 "with --database-url"};
  }
  const auto* user = unprivileged_user();
  if (const auto closed = closed_ancestor(place.data, user); !closed.empty()) {
    return Error{ErrorClass::Invalid, std::string("PostgreSQL runs as user ") + user->pw_name +
                                          ", who may not enter " + closed +
                                          ": choose a --data-dir elsewhere, such as /var/lib/slipway-dev"};
  }
  for (const auto& directory : {place.data, place.sockets}) {
    if (auto made = make_directory(directory, user); !made) return made.error();
  }
  if (!fs::exists(place.data + "/PG_VERSION")) {
    const auto made =
        run_to_end(launch_as(user, "initdb",
                             {binaries + "/initdb", "-D", place.data, "-U", "postgres", "-A", "trust", "-E",
                              "UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                             place.log),
                   std::chrono::seconds(60));
    if (!made) return made.error();
  }
  auto process =
      ChildProcess::start(launch_as(user, "postgres", server_arguments(binaries, place), place.log));
  if (!process) return process.error();
  std::unique_ptr<DevPostgres> server(new DevPostgres(place.sockets, std::move(*process)));
  const bool answers = poll_until(std::chrono::seconds(30), [&] {
    return server->process_.ended() || store::postgres::schema_version(server->url()).has_value();
  });
  if (answers && !server->process_.ended()) return server;
  const auto words =
      server->process_.ended() ? server->process_.obituary() : std::string("postgres does not answer");
  return Error{ErrorClass::Retry, words + "; its last lines:\n" + server->process_.last_lines(8)};
}

// SIGINT is its fast shutdown: sessions end, nothing is lost.
void DevPostgres::stop() { process_.stop(SIGINT, std::chrono::seconds(15)); }

}  // namespace slipway::cli
