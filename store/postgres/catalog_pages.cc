#include "store/postgres/document.h"
#include "store/postgres/labels_fit.h"
#include "store/postgres/outlook.h"
#include "store/postgres/page_statements.h"
#include "store/postgres/parameters.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::store::postgres {

using nlohmann::json;

namespace {

Param unless_empty(const std::string& text) { return text.empty() ? Param() : Param(text); }

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

Params filters_of(const PageQuery& query) {
  return {unless_empty(query.user),
          unless_empty(query.agent),
          unless_empty(query.status),
          query.labels.empty()
              ? Param()
              : Param(json(query.labels).dump(-1, ' ', false, json::error_handler_t::replace)),
          terms_of(query.terms),
          unless_empty(query.name)};
}

const Statement& page_statement(const PageQuery& query) {
  return query.user.empty() ? pages::kPageOfAll : pages::kPageOfUser;
}
const Statement& count_statement(const PageQuery& query) {
  return query.user.empty() ? pages::kCountOfAll : pages::kCountOfUser;
}

/// A place in the list: "microseconds.id" of the last row shown.
struct Place {
  Param created_at;
  Param id;
};
Result<Place> place_from(const std::string& text) {
  if (text.empty()) return Place{};
  const auto dot = text.find('.');
  const auto id = dot == std::string::npos ? "" : text.substr(dot + 1);
  const auto digits = text.substr(0, std::min(dot, text.size()));
  if (!is_uuid(id) || digits.empty() || digits.size() > 18 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return Error{ErrorClass::Invalid, "continue: expected what an earlier page gave, unchanged"};
  return Place{timestamp(time_point(std::stoll(digits))), id};
}

std::vector<ExecutionId> ids_of(const Rows& rows) {
  std::vector<ExecutionId> ids;
  for (int i = 0; i < rows.size(); ++i) ids.push_back(rows.string(i, 0));
  return ids;
}

json parsed(const Rows& rows, int row, int column) {
  return rows.null(row, column) ? json() : json::parse(rows.string(row, column), nullptr, false);
}

}  // namespace

Result<ExecutionId> PostgresCatalog::find_execution_of(const std::string& user,
                                                       const std::string& name_or_id) {
  return call<ExecutionId>([&](Connection& connection) -> Result<ExecutionId> {
    const auto rows = connection.query(
        pages::kFindOf, {unless_empty(user), is_uuid(name_or_id) ? Param(name_or_id) : Param(), name_or_id});
    if (rows.size() == 0) return Error{ErrorClass::NotFound, "execution \"" + name_or_id + "\" not found"};
    if (rows.size() > 1) {
      return Error{ErrorClass::Conflict,
                   "several users have an execution named \"" + name_or_id + "\"; give its id"};
    }
    return rows.string(0, 0);
  });
}

Result<Page> PostgresCatalog::page(const PageQuery& query) {
  const auto after = place_from(query.after);
  if (!after) return after.error();
  return call<Page>([&](Connection& connection) -> Result<Page> {
    auto params = filters_of(query);
    Page page;
    page.total = connection.query(count_statement(query), params).number(0, 0);
    // One more than is shown tells whether there is a next page.
    for (auto& more : {after->created_at, after->id, Param(std::to_string(query.limit + 1)),
                       Param(std::to_string(query.skip))})
      params.push_back(more);
    const auto rows = connection.query(page_statement(query), params);
    const int shown = std::min(rows.size(), query.limit);
    for (int i = 0; i < shown; ++i) page.items.push_back(document_of(rows.string(i, 0)));
    if (rows.size() > shown && shown > 0)
      page.next = std::to_string(rows.number(shown - 1, 1)) + "." + rows.string(shown - 1, 2);
    return page;
  });
}

Result<Document> PostgresCatalog::execution(const ExecutionId& id) {
  return call<Document>([&](Connection& connection) -> Result<Document> {
    const auto rows = connection.query(pages::kExecution, {id});
    if (rows.size() == 0) return Error{ErrorClass::NotFound, "execution \"" + id + "\" not found"};
    auto document = with_payload(document_of(rows.string(0, 0)), rows, 0, 1, 2);
    int column = 3;
    for (const auto* part : {"agent", "entitlement", "quota"}) {
      if (auto value = parsed(rows, 0, column++); !value.is_null())
        document["status"][part] = std::move(value);
    }
    return Document{std::move(document)};
  });
}

Result<Outlook> PostgresCatalog::outlook(const ExecutionSpec& request) {
  return call<Outlook>(
      [&](Connection& connection) -> Result<Outlook> { return outlook_of(connection, request); });
}

Result<std::vector<ExecutionId>> PostgresCatalog::finished_among(const std::vector<ExecutionId>& ids) {
  return call<std::vector<ExecutionId>>([&](Connection& connection) -> Result<std::vector<ExecutionId>> {
    return ids_of(connection.query(pages::kFinishedAmong, {array(ids)}));
  });
}

Result<std::vector<ExecutionId>> PostgresCatalog::gone_among(const std::vector<ExecutionId>& ids) {
  return call<std::vector<ExecutionId>>([&](Connection& connection) -> Result<std::vector<ExecutionId>> {
    return ids_of(connection.query(pages::kGoneAmong, {array(ids)}));
  });
}

Result<std::vector<Changed>> PostgresCatalog::changes(const PageQuery& query, std::int64_t event) {
  return call<std::vector<Changed>>([&](Connection& connection) -> Result<std::vector<Changed>> {
    auto params = filters_of(query);
    params.emplace_back(std::to_string(event));
    const auto rows = connection.query(pages::kChanges, params);
    std::vector<Changed> all;
    for (int i = 0; i < rows.size(); ++i)
      all.push_back({rows.number(i, 0), rows.string(i, 1), document_of(rows.string(i, 2))});
    return all;
  });
}

Result<std::int64_t> PostgresCatalog::newest_event() {
  return call<std::int64_t>([&](Connection& connection) -> Result<std::int64_t> {
    return connection.query(pages::kNewestEvent).number(0, 0);
  });
}

Result<Document> PostgresCatalog::statistics(const std::string& agent) {
  return call<Document>([&](Connection& connection) -> Result<Document> {
    const auto rows = connection.query(pages::kStatistics, {agent});
    if (rows.size() == 0) return Error{ErrorClass::NotFound, "agent \"" + agent + "\" not found"};
    return Document{json::parse(rows.string(0, 0), nullptr, false)};
  });
}

}  // namespace slipway::store::postgres
