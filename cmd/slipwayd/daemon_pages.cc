// What the daemon tells of itself: readiness, and metrics.
#include <nlohmann/json.hpp>

#include "cmd/slipwayd/cluster_metrics.h"
#include "cmd/slipwayd/daemon.h"

namespace slipway {

void Daemon::tell_totals(const store::Totals& totals, Duration until) {
  totals_until_ = totals.ours_to_tell ? until : Duration{0};
  registry_.publish(totals.ours_to_tell ? families_of(totals) : std::vector<metrics::Family>{});
}

bool Daemon::ready() const { return open_ && !ending_ && node_.ready(); }

server::Response Daemon::readyz() const {
  nlohmann::json troubles = nlohmann::json::array();
  for (const auto& trouble : node_.troubles())
    troubles.push_back({{"loop", trouble.loop}, {"what", trouble.what}, {"stops", trouble.stops}});
  const nlohmann::json body = {{"ready", ready()},
                               {"started", open_},
                               {"database", node_.lease().held()},
                               {"engine", node_.health().engine_answers()},
                               {"storage", node_.health().storage_has_room()},
                               {"io", node_.capabilities().io_mode},
                               {"troubles", std::move(troubles)}};
  return {.status = ready() ? 200 : 503,
          .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

server::Response Daemon::metrics_page() {
  registry_.gauge("slipway_node_ready", "1 while this node can run executions.").set(ready() ? 1 : 0);
  registry_.gauge("slipway_node_slots", "Containers this node may run at once.")
      .set(node_.slots().capacity());
  registry_.gauge("slipway_node_slots_used", "Slots in use.").set(node_.slots().used());
  registry_.gauge("slipway_node_slots_lost", "Slots whose container the engine does not answer about.")
      .set(node_.slots().lost());
  for (std::size_t i = 0; i < node_.loops().size(); ++i) loop_probes_[i]->look(*node_.loops()[i]);
  if (clock_.monotonic() >= totals_until_) registry_.publish({});
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = registry_.text()};
}

}  // namespace slipway
