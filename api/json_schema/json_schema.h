#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::json_schema {

/// What is wrong, and where. Fit for users: ours in every word, values quoted short and escaped.
struct Problem {
  std::string instance;  ///< JSON pointer into the document that was checked; empty for a bad schema
  std::string schema;    ///< JSON pointer into the schema, the keyword last
  std::string message;   ///< "expected a string, got 5"
  bool operator==(const Problem&) const = default;
};

/// A compiled schema: immutable, to be shared between threads.
class Schema;

struct Compiled {
  std::shared_ptr<const Schema> schema;  ///< null if anything is wrong
  std::vector<Problem> problems;         ///< at most `kMostProblems` (limits.h)
};

/// Documents a `$ref` may lead to, by absolute URI. Nothing is ever fetched: what is neither here, nor in the
/// schema, nor one of the two metaschemas is refused.
using Documents = std::map<std::string, nlohmann::json, std::less<>>;

/// Compiles a schema of draft 7 or 2020-12, as `$schema` says (2020-12 without it). `format` and the
/// `content*` keywords are annotations in both: they never refuse a value.
Compiled compile(const nlohmann::json& schema, const Documents& documents = {});
/// The same for bytes, which must be strict JSON (api/json_schema/strict_json.h).
Compiled compile_text(std::string_view schema, const Documents& documents = {});

struct Verdict {
  bool valid = false;
  bool gave_up = false;           ///< not answered: it would have cost more than the limits allow
  std::vector<Problem> problems;  ///< empty if and only if valid; at most `kMostProblems`
};

/// Whether the value fits. Time is bounded by the size of the value, never by what the schema makes of it.
Verdict validate(const Schema& schema, const nlohmann::json& instance);
/// The same for bytes; what is not strict JSON does not fit.
Verdict validate_text(const Schema& schema, std::string_view instance);

}  // namespace slipway::json_schema
