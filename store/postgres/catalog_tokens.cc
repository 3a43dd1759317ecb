#include "store/postgres/page_statements.h"
#include "store/postgres/parameters.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::store::postgres {
namespace {

std::optional<TimePoint> time_at(const Rows& rows, int row, int column) {
  if (rows.null(row, column)) return std::nullopt;
  return time_point(rows.number(row, column));
}

Token token_at(const Rows& rows, int row) {
  return {.id = rows.string(row, 0),
          .role = token_role_from(rows.string(row, 1)).value_or(TokenRole::Reader),
          .user = rows.string(row, 2),
          .description = rows.string(row, 3),
          .created_at = time_point(rows.number(row, 4)),
          .expires_at = time_at(rows, row, 5),
          .revoked_at = time_at(rows, row, 6)};
}

}  // namespace

Result<void> PostgresCatalog::create_token(const Token& token, const std::string& sha256) {
  const auto made = call<bool>([&](Connection& connection) -> Result<bool> {
    const auto rows = connection.query(pages::kCreateToken,
                                       {token.id, sha256, std::string(to_string(token.role)),
                                        token.user.empty() ? Param() : Param(token.user), token.description,
                                        token.expires_at ? Param(timestamp(*token.expires_at)) : Param()});
    if (rows.size() == 0) return Error{ErrorClass::Conflict, "token/" + token.id + " already exists"};
    return true;
  });
  if (!made) return made.error();
  return {};
}

Result<std::vector<Token>> PostgresCatalog::tokens() {
  return call<std::vector<Token>>([&](Connection& connection) -> Result<std::vector<Token>> {
    const auto rows = connection.query(pages::kListTokens);
    std::vector<Token> all;
    for (int i = 0; i < rows.size(); ++i) all.push_back(token_at(rows, i));
    return all;
  });
}

Result<void> PostgresCatalog::revoke_token(const std::string& id) {
  const auto done = call<bool>([&](Connection& connection) -> Result<bool> {
    if (connection.query(pages::kRevokeToken, {id}).size() == 0)
      return Error{ErrorClass::NotFound, "token \"" + id + "\" not found"};
    return true;
  });
  if (!done) return done.error();
  return {};
}

Result<std::optional<Token>> PostgresCatalog::token_by(const std::string& sha256) {
  return call<std::optional<Token>>([&](Connection& connection) -> Result<std::optional<Token>> {
    const auto rows = connection.query(pages::kTokenBy, {sha256});
    if (rows.size() == 0) return std::optional<Token>();
    return std::optional<Token>(token_at(rows, 0));
  });
}

}  // namespace slipway::store::postgres
