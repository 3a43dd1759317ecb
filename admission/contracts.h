#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "api/agent.h"
#include "api/json_schema/json_schema.h"

namespace slipway::admission {

/// How a document of a stranger's stands to what the agent's revision asks of it.
struct ContractVerdict {
  std::string problem;  ///< empty: it fits. Else fit for the user: "at /prices: expected an array, got 5"
  std::string pointer;  ///< JSON pointer to it in the document; empty: the whole, or not known
  bool schema_broken = false;  ///< the schema itself cannot be used: not the document's fault
};

/// Holds inputs and results to the schemas of their agent's revision: strict JSON first, then the schema, if
/// there is one. Schemas are compiled once a revision and kept, up to a cap. Threads: any; both calls are for
/// the pool, since time grows with the document.
class Contracts {
 public:
  ContractVerdict check_input(const std::string& agent, int revision, const AgentSpec& spec,
                              const std::string& text);
  ContractVerdict check_output(const std::string& agent, int revision, const AgentSpec& spec,
                               const std::string& text);

 private:
  enum class Side { Input, Output };
  using Key = std::pair<std::pair<std::string, int>, Side>;
  ContractVerdict check(const Key& key, const nlohmann::json& schema, const std::string& text);
  json_schema::Compiled compiled(const Key& key, const nlohmann::json& schema);

  std::mutex mutex_;
  std::map<Key, json_schema::Compiled> kept_;
};

}  // namespace slipway::admission
