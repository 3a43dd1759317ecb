#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace slipway {

/// What users see. A final status never changes.
enum class Status { Pending, Running, Completed, Failed, Timeout };

/// Where the controller is (docs/ARCHITECTURE.md has the chart). Moves forward only within an attempt.
enum class Stage {
  New,
  Deferred,
  Queued,
  Claimed,
  Launching,
  Running,
  Stopping,
  Recycling,
  Finished,
  Cleaned,
};
inline constexpr std::array<Stage, 10> kStages = {
    Stage::New,     Stage::Deferred, Stage::Queued,    Stage::Claimed,  Stage::Launching,
    Stage::Running, Stage::Stopping, Stage::Recycling, Stage::Finished, Stage::Cleaned};

/// Whose doing an end was. Drives refunds, retries and success rates.
enum class Fault { None, Agent, User, Platform, Policy };

/// Why the controller decided to stop a running container. The first one committed wins.
enum class Verdict { Deadline, Cancel, Drain };

/// The stable code beside a status.
enum class Reason {
  // waiting
  Queued,
  Throttled,
  NoCapacity,
  PullingImage,
  Starting,
  Retrying,
  // running
  Running,
  Stopping,
  // final
  Completed,
  NonZeroExit,
  OOMKilled,
  OutputMissing,
  OutputInvalid,
  OutputTooLarge,
  CommandInvalid,
  ImageNotFound,
  ImageNotAllowed,
  DeadlineExceeded,
  Cancelled,
  InputInvalid,
  InputTooLarge,
  StartDeadlineExceeded,
  EntitlementMissing,
  EntitlementExpired,
  EntitlementExhausted,
  RateLimited,
  QueueFull,
  AgentNotFound,
  AgentSuspended,
  ImagePullFailed,
  EngineError,
  Interrupted,
  ContainerLost,
  NodeLost,
  NodeStorageFull,
  NodeDraining,
  NotEnforceable,
};

/// What becomes of the use an execution spent at its claim.
enum class UseRule {
  None,                    ///< not decided yet
  Spent,                   ///< stays spent
  NeverSpent,              ///< refused before the claim: there is no spend
  Refunded,                ///< given back
  RefundedIfNeverStarted,  ///< a cancel: given back unless the container ran
};

/// One line of the contract's table.
struct ReasonRow {
  Reason reason;
  std::string_view name;
  Status status;
  Fault fault;
  UseRule use;
  bool priced;  ///< the price counts as revenue
  std::string_view
      message;  ///< the one safe sentence a user reads; never a word of the engine's or the database's
};

const ReasonRow& row_of(Reason reason);
std::span<const ReasonRow> all_reasons();
std::optional<Reason> reason_from(std::string_view name);

std::string_view to_string(Reason reason);
std::string_view to_string(Status status);  ///< as stored: PENDING RUNNING COMPLETED FAILED TIMEOUT
std::string_view to_string(Stage stage);
std::string_view to_string(Fault fault);
std::string_view to_string(Verdict verdict);
std::optional<Status> status_from(std::string_view name);
std::optional<Stage> stage_from(std::string_view name);
std::optional<Fault> fault_from(std::string_view name);
std::optional<Verdict> verdict_from(std::string_view name);

bool is_final(Status status);
/// The status a stage shows to users; a Finished stage has the status its reason gives.
Status status_while(Stage stage);

}  // namespace slipway
