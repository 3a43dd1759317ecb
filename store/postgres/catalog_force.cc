// The end of an execution that its node cannot write any more.
#include "store/postgres/postgres_catalog.h"

namespace slipway::store::postgres {
namespace {

// Written as the node itself would write it, by the same function: under the row's lock, refused unless the
// row still stands under the same claim and nobody has registered the node's name meanwhile. So a node that
// does come back, or was alive all the time, has either ended the execution before, or finds it ended, and
// removes what is left of it.
#define SLIPWAY_FORCE_FINISH(CONDITION) \
  R"(
  WITH held AS MATERIALIZED (
    SELECT e.id, e.stage::text AS stage, e.claim_id, e.node, n.epoch
    FROM slipway.executions e JOIN slipway.nodes n ON n.name = e.node
    WHERE e.id = $1::uuid AND e.stage IN ('Claimed', 'Launching', 'Running', 'Stopping', 'Recycling')
      AND )" CONDITION R"()
  SELECT d.written FROM held h, LATERAL slipway.record_ends(h.node, h.epoch, true,
    ARRAY[h.id], ARRAY[h.stage], ARRAY[h.claim_id], ARRAY['Finished'], ARRAY[$2], ARRAY[$3], ARRAY[$4], ARRAY[$5],
    ARRAY[NULL]::text[], ARRAY['refund'], ARRAY[false], ARRAY[$3], ARRAY[NULL]::int[], ARRAY[false], ARRAY[false],
    ARRAY[NULL]::timestamptz[], ARRAY[NULL]::bigint[], ARRAY[NULL]::bigint[], ARRAY[NULL]::bytea[], ARRAY[$6],
    ARRAY[false], ARRAY[NULL]::int[], '{}', '{}', '{}', '{}', '{}') d)"

constexpr Statement kFinishOfLostNode{
    "catalog_force_finish_lost",
    SLIPWAY_FORCE_FINISH("n.heartbeat_at < clock_timestamp() - make_interval(secs => n.lease_seconds)")};
// A node that lives ends what was cancelled within the agent's grace; where it has not, it cannot.
constexpr Statement kFinishOfStuck{
    "catalog_force_finish_stuck",
    SLIPWAY_FORCE_FINISH(
        "(e.conditions ->> 'CancelRequested')::timestamptz < clock_timestamp() - interval '2 minutes'"
        " AND coalesce(e.kill_at, '-infinity') < clock_timestamp() - interval '2 minutes'")};
#undef SLIPWAY_FORCE_FINISH

constexpr Statement kWhereItIs{"catalog_where_it_is", R"(
  SELECT e.status, e.finished_at IS NOT NULL, e.node FROM slipway.executions e WHERE e.id = $1::uuid)"};

Error objection(const ExecutionId& id, const Rows& rows) {
  if (rows.flag(0, 1)) return {ErrorClass::Conflict, "execution " + id + " is already " + rows.string(0, 0)};
  if (rows.null(0, 2)) return {ErrorClass::Conflict, "execution " + id + " is on no node; cancel it"};
  return {ErrorClass::Conflict,
          "node " + rows.string(0, 2) + ", which holds execution " + id +
              ", is alive or was until a moment ago; cancel the execution, and force its end if it "
              "has not come two minutes later"};
}

}  // namespace

Result<void> PostgresCatalog::force_finish(const ExecutionId& id, const std::string& why) {
  const auto done = call<bool>([&](Connection& connection) -> Result<bool> {
    const auto finish = [&](const Statement& statement, const ReasonRow& end) {
      const auto rows =
          connection.commit(statement, {id, std::string(to_string(end.status)), std::string(end.name),
                                        std::string(to_string(end.fault)), std::string(end.message), why});
      return rows.size() > 0 && rows.flag(0, 0);
    };
    if (finish(kFinishOfLostNode, row_of(Reason::NodeLost)) ||
        finish(kFinishOfStuck, row_of(Reason::EngineError)))
      return true;
    const auto now = connection.query(kWhereItIs, {id});
    if (now.size() == 0) return Error{ErrorClass::NotFound, "execution \"" + id + "\" not found"};
    return objection(id, now);
  });
  if (!done) return done.error();
  return {};
}

}  // namespace slipway::store::postgres
