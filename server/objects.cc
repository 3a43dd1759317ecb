// Agents, entitlements, quotas and nodes: read by everybody as far as they concern them, written by admins.
#include "server/answers.h"

namespace slipway::server {
namespace {

using nlohmann::json;
using store::Table;
using store::table_of;

/// What a user may not see of another's looks absent; agents are everybody's.
bool concerns(const Call& call, Table table, const json& object) {
  if (call.scope().empty() || table == Table::Agents) return true;
  return object["spec"].value("user", "") == call.scope();
}

Result<store::Document> find(store::Catalog& catalog, const Call& call, Table table,
                             const std::string& name) {
  const auto rows = catalog.list({table, name, "", "", 1, false});
  if (!rows) return rows.error();
  if (rows->empty() || !concerns(call, table, rows->front()))
    return Error{ErrorClass::NotFound, std::string(singular_of(table)) + " \"" + name + "\" not found"};
  return store::Document{rows->front()};
}

asio::awaitable<Response> list(Desk& desk, const Call& call, Table table) {
  const auto user = call.scope().empty() ? call.request.parameter("user") : call.scope();
  const int limit = number_parameter(call.request, "limit", 1, 10'000, 500);
  const auto agent = call.request.parameter("agent");
  const auto labels = label_terms(call.request);
  const auto after = call.request.parameter("continue");
  // One more than is shown tells whether there is a next page.
  auto items = must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) {
    return catalog.list({table, "", table == Table::Agents || table == Table::Nodes ? "" : user, "",
                         limit + 1, false, agent, labels, after});
  }));
  std::string next;
  if (items.size() > static_cast<std::size_t>(limit)) {
    items.pop_back();
    next = items.back()["metadata"].value("name", "");
  }
  co_return json_answer({{"items", items}, {"total", items.size()}, {"continue", next}});
}

asio::awaitable<Response> get(Desk& desk, const Call& call, Table table) {
  co_return json_answer(must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) {
                          return find(catalog, call, table, call.path.at("name"));
                        })).body);
}

asio::awaitable<Response> write(Desk& desk, const Call& call, Kind kind, bool create_only) {
  const auto object = object_from(json_body(call.request), kind, create_only ? "" : call.path.at("name"));
  struct Written {
    store::Change change;
    json document;
  };
  const auto written =
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<Written> {
        const auto changes = must(catalog.apply({object}, {.create_only = create_only}));
        return Written{changes.front(), must(find(catalog, call, table_of(kind), changes.front().name)).body};
      }));
  auto response =
      json_answer(written.document, written.change.what == store::Change::What::Created ? 201 : 200);
  response.headers.emplace_back("Location",
                                "/v1/" + std::string(to_string(table_of(kind))) + "/" + object.name);
  add_warnings(response, written.change.warnings);
  co_return response;
}

asio::awaitable<Response> remove(Desk& desk, const Call& call, Table table) {
  must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<bool> {
    if (const auto removed = catalog.remove(table, call.path.at("name")); !removed) return removed.error();
    return true;
  }));
  Response response;
  response.status = 204;
  co_return response;
}

asio::awaitable<Response> wish(Desk& desk, const Call& call, store::NodeWish wish) {
  co_return json_answer(
      must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) -> Result<store::Document> {
        if (const auto done = catalog.wish(call.path.at("name"), wish); !done) return done.error();
        return find(catalog, call, Table::Nodes, call.path.at("name"));
      })).body);
}

asio::awaitable<Response> statistics(Desk& desk, const Call& call) {
  co_return json_answer(must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) {
                          return catalog.statistics(call.path.at("name"));
                        })).body);
}

std::string capital(std::string_view word) {
  std::string text(word);
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

void add_kind(std::vector<Route>& routes, Desk& desk, Kind kind) {
  const auto table = table_of(kind);
  const std::string all = "/v1/" + std::string(to_string(table)), one = all + "/{name}";
  const auto name = std::string(to_string(kind)), plural = capital(to_string(table));
  const auto word = std::string(singular_of(kind));
  const auto article = std::string(word == "agent" || word == "entitlement" ? "an " : "a ");
  routes.push_back({"GET",
                    all,
                    "list" + plural,
                    "All " + std::string(to_string(table)),
                    Access::Own,
                    {200, 400},
                    [&desk, table](const Call& call) { return list(desk, call, table); }});
  routes.push_back({"POST",
                    all,
                    "create" + name,
                    "Makes " + article + word + " that is not there yet",
                    Access::Admin,
                    {201, 400, 409, 413, 415, 422},
                    [&desk, kind](const Call& call) { return write(desk, call, kind, true); }});
  routes.push_back(
      {"GET", one, "get" + name, "One " + word, Access::Own, {200, 404}, [&desk, table](const Call& call) {
         return get(desk, call, table);
       }});
  routes.push_back({"PUT",
                    one,
                    "apply" + name,
                    "Makes or changes " + article + word,
                    Access::Admin,
                    {200, 201, 400, 409, 413, 415, 422},
                    [&desk, kind](const Call& call) { return write(desk, call, kind, false); }});
  routes.push_back({"DELETE",
                    one,
                    "delete" + name,
                    "Removes " + article + word,
                    Access::Admin,
                    {204, 404, 409, 422},
                    [&desk, table](const Call& call) { return remove(desk, call, table); }});
}

}  // namespace

void add_object_routes(std::vector<Route>& routes, Desk& desk) {
  for (const auto kind : {Kind::Agent, Kind::Entitlement, Kind::Quota}) add_kind(routes, desk, kind);
  routes.push_back({"GET",
                    "/v1/agents/{name}/statistics",
                    "getAgentStatistics",
                    "Totals, success rate, durations and revenue of an agent, over all its users",
                    Access::Operate,
                    {200, 404},
                    [&desk](const Call& call) { return statistics(desk, call); }});
  routes.push_back(
      {"GET", "/v1/nodes", "listNodes", "All nodes", Access::Operate, {200, 400}, [&desk](const Call& call) {
         return list(desk, call, Table::Nodes);
       }});
  routes.push_back({"GET",
                    "/v1/nodes/{name}",
                    "getNode",
                    "One node",
                    Access::Operate,
                    {200, 404},
                    [&desk](const Call& call) { return get(desk, call, Table::Nodes); }});
  using store::NodeWish;
  const struct {
    const char* verb;
    const char* summary;
    NodeWish wish;
  } wishes[] = {{"cordon", "Claims nothing new there", NodeWish::Cordon},
                {"uncordon", "Claims there again", NodeWish::Uncordon},
                {"drain", "Claims nothing new there and stops what runs", NodeWish::Drain}};
  for (const auto& w : wishes) {
    routes.push_back({"POST",
                      std::string("/v1/nodes/{name}/") + w.verb,
                      std::string(w.verb) + "Node",
                      w.summary,
                      Access::Admin,
                      {200, 404},
                      [&desk, wished = w.wish](const Call& call) { return wish(desk, call, wished); }});
  }
}

}  // namespace slipway::server
