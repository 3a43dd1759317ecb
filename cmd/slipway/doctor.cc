#include "cmd/slipway/doctor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "cmd/slipway/doctor_database.h"
#include "cmd/slipway/doctor_engine.h"
#include "cmd/slipway/doctor_host.h"
#include "cmd/slipway/engine_capabilities.h"
#include "cmd/slipway/engine_sockets.h"
#include "cmd/slipway/http_get.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"
#include "store/postgres/migrate.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::cli {
namespace {

class Report {
 public:
  void tell(const Finding& finding) {
    failed_ = failed_ || finding.verdict == Finding::Verdict::Fail;
    auto what = finding.what;
    what.resize(13, ' ');
    put(verdict(finding.verdict) + "  " + what + printable(one_line(sentence(finding))) + "\n");
  }
  void tell(const Findings& findings) {
    for (const auto& finding : findings) tell(finding);
  }
  bool failed() const { return failed_; }

 private:
  static std::string verdict(Finding::Verdict verdict) {
    switch (verdict) {
      case Finding::Verdict::Ok:
        return green("OK  ", STDOUT_FILENO);
      case Finding::Verdict::Warn:
        return "WARN";
      case Finding::Verdict::Fail:
        return red("FAIL", STDOUT_FILENO);
    }
    __builtin_unreachable();
  }
  bool failed_ = false;
};

/// The error says itself what is to be done.
Finding broken(std::string what, std::string problem) {
  return failure(std::move(what), std::move(problem), "", "", "");
}

/// What the daemon would run with. Without a file of its own this is somebody's workplace and not a node:
/// then nothing is said of the host.
struct Settings {
  Config config;
  std::string file;  ///< empty: none
};

Settings read_settings(const Session& session, Report& report) {
  Settings settings;
  const auto url = session.database_url();
  if (std::error_code ignored; !std::filesystem::is_regular_file(session.config_file, ignored))
    return settings;
  if (::access(session.config_file.c_str(), R_OK) != 0) {
    report.tell(warning("config", session.config_file + " is not yours to read",
                        "to see what the daemon sees", "run as root", "README.md"));
    return settings;
  }
  std::vector<const char*> words = {"slipwayd", "--config", session.config_file.c_str()};
  if (url) words.insert(words.end(), {"--database-url", url->c_str()});
  auto read = read_config(static_cast<int>(words.size()), words.data());
  if (!read) {
    report.tell(broken("config", read.error().message));
    return settings;
  }
  return {std::get<Config>(*read), session.config_file};
}

Finding check_clock(const std::string& url) {
  store::postgres::PostgresCatalog catalog(url);
  const auto before = std::chrono::system_clock::now();
  const auto theirs = catalog.now();
  const auto after = std::chrono::system_clock::now();
  if (!theirs) return broken("clock", theirs.error().message);
  const auto middle = before + (after - before) / 2;
  return judge_clock(std::chrono::duration<double>(middle - *theirs).count());
}

Finding check_schema(const std::string& url) {
  const auto schema = store::postgres::check_schema(url);
  if (!schema) return broken("schema", schema.error().message);
  if (schema->verdict != store::postgres::SchemaCheck::Verdict::Fits)
    return broken("schema", schema->message);
  return good("schema", "version " + std::to_string(schema->version.number));
}

/// As the daemon's user, whose the state directory is: a database that knows people by their login here
/// (peer, as Debian sets it up) is to say what it says to the daemon, and not that it has no role for root.
class AsTheDaemon {
 public:
  explicit AsTheDaemon(const Settings& settings) {
    struct stat facts{};
    if (settings.file.empty() || ::geteuid() != 0) return;
    if (::stat(settings.config.state_dir.c_str(), &facts) == 0 && facts.st_uid != 0)
      changed_ = ::seteuid(facts.st_uid) == 0;
  }
  ~AsTheDaemon() {
    if (changed_ && ::seteuid(0) != 0) std::abort();
  }
  AsTheDaemon(const AsTheDaemon&) = delete;
  AsTheDaemon& operator=(const AsTheDaemon&) = delete;

