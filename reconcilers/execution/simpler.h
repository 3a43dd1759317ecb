#pragma once

#include <optional>

#include "reconcilers/execution/plan.h"
#include "store/store.h"

/// What is written where the database refuses a record for what is in it (ErrorClass::Invalid). No text of a
/// stranger can keep an execution from ending: every form holds less than the one before, and the last holds
/// nothing but words of ours. Pure.
namespace slipway::reconcilers {

/// The next form of the record; nothing: it has none. At most two behind each other:
/// - an end, without its evidence; then, where a result was to be stored, as OutputInvalid without it;
/// - another attempt, without the evidence of this one; then the end of the execution for the same reason;
/// - a step, without what the engine says of the container; then the end: by its verdict if it brings one,
///   else EngineError;
/// - back into the queue: the end, as EngineError.
std::optional<Record> simpler(const Record& record, const AttemptRef& ref);

/// The same of a first decision: without words of its own, then refused as EngineError.
std::optional<store::Decision> simpler(const store::Decision& decision);

}  // namespace slipway::reconcilers
