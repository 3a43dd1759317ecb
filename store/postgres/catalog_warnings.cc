#include "store/postgres/catalog_warnings.h"

#include "api/fields.h"
#include "api/granted.h"
#include "store/postgres/catalog_statements.h"

namespace slipway::store::postgres {
namespace {

std::vector<std::string> of_spec(Connection& connection, const ExecutionSpec& spec) {
  const Asked asked{spec.timeout, spec.retry_limit};
  const auto newest = asked == Asked{} ? std::nullopt : newest_spec(connection, spec.agent);
  return newest ? lowered(asked, newest->spec) : std::vector<std::string>();
}

// It may be meant for an agent that is yet to come, so it is no error.
std::vector<std::string> of_spec(Connection& connection, const EntitlementSpec& spec) {
  if (connection.query(catalog::kNewestSpec, {spec.agent}).size() > 0) return {};
  const auto rows = connection.query(catalog::kAgentNames);
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) names.push_back(rows.string(i, 0));
  const auto meant = nearest(spec.agent, names);
  return {"there is no agent \"" + spec.agent + "\" yet" +
          (meant ? "; did you mean \"" + *meant + "\"?" : "")};
}

std::vector<std::string> of_spec(Connection&, const auto&) { return {}; }

}  // namespace

std::optional<NewestSpec> newest_spec(Connection& connection, const std::string& agent) {
  const auto rows = connection.query(catalog::kNewestSpec, {agent});
  if (rows.size() == 0) return std::nullopt;
  const auto spec = nlohmann::json::parse(rows.string(0, 1), nullptr, false);
  return NewestSpec{static_cast<int>(rows.number(0, 0)), parse_agent_spec(spec).spec};
}

std::vector<std::string> warnings_of(Connection& connection, const Object& object) {
  return std::visit([&](const auto& spec) { return of_spec(connection, spec); }, object.spec);
}

}  // namespace slipway::store::postgres
