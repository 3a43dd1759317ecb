#pragma once

#include <string>

#include "api/clock.h"
#include "api/execution.h"

/// What a plan may know beside the row and the container: plain values, taken when the pass begins.
namespace slipway::reconcilers {

/// What the node knows of the agent's image.
struct ImageView {
  enum class State {
    Unknown,  ///< not looked for yet, or being fetched
    Present,
    NotFound,
    NotAllowed,
    Failed,
  };
  State state = State::Unknown;
  std::string id;      ///< when Present
  std::string detail;  ///< for operators, when refused or failed
};

/// What the node knows beside the row and the container.
struct NodeView {
  std::string name;
  bool lease_held = true;  ///< without it nothing is created or started; what runs is still led to its end
  bool draining = false;
  bool live_restore = false;  ///< the engine's restarts leave containers running
  bool term_sent = false;     ///< this process has sent TERM for this attempt
  ImageView image;
  /// How long the row has stood at its stage without a sign of life; while nothing could have moved it, the
  /// time stands still.
  Duration stays{0};
  Duration start_patience = std::chrono::seconds(60);  ///< how long a claim may stand unstarted
  /// How long nothing could be learned or done about its container while the engine answered about others.
  Duration silent{0};
  Duration engine_patience = std::chrono::seconds(90);  ///< how long that may be
};

}  // namespace slipway::reconcilers
