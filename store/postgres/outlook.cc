#include "store/postgres/outlook.h"

#include "store/postgres/catalog_statements.h"

namespace slipway::store::postgres {

Outlook outlook_of(Connection& connection, const ExecutionSpec& request) {
  const auto rows = connection.query(
      catalog::kOutlook,
      {request.user, request.agent, request.entitlement ? Param(*request.entitlement) : Param()});
  Outlook outlook;
  if (!rows.null(0, 0)) {
    outlook.agent_revision = static_cast<int>(rows.number(0, 0));
    const auto spec = nlohmann::json::parse(rows.string(0, 1), nullptr, false);
    outlook.agent = std::make_shared<const AgentSpec>(parse_agent_spec(spec).spec);
  }
  if (!rows.null(0, 2)) outlook.refusal = reason_from(rows.string(0, 2));
  outlook.window_ends_in = static_cast<double>(rows.number(0, 3)) / 1000;
  return outlook;
}

}  // namespace slipway::store::postgres
