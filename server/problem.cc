#include "server/problem.h"

#include <nlohmann/json.hpp>

namespace slipway::server {

std::string_view title_of(int status) {
  static const std::map<int, std::string_view> titles = {{200, "OK"},
                                                         {201, "Created"},
                                                         {202, "Accepted"},
                                                         {204, "No Content"},
                                                         {400, "Bad Request"},
                                                         {401, "Unauthorized"},
                                                         {403, "Forbidden"},
                                                         {404, "Not Found"},
                                                         {405, "Method Not Allowed"},
                                                         {408, "Request Timeout"},
                                                         {409, "Conflict"},
                                                         {413, "Content Too Large"},
                                                         {415, "Unsupported Media Type"},
                                                         {422, "Unprocessable Content"},
                                                         {429, "Too Many Requests"},
                                                         {431, "Request Header Fields Too Large"},
                                                         {503, "Service Unavailable"}};
  const auto found = titles.find(status);
  return found == titles.end() ? "Internal Server Error" : found->second;
}

Response to_response(const Problem& problem, const std::string& request_id) {
  nlohmann::json body = {{"type", "about:blank"},    {"title", title_of(problem.status)},
                         {"status", problem.status}, {"code", problem.code},
                         {"detail", problem.detail}, {"requestId", request_id}};
  for (const auto& field : problem.fields)
    body["errors"].push_back({{"pointer", field.pointer}, {"detail", field.detail}});
  Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (problem.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"slipway\"");
  if (problem.retry_after > 0)
    response.headers.emplace_back("Retry-After", std::to_string(problem.retry_after));
  return response;
}

Problem problem_of(const Error& error) {
  switch (error.error_class) {
    case ErrorClass::NotFound:
      return {404, "NotFound", error.message, {}, 0};
    case ErrorClass::Conflict:
      return {409, "Conflict", error.message, {}, 0};
    case ErrorClass::Invalid:
      return {422, "Invalid", error.message, {}, 0};
    case ErrorClass::Retry:
    case ErrorClass::Doubt:
    case ErrorClass::Unsupported:
    case ErrorClass::StorageFull:
      break;
  }
  return {503, "DatabaseUnavailable", "The database does not answer at the moment; try again.", {}, 1};
}

}  // namespace slipway::server
