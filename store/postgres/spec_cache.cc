#include "store/postgres/spec_cache.h"

#include "store/postgres/statements.h"

namespace slipway::store::postgres {
namespace {

constexpr std::size_t kMostSpecs = 4096;

// A container may run by a revision that a newer binary wrote: it is led to its end by what can be read of
// it.
ReadSpec parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return {std::make_shared<const AgentSpec>(), false};
  auto parsed = parse_agent_spec(json);
  // A bound that cannot be read must not end a run before what it was granted: the row holds that.
  for (const auto& error : parsed.errors) {
    if (error.path.ends_with("imeout")) parsed.spec.max_timeout = std::chrono::hours(24 * 7);
  }
  return {std::make_shared<const AgentSpec>(std::move(parsed.spec)), parsed.errors.empty()};
}

}  // namespace

ReadSpec SpecCache::get(Connection& connection, const std::string& agent, int revision) {
  if (revision <= 0) return {};
  const auto key = std::make_pair(agent, revision);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = specs_.find(key); found != specs_.end()) return found->second;
  }
  const auto rows = connection.query(sql::kLoadSpec, {agent, std::to_string(revision)});
  if (rows.size() == 0) return {};
  auto read = parse(rows.string(0, 0));
  const std::lock_guard lock(mutex_);
  if (specs_.size() >= kMostSpecs) specs_.clear();  // rows in flight keep theirs alive
  return specs_[key] = std::move(read);
}

}  // namespace slipway::store::postgres
