#pragma once

#include "cmd/slipway/log_printer.h"
#include "cmd/slipway/session.h"

namespace slipway::cli {

/// Adds what follows the cursor, and moves it.
Result<void> read_logs(store::CommandCatalog& catalog, const ExecutionId& id, store::LogCursor& cursor,
                       LogPrinter& printer);

/// Streams the logs until the execution is final, and then what is left of them. A database that goes away
/// for a while is borne: the stream goes on behind the last line that was read.
Result<store::Standing> follow(Session& session, const ExecutionId& id, LogPrinter& printer);

}  // namespace slipway::cli
