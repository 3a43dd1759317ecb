#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/result.h"

namespace slipway::store::postgres {

/// What a database holds, as numbers of migrations.
struct SchemaVersion {
  int number = 0;         ///< the newest migration applied; 0: the schema is absent
  int oldest_binary = 0;  ///< the lowest number a binary may speak to work with it
};

/// What this binary and a database make of each other. `message` is one line that says what to do, empty when
/// Fits.
struct SchemaCheck {
  enum class Verdict { Fits, Absent, TooOld, TooNew };
  Verdict verdict = Verdict::Fits;
  SchemaVersion version;
  std::string message;
};

/// The number of the newest migration this binary carries.
int spoken_version();

/// Applies every migration the database lacks, each in a transaction of its own, one process at a time (the
/// others wait up to `patience`, then Retry). The answer names those applied now; none when the schema was
/// current. Conflict: the schema is too new for this binary. Invalid: a migration failed, and left nothing
/// behind. Blocking: for command lines, daemons' start-up and tests, not for the loop.
Result<std::vector<std::string>> migrate(const std::string& url,
                                         std::chrono::seconds patience = std::chrono::seconds(60));

Result<SchemaVersion> schema_version(const std::string& url);  ///< Blocking.
Result<SchemaCheck> check_schema(const std::string& url);      ///< Blocking.
/// The judgement alone, of a binary that speaks `spoken`.
SchemaCheck judge_schema(const SchemaVersion& version, int spoken);

}  // namespace slipway::store::postgres
