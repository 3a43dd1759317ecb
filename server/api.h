#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admission/contracts.h"
#include "api/policy.h"
#include "server/catalog_pool.h"
#include "server/message.h"
#include "server/problem.h"

namespace slipway::server {

/// Who may use a route.
enum class Access {
  Open,     ///< no token is asked for
  Own,      ///< any token; a user's sees and changes only what is its user's
  Submit,   ///< user (its own), service, admin
  Operate,  ///< reader, service and admin: what concerns everybody
  Admin,
};

/// One request on its way through a route.
struct Call {
  const Request& request;
  store::Token who;                              ///< of an Open route: nobody
  std::map<std::string, std::string> path = {};  ///< the route's {parts}

  /// Whose rows this caller sees; empty: everybody's.
  std::string scope() const { return who.role == store::TokenRole::User ? who.user : ""; }
};

/// A line of the API: what OpenAPI says of it and who answers.
struct Route {
  std::string method;
  std::string pattern;    ///< "/v1/executions/{id}"
  std::string operation;  ///< OpenAPI's operationId
  std::string summary;
  Access access = Access::Admin;
  std::vector<int> answers;  ///< statuses besides those any route may have (401, 403, 500, 503)
  std::function<asio::awaitable<Response>(const Call&)> handler;
};

struct ApiParts {
  std::shared_ptr<CatalogPool> catalogs;
  admission::Contracts& contracts;
  Policy policy;
  std::function<TimePoint()> now;  ///< database time
  /// /livez /readyz /metrics /version answer from these.
  std::function<Response()> livez, readyz, metrics, version;
  /// One call an answer. `route` is the pattern, "none" where there was no route.
  std::function<void(const std::string& route, const Request&, int status, std::chrono::microseconds took)>
      witness;
  std::size_t streams = 256;  ///< watches and followed logs at once
};

/// The HTTP API: finds the route, asks who is there, answers. Threads: the loop's.
class Api {
 public:
  explicit Api(ApiParts parts);
  ~Api();
  asio::awaitable<Response> handle(Request request);
  const std::vector<Route>& routes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::server
