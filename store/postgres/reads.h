#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/postgres/connection.h"
#include "store/postgres/spec_cache.h"
#include "store/postgres/write.h"
#include "store/store.h"

/// The port's calls other than the coalesced writes, one function each, on a connection. They throw Failure.
namespace slipway::store::postgres {

NodeState register_node(Connection& connection, const NodeReport& report, std::chrono::seconds lease);
NodeState heartbeat(Connection& connection, const Writer& writer, const NodeReport& report);
void set_idle(Connection& connection, const Writer& writer, bool idle);
/// Takes the name's lock for this session, or finds that it has it. Failure of class Conflict: another
/// session has it.
void hold_name(Connection& connection, const std::string& node);

std::vector<Undecided> list_undecided(Connection& connection, SpecCache& specs, int limit);
std::vector<Step> decide(Connection& connection, const Writer& writer,
                         const std::vector<Decision>& decisions);
std::vector<ExecutionId> list_candidates(Connection& connection, int limit);
std::vector<ExecutionId> list_unlocked_candidates(Connection& connection, int limit);
int explain_waiting(Connection& connection, const Writer& writer, bool slots_free);
std::vector<Step> claim(Connection& connection, const Writer& writer, const std::vector<ExecutionId>& ids);

/// Those of `ids` that exist. Each id is a uuid's text. One that cannot be read is an Error of class Invalid.
using Loaded = std::map<ExecutionId, Result<Execution>>;
Loaded load(Connection& connection, SpecCache& specs, const std::vector<ExecutionId>& ids);
std::string load_input(Connection& connection, const ExecutionId& id);
LiveLog live_log(Connection& connection, const ExecutionId& id, int attempt);
std::vector<ExecutionId> list_unconverged(Connection& connection, const std::string& node);
std::vector<ClaimId> live_claims(Connection& connection, const std::vector<ClaimId>& claims);
Prospect look_ahead(Connection& connection);
Totals read_totals(Connection& connection, const std::string& node, Duration term);

}  // namespace slipway::store::postgres
