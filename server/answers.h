#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "admission/foresight.h"
#include "server/api.h"

namespace slipway::server {

/// Thrown by handlers, answered by the API.
struct Refused {
  Problem problem;
};
[[noreturn]] inline void refuse(int status, std::string code, std::string detail,
                                std::vector<FieldProblem> fields = {}) {
  throw Refused{{status, std::move(code), std::move(detail), std::move(fields), 0}};
}

/// The value, or the answer its error stands for.
template <class T>
T must(Result<T> result) {
  if (!result) throw Refused{problem_of(result.error())};
  return std::move(*result);
}

inline Response json_answer(const nlohmann::json& body, int status = 200) {
  Response response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

/// What was done as asked but will not all hold, as Kubernetes tells it: a header each, `Warning: 299 - "…"`.
void add_warnings(Response& response, const std::vector<std::string>& warnings);

/// ?limit, ?page, ?continue, ?user, ?agent, ?status, ?label=a=b,c=d, as far as they are well-formed.
store::PageQuery page_query(const Call& call);
/// ?label= as its terms, or 400.
std::vector<store::LabelTerm> label_terms(const Request& request);
/// A whole number of the query within its bounds, or 400.
int number_parameter(const Request& request, const std::string& name, int low, int high, int otherwise);
/// The body as JSON, or 400 or 415.
nlohmann::json json_body(const Request& request);
/// Who submits for whom: a user's token for its user only, or 403.
void assign_user(const Call& call, nlohmann::json& body);
/// What the first decision would refuse, as it is answered.
Problem to_problem(const admission::Refusal& refusal);
/// One object of this kind, checked as a file would be, or 422 with what is wrong where. `name`: the one in
/// the path, empty where there is none.
Object object_from(nlohmann::json body, Kind kind, const std::string& name);
/// The execution of the path that this caller may see, or 404.
ExecutionId own_execution(store::Catalog& catalog, const Call& call);
/// Seconds to wait for a final state: `Prefer: wait=N` or ?wait=N, at most 60.
std::chrono::seconds asked_to_wait(const Request& request);

/// What is shared by the routes of one API.
struct Desk {
  ApiParts& parts;
  std::size_t streams = 0;
};
asio::awaitable<Response> watch_executions(Desk& desk, const Call& call);
void add_execution_routes(std::vector<Route>& routes, Desk& desk);
void add_submission_route(std::vector<Route>& routes, Desk& desk);
void add_apply_route(std::vector<Route>& routes, Desk& desk);
void add_object_routes(std::vector<Route>& routes, Desk& desk);
void add_stream_routes(std::vector<Route>& routes, Desk& desk);
void add_token_routes(std::vector<Route>& routes, Desk& desk);

/// Waits until the execution is final or the time is over.
asio::awaitable<void> wait_for_end(Desk& desk, ExecutionId id, std::chrono::seconds patience);

/// The components of that document.
nlohmann::json openapi_schemas();
/// OpenAPI 3.1 of the routes.
nlohmann::json openapi(const std::vector<Route>& routes);

}  // namespace slipway::server
