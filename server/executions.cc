// Reading and stopping executions.
#include <boost/asio/steady_timer.hpp>
#include <charconv>

#include "api/quantity.h"
#include "server/answers.h"
#include "store/selector.h"

namespace slipway::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kLongestWait = 60s;
constexpr auto kFirstLook = 20ms;
constexpr auto kLooks = 250ms;

// What an index finds goes apart from what only a row can tell.
void read_labels(const Request& request, store::PageQuery& query) {
  for (auto& term : label_terms(request)) {
    const bool equality = term.op == store::LabelTerm::Op::In && term.values.size() == 1;
    if (equality && !query.labels.contains(term.key)) {
      query.labels[term.key] = term.values.front();
    } else {
      query.terms.push_back(std::move(term));
    }
  }
}

json standing_json(const store::Standing& standing) {
  json body = {{"id", standing.id},
               {"status", to_string(standing.status)},
               {"reason", to_string(standing.reason)},
               {"message", standing.message},
               {"converged", standing.converged},
               {"user", standing.user},
               {"agent", standing.agent}};
  if (!standing.name.empty()) body["name"] = standing.name;
  if (!standing.image.empty()) body["image"] = standing.image;
  if (standing.timeout) body["timeout"] = format_duration(*standing.timeout);
  if (standing.exit_code) body["exitCode"] = *standing.exit_code;
  if (standing.duration_ms) body["durationMs"] = *standing.duration_ms;
  return body;
}

json why_json(const store::Waiting& w) {
  json body = {{"id", w.id},
               {"status", to_string(w.status)},
               {"reason", to_string(w.reason)},
               {"message", w.message},
               {"place", w.place},
               {"queued", w.queued},
               {"usersAhead", w.users_ahead},
               {"usersWaiting", w.users_waiting},
               {"userRunning", w.user_running},
               {"agentRunning", w.agent_running},
               {"waitsForAUse", w.waits_for_a_use},
               {"locked", w.locked},
               {"notBeforeInSeconds", w.not_before_in},
               {"nodesReady", w.nodes_ready},
               {"slots", w.slots},
               {"slotsUsed", w.slots_used},
               {"nodesCordoned", w.cordoned}};
  if (w.user_limit) body["userLimit"] = *w.user_limit;
  if (w.agent_limit) body["agentLimit"] = *w.agent_limit;
  if (w.median_run_ms) body["medianRunMs"] = *w.median_run_ms;
  return body;
}

asio::awaitable<Response> list(Desk& desk, const Call& call) {
  const auto query = page_query(call);
  // Another's rows look absent.
  if (const auto asked = call.request.parameter("user"); !asked.empty() && asked != query.user)
    co_return json_answer({{"items", json::array()}, {"total", 0}, {"continue", ""}});
  const auto page =
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) { return catalog.page(query); }));
  co_return json_answer({{"items", page.items}, {"total", page.total}, {"continue", page.next}});
}

asio::awaitable<Response> get(Desk& desk, const Call& call) {
  const auto id = must(co_await desk.parts.catalogs->run(
      [&](store::Catalog& catalog) -> Result<ExecutionId> { return own_execution(catalog, call); }));
  if (const auto patience = asked_to_wait(call.request); patience.count() > 0)
    co_await wait_for_end(desk, id, patience);
  co_return json_answer(must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) {
                          return catalog.execution(id);
                        })).body);
}

asio::awaitable<Response> events(Desk& desk, const Call& call) {
  const auto all =
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<std::vector<json>> {
        return catalog.events(own_execution(catalog, call));
      }));
  co_return json_answer({{"items", all}, {"total", all.size()}});
}

asio::awaitable<Response> standing(Desk& desk, const Call& call) {
  co_return json_answer(standing_json(
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<store::Standing> {
        return catalog.standing(own_execution(catalog, call));
      }))));
}

asio::awaitable<Response> force_finish(Desk& desk, const Call& call) {
  auto body = json_body(call.request);
  const auto reason = body.value("reason", json());
  if (!reason.is_string() || reason.get<std::string>().empty())
    refuse(422, "Invalid", "reason: expected a text.", {{"/reason", "expected a text"}});
  co_return json_answer(
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<store::Document> {
        const auto id = own_execution(catalog, call);
        if (const auto done = catalog.force_finish(id, reason.get<std::string>()); !done) return done.error();
        return catalog.execution(id);
      })).body);
}

asio::awaitable<Response> why(Desk& desk, const Call& call) {
  co_return json_answer(
      why_json(must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<store::Waiting> {
        return catalog.why(own_execution(catalog, call));
      }))));
}

asio::awaitable<Response> output(Desk& desk, const Call& call) {
  const auto result = must(
      co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<std::optional<std::string>> {
        return catalog.output(own_execution(catalog, call));
      }));
  if (!result) refuse(404, "NoOutput", "This execution has no output: it has not completed.");
  Response response;
  response.body = *result;
  co_return response;
}

asio::awaitable<Response> cancel(Desk& desk, const Call& call) {
  struct Asked {
    bool now = false;
    json document;
  };
  auto asked = must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<Asked> {
    const auto id = own_execution(catalog, call);
    const bool now = must(catalog.cancel(id));
    return Asked{now, must(catalog.execution(id)).body};
  }));
  co_return json_answer(asked.document, asked.now ? 202 : 200);
}

