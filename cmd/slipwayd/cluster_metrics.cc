#include "cmd/slipwayd/cluster_metrics.h"

#include <map>
#include <tuple>

namespace slipway {
namespace {

using metrics::Family;

constexpr const char* kWhose = " Of the whole cluster, from the database; one node at a time tells it.";

/// Refused for what it is or for whose it is, and never run for it.
bool is_denial(Reason reason) {
  return row_of(reason).fault == Fault::Policy || reason == Reason::InputInvalid ||
         reason == Reason::InputTooLarge;
}

Family family(std::string name, std::string help, bool counter) {
  return {std::move(name), std::move(help) + kWhose, counter, {}};
}

Family one(std::string name, std::string help, bool counter, double value) {
  auto made = family(std::move(name), std::move(help), counter);
  made.samples.push_back({{}, value});
  return made;
}

std::string text(std::string_view word) { return std::string(word); }

/// The platform's failures of every agent from the start on: the first is then a rise, which a new series is
/// not. Of the other reasons only what there was, for the sake of fewer series.
Family finished(const store::Totals& totals) {
  std::map<std::tuple<std::string, Status, Reason>, double> counts;
  for (const auto& row : all_reasons()) {
    if (row.fault != Fault::Platform) continue;
    for (const auto& agent : totals.agents) counts[{agent, row.status, row.reason}] = 0;
  }
  for (const auto& row : totals.finished)
    counts[{row.agent, row.status, row.reason}] += static_cast<double>(row.executions);
  auto made = family("slipway_executions_finished_total", "Executions that reached a final status.", true);
  for (const auto& [key, count] : counts) {
    const auto& [agent, status, reason] = key;
    made.samples.push_back(
        {{{"agent", agent}, {"status", text(to_string(status))}, {"reason", text(to_string(reason))}},
         count});
  }
  return made;
}

/// All reasons from the start on, likewise.
Family denied(const store::Totals& totals) {
  std::map<std::string, double> by_reason;
  for (const auto& row : all_reasons()) {
    if (is_denial(row.reason)) by_reason[text(row.name)] = 0;
  }
  for (const auto& row : totals.finished) {
    if (is_denial(row.reason)) by_reason[text(to_string(row.reason))] += static_cast<double>(row.executions);
  }
  auto made = family("slipway_admission_denied_total", "Executions that were refused.", true);
  for (const auto& [reason, count] : by_reason) made.samples.push_back({{{"reason", reason}}, count});
  return made;
}

Family unfinished(const store::Totals& totals) {
  auto made = family("slipway_executions", "Executions that are not finished.", false);
  std::map<std::pair<std::string, Status>, double> counts;
  const auto add = [&](const std::string& agent, Status status, std::int64_t count) {
    counts[{agent, status}] += static_cast<double>(count);
  };
  const auto mention = [&](const std::string& agent) {
    for (const auto status : {Status::Pending, Status::Running}) add(agent, status, 0);
  };
  mention("<none>");
  for (const auto& agent : totals.agents) mention(agent);
  for (const auto& row : totals.finished) mention(row.agent);
  for (const auto& row : totals.unfinished) {
    mention(row.agent);
    add(row.agent, row.status, row.executions);
  }
  for (const auto& [key, count] : counts)
    made.samples.push_back({{{"agent", key.first}, {"status", text(to_string(key.second))}}, count});
  return made;
}

}  // namespace

std::vector<Family> families_of(const store::Totals& totals) {
  const auto number = [](std::int64_t n) { return static_cast<double>(n); };
  return {finished(totals),
          denied(totals),
          one("slipway_entitlement_spends_total", "Uses spent, whether or not they were given back.", true,
              number(totals.spends)),
          one("slipway_entitlement_refunds_total", "Uses given back.", true, number(totals.refunds)),
          one("slipway_output_bytes_total", "Bytes of stored results.", true, number(totals.output_bytes)),
          unfinished(totals),
          one("slipway_execution_oldest_pending_seconds",
              "How long the oldest execution has been waiting that might run now; 0: none waits.", false,
              std::chrono::duration<double>(totals.oldest_pending).count())};
}

}  // namespace slipway
