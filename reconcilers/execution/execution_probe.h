#pragma once

#include "api/execution.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// What happened to executions, for counting. Every method has an empty body.
class ExecutionProbe {
 public:
  virtual ~ExecutionProbe() = default;
  virtual void on_started(const Execution&, TimePoint /*started_at*/) {}
  virtual void on_finished(const Execution&, const store::Finish&, TimePoint /*now*/) {}
  virtual void on_recycled(const Execution&, Reason) {}
};

}  // namespace slipway::reconcilers
