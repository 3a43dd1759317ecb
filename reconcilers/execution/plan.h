#pragma once

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
/// How long the engine may answer others and not about a container that was to start.
inline constexpr auto kStartDoubt = std::chrono::seconds(90);
inline constexpr auto kGracePastDeadline = std::chrono::seconds(2);

/// The timeout in force: what was asked, but never more than the agent allows.
std::chrono::seconds timeout_of(const Execution& execution);

Plan plan(const Execution& execution, const runtime::Observation& observed, const NodeView& node,
          TimePoint now);

/// After the input directory was fenced (or could not be: `fenced` false) and the container was looked at
/// once more.
Plan resolve_doubt(const Execution& execution, const runtime::Observation& observed, bool fenced,
                   TimePoint now);

/// What collecting brought, with the result already examined (contracts.h).
struct Findings {
  Evidence evidence;
  std::string result_problem;  ///< empty: JSON that fits the agent's output schema
};

/// How a run that has ended, or was lost, is recorded: finished, or recycled for another attempt. `now` is
/// when `observed` was seen, however long the collecting took.
Record conclude(const Execution& execution, const runtime::Observation& observed, const NodeView& node,
                Findings findings, TimePoint now);

/// The end of an attempt that never ran, for this reason: a new attempt if the fault is the platform's and
/// the policy has one left, else the end of the execution.
Record end_attempt(const Execution& execution, Reason reason, std::string detail);

/// The end of an execution whose container the engine does not answer about: never another attempt, since
/// this one may still run.
store::Finish end_unseen(const Execution& execution);

}  // namespace slipway::reconcilers
