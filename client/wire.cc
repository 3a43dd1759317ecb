// Between the API's JSON and our types. Whatever is missing or of another type is as if it were not said.
#include "client/wire.h"

#include "api/quantity.h"
#include "api/reason.h"
#include "api/timestamp.h"
#include "client/answers.h"

namespace slipway::client {

using nlohmann::json;

namespace {

Error strange(const char* what) {
  return {ErrorClass::Unsupported, std::string("the server's answer is not understood: ") + what};
}

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string document_text(const Object& object) {
  auto document = to_json(object);
  const auto* request = std::get_if<ExecutionSpec>(&object.spec);
  if (request == nullptr) return dumped(document);
  auto spec = std::move(document["spec"]);
  document.erase("spec");
  spec.erase("input");
  if (object.name.empty() && object.generate_name.empty()) document["metadata"].erase("name");
  const auto head = dumped(document), rest = dumped(spec);
  return head.substr(0, head.size() - 1) + ",\"spec\":" + rest.substr(0, rest.size() - 1) +
         ",\"input\":" + request->input + "}}";
}

std::optional<int> maybe(const json& body, const char* name) {
  if (!body.contains(name)) return std::nullopt;
  return static_cast<int>(number_in(body, name));
}

json member(const json& body, const char* name) {
  return body.is_object() && body.contains(name) ? body[name] : json();
}

bool flag_in(const json& body, const char* name) { return member(body, name) == json(true); }

double decimal_in(const json& body, const char* name) {
  const auto value = member(body, name);
  return value.is_number() ? value.get<double>() : 0;
}

std::optional<TimePoint> time_in(const json& body, const char* name) {
  const auto time = parse_timestamp(text_in(body, name));
  return time ? std::optional<TimePoint>(*time) : std::nullopt;
}

}  // namespace

std::string application_text(const std::vector<Object>& objects, const store::ApplyOptions& options) {
  std::string items;
  json sources = json::array();
  for (const auto& object : objects) {
    items += (items.empty() ? "" : ",") + document_text(object);
    sources.push_back(object.file.empty() ? "" : object.file + ":" + std::to_string(object.place.line));
  }
  return "{\"createOnly\":" + std::string(options.create_only ? "true" : "false") +
         ",\"dryRun\":" + (options.dry_run ? "true" : "false") + ",\"sources\":" + dumped(sources) +
         ",\"items\":[" + items + "]}";
}

bool is_repeatable(const std::vector<Object>& objects, const store::ApplyOptions& options) {
  return !options.create_only &&
         std::ranges::none_of(objects, [](const Object& object) { return object.name.empty(); });
}

Result<std::vector<store::Change>> changes_from(const json& body, std::size_t expected) {
  using What = store::Change::What;
  const auto items = member(body, "items");
  if (!items.is_array() || items.size() != expected) return strange("other documents than were applied");
  std::vector<store::Change> changes;
  for (const auto& item : items) {
    store::Change change;
    const auto what = text_in(item, "what"), kind = text_in(item, "kind");
    for (const auto known : {What::Created, What::Configured, What::Unchanged}) {
      if (to_string(known) == what) change.what = known;
    }
    for (const auto known : {Kind::Agent, Kind::Entitlement, Kind::Quota, Kind::Execution}) {
      if (to_string(known) == kind) change.kind = known;
    }
    change.name = text_in(item, "name");
    change.id = text_in(item, "id");
    for (const auto& warning : member(item, "warnings"))
      if (warning.is_string()) change.warnings.push_back(warning.get<std::string>());
    if (item.contains("refusal"))
      change.refusal = store::Foreseen{text_in(item["refusal"], "code"), text_in(item["refusal"], "detail")};
    changes.push_back(std::move(change));
  }
  return changes;
}

Result<store::Standing> standing_from(const json& body) {
  const auto status = status_from(text_in(body, "status"));
  store::Standing standing;
  standing.id = text_in(body, "id");
  if (!status || standing.id.empty()) return strange("an execution without id or status");
  standing.status = *status;
  standing.reason = reason_from(text_in(body, "reason")).value_or(Reason::Queued);
  standing.message = text_in(body, "message");
  standing.exit_code = maybe(body, "exitCode");
  standing.converged = flag_in(body, "converged");
  standing.name = text_in(body, "name");
  standing.user = text_in(body, "user");
  standing.agent = text_in(body, "agent");
  standing.image = text_in(body, "image");
  if (const auto timeout = parse_duration(text_in(body, "timeout")))
    standing.timeout = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
  if (body.contains("durationMs")) standing.duration_ms = number_in(body, "durationMs");
  return standing;
}

Result<store::Waiting> waiting_from(const json& body) {
  const auto status = status_from(text_in(body, "status"));
  if (!status) return strange("an execution without status");
  const auto number = [&](const char* name) { return static_cast<int>(number_in(body, name)); };
  store::Waiting w;
  w.id = text_in(body, "id");
  w.status = *status;
  w.reason = reason_from(text_in(body, "reason")).value_or(Reason::Queued);
  w.message = text_in(body, "message");
  w.place = number("place"), w.queued = number("queued");
  w.users_ahead = number("usersAhead"), w.users_waiting = number("usersWaiting");
  w.user_running = number("userRunning"), w.user_limit = maybe(body, "userLimit");
  w.agent_running = number("agentRunning"), w.agent_limit = maybe(body, "agentLimit");
  w.waits_for_a_use = flag_in(body, "waitsForAUse");
  w.locked = flag_in(body, "locked");
  w.not_before_in = decimal_in(body, "notBeforeInSeconds");
  w.nodes_ready = number("nodesReady"), w.slots = number("slots"), w.slots_used = number("slotsUsed");
  for (const auto& name : member(body, "nodesCordoned"))
    if (name.is_string()) w.cordoned.push_back(name.get<std::string>());
  if (body.contains("medianRunMs")) w.median_run_ms = number_in(body, "medianRunMs");
  return w;
}

std::string token_text(const store::Token& token, const std::string& sha256) {
  json body = {{"role", to_string(token.role)}, {"id", token.id}, {"sha256", sha256}};
  if (!token.user.empty()) body["user"] = token.user;
  if (!token.description.empty()) body["description"] = token.description;
  if (token.expires_at) body["expiresAt"] = format_timestamp(*token.expires_at);
  return dumped(body);
}

store::Token token_from(const json& body) {
  store::Token token;
  token.id = text_in(body, "id");
  token.role = store::token_role_from(text_in(body, "role")).value_or(store::TokenRole::Reader);
  token.user = text_in(body, "user");
  token.description = text_in(body, "description");
  token.created_at = time_in(body, "createdAt").value_or(TimePoint());
  token.expires_at = time_in(body, "expiresAt");
  token.revoked_at = time_in(body, "revokedAt");
  return token;
}

std::string selector_text(const std::vector<store::LabelTerm>& terms) {
  using Op = store::LabelTerm::Op;
  std::string text;
  for (const auto& term : terms) {
    std::string values;
    for (const auto& value : term.values) values += (values.empty() ? "" : ",") + value;
    text += text.empty() ? "" : ",";
    switch (term.op) {
      case Op::In:
        text += term.values.size() == 1 ? term.key + "=" + values : term.key + " in (" + values + ")";
        break;
      case Op::NotIn:
        text += term.key + " notin (" + values + ")";
        break;
      case Op::Exists:
        text += term.key;
        break;
      case Op::Absent:
        text += "!" + term.key;
        break;
    }
  }
  return text;
}

const char* word_of(store::NodeWish wish) {
  switch (wish) {
    case store::NodeWish::Cordon:
      return "cordon";
    case store::NodeWish::Uncordon:
      return "uncordon";
    case store::NodeWish::Drain:
      return "drain";
  }
  return "cordon";
}

}  // namespace slipway::client
