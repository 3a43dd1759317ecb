#include "store/postgres/spec_cache.h"

#include "store/postgres/statements.h"

namespace slipway::store::postgres {
namespace {

constexpr std::size_t kMostSpecs = 4096;

std::shared_ptr<const AgentSpec> parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return nullptr;
  auto parsed = parse_agent_spec(json);
  if (!parsed.errors.empty()) return nullptr;
  return std::make_shared<const AgentSpec>(std::move(parsed.spec));
}

}  // namespace

std::shared_ptr<const AgentSpec> SpecCache::get(Connection& connection, const std::string& agent,
                                                int revision) {
  if (revision <= 0) return nullptr;
  const auto key = std::make_pair(agent, revision);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = specs_.find(key); found != specs_.end()) return found->second;
  }
  const auto rows = connection.query(sql::kLoadSpec, {agent, std::to_string(revision)});
  if (rows.size() == 0) return nullptr;
  auto spec = parse(rows.string(0, 0));
  if (!spec) return nullptr;
  const std::lock_guard lock(mutex_);
  if (specs_.size() >= kMostSpecs) specs_.clear();  // rows in flight keep theirs alive
  return specs_[key] = std::move(spec);
}

}  // namespace slipway::store::postgres
