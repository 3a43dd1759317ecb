#include "store/postgres/parameters.h"
#include "store/postgres/reads.h"
#include "store/postgres/statements.h"

namespace slipway::store::postgres {
namespace {

NodeState node_state(const Rows& rows) {
  return {.epoch = rows.number(0, 0),
          .database_now = time_point(rows.number(0, 1)),
          .cordoned = rows.flag(0, 2),
          .draining = rows.flag(0, 3)};
}

[[noreturn]] void taken_over(const std::string& node) {
  throw Failure({ErrorClass::Conflict, "the name of node " + node + " was taken over"}, "", false);
}

const char* text(bool flag) { return flag ? "t" : "f"; }

}  // namespace

NodeState register_node(Connection& connection, const NodeReport& report, std::chrono::seconds lease) {
  NodeState state;
  connection.transaction([&] {
    connection.query(sql::kLockNode, {report.name});
    state = node_state(connection.query(
        sql::kRegisterNode,
        {report.name, report.instance_id, std::to_string(report.slots), report.version,
         array(report.not_enforceable), text(report.ready), report.message, std::to_string(lease.count())}));
    return true;
  });
  return state;
}

NodeState heartbeat(Connection& connection, const Writer& writer, const NodeReport& report) {
  const auto rows = connection.query(
      sql::kHeartbeat, {writer.node, std::to_string(writer.epoch), std::to_string(report.slots),
                        report.version, array(report.not_enforceable), text(report.ready), report.message});
  if (rows.size() == 0) taken_over(writer.node);
  return node_state(rows);
}

void set_idle(Connection& connection, const Writer& writer, bool idle) {
  const auto rows = connection.query(sql::kSetIdle, {writer.node, std::to_string(writer.epoch), text(idle)});
  if (rows.size() == 0) taken_over(writer.node);
}

void hold_name(Connection& connection, const std::string& node) {
  if (connection.pooled()) {
    throw Failure(
        {ErrorClass::Unsupported,
         "a pooler stands before the database, and a name is held by a session: set database.listen_url to "
         "the server itself"},
        "", true);
  }
  if (!connection.query(sql::kHoldName, {node}).flag(0, 0)) {
    throw Failure({ErrorClass::Conflict, "another process holds the name of node " + node}, "", false);
  }
}

}  // namespace slipway::store::postgres
