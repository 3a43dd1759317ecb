#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent.h"
#include "api/clock.h"
#include "api/reason.h"

namespace slipway {

/// Canonical lower-case UUID text.
using ExecutionId = std::string;
/// Whether a text from elsewhere (a notification, a label) can be one.
bool is_execution_id(std::string_view text);
/// One per attempt, made at the claim; on the container's labels. Never the epoch: a restarted daemon adopts
/// its own.
using ClaimId = std::string;
/// The life of one engine process, e.g. "4711@9823746" (pid, start time in clock ticks). Two equal values
/// mean that the engine did not restart in between.
using EngineIdentity = std::string;

/// The attempt a container belongs to, and what names it.
struct AttemptRef {
  ExecutionId execution;
  int attempt = 0;  ///< 1 for the first
  ClaimId claim;
  bool operator==(const AttemptRef&) const = default;
};

/// "slipway-<execution>-<attempt>": the idempotency key of create.
std::string container_name(const AttemptRef& ref);

/// The row as the controller sees it: everything a plan is made from. Times are database time.
struct Execution {
  AttemptRef ref;
  std::string owner;  ///< the node that claimed it; empty while nobody has
  std::string user_id;
  std::string agent;
  int agent_revision = 0;
  std::shared_ptr<const AgentSpec> spec;  ///< of the pinned revision; never null once claimed
  bool spec_whole = true;  ///< false: `spec` is what this binary can read of it, and nothing is started by it
  std::string image_id;    ///< pinned with the first intent to start; empty before
  Stage stage = Stage::New;
  Status status = Status::Pending;
  Reason reason = Reason::Queued;
  bool cancel_requested = false;
  std::chrono::seconds timeout{300};  ///< from container start
  int retry_limit = 0;                ///< the lower of the agent's and the submitter's
  int create_failures = 0;
  std::string traceparent;
  TimePoint created_at;
  EngineIdentity engine;  ///< of the intent, later of the start
  std::optional<TimePoint> intent_at;
  std::optional<TimePoint> started_at;
  std::optional<TimePoint> deadline_at;
  std::optional<TimePoint> kill_at;
  std::optional<TimePoint> not_before;
  std::optional<Verdict> verdict;
  std::optional<std::string> input;  ///< at Claimed, where it is small; else it is loaded by itself
};

struct LogChunk {
  enum class Stream { Stdout, Stderr, System };
  Stream stream = Stream::Stdout;
  TimePoint at;
  std::string bytes;  ///< at most 64 KiB; whole lines where the line fits
};
std::string_view to_string(LogChunk::Stream stream);

/// A chunk of the log of a container that still runs.
struct LogPiece {
  std::int64_t place = 0;  ///< how many bytes of the attempt's log stand before it
  LogChunk chunk;
  TimePoint until;  ///< when its last line was written; `chunk.at` is of its first
};

/// How much of the log of an attempt is stored while its container runs.
struct LiveLog {
  std::int64_t end = 0;  ///< bytes, from the first on
  TimePoint begins;      ///< when its first and its last line were written; meaningless if there is none
  TimePoint until;
};

/// What a container left behind, read once after its exit (or after its loss, as far as there is anything).
struct Evidence {
  enum class ResultState {
    Missing,     ///< no such file
    NotRegular,  ///< symlink, directory, FIFO, device, several links, or not reachable beneath /output
    TooLarge,
    Present,
  };
  ResultState result_state = ResultState::Missing;
  std::string result;        ///< raw bytes when Present; the head up to the cap when TooLarge
  bool output_full = false;  ///< nothing more could be written to /output
  std::vector<LogChunk> logs;
  bool logs_truncated = false;
  bool logs_from_start = false;  ///< they begin with the first line, for sure
  std::int64_t logs_behind = 0;  ///< how much of what is stored already they come behind
  std::optional<std::int64_t> peak_memory_bytes;
  std::optional<std::int64_t> cpu_ms;
};

}  // namespace slipway
