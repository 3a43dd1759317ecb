// A real Prometheus beside a live slipwayd: what it has scraped is what SQL counts, alerts fire and resolve,
// and every question of the dashboard has an answer.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "test/operations/prometheus.h"
#include "test/support/command/command.h"
#include "test/support/house/house.h"
#include "test/support/house/mixture.h"

namespace slipway::test {
namespace {

using nlohmann::json;

/// Executions of the mixture; SLIPWAY_METRIC_EXECUTIONS asks for more.
constexpr int kMixed = 100;

std::string source(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/" + path).rdbuf();
  return text.str();
}

/// The rules as they are, in a world where minutes are seconds: printed, and by rule only.
std::string hurried_rules() {
  auto rules = source("manifests/prometheus/slipway.rules.yml");
  const auto substitute = [&](const std::string& pattern, const std::string& by) {
    const std::regex expression(pattern);
    const auto times = std::distance(std::sregex_iterator(rules.begin(), rules.end(), expression), {});
    std::printf("rules: s/%s/%s/ (%ld times)\n", pattern.c_str(), by.c_str(), static_cast<long>(times));
    EXPECT_GT(times, 0) << pattern;
    rules = std::regex_replace(rules, expression, by);
  };
  substitute("for: [0-9]+m", "for: 2s");
  substitute("\\[(3m|5m|10m|15m|1h)\\]", "[20s]");
  substitute("pending_seconds\\) > 900", "pending_seconds) > 5");
  return rules;
}

/// A value per set of labels, both from a query of Prometheus and from one of SQL, whose last column is the
/// value.
struct Comparison {
  std::string metric;
  std::vector<std::string> labels;
  std::string sql;
};

// docs/operations/metrics.md says the same.
const std::vector<Comparison>& comparisons() {
  static const std::vector<Comparison> all = {
      {"slipway_executions_finished_total",
       {"agent", "status", "reason"},
       "SELECT coalesce((SELECT r.agent FROM slipway.agent_revisions r WHERE r.agent = e.agent LIMIT 1), "
       "'<none>'), "
       "status, reason, count(*) FROM slipway.executions e WHERE finished_at IS NOT NULL GROUP BY 1, 2, 3"},
      {"slipway_admission_denied_total",
       {"reason"},
       "SELECT reason, count(*) FROM slipway.executions WHERE fault = 'Policy' OR reason IN ('InputInvalid', "
       "'InputTooLarge') "
       "GROUP BY 1"},
      {"slipway_entitlement_spends_total", {}, "SELECT count(*) FROM slipway.entitlement_spends"},
      {"slipway_entitlement_refunds_total", {}, "SELECT count(refunded_at) FROM slipway.entitlement_spends"},
      {"slipway_output_bytes_total",
       {},
       "SELECT coalesce(sum(octet_length(output::text)), 0) FROM slipway.executions"},
      {"slipway_executions",
       {"agent", "status"},
       "SELECT agent, status, count(*) FROM slipway.executions WHERE finished_at IS NULL GROUP BY 1, 2"},
  };
  return all;
}

using Counts = std::map<std::vector<std::string>, double>;

/// Over all nodes; series at 0 left out, as SQL leaves out what is not there.
Counts counted_by_prometheus(const Prometheus& prometheus, const Comparison& comparison) {
  std::string by;
  for (const auto& label : comparison.labels) by += (by.empty() ? "" : ", ") + label;
  Counts counts;
  for (const auto& series : prometheus.query("sum by (" + by + ") (" + comparison.metric + ")")) {
    std::vector<std::string> key(comparison.labels.size());
    std::transform(comparison.labels.begin(), comparison.labels.end(), key.begin(),
                   [&](const auto& label) { return series.labels.at(label); });
    if (series.value != 0) counts[key] = series.value;
  }
  return counts;
}

Counts counted_by_sql(Sql& sql, const Comparison& comparison) {
  Counts counts;
  for (const auto& row : sql.query(comparison.sql)) {
    std::vector<std::string> key;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) key.push_back(row[i].value_or(""));
    const auto value = std::strtod(row.back().value_or("0").c_str(), nullptr);
    if (value != 0) counts[key] = value;
  }
  return counts;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void print_table(const Comparison& comparison, Counts told, Counts counted) {
  for (const auto& [key, value] : counted) told[key];
  for (const auto& [key, value] : told)
    std::printf("%-36s %-46s %12.0f %12.0f %s\n", comparison.metric.c_str(), joined(key).c_str(), value,
                counted[key], value == counted[key] ? "same" : "DIFFERS");
  if (told.empty()) std::printf("%-36s %-46s %12d %12d same\n", comparison.metric.c_str(), "(none)", 0, 0);
}

class Scraped : public ::testing::Test {
 protected:
  Scraped()
      : house_({.flags = {"--resync", "2s", "--node-slots", "12"}, .postgres = &postgres_}),
        prometheus_(hurried_rules()) {
    prometheus_.scrape(house_.daemon().port());
  }

