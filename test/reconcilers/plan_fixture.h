#pragma once

#include <sstream>
#include <string>

#include "reconcilers/execution/plan.h"

/// Rows and observations to plan from, and plans in words to compare with.
namespace slipway::reconcilers::testing {

using namespace std::chrono_literals;
using runtime::ContainerState;
using runtime::Observation;

inline const TimePoint kNow = TimePoint{} + std::chrono::hours(24 * 365 * 57);
inline constexpr auto kTimeout = 60s;

inline Execution row_at(Stage stage) {
  Execution row;
  row.ref = {"e1", 1, "claim-1"};
  row.owner = "n1";
  row.agent = "a";
  row.user_id = "u";
  auto spec = std::make_shared<AgentSpec>();
  spec->image = "img:1";
  spec->max_timeout = 600s;
  row.spec = spec;
  row.image_id = "sha256:1";
  row.stage = stage;
  row.status = status_while(stage);
  row.timeout = kTimeout;
  row.engine = "engine-1";
  if (stage == Stage::Launching) row.intent_at = kNow - 12s;
  if (stage == Stage::Running || stage == Stage::Stopping) {
    row.started_at = kNow - 10s;
    row.deadline_at = *row.started_at + kTimeout;
  }
  if (stage == Stage::Stopping) {
    row.verdict = Verdict::Cancel;
    row.kill_at = kNow + 5s;
  }
  return row;
}

inline Observation seen(ContainerState state) {
  Observation o;
  o.state = state;
  o.ours = state != ContainerState::Absent;
  o.container_id = state == ContainerState::Absent ? "" : "c1";
  o.engine = "engine-1";
  o.engine_started_at = kNow - 1h;
  o.observed_at = kNow;
  if (state == ContainerState::Running || state == ContainerState::Paused || state == ContainerState::Exited)
    o.started_at = kNow - 10s;
  if (state == ContainerState::Exited) o.finished_at = kNow - 1s;
  return o;
}

inline NodeView node() {
  NodeView view;
  view.name = "n1";
  view.term_sent = true;
  view.image = {ImageView::State::Present, "sha256:1", ""};
  return view;
}

struct DescribeRecord {
  std::string operator()(const NoRecord&) const { return "-"; }
  std::string operator()(const Requeue&) const { return "requeue"; }
  std::string operator()(const store::Finish& f) const {
    return "finish " + std::string(to_string(f.reason));
  }
  std::string operator()(const store::Recycle& r) const {
    return "recycle " + std::string(to_string(r.attempt.reason));
  }
  std::string operator()(const store::Transition& t) const {
    std::string text = "→ " + std::string(to_string(t.to));
    if (t.verdict) text += " " + std::string(to_string(*t.verdict));
    if (t.unless_cancelled) text += " unless cancelled";
    if (t.image_id) text += " pin image";
    if (t.reason == Reason::PullingImage) text += " pulling";
    return text;
  }
};

struct DescribeAction {
  std::string operator()(const Nothing&) const { return "-"; }
  std::string operator()(const WaitForImage&) const { return "wait for image"; }
  std::string operator()(const Create&) const { return "create"; }
  std::string operator()(const Start&) const { return "start"; }
  std::string operator()(const ResolveDoubt&) const { return "resolve doubt"; }
  std::string operator()(const Signal& s) const {
    return s.signal == runtime::Signal::Term   ? "TERM"
           : s.signal == runtime::Signal::Kill ? "KILL"
                                               : "unpause";
  }
  std::string operator()(const Collect&) const { return "collect"; }
  std::string operator()(const Remove&) const { return "remove"; }
};

inline std::string describe_next(const controller::Outcome& next) {
  if (std::holds_alternative<controller::Converged>(next)) return "rest";
  if (std::holds_alternative<controller::Settled>(next)) return "settled";
  if (std::holds_alternative<controller::Again>(next)) return "again";
  const auto wait = std::get<controller::WakeAt>(next).at - kNow;
  return "in " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()) + " ms";
}

/// "record | action | next"
inline std::string describe(const Plan& plan) {
  return std::visit(DescribeRecord{}, plan.record) + " | " + std::visit(DescribeAction{}, plan.action) +
         " | " + describe_next(plan.next);
}

}  // namespace slipway::reconcilers::testing
