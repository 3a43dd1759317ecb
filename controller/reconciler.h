#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <variant>

#include "api/clock.h"
#include "api/result.h"

namespace slipway::controller {

namespace asio = boost::asio;

/// What a controller works on: the name of a thing, never an event about it.
using Key = std::string;

/// Desired and observed state agree; nothing to do until something is heard.
struct Converged {};
/// One step was made; look again at once.
struct Again {};
/// Nothing to do before this moment (database time).
struct WakeAt {
  TimePoint at;
};
/// Nothing will ever be to do for this key again: what was heard of it during this pass is no news.
struct Settled {};
/// Repeating cannot help. The key is let go of and the reason logged once; a hint or the next walk over both
/// lists looks at it again.
struct GivenUp {
  std::string why;  ///< for the operator's log
};
using Outcome = std::variant<Converged, Settled, Again, WakeAt, GivenUp>;

/// Compares the desired state of one key with the observed one and makes at most one step.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  /// Called by one worker at a time for any one key. An error (or an exception) means: back off and try
  /// again.
  virtual asio::awaitable<Result<Outcome>> reconcile(const Key& key) = 0;
  /// What the reconcile of this key is at now, in a word for an operator; empty: not told.
  virtual std::string step_of(const Key& /*key*/) const { return {}; }
};

}  // namespace slipway::controller