  void start_daemon() {
    house_.daemon().start();
    prometheus_.scrape(house_.daemon().port());
  }
  void kill_daemon() {
    house_.daemon().kill9();
    start_daemon();
  }
  void expect_firing(const std::string& alert, int timeout_ms = 90'000) {
    EXPECT_TRUE(wait_until([&] { return prometheus_.firing(alert); }, timeout_ms)) << alert;
    std::printf("%s fires\n", alert.c_str());
  }
  void expect_quiet(const std::string& alert, int timeout_ms = 90'000) {
    EXPECT_TRUE(wait_until([&] { return prometheus_.quiet(alert); }, timeout_ms)) << alert;
    std::printf("%s is over\n", alert.c_str());
  }

  PostgresServer postgres_;
  House house_;
  Prometheus prometheus_;
};

/// name → (type, labels), of the daemon's own page.
std::map<std::string, std::pair<std::string, std::set<std::string>>> metrics_of_page(
    const std::string& page) {
  std::map<std::string, std::pair<std::string, std::set<std::string>>> found;
  std::string current;
  std::istringstream lines(page);
  const std::regex type(R"(# TYPE (\S+) (\S+))");
  const std::regex label(R"re(([a-z_]+)="(?:[^"\\]|\\.)*")re");
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, type)) {
      current = match[1];
      found[current].first = match[2];
    } else if (!line.starts_with('#')) {
      for (std::sregex_iterator it(line.begin(), line.end(), label), end; it != end; ++it) {
        if ((*it)[1] != "le") found[current].second.insert((*it)[1]);
      }
    }
  }
  return found;
}

std::map<std::string, std::pair<std::string, std::set<std::string>>> metrics_of_docs() {
  std::map<std::string, std::pair<std::string, std::set<std::string>>> found;
  const std::regex row(R"(\| `([a-z0-9_]+)` \| (\w+) \| ([^|]*)\| (cluster|node) \|.*)");
  const std::regex label("`([a-z_]+)`");
  std::istringstream lines(source("docs/operations/metrics.md"));
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    auto& metric = found[match[1]];
    metric.first = match[2];
    const std::string labels = match[3];
    for (std::sregex_iterator it(labels.begin(), labels.end(), label), end; it != end; ++it)
      metric.second.insert((*it)[1]);
  }
  return found;
}

/// The statements of docs/operations/metrics.md.
std::vector<std::string> documented_sql() {
  const auto page = source("docs/operations/metrics.md");
  const auto begin = page.find("```sql\n");
  std::istringstream block(page.substr(begin + 7, page.find("\n```", begin) - begin - 7));
  std::vector<std::string> statements;
  for (std::string statement; std::getline(block, statement, ';');) {
    if (statement.find("SELECT") != std::string::npos) statements.push_back(statement);
  }
  EXPECT_GE(statements.size(), 5U);
  return statements;
}

std::string with_variables(std::string expression) {
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"$__rate_interval", "1m"}, {"$instance", ".*"}, {"$agent", ".*"}}) {
    for (auto at = expression.find(name); at != std::string::npos; at = expression.find(name))
      expression.replace(at, name.size(), value);
  }
  return expression;
}

