// Tokens of this door, made and taken back by admins.
#include "api/fields.h"
#include "api/timestamp.h"
#include "server/answers.h"
#include "server/token_text.h"

namespace slipway::server {
namespace {

using nlohmann::json;

json to_json(const store::Token& token) {
  json body = {{"id", token.id},
               {"role", to_string(token.role)},
               {"description", token.description},
               {"createdAt", format_timestamp(token.created_at)}};
  if (!token.user.empty()) body["user"] = token.user;
  if (token.expires_at) body["expiresAt"] = format_timestamp(*token.expires_at);
  if (token.revoked_at) body["revokedAt"] = format_timestamp(*token.revoked_at);
  return body;
}

/// A caller that made the text itself says only its hash, and a name.
struct NewToken {
  store::Token token;
  std::string sha256;  ///< empty: the text is made here
};

bool is_hash(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

NewToken token_from(const json& body) {
  std::vector<FieldError> errors;
  Fields fields(body, "", errors);
  NewToken made;
  auto& token = made.token;
  std::string role, expires;
  fields.require("role");
  fields.text("role", role);
  fields.text("user", token.user);
  fields.text("description", token.description);
  fields.text("expiresAt", expires);
  fields.text("id", token.id);
  fields.text("sha256", made.sha256);
  fields.finish();
  if (!errors.empty()) refuse(422, "Invalid", errors.front().path + ": " + errors.front().message);
  const auto known = store::token_role_from(role);
  if (!known)
    refuse(422, "Invalid", "role: expected user, service, reader or admin.", {{"/role", "unknown"}});
  token.role = *known;
  if ((token.role == store::TokenRole::User) != is_user_id(token.user))
    refuse(422, "Invalid", "user: expected with role user, and only then.",
           {{"/user", "expected with role user only"}});
  if (!expires.empty()) {
    const auto at = parse_timestamp(expires);
    if (!at) refuse(422, "Invalid", "expiresAt: " + at.error().message, {{"/expiresAt", at.error().message}});
    token.expires_at = *at;
  }
  if (made.sha256.empty() != token.id.empty() || (!token.id.empty() && !is_token_id(token.id)))
    refuse(422, "Invalid", "id: expected tok- and 12 letters and digits, with sha256 and only then.",
           {{"/id", "expected with sha256"}});
  if (!made.sha256.empty() && !is_hash(made.sha256))
    refuse(422, "Invalid", "sha256: expected 64 hexadecimal digits.",
           {{"/sha256", "expected 64 hexadecimal digits"}});
  return made;
}

asio::awaitable<Response> create(Desk& desk, const Call& call) {
  auto asked = token_from(json_body(call.request));
  auto& token = asked.token;
  const auto text = asked.sha256.empty() ? new_token() : "";
  if (!text.empty()) token.id = new_token_id();
  if (!text.empty()) asked.sha256 = sha256_hex(text);
  token.created_at = desk.parts.now();
  must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<bool> {
    if (const auto made = catalog.create_token(token, asked.sha256); !made) return made.error();
    return true;
  }));
  auto body = to_json(token);
  if (!text.empty()) body["token"] = text;  // said once, here
  co_return json_answer(body, 201);
}

asio::awaitable<Response> list(Desk& desk, const Call&) {
  const auto all =
      must(co_await desk.parts.catalogs->run([](store::Catalog& catalog) { return catalog.tokens(); }));
  json items = json::array();
  for (const auto& token : all) items.push_back(to_json(token));
  co_return json_answer({{"items", items}, {"total", items.size()}, {"continue", ""}});
}

asio::awaitable<Response> revoke(Desk& desk, const Call& call) {
  must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<bool> {
    if (const auto done = catalog.revoke_token(call.path.at("id")); !done) return done.error();
    return true;
  }));
  Response response;
  response.status = 204;
  co_return response;
}

}  // namespace

void add_token_routes(std::vector<Route>& routes, Desk& desk) {
  routes.push_back({"GET",
                    "/v1/tokens",
                    "listTokens",
                    "All tokens, without their text",
                    Access::Admin,
                    {200},
                    [&desk](const Call& call) { return list(desk, call); }});
  routes.push_back({"POST",
                    "/v1/tokens",
                    "createToken",
                    "Makes a token; its text is answered this once",
                    Access::Admin,
                    {201, 400, 409, 413, 415, 422},
                    [&desk](const Call& call) { return create(desk, call); }});
  routes.push_back({"DELETE",
                    "/v1/tokens/{id}",
                    "revokeToken",
                    "Takes a token back, at once",
                    Access::Admin,
                    {204, 404},
                    [&desk](const Call& call) { return revoke(desk, call); }});
}

}  // namespace slipway::server
