#include "test/operations/prometheus.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <stdexcept>

#include "test/support/house/slipwayd_process.h"
#include "test/support/http_client/http_client.h"

namespace slipway::test {
namespace {

using nlohmann::json;

std::string new_directory() {
  char name[] = "/tmp/slipway-prometheus-XXXXXX";
  if (!mkdtemp(name)) throw std::runtime_error("no directory for Prometheus");
  return name;
}

std::string escaped(const std::string& text) {
  std::ostringstream out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte)) {
      out << c;
    } else {
      out << '%' << std::uppercase << std::hex << std::setw(2) << std::setfill('0') << int{byte};
    }
  }
  return out.str();
}

double number(const json& text) { return std::strtod(text.get<std::string>().c_str(), nullptr); }

}  // namespace

Prometheus::Prometheus(const std::string& rules) : directory_(new_directory()), port_(free_port()) {
  std::ofstream(directory_ + "/rules.yml") << rules;
  std::ofstream(directory_ + "/targets.json") << "[]";
  std::ofstream(directory_ + "/prometheus.yml")
      << "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
         "rule_files: [rules.yml]\n"
         "scrape_configs:\n"
         "  - job_name: slipway\n"
         "    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]\n";
  process_.start({"prometheus", "--config.file", directory_ + "/prometheus.yml", "--storage.tsdb.path",
                  directory_ + "/data", "--web.listen-address", "127.0.0.1:" + std::to_string(port_),
                  "--log.level", "warn"},
                 directory_ + "/log");
  const auto ready = [this] { return HttpClient(port_).get("/-/ready").status == 200; };
  if (wait_until(ready, 30'000)) return;
  std::ostringstream log;
  log << std::ifstream(directory_ + "/log").rdbuf();
  throw std::runtime_error("Prometheus did not become ready:\n" + log.str());
}

Prometheus::~Prometheus() {
  process_.kill_and_wait();
  std::error_code none;
  std::filesystem::remove_all(directory_, none);
}

void Prometheus::scrape(int port) {
  const json targets = json::array(
      {{{"targets", json::array({"127.0.0.1:" + std::to_string(port)})}, {"labels", {{"instance", "n1"}}}}});
  std::ofstream(directory_ + "/targets.new") << targets.dump();
  std::filesystem::rename(directory_ + "/targets.new", directory_ + "/targets.json");
}

json Prometheus::get(const std::string& target) const {
  const auto answer = HttpClient(port_).get(target).json();
  EXPECT_EQ(answer.value("status", ""), "success") << target << ": " << answer.dump();
  return answer.value("data", json::object());
}

std::vector<Prometheus::Series> Prometheus::query(const std::string& expression) const {
  const auto data = get("/api/v1/query?query=" + escaped(expression));
  std::vector<Series> found;
  for (const auto& one : data.value("result", json::array()))
    found.push_back({one["metric"].get<std::map<std::string, std::string>>(), number(one["value"][1])});
  return found;
}

std::optional<double> Prometheus::value(const std::string& expression) const {
  const auto found = query(expression);
  if (found.size() != 1) return std::nullopt;
  return found.front().value;
}

json Prometheus::range(const std::string& expression, int seconds, int step) const {
  const auto now = std::time(nullptr);
  return get("/api/v1/query_range?query=" + escaped(expression) + "&start=" + std::to_string(now - seconds) +
             "&end=" + std::to_string(now) + "&step=" + std::to_string(step))
      .value("result", json::array());
}

int Prometheus::alerts(const std::string& alert, bool firing_only) const {
  int found = 0;
  for (const auto& one : get("/api/v1/alerts").value("alerts", json::array())) {
    const bool counts = !firing_only || one.value("state", "") == "firing";
    if (one["labels"].value("alertname", "") == alert && counts) ++found;
  }
  return found;
}

bool Prometheus::firing(const std::string& alert) const { return alerts(alert, true) > 0; }
bool Prometheus::quiet(const std::string& alert) const { return alerts(alert, false) == 0; }

}  // namespace slipway::test
