// wait: until objects have come so far, or can no longer.
#include <CLI/CLI.hpp>

#include "api/fields.h"
#include "api/quantity.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/end_words.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/jsonpath.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using nlohmann::json;
using store::Table;

struct Wait {
  std::vector<std::string> words;
  std::string condition;
  std::string timeout = "30s";
};

struct Condition {
  enum class What { Condition, Deleted, Value };
  What what = What::Condition;
  std::string name;  // of a condition
  Path path;         // and what stands there, of a Value
  std::optional<std::string> value;
};

enum class Verge { Met, NotYet, Never };

[[noreturn]] void refuse_condition(const std::string& text) {
  throw CLI::ValidationError("--for",
                             "expected condition=Admitted|ImageReady|Started|Finished|Cleaned, delete or "
                             "jsonpath={.path}=value, got " +
                                 describe(json(text)));
}

Condition read_path(const std::string& text) {
  // The value comes behind the braces, so it may hold whatever it likes.
  const auto close = text.starts_with('{') ? text.find('}') : text.find('=') - 1;
  if (close >= text.size()) refuse_condition("jsonpath=" + text);
  auto path = parse_path(text.substr(0, close + 1));
  if (!path) throw CLI::ValidationError("--for", path.error().message);
  Condition condition{Condition::What::Value, "", std::move(*path), std::nullopt};
  if (close + 1 < text.size()) {
    if (text[close + 1] != '=') refuse_condition("jsonpath=" + text);
    condition.value = text.substr(close + 2);
  }
  return condition;
}

Condition read_condition(const std::string& text) {
  if (text == "delete") return {Condition::What::Deleted, "", {}, std::nullopt};
  if (text.starts_with("jsonpath=")) return read_path(text.substr(9));
  auto name = text.substr(text.find('=') + 1);
  if (const auto suffix = name.find('=');
      suffix != std::string::npos && (name.substr(suffix) == "=True" || name.substr(suffix) == "=true"))
    name.resize(suffix);
  const std::vector<std::string> known = {"Admitted", "ImageReady", "Started", "Finished", "Cleaned"};
  if (!text.starts_with("condition=") || std::ranges::count(known, name) == 0) refuse_condition(text);
  return {Condition::What::Condition, name, {}, std::nullopt};
}

std::string end_of(store::CommandCatalog& catalog, const json& document) {
  const auto standing = catalog.standing(document["metadata"].value("uid", ""));
  return standing ? end_words(*standing) : document["status"].value("status", "");
}

// A final execution gains no condition but Cleaned.
Verge look_at_condition(store::CommandCatalog& catalog, const json& document, const std::string& name,
                        std::string& why) {
  const auto& status = document["status"];
  if (status["conditions"].contains(name)) return Verge::Met;
  const bool ended = is_final(status_from(status.value("status", "")).value_or(Status::Pending));
  // A row refused before any node took it leaves nothing to clean.
  if (ended && name == "Finished") return Verge::Met;
  if (!ended || name == "Cleaned") return Verge::NotYet;
  why = "it ended " + end_of(catalog, document) + " without becoming " + name;
  return Verge::Never;
}

// What a final execution shows of itself stays, but for the traces of its cleaning.
bool is_settled(const json& document, const Path& path) {
  if (document.value("kind", "") != "Execution" || path.size() < 2 || path[0].field != "status") return false;
  if (path[1].field == "stage" || path[1].field == "conditions") return false;
  const auto status = status_from(document["status"].value("status", ""));
  return is_final(status.value_or(Status::Pending));
}

Verge look_at_value(const json& document, const Condition& condition, std::string& why) {
  const auto found = follow_path(condition.path, document);
  for (const auto* value : found) {
    if (!condition.value || text_of(*value) == *condition.value) return Verge::Met;
  }
  if (!is_settled(document, condition.path)) return Verge::NotYet;
  why = "it is final, and there stands " + (found.empty() ? std::string("nothing") : text_of(*found.front()));
  return Verge::Never;
}

