#include "api/reason.h"

namespace slipway {
namespace {

using enum Reason;
constexpr auto P = Status::Pending;
constexpr auto R = Status::Running;
constexpr auto F = Status::Failed;

// In the order of the enum, which row_of relies on and reason_test checks.
constexpr std::array kRows = {
    ReasonRow{Queued, "Queued", P, Fault::None, UseRule::None, false, "Waiting for its turn."},
    ReasonRow{Throttled, "Throttled", P, Fault::None, UseRule::None, false,
              "Waiting for another run of the same user or agent to end."},
    ReasonRow{NoCapacity, "NoCapacity", P, Fault::None, UseRule::None, false, "Waiting for a free slot."},
    ReasonRow{PullingImage, "PullingImage", P, Fault::None, UseRule::None, false,
              "The agent's image is being fetched."},
    ReasonRow{Starting, "Starting", P, Fault::None, UseRule::None, false, "The container is being started."},
    ReasonRow{Retrying, "Retrying", P, Fault::None, UseRule::None, false,
              "An attempt failed through no fault of the agent; another will be made."},
    ReasonRow{Reason::Running, "Running", R, Fault::None, UseRule::Spent, false, "The agent is running."},
    ReasonRow{Reason::Stopping, "Stopping", R, Fault::None, UseRule::Spent, false,
              "The container is being stopped."},
    ReasonRow{Reason::Completed, "Completed", Status::Completed, Fault::None, UseRule::Spent, true,
              "The agent finished and its result is stored."},
    ReasonRow{NonZeroExit, "NonZeroExit", F, Fault::Agent, UseRule::Spent, false,
              "The agent's process ended with a non-zero exit code."},
    ReasonRow{OOMKilled, "OOMKilled", F, Fault::Agent, UseRule::Spent, false,
              "The agent used more memory than its limit."},
    ReasonRow{OutputMissing, "OutputMissing", F, Fault::Agent, UseRule::Spent, false,
              "The agent wrote no regular file /output/result.json."},
    ReasonRow{OutputInvalid, "OutputInvalid", F, Fault::Agent, UseRule::Spent, false,
              "The agent's result is not valid JSON of the promised shape."},
    ReasonRow{OutputTooLarge, "OutputTooLarge", F, Fault::Agent, UseRule::Spent, false,
              "The agent's result is larger than its output limit."},
    ReasonRow{CommandInvalid, "CommandInvalid", F, Fault::Agent, UseRule::Spent, false,
              "The agent's command could not be executed in its image."},
    ReasonRow{ImageNotFound, "ImageNotFound", F, Fault::Agent, UseRule::Spent, false,
              "The agent's image does not exist."},
    ReasonRow{ImageNotAllowed, "ImageNotAllowed", F, Fault::Agent, UseRule::Spent, false,
              "The agent's image is not allowed here."},
    ReasonRow{DeadlineExceeded, "DeadlineExceeded", Status::Timeout, Fault::Agent, UseRule::Spent, false,
              "The agent did not finish within its timeout."},
    ReasonRow{Cancelled, "Cancelled", F, Fault::User, UseRule::RefundedIfNeverStarted, false,
              "Cancelled on request."},
    ReasonRow{InputInvalid, "InputInvalid", F, Fault::User, UseRule::NeverSpent, false,
              "The input is not valid for this agent."},
    ReasonRow{InputTooLarge, "InputTooLarge", F, Fault::User, UseRule::NeverSpent, false,
              "The input is larger than 1 MiB."},
    ReasonRow{StartDeadlineExceeded, "StartDeadlineExceeded", F, Fault::User, UseRule::NeverSpent, false,
              "It could not be started before its start deadline."},
    ReasonRow{EntitlementMissing, "EntitlementMissing", F, Fault::Policy, UseRule::NeverSpent, false,
              "The user holds no entitlement to this agent."},
    ReasonRow{EntitlementExpired, "EntitlementExpired", F, Fault::Policy, UseRule::NeverSpent, false,
              "The user's entitlement to this agent has expired."},
    ReasonRow{EntitlementExhausted, "EntitlementExhausted", F, Fault::Policy, UseRule::NeverSpent, false,
              "The user's entitlement to this agent has no uses left."},
    ReasonRow{RateLimited, "RateLimited", F, Fault::Policy, UseRule::NeverSpent, false,
              "The user's limit of executions per minute is reached."},
    ReasonRow{QueueFull, "QueueFull", F, Fault::Policy, UseRule::NeverSpent, false,
              "The user has too many executions waiting."},
    ReasonRow{AgentNotFound, "AgentNotFound", F, Fault::Policy, UseRule::NeverSpent, false,
              "There is no agent of this name."},
    ReasonRow{AgentSuspended, "AgentSuspended", F, Fault::Policy, UseRule::NeverSpent, false,
              "The agent is suspended."},
    ReasonRow{ImagePullFailed, "ImagePullFailed", F, Fault::Platform, UseRule::Refunded, false,
              "The agent's image could not be fetched."},
    ReasonRow{EngineError, "EngineError", F, Fault::Platform, UseRule::Refunded, false,
              "The container engine could not run the container."},
    ReasonRow{Interrupted, "Interrupted", F, Fault::Platform, UseRule::Refunded, false,
              "The container was stopped from outside: the container engine was restarted, or an operator "
              "ended it."},
    ReasonRow{ContainerLost, "ContainerLost", F, Fault::Platform, UseRule::Refunded, false,
              "The container disappeared or its fate is unknown."},
    ReasonRow{NodeLost, "NodeLost", F, Fault::Platform, UseRule::Refunded, false,
              "The node that ran the container was lost."},
    ReasonRow{NodeStorageFull, "NodeStorageFull", F, Fault::Platform, UseRule::Refunded, false,
              "The node has no storage left."},
    ReasonRow{NodeDraining, "NodeDraining", F, Fault::Platform, UseRule::Refunded, false,
              "The node is being drained."},
    ReasonRow{NotEnforceable, "NotEnforceable", F, Fault::Platform, UseRule::Refunded, false,
              "The node could not enforce a limit of the sandbox."},
};

}  // namespace

std::span<const ReasonRow> all_reasons() { return kRows; }
const ReasonRow& row_of(Reason reason) { return kRows.at(static_cast<std::size_t>(reason)); }

std::optional<Reason> reason_from(std::string_view name) {
  for (const auto& row : kRows) {
    if (row.name == name) return row.reason;
  }
  return std::nullopt;
}

std::string_view to_string(Reason reason) { return row_of(reason).name; }

std::string_view to_string(Status status) {
  switch (status) {
    case Status::Pending:
      return "PENDING";
    case Status::Running:
      return "RUNNING";
    case Status::Completed:
      return "COMPLETED";
    case Status::Failed:
      return "FAILED";
    case Status::Timeout:
      return "TIMEOUT";
  }
  return "";
}

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::New:
      return "New";
    case Stage::Deferred:
      return "Deferred";
    case Stage::Queued:
      return "Queued";
    case Stage::Claimed:
      return "Claimed";
    case Stage::Launching:
      return "Launching";
    case Stage::Running:
      return "Running";
    case Stage::Stopping:
      return "Stopping";
    case Stage::Recycling:
      return "Recycling";
    case Stage::Finished:
      return "Finished";
    case Stage::Cleaned:
      return "Cleaned";
  }
  return "";
}

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::None:
      return "None";
    case Fault::Agent:
      return "Agent";
    case Fault::User:
      return "User";
    case Fault::Platform:
      return "Platform";
    case Fault::Policy:
      return "Policy";
  }
  return "";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Deadline:
      return "Deadline";
    case Verdict::Cancel:
      return "Cancel";
    case Verdict::Drain:
      return "Drain";
  }
  return "";
}

