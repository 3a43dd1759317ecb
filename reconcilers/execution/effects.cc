#include "reconcilers/execution/effects.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "logging/log.h"

namespace slipway::reconcilers {
namespace {

using controller::Again;
using controller::Outcome;
using controller::WakeAt;
using runtime::ContainerState;

constexpr auto kRemovalPause = std::chrono::milliseconds(200);

Next unmoved(const Error& error) { return Unmoved{error}; }
Next again() { return Outcome{Again{}}; }

}  // namespace

runtime::ContainerSpec container_spec(const Execution& row) {
  runtime::ContainerSpec spec;
  spec.ref = row.ref;
  spec.user_id = row.user_id;
  spec.image_id = row.image_id;
  spec.agent_revision = row.agent_revision;
  spec.command = row.spec->command;
  spec.args = row.spec->args;
  spec.env = row.spec->env;
  spec.limits = row.spec->limits;
  spec.user = row.spec->run_as_user;
  spec.group = row.spec->run_as_group;
  spec.runtime_class = row.spec->runtime_class;
  spec.traceparent = row.traceparent;
  return spec;
}

std::string image_key(const Execution& row) {
  return ImageTable::key_of(row.spec->image, row.spec->image_pull_policy);
}

asio::awaitable<Result<Next>> Effects::apply(Pass& pass, const Action& action, Outcome next) {
  if (std::holds_alternative<WaitForImage>(action)) {
    const auto key = image_key(pass.row);
    parts_.images.wait(key, pass.row.ref.execution);
    parts_.want_image(key);
    co_return Next{next};
  }
  if (std::holds_alternative<Create>(action)) co_return co_await create(pass);
  if (std::holds_alternative<Start>(action)) co_return co_await start(pass);
  if (std::holds_alternative<ResolveDoubt>(action)) co_return co_await resolve_doubt(pass);
  if (const auto* asked = std::get_if<Signal>(&action)) co_return co_await signal(pass, asked->signal, next);
  if (std::holds_alternative<Collect>(action)) co_return co_await collect(pass);
  if (std::holds_alternative<Remove>(action)) co_return co_await remove(pass);
  co_return Next{next};
}

Effects::Awaitable<Next> Effects::create(Pass& pass) {
  const auto& id = pass.row.ref.execution;
  held_.asks_engine(id);
  auto& spec = pass.spec;
  if (spec.image_id.empty()) spec.image_id = parts_.view_of(pass.row).image.id;  // pinned with the intent
  if (pass.row.input) {
    spec.input = *std::exchange(pass.row.input, std::nullopt);
  } else {
    auto input = co_await parts_.store.load_input(id);
    // What cannot be read is never read: the attempt ends.
    if (!input && input.error().error_class == ErrorClass::Invalid)
      co_return Plan{
          end_attempt(pass.row, Reason::EngineError, "the input cannot be read: " + input.error().message),
          Nothing{}, Again{}};
    if (!input) co_return input.error();
    spec.input = std::move(*input);
    if (!parts_.lease.held()) co_return again();  // it may have run out meanwhile
  }
  const auto created = co_await parts_.runtime.create(spec);
  spec.input.clear();
  if (created) {
    parts_.health.storage_took();
    co_return Next{LookAgain{}};
  }
  const auto& error = created.error();
  if (error.error_class == ErrorClass::Retry) co_return unmoved(error);  // not this execution's failure
  if (error.error_class == ErrorClass::NotFound) parts_.images.forget(image_key(pass.row));
  logging::warn("create failed",
                {{"execution", id}, {"class", to_string(error.error_class)}, {"error", error.message}});
  co_return create_failed(pass.row, error, parts_.clock.now());
}

Effects::Awaitable<Next> Effects::start(Pass& pass) {
  // Past its lease this node starts nothing; the committed intent is then resolved as a doubt, which finds it
  // never sent.
  if (!parts_.lease.held()) co_return Next{Outcome{WakeAt{parts_.clock.now() + std::chrono::seconds(1)}}};
  const auto started = co_await parts_.runtime.start(pass.row.ref, pass.seen.container_id);
  // The next look knows better; should the record of it not come, since the database is away, the run is
  // bounded all the same.
  parts_.deadlines.track(pass.row.ref, pass.seen.container_id, parts_.clock.now() + timeout_of(pass.row), {});
  if (started) co_return Next{LookAgain{}};
  // Whatever the answer was, the next pass looks at the container; start is never sent again for it.
  logging::warn("start was not confirmed", {{"execution", pass.row.ref.execution},
                                            {"class", to_string(started.error().error_class)},
                                            {"error", started.error().message}});
  co_return again();
}

Effects::Awaitable<Next> Effects::resolve_doubt(Pass& pass) {
  const auto fenced = co_await parts_.runtime.fence(pass.row.ref);
  if (!fenced) co_return unmoved(fenced.error());
  auto seen = co_await parts_.runtime.observe(pass.row.ref, nullptr, true);
  if (!seen) co_return unmoved(seen.error());
  pass.seen = std::move(*seen);
  pass.seen_at = parts_.clock.now();
  pass.spec = container_spec(pass.row);
  co_return reconcilers::resolve_doubt(pass.row, pass.seen, *fenced, pass.seen_at);
}

Effects::Awaitable<Next> Effects::signal(const Pass& pass, runtime::Signal signal, Outcome next) {
  const auto sent = co_await parts_.runtime.signal(pass.row.ref, pass.seen.container_id, signal);
  if (!sent) co_return unmoved(sent.error());
  if (signal == runtime::Signal::Kill) co_return Next{Unmoved{next}};  // it is to be seen whether it dies
  if (signal == runtime::Signal::Term) held_.term_sent(pass.row.ref.execution, pass.row.ref.claim);
  co_return Next{next};
}

Effects::Awaitable<Next> Effects::collect(Pass& pass) {
  auto found = co_await evidence_of(pass);
  if (!found) co_return found.error();
  if (const auto* unread = std::get_if<Unmoved>(&*found)) co_return Next{*unread};
  Findings findings{.evidence = std::get<Evidence>(std::move(*found))};
  if (findings.evidence.result_state == Evidence::ResultState::Present)
    findings.result_problem = co_await asio::co_spawn(
        parts_.pool, problem_of(pass.row, findings.evidence.result), asio::use_awaitable);
  co_return Plan{conclude(pass.row, pass.seen, parts_.view_of(pass.row), std::move(findings), pass.seen_at),
                 Nothing{}, Again{}};
}

asio::awaitable<std::string> Effects::problem_of(const Execution& row, const std::string& result) {
  const auto verdict = parts_.contracts.check_output(row.agent, row.agent_revision, *row.spec, result);
  co_return verdict.schema_broken ? "the agent's output schema cannot be used" : verdict.problem;
}

/// The log as the engine has it takes the place of what was stored while the container ran; unless it has
/// lost its head, which is stored: then what came after that goes behind it.
Effects::Awaitable<std::variant<Evidence, Unmoved>> Effects::evidence_of(const Pass& pass) {
  using Found = std::variant<Evidence, Unmoved>;
  const auto& ref = pass.row.ref;
  const auto& limits = pass.row.spec->limits;
  auto evidence = co_await parts_.runtime.collect(ref, pass.seen.container_id, limits, {});
  if (!evidence) co_return Found{Unmoved{evidence.error()}};
  if (evidence->logs_from_start) co_return Found{std::move(*evidence)};
  const auto stored = co_await parts_.store.live_log(ref.execution, ref.attempt);
  // What was stored cannot be read: what the engine has of the log is all there is.
  if (!stored && stored.error().error_class == ErrorClass::Invalid) co_return Found{std::move(*evidence)};
  if (!stored) co_return stored.error();
  const auto& logs = evidence->logs;
  const bool whole = stored->end == 0 || (!logs.empty() && logs.front().at == stored->begins);
  if (!whole && !logs.empty()) {
    evidence = co_await parts_.runtime.collect(ref, pass.seen.container_id, limits, *stored);
    if (!evidence) co_return Found{Unmoved{evidence.error()}};
  } else if (!whole) {
    evidence->logs_behind = stored->end;
  }
  co_return Found{std::move(*evidence)};
}

Effects::Awaitable<Next> Effects::remove(Pass& pass) {
  const auto gone = co_await parts_.runtime.remove(pass.row.ref, pass.seen.container_id);
  if (!gone) co_return unmoved(gone.error());
  if (!*gone) co_return Next{Unmoved{Outcome{WakeAt{parts_.clock.now() + kRemovalPause}}}};
  if (pass.row.stage != Stage::Finished) co_return again();
  pass.seen = runtime::Observation{};  // it has verified that nothing is left
  co_return Next{PlanAgain{}};
}

}  // namespace slipway::reconcilers
