// run, logs, wait: one execution from its row to its end.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "api/fields.h"
#include "api/json_schema/strict_json.h"
#include "api/quantity.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/files.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostInputBytes = 1 << 20;
constexpr seconds kForever = std::chrono::hours(24 * 3650);

struct Run {
  std::string agent;
  std::string input;
  std::string user;
  std::string name;
  std::string timeout;
  bool follow = false;
};

std::string default_user() {
  const char* user = std::getenv("USER");
  return user != nullptr && is_user_id(user) ? user : "anonymous";
}

Result<std::string> read_input(const std::string& argument) {
  const bool from_file = argument.starts_with('@');
  auto text = from_file ? read_file(argument.substr(1), kMostInputBytes) : Result<std::string>(argument);
  if (!text) return text;
  const auto source = from_file ? argument.substr(1) : std::string("--input");
  if (text->size() > kMostInputBytes) return Error{ErrorClass::Invalid, source + " is larger than 1 MiB"};
  if (const auto wrong = check_strict_json(*text); !wrong.empty()) {
    return Error{ErrorClass::Invalid, source + ": expected JSON: " + wrong};
  }
  return text;
}

Result<Object> request_of(const Run& options) {
  auto input = read_input(options.input);
  if (!input) return input.error();
  ExecutionSpec spec;
  spec.agent = options.agent;
  spec.user = options.user.empty() ? default_user() : options.user;
  spec.input = std::move(*input);
  if (!options.timeout.empty()) {
    const auto timeout = parse_duration(options.timeout);
    const auto whole = timeout ? std::chrono::duration_cast<seconds>(*timeout) : seconds(0);
    if (!timeout || whole < seconds(1) || whole != *timeout) {
      return Error{ErrorClass::Invalid, "--timeout: expected a duration of at least 1s such as 5m, got \"" +
                                            options.timeout + "\""};
    }
    spec.timeout = whole;
  }
  Object object;
  object.name = options.name;
  object.file = "run";
  object.spec = std::move(spec);
  return object;
}

// A terminal sees escaped text; a file gets the bytes.
void print_chunk(const LogChunk& chunk, std::FILE* stream) {
  const auto text = for_stream(chunk.bytes, ::fileno(stream));
  std::fwrite(text.data(), 1, text.size(), stream);
  if (chunk.stream == LogChunk::Stream::System && !text.ends_with('\n')) std::fputc('\n', stream);
}

// Prints what follows the cursor; false on an error, which is then in `error`.
bool drain_logs(store::Catalog& catalog, const ExecutionId& id, store::LogCursor& cursor, std::FILE* stream,
                std::optional<Error>& error) {
  while (true) {
    const auto page = catalog.logs(id, cursor);
    if (!page) return error = page.error(), false;
    for (const auto& chunk : page->chunks) print_chunk(chunk, stream);
    std::fflush(stream);
    cursor = page->next;
    if (page->chunks.empty()) return true;
  }
}

// Streams the logs until the execution is final, and then what is left of them.
Result<store::Standing> follow(store::Catalog& catalog, const ExecutionId& id, std::FILE* stream) {
  store::LogCursor cursor;
  std::optional<Error> error;
  std::optional<store::Standing> end;
  poll_until(kForever, [&] {
    const auto standing = catalog.standing(id);
    if (!standing) return error = standing.error(), true;
    // The standing is read first: whatever was logged before the end is then there to be read.
    if (!drain_logs(catalog, id, cursor, stream, error)) return true;
    if (is_final(standing->status)) end = *standing;
    return end.has_value();
  });
  if (end) return *end;
  return error.value_or(Error{ErrorClass::Retry, "gave up waiting"});
}

int conclude(store::Catalog& catalog, const store::Standing& end) {
  if (end.status != Status::Completed) {
    fail("execution/" + end.id + " " + std::string(to_string(end.status)) + ": " +
         std::string(to_string(end.reason)) + ": " + end.message);
    // The container's own code where it says that something failed; 1 where it would say that nothing did.
    return end.exit_code.value_or(0) == 0 ? 1 : *end.exit_code & 0xff;
  }
  const auto result = catalog.output(end.id);
  if (!result) return fail(result.error());
  return put(for_stream(result->value_or("null"), STDOUT_FILENO) + "\n") ? 0 : 1;
}

int run(Session& session, const Run& options) {
  const auto request = request_of(options);
  if (!request) return fail(request.error());
  if (!is_user_id(std::get<ExecutionSpec>(request->spec).user)) {
    throw CLI::ValidationError("--user", "expected 1 to 128 printable characters except *");
  }
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto agent = catalog->list({store::Table::Agents, options.agent, "", "", 1, false});
  if (!agent && agent.error().error_class == ErrorClass::NotFound) {
    return fail(agent.error().message + "; `slipway get agents` lists what can be run");
  }
  if (!agent) return fail(agent.error());
  const auto made = catalog->apply({*request}, {.create_only = true});
  if (!made) return fail(made.error());
  const auto& change = made->front();
  const auto line = "execution/" + change.name + " created";
  if (!options.follow) return put(line + "\n") ? 0 : 1;
  say(line);
  const auto end = follow(*catalog, change.id, stderr);
  return end ? conclude(*catalog, *end) : fail(end.error());
}