namespace {
template <class Enum, std::size_t N>
std::optional<Enum> find_by_name(const std::array<Enum, N>& all, std::string_view name) {
  for (auto value : all) {
    if (to_string(value) == name) return value;
  }
  return std::nullopt;
}
}  // namespace

std::optional<Status> status_from(std::string_view name) {
  return find_by_name(
      std::array{Status::Pending, Status::Running, Status::Completed, Status::Failed, Status::Timeout}, name);
}
std::optional<Stage> stage_from(std::string_view name) { return find_by_name(kStages, name); }
std::optional<Fault> fault_from(std::string_view name) {
  return find_by_name(std::array{Fault::None, Fault::Agent, Fault::User, Fault::Platform, Fault::Policy},
                      name);
}
std::optional<Verdict> verdict_from(std::string_view name) {
  return find_by_name(std::array{Verdict::Deadline, Verdict::Cancel, Verdict::Drain}, name);
}

bool is_final(Status status) {
  switch (status) {
    case Status::Pending:
    case Status::Running:
      return false;
    case Status::Completed:
    case Status::Failed:
    case Status::Timeout:
      return true;
  }
  return false;
}

Status status_while(Stage stage) {
  return stage == Stage::Running || stage == Stage::Stopping ? Status::Running : Status::Pending;
}

}  // namespace slipway
