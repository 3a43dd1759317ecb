// apply, create, grant: what changes desired state.
#include <CLI/CLI.hpp>
#include <random>

#include "admission/foresight.h"
#include "api/fields.h"
#include "api/timestamp.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/files.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

void print_change(const store::Change& change, std::string_view remark = "") {
  warn(change);
  put(std::string(singular_of(change.kind)) + "/" + printable(change.name) + " " +
      std::string(to_string(change.what)) + std::string(remark) + "\n");
}

int write(Session& session, const std::vector<Object>& objects, bool create_only) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto changes = catalog->apply(objects, {.create_only = create_only});
  if (!changes) return fail(changes.error());
  for (const auto& change : *changes) print_change(change);
  return 0;
}

// A server has judged already, and by its node's policy, too, which the database does not know.
std::optional<store::Foreseen> refusal_of(const Object& object, const store::Change& change,
                                          admission::Contracts& contracts, TimePoint now) {
  if (!change.outlook) return change.refusal;
  const auto refusal =
      admission::foresee(std::get<ExecutionSpec>(object.spec), *change.outlook, contracts, {}, now);
  if (!refusal) return std::nullopt;
  return store::Foreseen{std::string(to_string(refusal->reason)), refusal->message};
}

// What would be written, and of executions whether they would be admitted.
int rehearse(Session& session, const std::vector<Object>& objects, bool create_only) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto now = catalog->now();
  if (!now) return fail(now.error());
  const auto changes = catalog->apply(objects, {.create_only = create_only, .dry_run = true});
  if (!changes) return fail(changes.error());
  admission::Contracts contracts;
  int code = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const auto& change = (*changes)[i];
    print_change(change, " (server dry run)");
    const auto refusal = refusal_of(objects[i], change, contracts, *now);
    if (!refusal) continue;
    fail("execution/" + printable(change.name) + " would be refused: " + printable(refusal->reason) + ": " +
         printable(refusal->message));
    code = 1;
  }
  return code;
}

struct Application {
  std::vector<std::string> files;
  bool create_only = false;
  std::string dry_run = "none";
};

int apply(Session& session, const Application& asked) {
  const bool create_only = asked.create_only;
  const auto loaded = create_only ? load_objects(asked.files) : load_named_objects(asked.files, "apply");
  if (!loaded.errors.empty()) return report(loaded.errors);
  if (asked.dry_run == "server") return rehearse(session, loaded.objects, create_only);
  if (asked.dry_run == "none") return write(session, loaded.objects, create_only);
  for (const auto& object : loaded.objects) {
    put(std::string(singular_of(object.kind())) + "/" +
        printable(object.name.empty() ? object.generate_name : object.name) + " is valid (client dry run)\n");
  }
  return 0;
}

struct Grant {
  std::string user;
  std::string agent;
  std::int64_t uses = 0;
  std::string expires;
  std::string id;
};

std::string random_id() {
  std::random_device random;
  std::uniform_int_distribution<int> pick(0, 35);
  std::string id = "grant-";
  for (int i = 0; i < 12; ++i) id += "0123456789abcdefghijklmnopqrstuvwxyz"[pick(random)];
  return id;
}

int grant(Session& session, const Grant& options) {
  if (!is_user_id(options.user))
    throw CLI::ValidationError("USER", "expected 1 to 128 printable characters except *");
  if (!is_dns_subdomain(options.agent))
    throw CLI::ValidationError("AGENT", "expected a name of a-z, 0-9, - and .");
  EntitlementSpec spec{options.user, options.agent, std::nullopt, std::nullopt};
  if (options.uses > 0) spec.uses = options.uses;
  if (!options.expires.empty()) {
    const auto expires = parse_timestamp(options.expires);
    if (!expires) throw CLI::ValidationError("--expires", expires.error().message);
    spec.expires = *expires;
  }
  Object object;
  object.name = options.id.empty() ? random_id() : options.id;
  object.spec = spec;
  return write(session, {object}, true);
}

}  // namespace

void add_write_commands(CLI::App& app, Session& session) {
  for (const bool create_only : {false, true}) {
    auto* command = app.add_subcommand(create_only ? "create" : "apply",
                                       create_only ? "Create objects; one that exists is an error"
                                                   : "Create or change objects as files say");
    auto asked = std::make_shared<Application>();
    asked->create_only = create_only;
    command->add_option("-f,--filename", asked->files, "file, directory, or - for standard input")
        ->required()
        ->allow_extra_args(false);
    command
        ->add_option("--dry-run", asked->dry_run,
                     "client: check the files alone; server: ask the database, too, write nothing")
        ->check(CLI::IsMember({"none", "client", "server"}))
        ->capture_default_str();
    command->callback([&session, asked] { session.exit_code = apply(session, *asked); });
  }
  auto* grant_command = app.add_subcommand("grant", "Entitle a user to run an agent");
  auto options = std::make_shared<Grant>();
  grant_command->add_option("USER", options->user)->required();
  grant_command->add_option("AGENT", options->agent)->required();
  grant_command->add_option("--uses", options->uses, "how often; without bound if not given")
      ->check(CLI::Range(1, 2000000000));
  grant_command->add_option("--expires", options->expires, "such as 2027-01-01T00:00:00Z");
  grant_command->add_option("--id", options->id, "the entitlement's id; made up if not given");
  grant_command->callback([&session, options] { session.exit_code = grant(session, *options); });
}

}  // namespace slipway::cli