int logs(Session& session, const std::string& name, bool follow_on) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = catalog->find_execution(name);
  if (!id) return fail(id.error());
  if (follow_on) {
    const auto end = follow(*catalog, *id, stdout);
    return end ? 0 : fail(end.error());
  }
  store::LogCursor cursor;
  std::optional<Error> error;
  return drain_logs(*catalog, *id, cursor, stdout, error) ? 0 : fail(*error);
}

struct Wait {
  std::string name;
  std::string condition;
  std::string timeout = "30s";
};

enum class Verge { Met, NotYet, Never };

// Where the condition stands. A final execution gains none but Cleaned.
Verge look(store::Catalog& catalog, const ExecutionId& id, const std::string& condition, std::string& why) {
  const auto rows = catalog.list({store::Table::Executions, id, "", "", 1, false});
  if (!rows) {
    why = rows.error().message;
    return rows.error().error_class == ErrorClass::Retry ? Verge::NotYet : Verge::Never;
  }
  const auto& status = rows->front()["status"];
  if (status["conditions"].contains(condition)) return Verge::Met;
  const auto name = status.value("status", "");
  const bool ended = is_final(status_from(name).value_or(Status::Pending));
  // A row refused before any node took it leaves nothing to clean.
  if (ended && condition == "Finished") return Verge::Met;
  if (!ended || condition == "Cleaned") return Verge::NotYet;
  why = "it ended " + name + " (" + status.value("reason", "") + ") without becoming " + condition;
  return Verge::Never;
}

int wait(Session& session, const Wait& options) {
  const auto timeout = parse_duration(options.timeout);
  if (!timeout)
    throw CLI::ValidationError("--timeout", timeout.error().message + ", got \"" + options.timeout + "\"");
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = catalog->find_execution(options.name);
  if (options.condition == "delete" && !id && id.error().error_class == ErrorClass::NotFound) return 0;
  if (!id) return fail(id.error());
  auto verge = Verge::NotYet;
  std::string why;
  poll_until(*timeout, [&] {
    verge = look(*catalog, *id, options.condition.substr(options.condition.find('=') + 1), why);
    return verge != Verge::NotYet;
  });
  switch (verge) {
    case Verge::Met:
      return put("execution/" + printable(options.name) + " condition met\n") ? 0 : 1;
    case Verge::NotYet:
      return fail("timed out after " + options.timeout + " waiting for execution/" + options.name);
    case Verge::Never:
      return fail("execution/" + options.name + " can no longer meet the condition: " + why);
  }
  return 1;
}

}  // namespace

void add_run_commands(CLI::App& app, Session& session) {
  auto* run_command = app.add_subcommand("run", "Run an agent once");
  auto options = std::make_shared<Run>();
  run_command->add_option("AGENT", options->agent)->required();
  run_command->add_option("--input", options->input, "JSON, @FILE, or @- for standard input")->required();
  run_command->add_option("--user", options->user, "for whom; default: $USER");
  run_command->add_option("--name", options->name, "idempotency key, unique per user");
  run_command->add_option("--timeout", options->timeout, "at most the agent's maxTimeout, such as 2m");
  run_command->add_flag("--follow", options->follow,
                        "logs on stderr, the result on stdout, ends with the container's exit code");
  run_command->callback([&session, options] { session.exit_code = run(session, *options); });

  auto* logs_command = app.add_subcommand("logs", "Print what an execution wrote");
  auto log = std::make_shared<std::pair<std::string, bool>>();
  logs_command->add_option("EXECUTION", log->first, "name or id")->required();
  logs_command->add_flag("-f,--follow", log->second, "until it has finished");
  logs_command->callback([&session, log] { session.exit_code = logs(session, log->first, log->second); });

  auto* wait_command = app.add_subcommand("wait", "Wait until an execution has come so far");
  auto target = std::make_shared<Wait>();
  wait_command->add_option("EXECUTION", target->name, "name or id")->required();
  wait_command
      ->add_option("--for", target->condition, "condition=Admitted|ImageReady|Started|Finished|Cleaned")
      ->required()
      ->check(CLI::IsMember({"condition=Admitted", "condition=ImageReady", "condition=Started",
                             "condition=Finished", "condition=Cleaned"}));
  wait_command->add_option("--timeout", target->timeout, "such as 30s or 5m");
  wait_command->callback([&session, target] { session.exit_code = wait(session, *target); });
}

}  // namespace slipway::cli
