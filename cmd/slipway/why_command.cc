// why: what one execution waits for, and about how long.
#include <CLI/CLI.hpp>
#include <cmath>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

std::string seconds_in_words(double seconds) {
  if (seconds < 60) return "about " + std::to_string(static_cast<long>(std::ceil(seconds))) + " s";
  if (seconds < 7200) return "about " + std::to_string(static_cast<long>(std::ceil(seconds / 60))) + " min";
  return "about " + std::to_string(static_cast<long>(std::ceil(seconds / 3600))) + " h";
}

/// Whoever looks for a node finds it cordoned, and by which command it would claim again.
std::string no_node(const std::vector<std::string>& cordoned) {
  if (cordoned.empty()) return "no node is ready";
  const auto& first = cordoned.front();
  const bool alone = cordoned.size() == 1;
  return "no node claims: " +
         (alone ? "node/" + first + " is"
                : "all " + std::to_string(cordoned.size()) + " that are ready are") +
         " cordoned; `slipway uncordon " + first + "` lets it claim again";
}

/// What holds it back, first the limits of its own.
std::vector<std::string> blockers_of(const store::Waiting& w) {
  std::vector<std::string> lines;
  const auto of = [](int running, int most) {
    return std::to_string(running) + " of " + std::to_string(most);
  };
  if (w.not_before_in > 0)
    lines.push_back("it is not due before " + seconds_in_words(w.not_before_in) + " from now");
  if (w.user_limit && w.user_running >= *w.user_limit)
    lines.push_back("its user's quota: " + of(w.user_running, *w.user_limit) + " run");
  if (w.agent_limit && w.agent_running >= *w.agent_limit)
    lines.push_back("its agent's maxConcurrent: " + of(w.agent_running, *w.agent_limit) + " run");
  if (w.waits_for_a_use) lines.push_back("its entitlement: every use left is in a run that has not ended");
  if (w.locked) lines.push_back("a transaction that is open has its row locked");
  if (w.nodes_ready == 0) lines.push_back(no_node(w.cordoned));
  if (w.nodes_ready > 0 && w.slots_used >= w.slots)
    lines.push_back("the nodes: " + of(w.slots_used, w.slots) + " slots are taken");
  return lines;
}

/// Each turn of the user comes once everybody who waits had one. As many run at once as there are slots, or
/// as the agent allows, as if all who wait were the agent's; of its user's own, as many as the quota allows.
std::string estimate_of(const store::Waiting& w) {
  if (w.slots == 0) return "unknown: no node claims anything";
  if (w.user_limit && *w.user_limit == 0) return "unknown: its user's quota lets nothing run";
  if (!w.median_run_ms) return "unknown: no run of this agent has ended yet";
  const double turns = static_cast<double>(w.place - 1) * w.users_waiting + w.users_ahead + 1;
  int at_once = std::min(w.slots, w.agent_limit.value_or(w.slots));
  double rounds = turns / at_once;
  if (w.user_limit && static_cast<double>(w.place) / *w.user_limit > rounds) {
    at_once = *w.user_limit;
    rounds = static_cast<double>(w.place) / at_once;
  }
  return seconds_in_words(std::max(w.not_before_in, rounds * static_cast<double>(*w.median_run_ms) / 1000)) +
         ", from the median run of the agent (" + std::to_string(*w.median_run_ms) + " ms), " +
         std::to_string(at_once) + " at a time";
}

std::string text_of(const store::Waiting& w) {
  std::string text = w.id + " is " + std::string(to_string(w.status)) + " (" +
                     std::string(to_string(w.reason)) + "): " + w.message + "\n";
  if (w.place == 0) return text;
  text += "  place:     " + std::to_string(w.place) + " of its user's " + std::to_string(w.queued) + "; " +
          std::to_string(w.users_ahead) + " of " + std::to_string(w.users_waiting) +
          " waiting users have their turn before\n";
  const auto blockers = blockers_of(w);
  if (blockers.empty()) text += "  held back: by nothing; it is claimed at its turn\n";
  for (const auto& line : blockers) text += "  held back: " + line + "\n";
  return text + "  estimate:  " + estimate_of(w) + "\n";
}

int why(Session& session, const std::string& word) {
  const auto name = name_of_kind(store::Table::Executions, word);
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = find_execution(*catalog, name);
  if (!id) return fail(id.error());
  const auto waiting = catalog->why(*id);
  if (!waiting) return fail(waiting.error());
  return put(for_stream(text_of(*waiting), 1)) ? 0 : 1;
}

}  // namespace

void add_why_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("why", "Say what an execution waits for, and about how long");
  auto name = std::make_shared<std::string>();
  command->add_option("EXECUTION", *name, "name or id")->required();
  command->callback([&session, name] { session.exit_code = why(session, *name); });
}

}  // namespace slipway::cli
