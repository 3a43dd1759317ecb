#include "store/postgres/survey.h"

#include <nlohmann/json.hpp>

#include "store/postgres/connection.h"

namespace slipway::store::postgres {
namespace {

// The least of three limits: the server's, the database's, the role's; -1 is none. A role's own sessions in
// other databases count against it, too.
constexpr Statement kServer{"survey_server", R"(
  SELECT current_setting('server_version_num'), current_setting('server_version'), current_setting('fsync'),
    current_setting('full_page_writes'), current_user, r.rolsuper,
    coalesce((SELECT pg_has_role(c.oid, 'MEMBER') FROM pg_roles c WHERE c.rolname = 'slipway_controller'), false),
    EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'slipway' AND c.relname = 'nodes' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')),
    least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND usename <> current_user),
          CASE WHEN d.datconnlimit < 0 THEN NULL
               ELSE d.datconnlimit - (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user) END,
          nullif(r.rolconnlimit, -1))
  FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database())"};

constexpr Statement kNodes{"survey_nodes", R"(
  SELECT n.name, n.instance_id, extract(epoch FROM clock_timestamp() - n.heartbeat_at)::int, n.lease_seconds, n.ready, n.message,
    to_json(n.not_enforceable)::text,
    (SELECT count(*) FROM slipway.executions e WHERE e.live AND e.node = n.name AND e.finished_at IS NULL)
  FROM slipway.nodes n ORDER BY n.name)"};

Survey::Node node_of(const Rows& rows, int row) {
  return {.name = rows.string(row, 0),
          .instance = rows.string(row, 1),
          .heartbeat_age_seconds = static_cast<int>(rows.number(row, 2)),
          .lease_seconds = static_cast<int>(rows.number(row, 3)),
          .ready = rows.flag(row, 4),
          .message = rows.string(row, 5),
          .not_enforceable = nlohmann::json::parse(rows.string(row, 6)).get<std::vector<std::string>>(),
          .unfinished = static_cast<int>(rows.number(row, 7))};
}

}  // namespace

Result<Survey> survey(const std::string& url) {
  try {
    ConnectionOptions options;
    options.url = url;
    options.application_name = "slipway doctor";
    Connection connection(options);
    const auto rows = connection.query(kServer);
    Survey found{.server_version = static_cast<int>(rows.number(0, 0)),
                 .server_version_text = rows.string(0, 1),
                 .fsync = rows.string(0, 2) == "on",
                 .full_page_writes = rows.string(0, 3) == "on",
                 .connections = static_cast<int>(rows.number(0, 8)),
                 .role = rows.string(0, 4),
                 .superuser = rows.flag(0, 5),
                 .controller = rows.flag(0, 6)};
    if (!rows.flag(0, 7)) return found;
    const auto nodes = connection.query(kNodes);
    for (int row = 0; row < nodes.size(); ++row) found.nodes.push_back(node_of(nodes, row));
    return found;
  } catch (const Failure& failure) {
    return failure.error();
  }
}

}  // namespace slipway::store::postgres