// Where the condition stands.
Verge look(store::CommandCatalog& catalog, const Target& target, const Condition& condition,
           std::string& why) {
  store::Query query{target.table, target.name};
  query.full = condition.what == Condition::What::Value;
  query.limit = 1;
  const auto rows = catalog.list(query);
  if (!rows && rows.error().error_class == ErrorClass::NotFound && condition.what == Condition::What::Deleted)
    return Verge::Met;
  if (!rows) {
    why = with_suggestion(catalog, target.table, target.name, rows.error()).message;
    return rows.error().error_class == ErrorClass::Retry ? Verge::NotYet : Verge::Never;
  }
  switch (condition.what) {
    case Condition::What::Condition:
      return look_at_condition(catalog, rows->front(), condition.name, why);
    case Condition::What::Deleted:
      return Verge::NotYet;
    case Condition::What::Value:
      return look_at_value(rows->front(), condition, why);
  }
  return Verge::NotYet;
}

// Names become ids before the waiting begins: a row removed meanwhile and another of its name are not the
// same.
Result<Target> resolved(store::CommandCatalog& catalog, const Target& target) {
  if (target.table != Table::Executions) return target;
  const auto id = find_execution(catalog, target.name);
  if (!id) return id.error();
  return Target{target.table, *id};
}

int wait_for_one(Session& session, const Target& named, const Condition& condition, const Wait& options,
                 std::chrono::steady_clock::time_point deadline) {
  const auto title = std::string(singular_of(named.table)) + "/" + named.name;
  auto* catalog = session.catalog();
  const auto target = resolved(*catalog, named);
  const bool deletion = condition.what == Condition::What::Deleted;
  if (!target && !(deletion && target.error().error_class == ErrorClass::NotFound))
    return fail(target.error());
  auto verge = target ? Verge::NotYet : Verge::Met;
  std::string why;
  session.tell("waiting for " + title);
  if (target) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    poll_until(left, [&] { return (verge = look(*catalog, *target, condition, why)) != Verge::NotYet; });
  }
  switch (verge) {
    case Verge::Met:
      return put(printable(title) + " condition met\n") ? 0 : 1;
    case Verge::NotYet:
      return fail("timed out after " + options.timeout + " waiting for " + title +
                  (why.empty() ? "" : ": " + why));
    case Verge::Never:
      return fail(title + " can no longer meet the condition: " + why);
  }
  return 1;
}

int wait(Session& session, const Wait& options) {
  const auto condition = read_condition(options.condition);
  const auto timeout = parse_duration(options.timeout);
  if (!timeout)
    throw CLI::ValidationError("--timeout", timeout.error().message + ", got \"" + options.timeout + "\"");
  const auto targets = executions_or_targets(options.words);
  for (const auto& target : targets) {
    if (condition.what == Condition::What::Condition && target.table != Table::Executions)
      throw CLI::ValidationError("--for", "only executions have conditions; use jsonpath={.path}=value");
  }
  if (session.catalog() == nullptr) return 1;
  const auto deadline = std::chrono::steady_clock::now() + *timeout;
  int code = 0;
  for (const auto& target : targets) code |= wait_for_one(session, target, condition, options, deadline);
  return code;
}

}  // namespace

void add_wait_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("wait", "Wait until objects have come so far");
  auto options = std::make_shared<Wait>();
  command->add_option("NAME", options->words, "names or ids of executions, KIND NAME… or KIND/NAME…")
      ->required();
  command
      ->add_option("--for", options->condition,
                   "condition=Admitted|ImageReady|Started|Finished|Cleaned, delete or jsonpath={.path}=value")
      ->required();
  command->add_option("--timeout", options->timeout, "such as 30s or 5m");
  command->callback([&session, options] { session.exit_code = wait(session, *options); });
}

}  // namespace slipway::cli