asio::awaitable<Response> remove(Desk& desk, const Call& call) {
  must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<bool> {
    const auto id = own_execution(catalog, call);
    if (!must(catalog.standing(id)).converged)
      refuse(409, "Conflict", "The execution has not converged; cancel it and wait.");
    if (const auto removed = catalog.remove(store::Table::Executions, id); !removed) return removed.error();
    return true;
  }));
  Response response;
  response.status = 204;
  co_return response;
}

}  // namespace

int number_parameter(const Request& request, const std::string& name, int low, int high, int otherwise) {
  const auto text = request.parameter(name);
  if (text.empty()) return otherwise;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    refuse(
        400, "Invalid",
        name + ": expected a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ".");
  return value;
}

store::PageQuery page_query(const Call& call) {
  const auto& request = call.request;
  store::PageQuery query;
  query.user = call.scope().empty() ? request.parameter("user") : call.scope();
  query.agent = request.parameter("agent");
  query.status = request.parameter("status");
  if (!query.status.empty() && !status_from(query.status))
    refuse(400, "Invalid", "status: expected PENDING, RUNNING, COMPLETED, FAILED or TIMEOUT.");
  read_labels(request, query);
  query.name = request.parameter("name");
  query.limit = number_parameter(request, "limit", 1, 500, 20);
  query.after = request.parameter("continue");
  query.skip = (number_parameter(request, "page", 1, 100'000, 1) - 1) * query.limit;
  if (!query.after.empty() && query.skip > 0) refuse(400, "Invalid", "Give either continue or page.");
  return query;
}

std::vector<store::LabelTerm> label_terms(const Request& request) {
  const auto selector = request.parameter("label");
  if (selector.empty()) return {};
  auto terms = store::parse_selector(selector);
  if (!terms) refuse(400, "Invalid", "label: " + terms.error().message + ".");
  return std::move(*terms);
}

ExecutionId own_execution(store::Catalog& catalog, const Call& call) {
  return must(catalog.find_execution_of(call.scope(), call.path.at("id")));
}

std::chrono::seconds asked_to_wait(const Request& request) {
  auto asked = number_parameter(request, "wait", 0, 86'400, 0);
  const auto prefer = request.header("prefer");
  if (const auto at = prefer.find("wait="); at != std::string::npos) {
    int value = 0;
    std::from_chars(prefer.data() + at + 5, prefer.data() + prefer.size(), value);
    asked = std::max(asked, value);
  }
  return std::min(std::chrono::seconds(asked), kLongestWait);
}

asio::awaitable<void> wait_for_end(Desk& desk, ExecutionId id, std::chrono::seconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (auto pause = std::chrono::milliseconds(kFirstLook); std::chrono::steady_clock::now() < give_up;) {
    const auto done = must(co_await desk.parts.catalogs->run(
        [&](store::Catalog& catalog) { return catalog.finished_among({id}); }));
    if (!done.empty()) co_return;
    timer.expires_after(pause);
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min(pause * 2, std::chrono::milliseconds(kLooks));
  }
}

void add_execution_routes(std::vector<Route>& routes, Desk& desk) {
  const auto add = [&](const char* method, const char* pattern, const char* operation, const char* summary,
                       Access access, std::vector<int> answers, auto handler) {
    routes.push_back({method, pattern, operation, summary, access, std::move(answers),
                      [&desk, handler](const Call& call) { return handler(desk, call); }});
  };
  add("GET", "/v1/executions/{id}", "getExecution",
      "One execution, with its agent, entitlement and quota; with ?wait=N when it is final", Access::Own,
      {200, 400, 404, 409}, get);
  add("DELETE", "/v1/executions/{id}", "deleteExecution", "Removes a converged execution", Access::Admin,
      {204, 404, 409}, remove);
  add("GET", "/v1/executions/{id}/events", "getExecutionEvents", "What happened, in order", Access::Own,
      {200, 404, 409}, events);
  add("GET", "/v1/executions/{id}/status", "getExecutionStatus", "How it stands, in short", Access::Own,
      {200, 404, 409}, standing);
  add("POST", "/v1/executions/{id}/force-finish", "forceFinishExecution",
      "Ends an execution that its node cannot end", Access::Admin, {200, 400, 404, 409, 413, 415, 422},
      force_finish);
  add("GET", "/v1/executions/{id}/why", "whyExecution", "What it waits for, and where it stands", Access::Own,
      {200, 404, 409}, why);
  add("GET", "/v1/executions/{id}/output", "getExecutionOutput", "The result, byte for byte", Access::Own,
      {200, 404, 409}, output);
  add("POST", "/v1/executions/{id}/cancel", "cancelExecution",
      "Asks it to stop: 202 now, 200 if it was asked before", Access::Submit, {202, 200, 404, 409}, cancel);
  routes.push_back({"GET",
                    "/v1/executions",
                    "listExecutions",
                    "Pages of executions, newest first; with ?watch=1 their changes as server-sent events",
                    Access::Own,
                    {200, 400, 422},
                    [&desk](const Call& call) -> asio::awaitable<Response> {
                      return call.request.asks("watch") ? watch_executions(desk, call) : list(desk, call);
                    }});
}

}  // namespace slipway::server
