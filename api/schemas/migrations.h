#pragma once

#include <string_view>
#include <vector>

namespace slipway::schemas {

/// One forward-only step of the database schema. `sql` is run in a transaction of its own, in order of
/// `number`.
struct Migration {
  int number;
  std::string_view name;
  std::string_view sql;
};

/// Every migration this binary carries, ascending. The last one's number is the schema version the binary
/// speaks.
const std::vector<Migration>& migrations();

}  // namespace slipway::schemas
