// Lists of the catalogue over HTTP: page by page, whole documents one by one.
#include "client/answers.h"
#include "client/http_catalog.h"
#include "client/wire.h"

namespace slipway::client {

using nlohmann::json;
using store::Document;
using store::Table;

namespace {

constexpr int kPage = 500;

Error not_found(const store::Query& query) {
  return {ErrorClass::NotFound, std::string(singular_of(query.table)) + " \"" + query.name + "\" not found"};
}

std::string collection(Table table) { return "/v1/" + std::string(to_string(table)); }

void add(std::string& target, const char* name, const std::string& value) {
  if (value.empty()) return;
  target +=
      (target.find('?') == std::string::npos ? "?" : "&") + std::string(name) + "=" + percent_encoded(value);
}

bool concerns(const store::Query& query, const json& document) {
  const auto spec = document.contains("spec") ? document["spec"] : json();
  return (query.user.empty() || text_in(spec, "user") == query.user) &&
         (query.agent.empty() || text_in(spec, "agent") == query.agent);
}

}  // namespace

Result<std::vector<json>> HttpCatalog::items(const std::string& target) {
  auto answer = get(target);
  if (!answer) return answer.error();
  std::vector<json> all;
  for (auto& item : answer->body["items"]) {
    if (item.is_object()) all.push_back(std::move(item));
  }
  return all;
}

Result<std::vector<json>> HttpCatalog::pages(const store::Query& query) {
  std::vector<json> all;
  std::string next;
  do {
    auto target = collection(query.table);
    const auto left = query.limit - static_cast<int>(all.size());
    add(target, "limit", std::to_string(std::min(left, kPage)));
    if (query.table == Table::Executions) {
      add(target, "name", query.name);
      add(target, "status", query.status);
    }
    add(target, "user", query.user);
    add(target, "agent", query.agent);
    add(target, "label", selector_text(query.labels));
    add(target, "continue", next);
    const auto before = all.size();
    auto answer = get(target);
    if (!answer) return answer.error();
    for (auto& item : answer->body["items"]) {
      if (item.is_object()) all.push_back(std::move(item));
    }
    next = all.size() > before ? text_in(answer->body, "continue") : "";
  } while (!next.empty() && static_cast<int>(all.size()) < query.limit);
  return all;
}

/// The document with input and output, but without what the API shows behind it.
Result<Document> HttpCatalog::whole(const json& listed) {
  const auto id = listed.contains("metadata") ? text_in(listed["metadata"], "uid") : "";
  auto answer = get(collection(Table::Executions) + "/" + percent_encoded(id));
  if (!answer) return answer.error();
  if (answer->body.contains("status") && answer->body["status"].is_object()) {
    for (const auto* behind : {"agent", "entitlement", "quota"}) answer->body["status"].erase(behind);
  }
  return answer;
}

Result<std::vector<json>> HttpCatalog::list(const store::Query& query) {
  if (query.table == Table::Executions) {
    auto all = pages(query);
    if (!all) return all.error();
    if (all->empty() && !query.name.empty()) return not_found(query);
    for (auto& item : *all) {
      if (!query.full) break;
      auto document = whole(item);
      if (!document && document.error().error_class == ErrorClass::NotFound) continue;  // has just left
      if (!document) return document.error();
      item = std::move(document->body);
    }
    return all;
  }
  if (!query.name.empty()) {
    auto one = get(collection(query.table) + "/" + percent_encoded(query.name));
    if (!one) return one.error();
    if (query.table != Table::Agents && query.table != Table::Nodes && !concerns(query, one->body))
      return not_found(query);
    return std::vector<json>{std::move(one->body)};
  }
  return pages(query);
}

}  // namespace slipway::client
