#include "test/server/api_rig.h"

#include <boost/asio/post.hpp>

#include "api/json_schema/json_schema.h"
#include "server/token_text.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::test {

using nlohmann::json;

namespace {

/// Whether the path has the pattern's form, {…} being one part of it.
bool fits(std::string_view pattern, std::string_view path) {
  while (true) {
    const auto want = pattern.substr(0, pattern.find('/')), is = path.substr(0, path.find('/'));
    if (want.starts_with('{') ? is.empty() : want != is) return false;
    if (want.size() == pattern.size() || is.size() == path.size())
      return want.size() == pattern.size() && is.size() == path.size();
    pattern.remove_prefix(want.size() + 1);
    path.remove_prefix(is.size() + 1);
  }
}

}  // namespace

ApiRig::ApiRig(server::HttpServerOptions options)
    : url_(PostgresServer::shared().create_migrated_database()), sql_(url_) {
  catalogs_ = std::make_shared<server::CatalogPool>(
      [this] { return std::make_unique<store::postgres::PostgresCatalog>(url_); }, 2, 256);
  api_ = std::make_shared<server::Api>(server::ApiParts{
      .catalogs = catalogs_,
      .contracts = contracts_,
      .policy = {},
      .now = [] { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); },
      .livez = [] { return server::Response{.content_type = "text/plain", .body = "ok\n"}; },
      .readyz = [] { return server::Response{.body = "{}"}; },
      .metrics = [] { return server::Response{.content_type = "text/plain", .body = "x 1\n"}; },
      .version = [] { return server::Response{.body = "{}"}; },
      .witness = nullptr});
  server_ = std::make_unique<server::HttpServer>(
      io_, options, [api = api_](server::Request request) { return api->handle(std::move(request)); });
  if (const auto started = server_->start(); !started) throw std::runtime_error(started.error().message);
  loop_ = std::thread([this] {
    const auto work = boost::asio::make_work_guard(io_);
    io_.run();
  });
  sql_.exec(R"(
    INSERT INTO slipway.agents (name, spec) VALUES ('echo', '{"image": "echo:1", "price": "0.05",
      "inputSchema": {"type": "object", "properties": {"symbol": {"type": "string"}}}}');
    INSERT INTO slipway.entitlements (id, user_id, agent, uses) VALUES ('right-1', 'u-1', 'echo', 100), ('right-2', 'u-2', 'echo', 100);
    INSERT INTO slipway.quotas (user_id, max_running) VALUES ('u-1', 4), ('u-2', 4);
    INSERT INTO slipway.nodes (name, instance_id, epoch, ready, slots) VALUES ('n1', 'i-1', 1, true, 4))");
  user_ = token_of("user", "u-1");
  other_ = token_of("user", "u-2");
  service_ = token_of("service");
  reader_ = token_of("reader");
  admin_ = token_of("admin");
  openapi_ = HttpClient(port()).get("/openapi.json").json();
}

ApiRig::~ApiRig() {
  boost::asio::post(io_, [this] { server_->stop(); });
  boost::asio::post(io_, [this] { io_.stop(); });
  loop_.join();
  catalogs_->join();
}

std::string ApiRig::token_of(const std::string& role, const std::string& user) {
  const auto text = server::new_token();
  sql_.query(
      "INSERT INTO slipway.api_tokens (id, sha256, role, user_id) VALUES ($1, decode($2, 'hex'), $3, $4)",
      {server::new_token_id(), server::sha256_hex(text), role,
       user.empty() ? std::optional<std::string>() : std::optional(user)});
  return text;
}

HttpAnswer ApiRig::ask(const std::string& token, const std::string& method, const std::string& target,
                       const std::string& body, std::map<std::string, std::string> headers) {
  const auto answer = HttpClient(port(), token).send(method, target, body, std::move(headers));
  const auto path = target.substr(0, target.find('?'));
  for (const auto& [pattern, operations] : openapi_["paths"].items()) {
    if (!fits(pattern, path)) continue;
    std::string verb = method;
    for (auto& c : verb) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!operations.contains(verb)) continue;
    const auto status = std::to_string(answer.status);
    seen_.insert(method + " " + pattern + " " + status);
    const auto& responses = operations[verb]["responses"];
    EXPECT_TRUE(responses.contains(status))
        << method << " " << target << " answers " << status << ": " << answer.body;
    if (!responses.contains(status)) break;
    const auto& described = responses[status];
    if (!described.contains("content")) {
      EXPECT_EQ(answer.body, "") << target;
      break;
    }
    const auto type = answer.header("content-type").substr(0, answer.header("content-type").find(';'));
    EXPECT_TRUE(described["content"].contains(type)) << target << " answers " << type;
    if (!type.ends_with("json") || !described["content"].contains(type)) break;
    json schema = {{"components", openapi_["components"]}, {"allOf", {described["content"][type]["schema"]}}};
    const auto compiled = json_schema::compile(schema);
    EXPECT_TRUE(compiled.schema) << (compiled.problems.empty() ? "" : compiled.problems[0].message);
    if (!compiled.schema) break;
    const auto verdict = json_schema::validate_text(*compiled.schema, answer.body);
    EXPECT_TRUE(verdict.valid) << method << " " << target << " " << status << ": " << answer.body
                               << (verdict.problems.empty()
                                       ? ""
                                       : verdict.problems[0].instance + ": " + verdict.problems[0].message);
    break;
  }
  return answer;
}

std::string ApiRig::submit(const std::string& user, const std::string& input) {
  return sql_.value(
      "INSERT INTO slipway.executions (user_id, agent, input) VALUES ($1, 'echo', $2::json) RETURNING id",
      {user, input});
}

void ApiRig::finish(const std::string& id, const std::string& output) {
  sql_.exec(
      "BEGIN; SELECT slipway.act_as('n1', 1);"
      "UPDATE slipway.executions SET stage = 'Queued' WHERE id = '" +
      id +
      "' AND stage = 'New';"
      "UPDATE slipway.executions SET stage = 'Claimed', node = 'n1', epoch = 1, attempt = 1, claim_id = "
      "gen_random_uuid(), "
      "reason = 'Starting', agent_revision = 1 WHERE id = '" +
      id +
      "';"
      "UPDATE slipway.executions SET stage = 'Launching', intent_at = now() WHERE id = '" +
      id +
      "';"
      "UPDATE slipway.executions SET stage = 'Running', status = 'RUNNING', reason = 'Running', started_at = "
      "now() WHERE id = '" +
      id +
      "';"
      "UPDATE slipway.executions SET stage = 'Finished', status = 'COMPLETED', reason = 'Completed', "
      "finished_at = now(), "
      "output = '" +
      output + "', exit_code = 0, duration_ms = 5, list_price = 0.05, price = 0.05 WHERE id = '" + id +
      "';"
      "UPDATE slipway.executions SET stage = 'Cleaned' WHERE id = '" +
      id +
      "';"
      "INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason) VALUES ('" +
      id +
      "', 1, 'Finished', 'Completed');"
      "COMMIT");
}

void ApiRig::log(const std::string& id, const std::string& text, const std::string& stream) {
  sql_.query(
      "INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes) VALUES "
      "($1::uuid, 1, "
      "slipway.log_end($1::uuid, 1), now(), $2, convert_to($3, 'UTF8'))",
      {id, stream, text});
}

}  // namespace slipway::test
