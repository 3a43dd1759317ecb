#include "reconcilers/orphans/orphan_reconciler.h"

#include "logging/log.h"

namespace slipway::reconcilers {
namespace {

using controller::Outcome;
using controller::WakeAt;

}  // namespace

asio::awaitable<Result<Outcome>> OrphanReconciler::reconcile(const controller::Key&) {
  const auto rows = co_await walk_rows();
  if (!rows) co_return rows.error();
  const auto orphans = co_await walk_containers();
  if (!orphans) co_return orphans.error();
  hooks_.on_orphans(*orphans);
  co_return Outcome{WakeAt{clock_.now() + period_}};
}

asio::awaitable<Result<void>> OrphanReconciler::walk_rows() {
  const auto rows = co_await store_.list_unconverged();
  if (!rows) co_return rows.error();
  for (const auto& id : *rows) hooks_.on_execution(id);
  co_return Result<void>{};
}

asio::awaitable<Result<int>> OrphanReconciler::walk_containers() {
  const auto listed = co_await runtime_.list();
  if (!listed) co_return listed.error();
  std::vector<ClaimId> claims;
  for (const auto& one : *listed) {
    if (!one.ref.claim.empty()) claims.push_back(one.ref.claim);
  }
  // Asked after the list was taken: a claim committed before its container was made cannot be missed.
  std::set<ClaimId> alive;
  if (!claims.empty()) {
    const auto live = co_await store_.live_claims(claims);
    if (!live) co_return live.error();
    alive.insert(live->begin(), live->end());
  }
  int orphans = 0;
  for (const auto& one : *listed) {
    const auto orphan = co_await is_orphan(one, alive);
    if (!orphan) co_return orphan.error();
    if (!*orphan) {
      hooks_.on_execution(one.ref.execution);
      continue;
    }
    ++orphans;
    logging::warn("removing an orphan", {{"execution", one.ref.execution}, {"container", one.name}});
    const auto removed = co_await runtime_.remove(one.ref, one.container_id);
    if (!removed)
      logging::warn("orphan not removed yet", {{"container", one.name}, {"error", removed.error().message}});
  }
  co_return orphans;
}

/// A container is an orphan when no row has its claim. What has lost its container has lost its labels too,
/// and belongs to the row's present attempt or to nobody.
asio::awaitable<Result<bool>> OrphanReconciler::is_orphan(const runtime::Listed& listed,
                                                          const std::set<ClaimId>& live) {
  if (!listed.ref.claim.empty()) co_return !live.contains(listed.ref.claim);
  const auto row = co_await store_.load(listed.ref.execution);
  if (!row && row.error().error_class == ErrorClass::NotFound) co_return true;
  if (!row) co_return row.error();
  const bool present =
      row->owner == node_ && row->ref.attempt == listed.ref.attempt && row->stage != Stage::Cleaned;
  co_return !present;
}

}  // namespace slipway::reconcilers
