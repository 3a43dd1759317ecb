// Rules, dashboard, runbooks and docs/operations/metrics.md name the same things, and programs that are not
// ours take them.
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "test/support/command/command.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path source(const std::string& path) { return fs::path(std::getenv("SLIPWAY_SOURCE_DIR")) / path; }

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

const fs::path kRules = "manifests/prometheus/slipway.rules.yml";
const fs::path kRunbooks = "docs/operations/runbooks";

struct Alert {
  std::string name, severity, summary, description, runbook;
};

std::vector<Alert> alerts() {
  std::vector<Alert> found;
  for (const auto& group : YAML::LoadFile(source(kRules))["groups"]) {
    for (const auto& rule : group["rules"]) {
      if (!rule["alert"]) continue;
      const auto text = [&](const char* map, const char* key) { return rule[map][key].as<std::string>(""); };
      found.push_back({rule["alert"].as<std::string>(), text("labels", "severity"),
                       text("annotations", "summary"), text("annotations", "description"),
                       text("annotations", "runbook_url")});
    }
  }
  return found;
}

/// Every slipway_… and process_… in a text, a histogram's series by its own name.
std::set<std::string> metrics_in(const std::string& text) {
  static const std::regex word(R"((slipway|process)_[a-z0-9_]+)");
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it)
    names.insert(std::regex_replace(it->str(), std::regex("_(bucket|count|sum)$"), ""));
  return names;
}

/// The first column of the table in docs/operations/metrics.md.
std::set<std::string> documented() {
  static const std::regex row(R"(\n\| `([a-z0-9_]+)` \|)");
  const auto page = read(source("docs/operations/metrics.md"));
  std::set<std::string> names;
  for (std::sregex_iterator it(page.begin(), page.end(), row), end; it != end; ++it) names.insert((*it)[1]);
  return names;
}

TEST(Rules, PassPromtool) {
  const auto checked = run({"promtool", "check", "rules", source(kRules)});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  const auto config = run({"promtool", "check", "config", source("manifests/prometheus/prometheus.yml")});
  EXPECT_EQ(config.exit_code, 0) << config.out << config.err;
}

TEST(Rules, EveryAlertFiresAndResolvesInItsTest) {
  const auto file = source("manifests/prometheus/slipway.rules.test.yml");
  const auto tested = run({"promtool", "test", "rules", file});
  EXPECT_EQ(tested.exit_code, 0) << tested.out << tested.err;
  std::map<std::string, int> fires;
  std::map<std::string, int> rests;
  for (const auto& test : YAML::LoadFile(file)["tests"]) {
    for (const auto& expected : test["alert_rule_test"])
      ++(expected["exp_alerts"].size() > 0 ? fires : rests)[expected["alertname"].as<std::string>()];
  }
  for (const auto& alert : alerts()) {
    EXPECT_GE(fires[alert.name], 1) << alert.name;
    EXPECT_GE(rests[alert.name], 2) << alert.name << ": before and after";
  }
}

TEST(Rules, EveryAlertHasItsPageAndEveryPageItsAlert) {
  std::set<std::string> names;
  for (const auto& alert : alerts()) {
    names.insert(alert.name);
    EXPECT_TRUE(alert.severity == "critical" || alert.severity == "warning") << alert.name;
    EXPECT_FALSE(alert.summary.empty()) << alert.name;
    EXPECT_FALSE(alert.description.empty()) << alert.name;
    EXPECT_EQ(alert.runbook, (kRunbooks / (alert.name + ".md")).string());
    const auto page = read(source(alert.runbook));
    for (const auto* part : {"## Meaning", "## Impact", "## Look here first", "## What to do"})
      EXPECT_NE(page.find(part), std::string::npos) << alert.runbook << " has no " << part;
  }
  EXPECT_EQ(names.size(), 12U);
  const auto index = read(source(kRunbooks / "README.md"));
  for (const auto& entry : fs::directory_iterator(source(kRunbooks))) {
    const auto name = entry.path().stem().string();
    if (name == "README") continue;
    EXPECT_TRUE(names.contains(name)) << entry.path() << " is of no alert";
    EXPECT_NE(index.find("(" + name + ".md)"), std::string::npos) << name;
  }
}

TEST(Rules, NameOnlyMetricsThatAreDocumented) {
  const auto known = documented();
  ASSERT_GT(known.size(), 40U);
  std::vector<fs::path> files = {source(kRules), source("manifests/grafana/slipway.json")};
  for (const auto& entry : fs::directory_iterator(source(kRunbooks))) files.push_back(entry.path());
  for (const auto& file : files) {
    for (const auto& name : metrics_in(read(file)))
      EXPECT_TRUE(known.contains(name)) << name << " in " << file;
  }
}

TEST(Dashboard, IsOneByGrafanasTypes) {
  const auto npm = source("build/npm/test-operations-dashboard");
  ASSERT_TRUE(fs::exists(npm / "node_modules")) << "packages are installed by ./dev test";
  fs::copy_file(source("test/operations/dashboard/check.mjs"), npm / "check.mjs",
                fs::copy_options::overwrite_existing);
  const auto checked =
      run({"sh", "-c",
           "cd " + npm.string() + " && node check.mjs " + source("manifests/grafana/slipway.json").string()});
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
}

TEST(Dashboard, SaysWhatItShowsAndAsksByTheRateInterval) {
  const auto dashboard = json::parse(read(source("manifests/grafana/slipway.json")));
  std::set<int> ids;
  int panels = 0;
  for (const auto& panel : dashboard["panels"]) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second);
    if (panel["type"] == "row") continue;
    ++panels;
    const auto title = panel["title"].get<std::string>();
    EXPECT_FALSE(panel.value("description", "").empty()) << title;
    EXPECT_FALSE(panel["fieldConfig"]["defaults"].value("unit", "").empty()) << title;
    EXPECT_EQ(panel["datasource"]["uid"], "${datasource}") << title;
    for (const auto& target : panel["targets"]) {
      const auto expr = target["expr"].get<std::string>();
      for (auto at = expr.find('['); at != std::string::npos; at = expr.find('[', at + 1))
        EXPECT_EQ(expr.substr(at, 18), "[$__rate_interval]") << title;
    }
  }
  EXPECT_GT(panels, 25);
}

}  // namespace
}  // namespace slipway::test
