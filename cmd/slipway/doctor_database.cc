#include "cmd/slipway/doctor_database.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace slipway::cli {
namespace {

using store::postgres::Survey;

constexpr int kOldestPostgres = 150000;
// 4 for work, 4 for HTTP, one that listens, one that holds the node's name (docs/operations/capacity.md).
constexpr int kConnectionsOfADaemon = 10;
// A clock this far from the database's makes every age and log line misleading; deadlines follow the
// database.
constexpr double kMostSkewSeconds = 2;

Finding judge_version(const Survey& survey) {
  if (survey.server_version >= kOldestPostgres)
    return good("version", "PostgreSQL " + survey.server_version_text);
  return failure("version", "PostgreSQL " + survey.server_version_text, "15 or newer", "upgrade the server",
                 "README.md");
}

Finding judge_role(const Survey& survey) {
  if (!survey.controller)
    return failure("role", survey.role + " is not in slipway_controller", "the daemon's role is a member",
                   "GRANT slipway_controller TO " + survey.role + ", or name the daemon's role in the URL",
                   "README.md");
  if (survey.superuser)
    return warning("role", survey.role + " is a superuser",
                   "a role that is in slipway_controller and nothing else",
                   "make the daemon a role of its own", "security.md");
  return good("role", survey.role + " is in slipway_controller");
}

Finding judge_durability(const Survey& survey) {
  if (survey.fsync && survey.full_page_writes) return good("durability", "fsync and full_page_writes are on");
  return warning("durability", survey.fsync ? "full_page_writes is off" : "fsync is off", "both on",
                 "switch it on: what was acknowledged is lost with the server's power, and may run twice",
                 "backup.md");
}

bool fresh(const Survey::Node& node) { return node.heartbeat_age_seconds <= node.lease_seconds; }

Finding judge_connections(const Survey& survey, const NodeIdentity& here) {
  auto daemons = std::count_if(survey.nodes.begin(), survey.nodes.end(), [&](const Survey::Node& node) {
    return fresh(node) || node.name == here.name;
  });
  daemons = std::max<std::ptrdiff_t>(daemons, 1);
  const auto needed = static_cast<int>(daemons) * kConnectionsOfADaemon;
  const auto found = std::to_string(survey.connections) + " for " + std::to_string(daemons) +
                     (daemons == 1 ? " daemon" : " daemons");
  if (survey.connections >= needed) return good("connections", found);
  return warning("connections", found, std::to_string(needed) + " at least",
                 "raise max_connections, or the limit of the database or the role", "capacity.md");
}

Finding judge_node(const Survey::Node& node) {
  const auto age = std::to_string(node.heartbeat_age_seconds) + " s ago";
  if (!fresh(node))
    return warning("node",
                   node.name + " was last heard of " + age + "; " + std::to_string(node.unfinished) +
                       " executions wait for it",
                   "a heartbeat within " + std::to_string(node.lease_seconds) + " s",
                   "start its daemon; if its host never comes back, end them by force", "nodes.md");
  if (!node.ready)
    return warning("node", node.name + " is not ready: " + node.message, "ready", "see the log of its daemon",
                   "handbook.md");
  if (!node.not_enforceable.empty())
    return warning("node", node.name + " cannot enforce: " + joined(node.not_enforceable), "every limit",
                   "see what its kernel, engine or mode lacks", "security.md");
  return good("node", node.name + " is ready, heard of " + age);
}

/// Two hosts of one name: the second daemon is refused while the first lives, and takes its name when it does
/// not answer for a lease.
void judge_name(const Survey& survey, const NodeIdentity& here, Findings& findings) {
  if (here.instance.empty()) return;
  for (const auto& node : survey.nodes) {
    if (node.name != here.name || node.instance == here.instance) continue;
    findings.push_back(failure("name", here.name + " is the name of another daemon's node, too",
                               "a name for each node", "set node.name to one that is free", "nodes.md"));
  }
}

}  // namespace

Findings judge_database(const Survey& survey, const NodeIdentity& here) {
  Findings findings = {judge_version(survey), judge_role(survey), judge_durability(survey),
                       judge_connections(survey, here)};
  for (const auto& node : survey.nodes) findings.push_back(judge_node(node));
  judge_name(survey, here, findings);
  return findings;
}

Finding judge_clock(double seconds) {
  char text[64];
  std::snprintf(text, sizeof text, "%+.3f s from the database's", seconds);
  if (std::abs(seconds) <= kMostSkewSeconds) return good("clock", text);
  return warning("clock", text, "within 2 s", "synchronise it (NTP)", "nodes.md");
}

}  // namespace slipway::cli
