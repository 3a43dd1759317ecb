// POST /v1/executions: what the first decision would refuse is refused here at once, and writes no row.
#include <boost/asio/steady_timer.hpp>

#include "admission/foresight.h"
#include "api/json_schema/strict_json.h"
#include "api/utf8.h"
#include "server/answers.h"
#include "server/json_slice.h"
#include "server/token_text.h"

namespace slipway::server {
namespace {

using nlohmann::json;
using store::TokenRole;

/// "spec.env[0].name" → "/spec/env/0/name".
std::string pointer_of(const std::string& path) {
  std::string pointer;
  for (const char c : path.empty() ? "" : "." + path) {
    if (c == ']') continue;
    pointer += c == '.' || c == '[' ? '/' : c;
  }
  return pointer;
}

Problem malformed(const std::vector<SourceError>& errors) {
  Problem problem{422, "Invalid", "", {}, 0};
  for (const auto& error : errors) problem.fields.push_back({pointer_of(error.path), error.message});
  problem.detail = errors.front().path + ": " + errors.front().message;
  return problem;
}

void require_json(const Request& request) {
  const auto type = request.header("content-type");
  if (!type.starts_with("application/json"))
    refuse(
        415, "NotJson",
        "Send the body as application/json" + (type.empty() ? "." : ", not as " + excerpt(type, 64) + "."));
}

}  // namespace

json json_body(const Request& request) {
  require_json(request);
  if (const auto problem = check_strict_json(request.body); !problem.empty())
    refuse(400, "NotJson", "The body is " + problem + ".");
  auto body = json::parse(request.body, nullptr, false);
  if (!body.is_object()) refuse(422, "Invalid", "The body is a JSON object.");
  return body;
}

Object object_from(json body, Kind kind, const std::string& name) {
  if (!body.contains("apiVersion")) body["apiVersion"] = kApiVersion;
  if (!body.contains("kind")) body["kind"] = to_string(kind);
  if (!body.contains("metadata")) body["metadata"] = json::object();
  if (body["kind"] != to_string(kind))
    refuse(422, "Invalid", "kind: expected " + std::string(to_string(kind)) + " at this path",
           {{"/kind", "expected " + std::string(to_string(kind))}});
  auto& metadata = body["metadata"];
  if (!name.empty() && metadata.is_object()) {
    if (metadata.contains("name") && metadata["name"] != name)
      refuse(422, "Invalid", "metadata.name: expected the name in the path",
             {{"/metadata/name", "expected " + name}});
    metadata["name"] = name;
  }
  // An execution may be without a name, which no document may: one stands in for it while the rest is
  // checked.
  const bool nameless = kind == Kind::Execution && metadata.is_object() && !metadata.contains("name") &&
                        !metadata.contains("generateName");
  if (nameless) metadata["name"] = "nameless";
  YamlDocument document;
  document.file = "body";
  document.value = std::move(body);
  auto parsed = parse_objects({{.documents = {std::move(document)}, .errors = {}}});
  if (!parsed.errors.empty()) throw Refused{malformed(parsed.errors)};
  auto object = std::move(parsed.objects.front());
  if (nameless) object.name.clear();
  object.file.clear();  // a body has no lines that sentences could name
  return object;
}

void assign_user(const Call& call, json& body) {
  if (call.who.role != TokenRole::User) return;
  auto& spec = body["spec"];
  if (!spec.is_object()) return;
  if (!spec.contains("user")) spec["user"] = call.who.user;
  if (spec["user"] != call.who.user)
    refuse(403, "Forbidden", "This token submits for its own user only.",
           {{"/spec/user", "expected to be left out"}});
}

namespace {

int status_of(Reason reason) {
  switch (reason) {
    case Reason::EntitlementMissing:
    case Reason::EntitlementExpired:
    case Reason::EntitlementExhausted:
      return 403;
    case Reason::RateLimited:
    case Reason::QueueFull:
      return 429;
    case Reason::AgentSuspended:
      return 409;
    case Reason::InputTooLarge:
      return 413;
    case Reason::Queued:
    case Reason::Throttled:
    case Reason::NoCapacity:
    case Reason::PullingImage:
    case Reason::Starting:
    case Reason::Retrying:
    case Reason::Running:
    case Reason::Stopping:
    case Reason::Completed:
    case Reason::NonZeroExit:
    case Reason::OOMKilled:
    case Reason::OutputMissing:
    case Reason::OutputInvalid:
    case Reason::OutputTooLarge:
    case Reason::CommandInvalid:
    case Reason::ImageNotFound:
    case Reason::ImageNotAllowed:
    case Reason::DeadlineExceeded:
    case Reason::Cancelled:
    case Reason::InputInvalid:
    case Reason::StartDeadlineExceeded:
    case Reason::AgentNotFound:
    case Reason::ImagePullFailed:
    case Reason::EngineError:
    case Reason::Interrupted:
    case Reason::ContainerLost:
    case Reason::NodeLost:
    case Reason::NodeStorageFull:
    case Reason::NodeDraining:
    case Reason::NotEnforceable:
      return 422;
  }
  return 422;
}

}  // namespace

Problem to_problem(const admission::Refusal& refusal) {
  Problem problem{status_of(refusal.reason), std::string(to_string(refusal.reason)), refusal.message, {}, 0};
  if (refusal.reason == Reason::InputInvalid)
    problem.fields.push_back({"/spec/input" + refusal.pointer, refusal.message});
  if (refusal.reason == Reason::AgentNotFound) problem.fields.push_back({"/spec/agent", refusal.message});
  problem.retry_after = static_cast<int>(refusal.retry_after.count());
  if (refusal.reason == Reason::QueueFull) problem.retry_after = 5;
  return problem;
}

namespace {

struct Submitted {
  ExecutionId id;
  bool fresh = true;
  std::vector<std::string> warnings = {};
};

/// The same request sent twice finds what the first one made; another request under the same key is a
/// conflict.
Submitted repeated(store::Catalog& catalog, const Object& object, const Error& conflict) {
  const auto& spec = std::get<ExecutionSpec>(object.spec);
  const auto id = must(catalog.find_execution_of(spec.user, object.name));
  const auto there = must(catalog.execution(id)).body;
  if (!differing_field(spec, there).empty()) throw Refused{problem_of(conflict)};
  return {id, false};
}

Submitted submit(store::Catalog& catalog, Desk& desk, const Object& object, bool idempotent) {
  const auto& spec = std::get<ExecutionSpec>(object.spec);
  if (idempotent) {
    if (const auto there = catalog.find_execution_of(spec.user, object.name))
      return repeated(catalog, object,
                      {ErrorClass::Conflict, "this Idempotency-Key was used for another request"});
  }
  const auto refusal = admission::foresee(spec, must(catalog.outlook(spec)), desk.parts.contracts,
                                          desk.parts.policy, desk.parts.now());
  if (refusal) throw Refused{to_problem(*refusal)};
  auto made = catalog.apply({object}, {.create_only = true});
  if (!made && idempotent && made.error().error_class == ErrorClass::Conflict)
    return repeated(catalog, object, made.error());
  const auto change = must(std::move(made)).front();
  return {change.id, true, change.warnings};
}

Object execution_from(const Call& call) {
  auto body = json_body(call.request);
  assign_user(call, body);
  const auto key = call.request.header("idempotency-key");
  if (key.size() > 255) refuse(400, "Invalid", "Idempotency-Key: expected at most 255 characters.");
  if (!key.empty() && body["metadata"].is_null()) body["metadata"] = json::object();
  if (!key.empty() && body["metadata"].is_object() && !body["metadata"].contains("name"))
    body["metadata"]["name"] = "key-" + sha256_hex(key).substr(0, 40);
  auto object = object_from(std::move(body), Kind::Execution, "");
  auto& spec = std::get<ExecutionSpec>(object.spec);
  // As it was sent: a number keeps the digits that were written.
  if (const auto text = json_slice(call.request.body, {"spec", "input"})) spec.input = std::string(*text);
  if (spec.traceparent.empty() && call.request.header("traceparent").size() <= 128)
    spec.traceparent = call.request.header("traceparent");
  return object;
}

asio::awaitable<Response> post_execution(Desk& desk, const Call& call) {
  const auto object = execution_from(call);
  const bool idempotent = !call.request.header("idempotency-key").empty();
  const auto submitted =
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<Submitted> {
        return submit(catalog, desk, object, idempotent);
      }));
  if (const auto patience = asked_to_wait(call.request); patience.count() > 0)
    co_await wait_for_end(desk, submitted.id, patience);
  const auto document = must(co_await desk.parts.catalogs->run(
      [&](store::Catalog& catalog) { return catalog.execution(submitted.id); }));
  auto response = json_answer(document.body, submitted.fresh ? 201 : 200);
  response.headers.emplace_back("Location", "/v1/executions/" + submitted.id);
  add_warnings(response, submitted.warnings);
  co_return response;
}

}  // namespace

void add_submission_route(std::vector<Route>& routes, Desk& desk) {
  routes.push_back({"POST",
                    "/v1/executions",
                    "createExecution",
                    "Asks for one run of an agent; with Prefer: wait=N answers when it is final",
                    Access::Submit,
                    {201, 200, 400, 409, 413, 415, 422, 429},
                    [&desk](const Call& call) { return post_execution(desk, call); }});
}

}  // namespace slipway::server
