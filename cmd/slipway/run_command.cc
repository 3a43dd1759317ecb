// run: one execution from its row to its end.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "api/fields.h"
#include "api/json_schema/strict_json.h"
#include "api/quantity.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/end_words.h"
#include "cmd/slipway/files.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/follow.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/last_words.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMostInputBytes = 1 << 20;

struct Run {
  std::string agent;
  std::string input;
  std::string user;
  std::string name;
  std::string timeout;
  bool follow = false;
};

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
  spec.agent = name_of_kind(store::Table::Agents, options.agent);
  spec.user = options.user;
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
  object.spec = std::move(spec);
  return object;
}

/// What an earlier run of this name has made, if it was of the same request: the name is its key.
Result<store::Change> repeated(store::CommandCatalog& catalog, const Object& request, const Error& taken) {
  const auto& spec = std::get<ExecutionSpec>(request.spec);
  store::Query query{store::Table::Executions, request.name, spec.user};
  query.limit = 1;
  query.full = true;
  const auto there = catalog.list(query);
  if (!there) return there.error().error_class == ErrorClass::NotFound ? taken : there.error();
  if (const auto field = differing_field(spec, there->front()); !field.empty()) {
    return Error{ErrorClass::Conflict,
                 taken.message + " with another " + field +
                     "; the same request again would find it, another needs another --name"};
  }
  return store::Change{store::Change::What::Unchanged, Kind::Execution, request.name,
                       there->front()["metadata"].value("uid", ""), std::nullopt};
}

Result<store::Change> submit(store::CommandCatalog& catalog, const Object& request) {
  const auto made = catalog.apply({request}, {.create_only = true});
  if (made) return made->front();
  const bool taken = made.error().error_class == ErrorClass::Conflict && !request.name.empty();
  return taken ? repeated(catalog, request, made.error()) : made.error();
}

int conclude(store::CommandCatalog& catalog, const store::Standing& end) {
  if (end.status != Status::Completed) {
    fail(title_of(end) + " " + end_words(end) + ": " + end.message);
    // The container's own code where it says that something failed; 1 where it would say that nothing did.
    return end.exit_code.value_or(0) == 0 ? 1 : *end.exit_code & 0xff;
  }
  const auto result = catalog.output(end.id);
  if (!result) return fail(result.error());
  say(printable(title_of(end) + " " + end_words(end)));
  return put(for_stream(result->value_or("null"), STDOUT_FILENO) + "\n") ? 0 : 1;
}

int run(Session& session, const Run& options) {
  if (!options.user.empty() && !is_user_id(options.user))
    throw CLI::ValidationError("--user", "expected 1 to 128 printable characters except *");
  auto request = request_of(options);
  if (!request) return fail(request.error());
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  auto& user = std::get<ExecutionSpec>(request->spec).user;
  if (user.empty()) user = session.default_user();
  const auto& name = std::get<ExecutionSpec>(request->spec).agent;
  const auto agent = catalog->list({store::Table::Agents, name});
  if (!agent && agent.error().error_class == ErrorClass::NotFound) {
    const auto error = with_suggestion(*catalog, store::Table::Agents, name, agent.error());
    return fail(error.message + (error.message.ends_with("?") ? " " : "; ") +
                "`slipway get agents` lists what can be run");
  }
  if (!agent) return fail(agent.error());
  const auto made = submit(*catalog, *request);
  if (!made) return fail(made.error());
  warn(*made);
  const auto line = "execution/" + made->name + " " + std::string(to_string(made->what));
  if (!options.follow) return put(line + "\n") ? 0 : 1;
  say(line);
  LogPrinter printer(stderr, {});
  const LastWords words("execution/" + made->name + " goes on; `slipway logs -f " + made->id +
                        "` follows it, `slipway cancel " + made->id + "` stops it");
  const auto end = follow(session, made->id, printer);
  return end ? conclude(*catalog, *end) : fail(end.error());
}

}  // namespace

void add_run_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("run", "Run an agent once");
  auto options = std::make_shared<Run>();
  command->add_option("AGENT", options->agent)->required();
  command->add_option("--input", options->input, "JSON, @FILE, or @- for standard input")->required();
  command->add_option("--user", options->user, "for whom; default: $USER");
  command->add_option(
      "--name", options->name,
      "idempotency key, unique per user: the same request again finds what the first one made");
  command->add_option("--timeout", options->timeout, "at most the agent's maxTimeout, such as 2m");
  command->add_flag("--follow", options->follow,
                    "logs on stderr, the result on stdout, ends with the container's exit code");
  command->callback([&session, options] { session.exit_code = run(session, *options); });
}

}  // namespace slipway::cli
