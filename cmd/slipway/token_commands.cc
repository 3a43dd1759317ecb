// token create, list, revoke: who may speak at the HTTP door.
#include <CLI/CLI.hpp>

#include "api/fields.h"
#include "api/quantity.h"
#include "api/timestamp.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"
#include "server/token_text.h"

namespace slipway::cli {
namespace {

struct NewToken {
  std::string role;
  std::string user;
  std::string description;
  std::string expires;
};

std::optional<TimePoint> expiry_of(const std::string& text, TimePoint now) {
  if (text.empty()) return std::nullopt;
  if (const auto duration = parse_duration(text))
    return now + std::chrono::duration_cast<Duration>(*duration);
  if (const auto time = parse_timestamp(text)) return *time;
  throw CLI::ValidationError("--expires",
                             "expected a duration such as 720h or a time such as 2027-01-01T00:00:00Z");
}

int create(Session& session, const NewToken& asked) {
  store::Token token;
  token.role = store::token_role_from(asked.role).value_or(store::TokenRole::Reader);
  token.user = asked.user;
  token.description = asked.description;
  if ((token.role == store::TokenRole::User) != is_user_id(token.user))
    throw CLI::ValidationError("--user", "expected with --role user, and only then");
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto now = catalog->now();
  if (!now) return fail(now.error());
  token.expires_at = expiry_of(asked.expires, *now);
  token.id = server::new_token_id();
  const auto text = server::new_token();
  if (const auto made = catalog->create_token(token, server::sha256_hex(text)); !made)
    return fail(made.error());
  say("token/" + token.id + " created; its text is shown this once");
  return put(text + "\n") ? 0 : 1;
}

int list(Session& session) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto now = catalog->now();
  const auto all = catalog->tokens();
  if (!now || !all) return fail(now ? all.error() : now.error());
  const auto when = [](const std::optional<TimePoint>& at) { return at ? format_timestamp(*at) : ""; };
  std::vector<std::vector<std::string>> rows;
  for (const auto& token : *all) {
    const bool expired = token.expires_at && *token.expires_at <= *now;
    rows.push_back({token.id, std::string(to_string(token.role)), token.user, token.description,
                    token.revoked_at ? "Revoked"
                    : expired        ? "Expired"
                                     : "Valid",
                    when(token.expires_at), age(nlohmann::json(format_timestamp(token.created_at)), *now)});
  }
  if (rows.empty()) return say("No tokens found."), 0;
  return put(render_table({"NAME", "ROLE", "USER", "DESCRIPTION", "STATUS", "EXPIRES", "AGE"}, rows)) ? 0 : 1;
}

int revoke(Session& session, const std::string& id) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  if (const auto done = catalog->revoke_token(id); !done) return fail(done.error());
  return put("token/" + printable(id) + " revoked\n") ? 0 : 1;
}

}  // namespace

void add_token_commands(CLI::App& app, Session& session) {
  auto* group = app.add_subcommand("token", "Tokens for the HTTP API: create, list, revoke");
  group->require_subcommand(1);
  auto* command = group->add_subcommand("create", "Make a token and print it, once");
  auto asked = std::make_shared<NewToken>();
  command->add_option("--role", asked->role, "user, service, reader or admin")
      ->required()
      ->check(CLI::IsMember({"user", "service", "reader", "admin"}));
  command->add_option("--user", asked->user, "whose, with --role user");
  command->add_option("--description", asked->description, "what it is for");
  command->add_option("--expires", asked->expires, "a duration such as 720h, or a time; never if not given");
  command->callback([&session, asked] { session.exit_code = create(session, *asked); });
  group->add_subcommand("list", "Show all tokens, without their text")->callback([&session] {
    session.exit_code = list(session);
  });
  auto* taken = group->add_subcommand("revoke", "Take a token back, at once");
  auto id = std::make_shared<std::string>();
  taken->add_option("TOKEN", *id, "its name, as list shows it")->required();
  taken->callback([&session, id] { session.exit_code = revoke(session, *id); });
}

}  // namespace slipway::cli
