#include "store/catalog.h"

namespace slipway::store {

std::string_view to_string(Table table) {
  switch (table) {
    case Table::Agents:
      return "agents";
    case Table::Entitlements:
      return "entitlements";
    case Table::Quotas:
      return "quotas";
    case Table::Executions:
      return "executions";
    case Table::Nodes:
      return "nodes";
  }
  return "";
}

Table table_of(Kind kind) {
  switch (kind) {
    case Kind::Agent:
      return Table::Agents;
    case Kind::Entitlement:
      return Table::Entitlements;
    case Kind::Quota:
      return Table::Quotas;
    case Kind::Execution:
      return Table::Executions;
  }
  return Table::Agents;
}

std::string_view singular_of(Table table) {
  auto name = to_string(table);
  name.remove_suffix(1);
  return name;
}

std::string_view to_string(Change::What what) {
  switch (what) {
    case Change::What::Created:
      return "created";
    case Change::What::Configured:
      return "configured";
    case Change::What::Unchanged:
      return "unchanged";
  }
  return "";
}

std::string_view to_string(TokenRole role) {
  switch (role) {
    case TokenRole::User:
      return "user";
    case TokenRole::Service:
      return "service";
    case TokenRole::Reader:
      return "reader";
    case TokenRole::Admin:
      return "admin";
  }
  return "";
}

std::optional<TokenRole> token_role_from(std::string_view name) {
  for (const auto role : {TokenRole::User, TokenRole::Service, TokenRole::Reader, TokenRole::Admin}) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

}  // namespace slipway::store
