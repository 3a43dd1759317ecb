#pragma once

#include <string>
#include <vector>

#include "api/result.h"
#include "server/message.h"

namespace slipway::server {

/// One field of a request that is not as it should be.
struct FieldProblem {
  std::string pointer;  ///< JSON pointer into the body, "/spec/input/symbol"
  std::string detail;
};

/// RFC 9457. `code` is a stable word for programs: a reason of the contract's table, or one of ours.
struct Problem {
  int status = 500;
  std::string code = "Internal";
  std::string detail;
  std::vector<FieldProblem> fields;
  int retry_after = 0;  ///< seconds; 0: not said
};

Response to_response(const Problem& problem, const std::string& request_id);
/// What an error of the catalog is to a client; the words of Invalid, NotFound and Conflict are made for
/// users, those of all others stay here.
Problem problem_of(const Error& error);
std::string_view title_of(int status);  ///< "Not Found"

}  // namespace slipway::server
