#include "test/cmd/shop.h"

#include <fstream>
#include <thread>

namespace slipway::test {
namespace {

constexpr auto kFresh =
    "apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: fresh}\nspec: {image: f:1}\n";
constexpr auto kChanged =
    "apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: momentum, labels: {team: quant}}\n"
    "spec: {image: m:2}\n";
constexpr auto kQuota =
    "apiVersion: slipway.dev/v1alpha1\nkind: Quota\nmetadata: {name: u-7}\nspec: {user: u-7, perMinute: 9}\n";
constexpr auto kRequest =
    "apiVersion: slipway.dev/v1alpha1\nkind: Execution\nmetadata: {generateName: run-}\n"
    "spec: {user: u-42, agent: momentum, input: {}}\n";

constexpr auto kObjects = R"(
  INSERT INTO slipway.nodes (name, instance_id, epoch, slots, version, ready) VALUES ('n1', 'one', 1, 4, '0.1.0', true);
  INSERT INTO slipway.agents (name, spec, labels) VALUES
    ('keyphrases', '{"image": "k:1"}', '{"team": "web"}'), ('momentum', '{"image": "m:1"}', '{"team": "quant"}');
  INSERT INTO slipway.entitlements (id, user_id, agent, uses) VALUES ('e-1', 'u-42', 'momentum', 100);
  INSERT INTO slipway.quotas (user_id, per_minute) VALUES ('u-42', 60))";

// Each in a transaction of its own, so that one is older than the next.
constexpr const char* kRequests[] = {R"('first', 'u-42', 'momentum', '{"symbol": "ETH"}', '{"batch": "a"}')",
                                     R"('second', 'u-43', 'keyphrases', '{}', '{"batch": "b"}')",
                                     R"('third', 'u-42', 'momentum', '{}', '{}')"};

// A controller's step: each in the transaction that says it is one.
constexpr auto kAsController = "SELECT set_config('slipway.controller', 'on', true); ";

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

}  // namespace

Shop::Shop(Way way, server::HttpServerOptions options)
    : url_(PostgresServer::shared().create_migrated_database()), sql_(std::make_unique<Sql>(url_)) {
  char directory[] = "/tmp/slipway-shop-XXXXXX";
  if (::mkdtemp(directory) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = directory;
  std::filesystem::create_directory(directory_ / "dir");
  write("fresh.yaml", kFresh);
  write("changed.yaml", kChanged);
  write("request.yaml", kRequest);
  write("dir/agent.yaml", kFresh);
  write("dir/quota.yaml", kQuota);
  sql_->exec(kObjects);
  for (const auto* request : kRequests)
    sql_->exec(std::string("INSERT INTO slipway.executions (name, user_id, agent, input, labels) VALUES (") +
               request + ")");
  run_execution("first");
  for (int i = 1; i <= 7; ++i)
    log("first", "line " + std::to_string(i) + "\n", i == 3 ? "stderr" : "stdout", i < 5 ? "10 min" : "1 s");
  finish_execution("first", "COMPLETED", "Completed", "output = '{\"signal\": \"buy\"}', exit_code = 0");
  finish_execution("second", "FAILED", "EntitlementMissing", "fault = 'Policy'");
  if (way == Way::Postgres) return;
  server_ = std::make_unique<ShopServer>(url_, std::move(options));
  token_ = server_->token_of("admin");
}

Shop::~Shop() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Shop::write(const std::string& file, const std::string& text) const {
  std::ofstream(directory_ / file) << text;
}

std::map<std::string, std::string> Shop::environment() const {
  std::map<std::string, std::string> all = {{"SLIPWAY_DATABASE_URL", server_ ? "" : url_},
                                            {"SLIPWAY_SERVER", ""},
                                            {"SLIPWAY_TOKEN", token_},
                                            {"USER", "u-42"},
                                            {"DOCKER_HOST", ""},
                                            {"NO_COLOR", ""},
                                            {"PATH", built("cmd/slipway") + ":/usr/bin:/bin"}};
  if (server_) all["SLIPWAY_SERVER"] = "http://127.0.0.1:" + std::to_string(server_->port());
  for (const auto& [variable, value] : more_) all[variable] = value;
  return all;
}

std::unique_ptr<Command> Shop::start(const std::string& line, const std::string& input) const {
  return std::make_unique<Command>(
      std::vector<std::string>{"/bin/bash", "-c", "cd " + directory_.string() + " && exec " + line},
      environment(), input);
}

Ran Shop::run(const std::string& line, const std::string& input) const {
  return test::run({"/bin/bash", "-c", "cd " + directory_.string() + " && " + line}, environment(), input);
}

void Shop::run_execution(const std::string& name) {
  const auto update = "UPDATE slipway.executions SET ";
  const auto where = " WHERE name = " + quoted(name) + "; ";
  sql_->exec("BEGIN; " + std::string(kAsController) + update + "stage = 'Queued'" + where + update +
             "stage = 'Claimed', node = 'n1', epoch = 1, claim_id = gen_random_uuid(), attempt = 1" + where +
             update + "stage = 'Launching', intent_at = now()" + where + update +
             "stage = 'Running', status = 'RUNNING', reason = 'Running', started_at = now()" + where +
             "INSERT INTO slipway.execution_events (execution_id, attempt, stage, reason, message, node) "
             "SELECT id, 1, "
             "'Running', 'Running', 'The agent is running.', 'n1' FROM slipway.executions" +
             where + "COMMIT");
}

void Shop::finish_execution(const std::string& name, const std::string& status, const std::string& reason,
                            const std::string& rest, const std::string& message) {
  sql_->exec("BEGIN; " + std::string(kAsController) +
             "UPDATE slipway.executions SET stage = 'Finished', finished_at = now(), status = " +
             quoted(status) + ", reason = " + quoted(reason) + ", message = " + quoted(message) + ", " +
             rest + " WHERE name = " + quoted(name) + "; COMMIT");
}

void Shop::log(const std::string& name, const std::string& text, const std::string& stream,
               const std::string& ago) {
  sql_->query(
      "INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes) "
      "SELECT id, 1, slipway.log_end(id, 1), now() - $4::interval, $3, convert_to($2, 'UTF8') FROM "
      "slipway.executions WHERE name = $1",
      {name, text, stream, ago});
}

bool fits(std::string_view pattern, std::string_view text) {
  while (!pattern.empty() && pattern.front() != '*') {
    if (text.empty() || text.front() != pattern.front()) return false;
    pattern.remove_prefix(1), text.remove_prefix(1);
  }
  if (pattern.empty()) return text.empty();
  const bool over_lines = pattern.starts_with("**");
  pattern.remove_prefix(over_lines ? 2 : 1);
  for (;; text.remove_prefix(1)) {
    if (fits(pattern, text)) return true;
    if (text.empty() || (!over_lines && text.front() == '\n')) return false;
  }
}

bool eventually(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace slipway::test
