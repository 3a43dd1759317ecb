// POST /v1/apply: documents of any kind, all of them or none; and who it is that asks.
#include "api/timestamp.h"
#include "api/utf8.h"
#include "server/answers.h"
#include "server/json_slice.h"

namespace slipway::server {
namespace {

using nlohmann::json;
using store::TokenRole;

constexpr std::size_t kMostItems = 10'000;

struct Application {
  std::vector<Object> objects;
  bool create_only = false;
  bool dry_run = false;
};

std::string at_item(std::size_t item) { return "/items/" + std::to_string(item); }

/// The same refusal, of this document of many.
[[noreturn]] void refuse_item(Problem problem, std::size_t item) {
  for (auto& field : problem.fields) field.pointer = at_item(item) + field.pointer;
  if (problem.fields.empty()) problem.fields.push_back({at_item(item), problem.detail});
  throw Refused{std::move(problem)};
}

Kind kind_of(const json& document) {
  const auto name = document.value("kind", json());
  for (const auto kind : {Kind::Agent, Kind::Entitlement, Kind::Quota, Kind::Execution}) {
    if (name == to_string(kind)) return kind;
  }
  refuse(422, "Invalid", "kind: expected Agent, Entitlement, Quota or Execution.",
         {{"/kind", "expected Agent, Entitlement, Quota or Execution"}});
}

Object object_of(const Call& call, json document, std::string_view text) {
  if (!document.is_object()) refuse(422, "Invalid", "expected a document.");
  const auto kind = kind_of(document);
  if (kind != Kind::Execution && call.who.role != TokenRole::Admin)
    refuse(403, "Forbidden",
           "A token of role " + std::string(to_string(call.who.role)) + " may apply executions only.");
  if (kind == Kind::Execution) assign_user(call, document);
  auto object = object_from(std::move(document), kind, "");
  auto* request = std::get_if<ExecutionSpec>(&object.spec);
  // As it was sent: a number keeps the digits that were written.
  if (const auto input = json_slice(text, {"spec", "input"}); request != nullptr && input)
    request->input = std::string(*input);
  return object;
}

/// "fresh.yaml:3": where the client has it from, for the sentences about it; out of no file if it does not
/// say.
void name_source(Object& object, const json& source) {
  const auto text = source.is_string() ? excerpt(source.get_ref<const std::string&>(), 512) : std::string();
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return;
  object.file = text.substr(0, colon);
  object.place.line = std::atoi(text.c_str() + colon + 1);
}

Application application_from(const Call& call) {
  auto body = json_body(call.request);
  Application asked;
  auto& items = body["items"];
  if (!items.is_array() || items.empty() || items.size() > kMostItems)
    refuse(422, "Invalid", "items: expected 1 to 10000 documents.",
           {{"/items", "expected 1 to 10000 documents"}});
  for (const auto& [name, flag] : {std::pair{"createOnly", &asked.create_only}, {"dryRun", &asked.dry_run}}) {
    const auto value = body.value(name, json(false));
    if (!value.is_boolean()) refuse(422, "Invalid", std::string(name) + ": expected true or false.");
    *flag = value.get<bool>();
  }
  const auto texts = json_elements(json_slice(call.request.body, {"items"}).value_or("[]"));
  const auto sources = body.value("sources", json::array());
  for (std::size_t i = 0; i < items.size(); ++i) {
    try {
      asked.objects.push_back(object_of(call, std::move(items[i]), i < texts.size() ? texts[i] : "{}"));
    } catch (Refused& refused) {
      refuse_item(std::move(refused.problem), i);
    }
    if (sources.is_array() && i < sources.size()) name_source(asked.objects.back(), sources[i]);
  }
  return asked;
}

std::optional<Problem> refusal_of(Desk& desk, const Object& object, const store::Change& change) {
  if (!change.outlook) return std::nullopt;
  const auto refusal = admission::foresee(std::get<ExecutionSpec>(object.spec), *change.outlook,
                                          desk.parts.contracts, desk.parts.policy, desk.parts.now());
  if (!refusal) return std::nullopt;
  return to_problem(*refusal);
}

json to_json(const store::Change& change, const std::optional<Problem>& refusal) {
  json item = {{"what", to_string(change.what)}, {"kind", to_string(change.kind)}, {"name", change.name}};
  if (!change.id.empty()) item["id"] = change.id;
  if (!change.warnings.empty()) item["warnings"] = change.warnings;
  if (refusal) item["refusal"] = {{"code", refusal->code}, {"detail", refusal->detail}};
  return item;
}

bool requests_a_run(const Application& asked) {
  return std::ranges::any_of(asked.objects,
                             [](const Object& object) { return object.kind() == Kind::Execution; });
}

/// What a refused request would leave is nothing: so all is tried first, and written only where no run of it
/// would be refused.
json perform(Desk& desk, store::Catalog& catalog, const Application& asked) {
  json items = json::array();
  if (asked.dry_run || requests_a_run(asked)) {
    const auto tried =
        must(catalog.apply(asked.objects, {.create_only = asked.create_only, .dry_run = true}));
    for (std::size_t i = 0; i < tried.size(); ++i) {
      const auto refusal = refusal_of(desk, asked.objects[i], tried[i]);
      if (refusal && !asked.dry_run) refuse_item(*refusal, i);
      items.push_back(to_json(tried[i], refusal));
    }
    if (asked.dry_run) return items;
    items.clear();
  }
  for (const auto& change : must(catalog.apply(asked.objects, {.create_only = asked.create_only})))
    items.push_back(to_json(change, std::nullopt));
  return items;
}

asio::awaitable<Response> apply(Desk& desk, const Call& call) {
  const auto asked = application_from(call);
  const auto done =
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<store::Document> {
        return store::Document{perform(desk, catalog, asked)};
      }));
  co_return json_answer({{"items", done.body}, {"total", done.body.size()}});
}

asio::awaitable<Response> whoami(Desk& desk, const Call& call) {
  json body = {{"id", call.who.id},
               {"role", to_string(call.who.role)},
               {"time", format_timestamp(must(co_await desk.parts.catalogs->run(
                            [](store::Catalog& catalog) { return catalog.now(); })))}};
  if (!call.who.user.empty()) body["user"] = call.who.user;
  if (call.who.expires_at) body["expiresAt"] = format_timestamp(*call.who.expires_at);
  co_return json_answer(body);
}

}  // namespace

void add_apply_route(std::vector<Route>& routes, Desk& desk) {
  routes.push_back({"POST",
                    "/v1/apply",
                    "apply",
                    "Makes or changes objects, all of them or none; others than admins executions only",
                    Access::Submit,
                    {200, 400, 403, 404, 409, 413, 415, 422, 429},
                    [&desk](const Call& call) { return apply(desk, call); }});
  routes.push_back({"GET",
                    "/v1/whoami",
                    "whoami",
                    "Whose the token is, and what time it is at the database",
                    Access::Own,
                    {200},
                    [&desk](const Call& call) { return whoami(desk, call); }});
}

}  // namespace slipway::server
