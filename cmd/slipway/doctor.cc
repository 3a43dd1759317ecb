#include "cmd/slipway/doctor.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "cmd/slipway/engine_capabilities.h"
#include "cmd/slipway/engine_sockets.h"
#include "cmd/slipway/http_get.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"
#include "store/postgres/migrate.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::cli {
namespace {

// A clock this far from the database's makes every age and log line misleading; deadlines follow the
// database.
constexpr double kMostSkewSeconds = 2;

class Report {
 public:
  void good(const std::string& what, const std::string& found) {
    line(green("OK  ", STDOUT_FILENO), what, found);
  }
  void bad(const std::string& what, const std::string& problem) {
    failed_ = true;
    line(red("FAIL", STDOUT_FILENO), what, problem);
  }
  bool failed() const { return failed_; }

 private:
  static void line(const std::string& verdict, std::string what, const std::string& text) {
    what.resize(12, ' ');
    put(verdict + "  " + what + printable(one_line(text)) + "\n");
  }
  bool failed_ = false;
};

void check_clock(const std::string& url, Report& report) {
  using namespace std::chrono;
  store::postgres::PostgresCatalog catalog(url);
  const auto before = system_clock::now();
  const auto theirs = catalog.now();
  const auto after = system_clock::now();
  if (!theirs) return report.bad("clock", theirs.error().message);
  const auto middle = before + (after - before) / 2;
  const double skew = duration<double>(middle - *theirs).count();
  char text[64];
  std::snprintf(text, sizeof text, "%+.3f s from the database's", skew);
  if (std::abs(skew) > kMostSkewSeconds)
    return report.bad("clock", std::string(text) + ": synchronise it (NTP)");
  report.good("clock", text);
}

void check_database(const Session& session, Report& report) {
  const auto url = session.database_url();
  if (!url) return report.bad("postgres", url.error().message);
  const auto schema = store::postgres::check_schema(*url);
  if (!schema) return report.bad("postgres", unreachable(*url, schema.error()));
  report.good("postgres", "reachable at " + redacted(*url));
  if (schema->verdict == store::postgres::SchemaCheck::Verdict::Fits) {
    report.good("schema", "version " + std::to_string(schema->version.number));
  } else {
    report.bad("schema", schema->message);
  }
  check_clock(*url, report);
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

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

void check_engine(const std::string& wanted, Report& report) {
  std::string problem;
  const auto socket = find_engine(wanted, problem);
  if (socket.empty()) return report.bad("engine", problem);
  const auto found = engine_capabilities(socket);
  if (!found)
    return report.bad("engine", "at " + socket + " does not pass its probe: " + found.error().message);
  report.good("engine", found->engine_version + " (API " + found->api_version + ") at " + socket);
  report.good("files", "input and output by " + found->io_mode);
  report.good("runtimes", joined(found->runtimes));
  if (found->not_enforceable.empty()) {
    report.good("limits", "all enforceable");
  } else {
    report.good("limits", "not enforceable on this node: " + joined(found->not_enforceable));
  }
}

}  // namespace

int doctor(const Session& session, const std::string& engine_socket) {
  Report report;
  check_database(session, report);
  check_engine(engine_socket, report);
  return report.failed() ? 1 : 0;
}

}  // namespace slipway::cli
