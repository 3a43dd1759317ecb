#pragma once

#include "cmd/slipway/finding.h"
#include "store/postgres/survey.h"

namespace slipway::cli {

/// Who this node is, as its state directory says; both empty before its first start.
struct NodeIdentity {
  std::string name;
  std::string instance;
};

/// What is to be said of a database: its version, the role, durability, connections, nodes. Pure.
Findings judge_database(const store::postgres::Survey& survey, const NodeIdentity& here);

/// The distance of this host's clock, ahead of the database's when positive. Pure.
Finding judge_clock(double seconds);

}  // namespace slipway::cli
