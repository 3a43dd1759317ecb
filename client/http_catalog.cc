#include "client/http_catalog.h"

#include <thread>

#include "api/timestamp.h"
#include "client/answers.h"
#include "client/wire.h"

namespace slipway::client {

using nlohmann::json;
using store::Document;
using store::Table;

namespace {

constexpr int kTries = 4;
constexpr auto kFirstPause = std::chrono::milliseconds(50);
constexpr auto kLongestPause = std::chrono::seconds(2);

std::string execution_path(const std::string& id, const char* rest = "") {
  return "/v1/executions/" + percent_encoded(id) + rest;
}

bool may_pass(const Error& error) {
  return error.error_class == ErrorClass::Retry || error.error_class == ErrorClass::Doubt;
}

}  // namespace

HttpCatalog::HttpCatalog(ConnectionOptions options)
    : url_(options.address.url()), connection_(std::move(options)) {}

Result<Answer> HttpCatalog::ask(const Request& request, bool safe) {
  auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kFirstPause);
  for (int tried = 1;; ++tried) {
    auto answer = connection_.ask(request);
    if (answer && answer->status >= 200 && answer->status < 300) return answer;
    auto error = answer ? error_of(*answer, safe, url_) : answer.error();
    // What was never read may be sent again, whatever it is; the rest only where it changes nothing more.
    const bool unread = !answer && error.error_class == ErrorClass::Retry;
    if (tried == kTries || !may_pass(error) || !(safe || unread)) {
      if (safe && error.error_class == ErrorClass::Doubt) error.error_class = ErrorClass::Retry;
      return error;
    }
    std::uniform_int_distribution<long> jitter(pause.count() / 2, pause.count());
    std::this_thread::sleep_for(std::chrono::milliseconds(jitter(random_)));
    pause = std::min<std::chrono::milliseconds>(pause * 4, kLongestPause);
  }
}

Result<Document> HttpCatalog::object(const Request& request, bool safe) {
  const auto answer = ask(request, safe);
  if (!answer) return answer.error();
  auto body = object_of(*answer, url_);
  if (!body) return body.error();
  return Document{std::move(*body)};
}

Result<Document> HttpCatalog::get(const std::string& target) {
  return object({.method = "GET", .target = target, .body = ""}, true);
}

Result<void> HttpCatalog::act(const std::string& method, const std::string& target, const std::string& body) {
  const auto answer = ask({.method = method, .target = target, .body = body}, false);
  if (!answer) return answer.error();
  return {};
}

Result<Caller> HttpCatalog::whoami() {
  const auto answer = get("/v1/whoami");
  if (!answer) return answer.error();
  const auto now = parse_timestamp(text_in(answer->body, "time"));
  if (!now)
    return Error{ErrorClass::Unsupported, url_ + " does not answer like a Slipway server: it has no time"};
  return Caller{text_in(answer->body, "role"), text_in(answer->body, "user"), *now};
}

Result<std::string> HttpCatalog::server_version() {
  const auto answer = get("/version");
  if (!answer) return answer.error();
  return text_in(answer->body, "version");
}

Result<TimePoint> HttpCatalog::now() {
  const auto caller = whoami();
  if (!caller) return caller.error();
  return caller->now;
}

Result<std::vector<store::Change>> HttpCatalog::apply(const std::vector<Object>& objects,
                                                      const store::ApplyOptions& options) {
  const Request request{.method = "POST", .target = "/v1/apply", .body = application_text(objects, options)};
  const auto answer = object(request, options.dry_run || is_repeatable(objects, options));
  if (!answer) return answer.error();
  return changes_from(answer->body, objects.size());
}

Result<ExecutionId> HttpCatalog::find_execution(const std::string& name_or_id) {
  const auto found = standing(name_or_id);
  if (!found) return found.error();
  return found->id;
}

Result<store::Standing> HttpCatalog::standing(const ExecutionId& id) {
  const auto answer = get(execution_path(id, "/status"));
  if (!answer) return answer.error();
  return standing_from(answer->body);
}

Result<store::Waiting> HttpCatalog::why(const ExecutionId& id) {
  const auto answer = get(execution_path(id, "/why"));
  if (!answer) return answer.error();
  return waiting_from(answer->body);
}

Result<std::optional<std::string>> HttpCatalog::output(const ExecutionId& id) {
  const auto answer = ask({.method = "GET", .target = execution_path(id, "/output"), .body = ""}, true);
  if (answer) return std::optional<std::string>(answer->body);
  if (answer.error().error_class != ErrorClass::NotFound) return answer.error();
  // Either the output is not there, or the execution is not.
  const auto there = standing(id);
  if (!there) return there.error();
  return std::optional<std::string>();
}

Result<std::vector<json>> HttpCatalog::events(const ExecutionId& id) {
  return items(execution_path(id, "/events"));
}

Result<bool> HttpCatalog::cancel(const ExecutionId& id) {
  // Asked twice, it is cancelled once: the second answer says only who was first.
  const auto answer = ask({.method = "POST", .target = execution_path(id, "/cancel"), .body = "{}"}, false);
  if (!answer) return answer.error();
  return answer->status == 202;
}

Result<void> HttpCatalog::force_finish(const ExecutionId& id, const std::string& why) {
  const json body = {{"reason", why}};
  return act("POST", execution_path(id, "/force-finish"),
             body.dump(-1, ' ', false, json::error_handler_t::replace));
}

Result<void> HttpCatalog::remove(Table table, const std::string& name) {
  if (table == Table::Nodes)
    return Error{ErrorClass::Unsupported, "a node leaves when its slipwayd stops; it is not deleted"};
  return act("DELETE", "/v1/" + std::string(to_string(table)) + "/" + percent_encoded(name));
}

Result<void> HttpCatalog::wish(const std::string& node, store::NodeWish wish) {
  return act("POST", "/v1/nodes/" + percent_encoded(node) + "/" + word_of(wish), "{}");
}

Result<void> HttpCatalog::create_token(const store::Token& token, const std::string& sha256) {
  return act("POST", "/v1/tokens", token_text(token, sha256));
}

Result<std::vector<store::Token>> HttpCatalog::tokens() {
  const auto all = items("/v1/tokens");
  if (!all) return all.error();
  std::vector<store::Token> tokens;
  for (const auto& item : *all) tokens.push_back(token_from(item));
  return tokens;
}

Result<void> HttpCatalog::revoke_token(const std::string& id) {
  return act("DELETE", "/v1/tokens/" + percent_encoded(id));
}

}  // namespace slipway::client