 private:
  bool changed_ = false;
};

void check_database(const Session& session, const Settings& settings, Report& report) {
  const auto url = session.database_url();
  if (!url) return report.tell(broken("postgres", url.error().message));
  const auto identity = settings.file.empty() ? NodeIdentity{} : read_identity(settings.config);
  const AsTheDaemon daemon(settings);
  const auto survey = store::postgres::survey(*url);
  if (!survey) return report.tell(broken("postgres", unreachable(*url, survey.error())));
  report.tell(good("postgres", "reachable at " + redacted(*url)));
  report.tell(check_schema(*url));
  report.tell(check_clock(*url));
  report.tell(judge_database(*survey, identity));
  const auto& listen = settings.config.database_listen_url;
  if (listen.empty()) return;
  const auto heard = store::postgres::schema_version(listen);
  report.tell(heard ? good("listen-url", "reachable at " + redacted(listen))
                    : broken("listen-url", unreachable(listen, heard.error())));
}

// The first socket that answers, or what is wrong with each.
std::string find_engine(const std::string& wanted, std::string& problem) {
  auto sockets =
      wanted.empty() ? engine_sockets() : Result<std::vector<std::string>>(std::vector<std::string>{wanted});
  if (!sockets) return problem = sockets.error().message, "";
  for (const auto& socket : *sockets) {
    const auto wrong = engine_problem(socket);
    if (wrong.empty()) return socket;
    problem += (problem.empty() ? "" : "; ") + wrong;
  }
  return "";
}

void check_own_words(const std::string& socket, const Settings& settings, Report& report) {
  const auto answer = get_over_unix(socket, "/info", std::chrono::seconds(10));
  const auto info = answer ? nlohmann::json::parse(answer->body, nullptr, false) : nlohmann::json();
  if (!info.is_object()) return report.tell(broken("engine", "does not describe itself"));
  report.tell(judge_engine(info, settings.config.engine_runtimes));
  report.tell(check_socket(socket));
  report.tell(check_namespaces(socket, settings.config));
  report.tell(check_room("engine-room", info.value("DockerRootDir", "")));
}

void check_engine(const std::string& wanted, const Settings& settings, Report& report) {
  std::string problem;
  const auto socket =
      find_engine(wanted.empty() && !settings.file.empty() ? settings.config.engine_socket : wanted, problem);
  if (socket.empty()) return report.tell(broken("engine", problem));
  const auto found = engine_capabilities(socket);
  if (!found)
    return report.tell(
        broken("engine", "at " + socket + " does not pass its probe: " + found.error().message));
  report.tell(good("engine", found->engine_version + " (API " + found->api_version + ") at " + socket));
  report.tell(good("files", "input and output by " + found->io_mode));
  report.tell(good("runtimes", joined(found->runtimes)));
  if (found->not_enforceable.empty()) {
    report.tell(good("limits", "all enforceable"));
  } else {
    report.tell(warning("limits", "not enforceable: " + joined(found->not_enforceable), "every limit",
                        "see what kernel, engine or mode lack", "security.md"));
  }
  check_own_words(socket, settings, report);
}

}  // namespace

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

std::string sentence(const Finding& finding) {
  auto text = finding.found;
  if (!finding.expected.empty()) text += "; expected: " + finding.expected;
  if (!finding.action.empty()) text += "; " + finding.action;
  if (!finding.page.empty()) text += " (docs/operations/" + finding.page + ")";
  return text;
}

int doctor(const Session& session, const std::string& engine_socket) {
  Report report;
  const auto settings = read_settings(session, report);
  if (!settings.file.empty()) {
    report.tell(check_secrets(settings.file, settings.config));
    report.tell(check_state(settings.config.state_dir));
  }
  check_database(session, settings, report);
  check_engine(engine_socket, settings, report);
  if (!settings.file.empty()) report.tell(check_http(settings.config));
  return report.failed() ? 1 : 0;
}

}  // namespace slipway::cli
