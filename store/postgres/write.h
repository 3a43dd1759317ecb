#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "store/postgres/connection.h"
#include "store/store.h"

namespace slipway::store::postgres {

struct Requeue {
  ExecutionId id;
  ClaimId claim;
  Duration backoff{0};
};

/// One conditional step of one row, of any kind.
using Write = std::variant<Transition, Finish, Recycle, Requeue, LogAppend>;

/// A batch holds writes of one kind.
enum class Kind { Move, End, Requeue, Append };
Kind kind_of(const Write& write);

const ExecutionId& id_of(const Write& write);
/// About how much it carries, for the cap of a batch.
std::size_t bytes_of(const Write& write);

/// Nobody waits for it: that a finished execution has been cleaned up.
bool is_patient(const Write& write);

enum class Outcome {
  Written,
  Elsewhere,  ///< the row is at another stage, under another claim, or cancelled meanwhile
  Busy,       ///< somebody holds the row's lock
};

/// Whose writes these are. An epoch that is no longer the node's fails the whole batch with Conflict.
struct Writer {
  std::string node;
  std::int64_t epoch = 0;
};

/// Writes `batch` (one kind, each row at most once) in one transaction, and says for each what became of it.
/// `wait`: waits for a locked row up to lock_timeout instead of leaving it out. Throws Failure; then nothing
/// was written, unless it says Doubt.
std::vector<Outcome> write_batch(Connection& connection, const Writer& writer,
                                 const std::vector<const Write*>& batch, bool wait);

/// Refuses (Conflict) when the name has been taken over. First step of every write transaction.
void act_as(Connection& connection, const Writer& writer);

}  // namespace slipway::store::postgres
