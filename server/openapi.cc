#include <set>

#include "server/answers.h"

namespace slipway::server {
namespace {

using nlohmann::json;

json ref(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }
json of_type(const char* type) { return {{"type", type}}; }
json list_of(const json& item) {
  return {{"type", "object"},
          {"required", {"items", "total"}},
          {"properties",
           {{"items", {{"type", "array"}, {"items", item}}},
            {"total", of_type("integer")},
            {"continue", of_type("string")}}}};
}

/// What a 2xx of an operation carries; null: nothing, or text.
json schema_of(const Route& route) {
  static const std::map<std::string, json> schemas = {{"createExecution", ref("Execution")},
                                                      {"getExecution", ref("Execution")},
                                                      {"cancelExecution", ref("Execution")},
                                                      {"listExecutions", list_of(ref("Execution"))},
                                                      {"getExecutionEvents", list_of(ref("Event"))},
                                                      {"whyExecution", ref("Waiting")},
                                                      {"getExecutionStatus", ref("Standing")},
                                                      {"forceFinishExecution", ref("Execution")},
                                                      {"apply", list_of(ref("Change"))},
                                                      {"whoami", ref("Who")},
                                                      {"getExecutionOutput", json::object()},
                                                      {"listAgents", list_of(ref("Agent"))},
                                                      {"createAgent", ref("Agent")},
                                                      {"getAgent", ref("Agent")},
                                                      {"applyAgent", ref("Agent")},
                                                      {"listEntitlements", list_of(ref("Entitlement"))},
                                                      {"createEntitlement", ref("Entitlement")},
                                                      {"getEntitlement", ref("Entitlement")},
                                                      {"applyEntitlement", ref("Entitlement")},
                                                      {"listQuotas", list_of(ref("Quota"))},
                                                      {"createQuota", ref("Quota")},
                                                      {"getQuota", ref("Quota")},
                                                      {"applyQuota", ref("Quota")},
                                                      {"getAgentStatistics", ref("Statistics")},
                                                      {"listNodes", list_of(ref("Node"))},
                                                      {"getNode", ref("Node")},
                                                      {"cordonNode", ref("Node")},
                                                      {"uncordonNode", ref("Node")},
                                                      {"drainNode", ref("Node")},
                                                      {"listTokens", list_of(ref("Token"))},
                                                      {"createToken", ref("Token")},
                                                      {"openapi", of_type("object")},
                                                      {"version", of_type("object")},
                                                      {"readyz", of_type("object")}};
  const auto found = schemas.find(route.operation);
  return found == schemas.end() ? json() : found->second;
}

json body_of(const Route& route) {
  static const std::map<std::string, std::string> bodies = {{"createExecution", "NewExecution"},
                                                            {"createAgent", "NewAgent"},
                                                            {"applyAgent", "NewAgent"},
                                                            {"createEntitlement", "NewEntitlement"},
                                                            {"applyEntitlement", "NewEntitlement"},
                                                            {"createQuota", "NewQuota"},
                                                            {"applyQuota", "NewQuota"},
                                                            {"createToken", "NewToken"},
                                                            {"apply", "NewApplication"},
                                                            {"forceFinishExecution", "NewForce"}};
  const auto found = bodies.find(route.operation);
  if (found == bodies.end()) return nullptr;
  return {{"required", true}, {"content", {{"application/json", {{"schema", ref(found->second)}}}}}};
}

json query_parameter(const char* name, const char* description, json schema) {
  return {{"name", name}, {"in", "query"}, {"description", description}, {"schema", std::move(schema)}};
}
json header_parameter(const char* name, const char* description) {
  return {{"name", name}, {"in", "header"}, {"description", description}, {"schema", of_type("string")}};
}

json parameters_of(const Route& route) {
  json all = json::array();
  for (std::size_t at = route.pattern.find('{'); at != std::string::npos;
       at = route.pattern.find('{', at + 1)) {
    all.push_back({{"name", route.pattern.substr(at + 1, route.pattern.find('}', at) - at - 1)},
                   {"in", "path"},
                   {"required", true},
                   {"description", "a name or an id"},
                   {"schema", of_type("string")}});
  }
  const auto is = [&](const char* operation) { return route.operation == operation; };
  const json limit = {{"type", "integer"}, {"minimum", 1}, {"maximum", is("listExecutions") ? 500 : 10000}};
  if (is("listExecutions")) {
    all.push_back(query_parameter("user", "only this user's", of_type("string")));
    all.push_back(query_parameter("agent", "only of this agent", of_type("string")));
    all.push_back(query_parameter("status", "only in this status",
                                  {{"enum", {"PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT"}}}));
    all.push_back(query_parameter("name", "only this one: a name or an id", of_type("string")));
    all.push_back(
        query_parameter("page", "the page by its number, instead", {{"type", "integer"}, {"minimum", 1}}));
    all.push_back(query_parameter("watch", "1: changes as server-sent events", {{"enum", {"1", "true"}}}));
    all.push_back(header_parameter("Last-Event-ID", "of a watch: go on after this event"));
  }
  if (is("listExecutions") || is("listAgents") || is("listEntitlements") || is("listQuotas") ||
      is("listNodes")) {
    all.push_back(query_parameter("limit", "at most so many", limit));
    all.push_back(query_parameter("continue", "the next page: what the page before gave", of_type("string")));
  }
  if (is("listExecutions") || is("listAgents"))
    all.push_back(query_parameter(
        "label", "only with these labels: team=quant,tier!=dev,zone in (a,b),key,!draft", of_type("string")));
  if (is("listEntitlements"))
    all.push_back(query_parameter("agent", "only of this agent", of_type("string")));
  if (is("listEntitlements") || is("listQuotas"))
    all.push_back(query_parameter("user", "only this user's", of_type("string")));
  if (is("getExecution"))
    all.push_back(query_parameter("wait", "seconds to wait for the end, at most 60", of_type("integer")));
  if (is("createExecution")) {
    all.push_back(
        header_parameter("Idempotency-Key", "the same key and request again finds what the first one made"));
    all.push_back(
        header_parameter("Prefer", "wait=N: answer when it is final, after at most N (60) seconds"));
    all.push_back(header_parameter("traceparent", "W3C trace context, handed on to the container"));
  }
  if (is("getExecutionLogs")) {
    all.push_back(query_parameter("follow", "1: until the execution ends", {{"enum", {"1", "true"}}}));
    all.push_back(query_parameter("stream", "only this one", {{"enum", {"stdout", "stderr", "system"}}}));
    all.push_back(query_parameter("tail", "the last lines only", {{"type", "integer"}, {"minimum", 0}}));
    all.push_back(query_parameter("since", "only what was written since",
                                  {{"type", "string"}, {"format", "date-time"}}));
    all.push_back(query_parameter("timestamps", "1: each line with its time", {{"enum", {"1", "true"}}}));
    all.push_back(header_parameter("Last-Event-ID", "go on after this event"));
  }
  return all;
}

const char* media_of(const Route& route) {
  for (const auto* text : {"livez", "metrics", "getExecutionLogs"}) {
    if (route.operation == text) return "text/plain";
  }
  return "application/json";
}

bool may_warn(const Route& route) {
  return route.operation == "createExecution" || route.operation == "createEntitlement" ||
         route.operation == "applyEntitlement";
}

json answer_of(const Route& route, int status) {
  json answer = {{"description", title_of(status)}};
  if (route.operation == "readyz" && status == 503) {  // the same page, with what is missing
    answer["content"]["application/json"]["schema"] = of_type("object");
    return answer;
  }
  if (status >= 400) {
    answer["content"]["application/problem+json"]["schema"] = ref("Problem");
    if (status == 429 || status == 503)
      answer["headers"]["Retry-After"] = {{"description", "seconds"}, {"schema", of_type("integer")}};
    return answer;
  }
  if (status == 204) return answer;
  const auto schema = schema_of(route);
  answer["content"][media_of(route)]["schema"] = schema.is_null() ? of_type("string") : schema;
  if (route.operation == "listExecutions" || route.operation == "getExecutionLogs")
    answer["content"]["text/event-stream"]["schema"] = of_type("string");
  if (may_warn(route)) {
    answer["headers"]["Warning"] = {
        {"description", "299 - \"…\": done as asked, but this of it will not hold; one header for each"},
        {"schema", of_type("string")}};
  }
  return answer;
}

json operation_of(const Route& route) {
  json operation = {
      {"operationId", route.operation},
      {"summary", route.summary},
      {"tags",
       {route.pattern.starts_with("/v1/") ? route.pattern.substr(4, route.pattern.find('/', 4) - 4)
                                          : std::string("server")}}};
  std::set<int> statuses(route.answers.begin(), route.answers.end());
  if (route.access != Access::Open) {
    for (const int status : {401, 403, 500, 503}) statuses.insert(status);
    operation["security"] = {{{"token", json::array()}}};
  } else {
    operation["security"] = json::array();
    statuses.insert(400);  // what is no HTTP
    if (route.operation == "readyz") statuses.insert(503);
  }
  for (const int status : statuses) operation["responses"][std::to_string(status)] = answer_of(route, status);
  if (auto parameters = parameters_of(route); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (auto body = body_of(route); !body.is_null()) operation["requestBody"] = std::move(body);
  return operation;
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

json openapi(const std::vector<Route>& routes) {
  json document = {{"openapi", "3.1.0"},
                   {"info",
                    {{"title", "Slipway"},
                     {"version", SLIPWAY_VERSION},
                     {"summary", "Runs jobs of strangers in locked-down containers."},
                     {"license", {{"name", "proprietary"}, {"identifier", "LicenseRef-Slipway"}}}}},
                   {"servers", {{{"url", "/"}}}},
                   {"components",
                    {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}},
                     {"schemas", openapi_schemas()}}}};
  for (const auto& route : routes)
    document["paths"][route.pattern][lower(route.method)] = operation_of(route);
  return document;
}

}  // namespace slipway::server
