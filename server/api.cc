#include "server/api.h"

#include "api/utf8.h"
#include "logging/log.h"
#include "server/answers.h"
#include "server/token_text.h"

namespace slipway::server {
namespace {

using store::TokenRole;

bool may(Access access, TokenRole role) {
  switch (access) {
    case Access::Open:
    case Access::Own:
      return true;
    case Access::Submit:
      return role != TokenRole::Reader;
    case Access::Operate:
      return role != TokenRole::User;
    case Access::Admin:
      return role == TokenRole::Admin;
  }
  return false;
}

std::vector<std::string> segments_of(const std::string& pattern) {
  std::vector<std::string> parts;
  for (std::size_t at = 1; at <= pattern.size();) {
    const auto end = std::min(pattern.find('/', at), pattern.size());
    parts.push_back(pattern.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

/// The parts in braces, if the path has the pattern's form.
std::optional<std::map<std::string, std::string>> match(const std::vector<std::string>& pattern,
                                                        const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::map<std::string, std::string> parts;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (pattern[i].starts_with('{')) {
      if (path[i].empty() || path[i].size() > 512) return std::nullopt;
      parts[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return parts;
}

Response page_of(const std::function<Response()>& page) { return page ? page() : Response{.status = 404}; }

}  // namespace

struct Api::State {
  explicit State(ApiParts given) : parts(std::move(given)), desk{parts} {
    open("/livez", "livez", "The process answers", parts.livez);
    open("/readyz", "readyz", "Whether executions get done here: database, engine, schema, loop",
         parts.readyz);
    open("/metrics", "metrics", "Figures for Prometheus", parts.metrics);
    open("/version", "version", "What runs here", parts.version);
    routes.push_back(
        {"GET",
         "/openapi.json",
         "openapi",
         "This API, described",
         Access::Open,
         {200},
         [this](const Call&) -> asio::awaitable<Response> { co_return json_answer(openapi(routes)); }});
    add_submission_route(routes, desk);
    add_execution_routes(routes, desk);
    add_stream_routes(routes, desk);
    add_object_routes(routes, desk);
    add_apply_route(routes, desk);
    add_token_routes(routes, desk);
    for (const auto& route : routes) patterns.push_back(segments_of(route.pattern));
  }

  void open(const std::string& path, const std::string& operation, const std::string& summary,
            std::function<Response()> page) {
    routes.push_back(
        {"GET",
         path,
         operation,
         summary,
         Access::Open,
         {200},
         [page = std::move(page)](const Call&) -> asio::awaitable<Response> { co_return page_of(page); }});
  }

  /// The route, or why there is none: 405 where the path is one of ours.
  const Route* find(const Request& request, std::map<std::string, std::string>& path,
                    Problem& problem) const {
    const auto method = request.method == "HEAD" ? "GET" : request.method;
    problem = {404, "NotFound", "There is nothing at this path; /openapi.json tells what there is.", {}, 0};
    for (std::size_t i = 0; i < routes.size(); ++i) {
      auto parts_of_path = match(patterns[i], request.segments);
      if (!parts_of_path) continue;
      if (routes[i].method == method) {
        path = std::move(*parts_of_path);
        return &routes[i];
      }
      problem = {405, "MethodNotAllowed", "This path has no " + excerpt(request.method, 16) + ".", {}, 0};
    }
    return nullptr;
  }

  asio::awaitable<store::Token> authenticate(const Request& request) {
    const auto token = bearer_of(request.header("authorization"));
    if (!token) refuse(401, "TokenMissing", "Send a token: \"Authorization: Bearer slp_…\".");
    const auto known = must(co_await parts.catalogs->run(
        [hash = sha256_hex(*token)](store::Catalog& catalog) { return catalog.token_by(hash); }));
    if (!known) refuse(401, "TokenInvalid", "This token is unknown, expired or revoked.");
    co_return *known;
  }

  asio::awaitable<Response> answer(const Route& route, const Request& request,
                                   std::map<std::string, std::string> path) {
    Call call{.request = request, .who = {}, .path = std::move(path)};
    if (route.access != Access::Open) {
      call.who = co_await authenticate(request);
      if (!may(route.access, call.who.role))
        refuse(403, "Forbidden",
               "A token of role " + std::string(to_string(call.who.role)) + " may not do this.");
    }
    co_return co_await route.handler(call);
  }

  asio::awaitable<Response> handle(Request request) {
    const auto since = std::chrono::steady_clock::now();
    std::map<std::string, std::string> path;
    Problem problem;
    const auto* route = find(request, path, problem);
    Response response;
    if (route == nullptr) {
      response = to_response(problem, request.request_id);
    } else {
      try {
        response = co_await answer(*route, request, std::move(path));
      } catch (const Refused& refused) {
        response = to_response(refused.problem, request.request_id);
      } catch (const std::exception& fault) {
        logging::error("request failed", {{"request", request.request_id}, {"detail", fault.what()}});
        response =
            to_response({500, "Internal", "Something went wrong here; the request id finds it.", {}, 0},
                        request.request_id);
      }
    }
    if (parts.witness) {
      parts.witness(
          route ? route->pattern : "none", request, response.status,
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - since));
    }
    co_return response;
  }

  ApiParts parts;
  Desk desk;
  std::vector<Route> routes;
  std::vector<std::vector<std::string>> patterns;
};

Api::Api(ApiParts parts) : state_(std::make_unique<State>(std::move(parts))) {}
Api::~Api() = default;
asio::awaitable<Response> Api::handle(Request request) { return state_->handle(std::move(request)); }
const std::vector<Route>& Api::routes() const { return state_->routes; }

}  // namespace slipway::server