/// Every expression of the dashboard answers, and the answers can be drawn; SLIPWAY_DASHBOARD_PICTURE keeps
/// the picture there.
void ask_dashboard(const Prometheus& prometheus, const std::string& directory) {
  const auto dashboard = json::parse(source("manifests/grafana/slipway.json"));
  auto answers = json::array();
  int asked = 0;
  for (const auto& panel : dashboard["panels"]) {
    for (const auto& target : panel.value("targets", json::array())) {
      const auto expression = with_variables(target["expr"]);
      EXPECT_TRUE(wait_until([&] { return !prometheus.query(expression).empty(); }, 10'000))
          << panel["title"] << ": " << expression;
      ++asked;
      answers.push_back({{"panel", panel["id"]},
                         {"legend", target["legendFormat"]},
                         {"result", prometheus.range(expression, 300, 2)}});
    }
  }
  std::printf("%d expressions of the dashboard, each answered\n", asked);
  const char* keep = std::getenv("SLIPWAY_DASHBOARD_PICTURE");
  const auto root = std::string(std::getenv("SLIPWAY_SOURCE_DIR"));
  const std::string file = directory + "/answers.json";
  std::ofstream(file) << answers.dump();
  const auto drawn =
      run({"/usr/bin/python3", root + "/test/operations/draw_dashboard.py",
           root + "/manifests/grafana/slipway.json", file, keep ? keep : directory + "/panels.svg"});
  EXPECT_EQ(drawn.exit_code, 0) << drawn.out << drawn.err;
}

TEST_F(Scraped, SaysWhatSqlCounts) {
  const char* wanted = std::getenv("SLIPWAY_METRIC_EXECUTIONS");
  const int total = wanted ? std::atoi(wanted) : kMixed;
  Mixture mixture(house_);
  without_free_entitlements(house_);
  const auto left = [&] {
    persistently(house_, Mixture::kCancel);
    return std::stoi(
        persistently(house_, "SELECT count(*) FROM slipway.executions WHERE finished_at IS NULL OR live"));
  };
  for (int sent = 0; sent < total; sent += 100) {
    persistently(house_, Mixture::kHundred);
    // One restart by kill -9 in the middle of work, one by SIGTERM, whatever the number.
    if (sent == 0) {
      ASSERT_TRUE(wait_until([&] { return left() <= 60; }, 120'000)) << left();
      kill_daemon();
    }
    if (sent + 100 >= total) {
      ASSERT_TRUE(wait_until([&] { return left() <= 25; }, 120'000)) << left();
      EXPECT_TRUE(house_.daemon().detach());
      start_daemon();
    }
    ASSERT_TRUE(wait_until([&] { return left() <= 40; }, 180'000)) << left();
  }
  ASSERT_TRUE(wait_until([&] { return left() == 0; }, 180'000)) << left();

  const auto agree = [&] {
    return std::all_of(comparisons().begin(), comparisons().end(), [&](const Comparison& comparison) {
      return counted_by_prometheus(prometheus_, comparison) == counted_by_sql(house_.sql(), comparison);
    });
  };
  EXPECT_TRUE(wait_until(agree, 60'000));
  std::printf("%d executions, 2 restarts of the daemon (SIGKILL, SIGTERM)\n%-36s %-46s %12s %12s\n", total,
              "metric", "labels", "Prometheus", "SQL");
  for (const auto& comparison : comparisons()) {
    const auto told = counted_by_prometheus(prometheus_, comparison);
    const auto counted = counted_by_sql(house_.sql(), comparison);
    EXPECT_EQ(told, counted) << comparison.metric;
    print_table(comparison, told, counted);
  }
  for (const auto& statement : documented_sql())
    EXPECT_EQ(house_.sql().fails_with(statement), "") << statement;
  // Whatever came before the first scrape of this life is no rise: some more, now that it is scraped.
  for (const auto* agent : {"echo", "unreachable", "sleeper", "echo"}) {
    house_.finished(house_.insert(agent, "{}", {{"timeout_seconds", "1"}}));
  }
  ask_dashboard(prometheus_, house_.engine().dir());
}

TEST_F(Scraped, HasEveryMetric) {
  house_.agent("echo", "cp /input/input.json /output/result.json");
  house_.agent("sleeper", "while :; do sleep 0.1; done");
  house_.insert("nobody");
  for (int i = 0; i < 12; ++i) house_.insert("echo");
  const auto late = house_.insert("sleeper", "{}", {{"timeout_seconds", "1"}});
  EXPECT_EQ(house_.finished(late)["status"], "TIMEOUT");
  ASSERT_TRUE(wait_until(
      [&] {
        const auto count = prometheus_.value("sum(slipway_executions_finished_total)");
        return count && *count == 14;
      },
      60'000));

  const auto page = house_.daemon().get("/metrics");
  const auto told = metrics_of_page(page);
  const auto promised = metrics_of_docs();
  ASSERT_GT(promised.size(), 40U);
  for (const auto& [name, shape] : promised) {
    const auto found = told.find(name);
    ASSERT_NE(found, told.end()) << name << " is documented and not told";
    EXPECT_EQ(found->second, shape) << name;
    const auto series = shape.first == "histogram" ? name + "_count" : name;
    EXPECT_FALSE(prometheus_.query(series).empty()) << name << " has not reached Prometheus";
  }
  for (const auto& [name, shape] : told) EXPECT_TRUE(promised.contains(name)) << name << " is not documented";
  std::printf("%zu metrics, types and labels as docs/operations/metrics.md says\n", told.size());

  const auto checked = run({"promtool", "check", "metrics"}, {}, page);
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  EXPECT_EQ(checked.out + checked.err, "");
}

TEST_F(Scraped, AlertsFireAndResolve) {
  house_.agent("echo", "cp /input/input.json /output/result.json");
  house_.agent("sleeper", "while :; do sleep 0.1; done");
  house_.agent("unreachable", "", R"({"image": "127.0.0.1:1/x:1", "imagePullPolicy": "Always"})");
  house_.finished(house_.insert("echo"));
  ASSERT_TRUE(
      wait_until([&] { return !prometheus_.query("slipway_execution_run_seconds_count").empty(); }, 30'000));
  for (const auto* alert : {"SlipwayDown", "EngineUnavailable", "DatabaseErrors", "OrphanContainers",
                            "ExecutionsPendingTooLong", "DeadlineOverrun", "PlatformFailureRatioHigh"})
    EXPECT_TRUE(wait_until([&] { return prometheus_.quiet(alert); }, 60'000))
        << alert << " before anything was done";

  // The very first failure of an agent that has never run: its series was there before it.
  ASSERT_TRUE(wait_until(
      [&] {
        return prometheus_.value(
                   R"(slipway_executions_finished_total{agent="unreachable", reason="ImagePullFailed"})") ==
               0;
      },
      60'000));
  EXPECT_EQ(house_.finished(house_.insert("unreachable"))["reason"], "ImagePullFailed");
  expect_firing("PlatformFailureRatioHigh");
  expect_quiet("PlatformFailureRatioHigh");

  house_.engine().kill();
  expect_firing("EngineUnavailable");
  house_.engine().start();
  expect_quiet("EngineUnavailable");

  postgres_.kill9();
  expect_firing("DatabaseErrors");
  postgres_.start();
  house_.reconnect();
  expect_quiet("DatabaseErrors");

  // Stopped while a container's deadline passes, as a frozen machine would be.
  const auto late = house_.insert("sleeper", "{}", {{"timeout_seconds", "1"}});
  ASSERT_TRUE(house_.wait_for(late, "stage", "Running"));
  house_.daemon().signal(SIGSTOP);
  const bool overdue = wait_until(
      [&] {
        return house_.sql().value(
                   "SELECT clock_timestamp() > deadline_at + interval '7 seconds' FROM slipway.executions "
                   "WHERE id = $1",
                   {late}) == "t";
      },
      30'000);
  house_.daemon().signal(SIGCONT);
  ASSERT_TRUE(overdue);
  expect_firing("DeadlineOverrun");
  EXPECT_EQ(house_.finished(late)["status"], "TIMEOUT");
  expect_quiet("DeadlineOverrun");

  house_.sql().exec("INSERT INTO slipway.quotas (user_id, max_running) VALUES ('u-1', 0)");
  const auto waits = house_.insert("echo");
  expect_firing("ExecutionsPendingTooLong");
  house_.sql().exec("DELETE FROM slipway.quotas WHERE user_id = 'u-1'");
  EXPECT_EQ(house_.finished(waits)["status"], "COMPLETED");
  expect_quiet("ExecutionsPendingTooLong");

  // New ones keep coming, as from a state directory that was restored beside running containers.
  const auto instance = house_.sql().value("SELECT instance_id FROM slipway.nodes");
  const auto abandon_one = [&] {
    const auto id = house_.sql().value("SELECT gen_random_uuid()");
    const json body = {{"Image", "agent:1"},
                       {"Cmd", {"true"}},
                       {"Labels",
                        {{"slipway.instance", instance},
                         {"slipway.execution", id},
                         {"slipway.attempt", "1"},
                         {"slipway.claim", house_.sql().value("SELECT gen_random_uuid()")}}}};
    const auto made = house_.engine().request("POST", "/containers/create?name=slipway-" + id + "-1",
                                              body.dump(), {{"Content-Type", "application/json"}});
    EXPECT_EQ(made.status, 201) << made.body;
  };
  EXPECT_TRUE(wait_until(
      [&] {
        if (house_.leftovers().empty()) abandon_one();
        return prometheus_.firing("OrphanContainers");
      },
      60'000));
  std::printf("OrphanContainers fires\n");
  expect_quiet("OrphanContainers");
  EXPECT_EQ(house_.leftovers(), std::vector<std::string>{});

  house_.daemon().kill9();
  expect_firing("SlipwayDown");
  start_daemon();
  expect_quiet("SlipwayDown");
}

}  // namespace
}  // namespace slipway::test
