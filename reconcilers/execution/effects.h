#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>

#include "admission/contracts.h"
#include "reconcilers/execution/held.h"
#include "reconcilers/execution/pass.h"
#include "reconcilers/node_health.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// What effects work with; each outlives them.
struct EffectParts {
  store::Store& store;
  runtime::ContainerRuntime& runtime;
  const Clock& clock;
  const Lease& lease;
  NodeHealth& health;
  ImageTable& images;
  DeadlineGuard& deadlines;
  admission::Contracts& contracts;
  asio::any_io_executor pool;
  std::function<void(const std::string&)> want_image;
  std::function<NodeView(const Execution&)> view_of;
};

/// Carries out what a plan asks for, one action at a time, and tells what to go on with. Errors are the
/// store's: what the engine does not do or answer is Unmoved.
class Effects {
 public:
  Effects(EffectParts parts, Held& held) : parts_(std::move(parts)), held_(held) {}

  asio::awaitable<Result<Next>> apply(Pass& pass, const Action& action, controller::Outcome next);

 private:
  template <class T>
  using Awaitable = asio::awaitable<Result<T>>;
  Awaitable<Next> create(Pass& pass);
  Awaitable<Next> start(Pass& pass);
  Awaitable<Next> resolve_doubt(Pass& pass);
  Awaitable<Next> signal(const Pass& pass, runtime::Signal signal, controller::Outcome next);
  Awaitable<Next> collect(Pass& pass);
  Awaitable<std::variant<Evidence, Unmoved>> evidence_of(const Pass& pass);
  Awaitable<Next> remove(Pass& pass);
  asio::awaitable<std::string> problem_of(const Execution& row, const std::string& result);

  EffectParts parts_;
  Held& held_;
};

/// What a container of this row is made from, but for its input.
runtime::ContainerSpec container_spec(const Execution& row);
std::string image_key(const Execution& row);

}  // namespace slipway::reconcilers
