#pragma once

#include <optional>
#include <string>
#include <variant>

#include "api/execution.h"
#include "controller/reconciler.h"
#include "reconcilers/node_view.h"
#include "runtime/container_runtime.h"
#include "store/store.h"

/// The decision at the heart of Slipway: what to do next with one execution. No I/O, no clock, no log, no
/// throw.
namespace slipway::reconcilers {

// What to do to the container world. At most one of these a pass.
struct Nothing {};
struct WaitForImage {};
struct Create {};
struct Start {};
struct ResolveDoubt {};
struct Signal {
  runtime::Signal signal = runtime::Signal::Term;
};
struct Collect {};  ///< then conclude() decides the end
struct Remove {};
using Action = std::variant<Nothing, WaitForImage, Create, Start, ResolveDoubt, Signal, Collect, Remove>;

// What to write first. An effect whose record was not written does not happen.
struct NoRecord {};
struct Requeue {};  ///< Recycling → Queued; the executor adds the backoff
using Record = std::variant<NoRecord, store::Transition, store::Finish, store::Recycle, Requeue>;

struct Plan {
  Record record;
  Action action;
  controller::Outcome next;
};

inline constexpr int kCreateAttempts = 5;
/// How long what a run left may resist being read, while the engine answers.
inline constexpr auto kCollectPatience = std::chrono::minutes(10);
/// How long the container of an attempt that is to be made again may resist being removed.
inline constexpr auto kRemovalPatience = std::chrono::minutes(10);
inline constexpr auto kGracePastDeadline = std::chrono::seconds(2);

/// The timeout in force: what was asked, but never more than the agent allows.
std::chrono::seconds timeout_of(const Execution& execution);

Plan plan(const Execution& execution, const runtime::Observation& observed, const NodeView& node,
          TimePoint now);

/// After the input directory was fenced (or could not be: `fenced` false) and the container was looked at
/// once more.
Plan resolve_doubt(const Execution& execution, const runtime::Observation& observed, bool fenced,
                   TimePoint now);

/// After a create that failed, and not because the engine was away.
Plan create_failed(const Execution& execution, const Error& error, TimePoint now);

/// How an execution ends about whose container nothing can be learned or done, though the engine answers
/// about others; NoRecord: its time has not come. `seen`: the last look, null if that failed. `node.silent`
/// tells for how long; `now` is when `seen` was.
Record end_of_patience(const Execution& execution, const runtime::Observation* seen, const NodeView& node,
                       TimePoint now);

/// Before another attempt: 1 s, 2 s, 4 s … up to a minute, each drawn by `dice` (0 to 1) from its upper half.
Duration retry_pause(int attempt, double dice);

/// What collecting brought, with the result already examined (contracts.h).
struct Findings {
  Evidence evidence = {};
  std::string result_problem = {};  ///< empty: JSON that fits the agent's output schema
  bool unread = false;              ///< it could not be collected within its bound
};

/// How a run that has ended, or was lost, is recorded: finished, or recycled for another attempt. `now` is
/// when `observed` was seen, however long the collecting took.
Record conclude(const Execution& execution, const runtime::Observation& observed, const NodeView& node,
                Findings findings, TimePoint now);

/// The end of an attempt that never ran, for this reason: a new attempt if the fault is the platform's and
/// the policy has one left, else the end of the execution.
Record end_attempt(const Execution& execution, Reason reason, std::string detail);

/// The reason by which a verdict ends an execution.
Reason reason_of(Verdict verdict);

/// What the record ends the attempt with; none: it ends nothing.
std::optional<Reason> end_reason(const Record& record);

}  // namespace slipway::reconcilers
