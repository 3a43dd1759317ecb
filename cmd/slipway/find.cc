#include "cmd/slipway/find.h"

#include "api/fields.h"
#include "cmd/slipway/table.h"

namespace slipway::cli {
namespace {

constexpr std::size_t kMostNamesakes = 5;

std::string described(const nlohmann::json& document, TimePoint now) {
  const auto& metadata = document["metadata"];
  return metadata.value("uid", "") + " (user " + document["spec"].value("user", "") + ", " +
         document["status"].value("stage", "") + ", " +
         age(metadata.value("creationTimestamp", nlohmann::json()), now) + " old)";
}

Error with_ids(store::CommandCatalog& catalog, const std::string& name, Error error) {
  const auto all = catalog.list({store::Table::Executions, name});
  const auto now = catalog.now();
  if (!all || !now) return error;
  std::string ids;
  for (std::size_t i = 0; i < std::min(all->size(), kMostNamesakes); ++i)
    ids += (i == 0 ? ": " : ", ") + described(all->at(i), *now);
  if (all->size() > kMostNamesakes) ids += " and " + std::to_string(all->size() - kMostNamesakes) + " more";
  return {error.error_class, error.message + ids};
}

}  // namespace

Error with_suggestion(store::CommandCatalog& catalog, store::Table table, const std::string& name,
                      Error error) {
  if (error.error_class != ErrorClass::NotFound) return error;
  const auto all = catalog.list({table});
  if (!all) return error;
  std::vector<std::string> names;
  for (const auto& document : *all)
    if (name_of(document) != name) names.push_back(name_of(document));
  if (const auto meant = nearest(name, names)) error.message += "; did you mean \"" + *meant + "\"?";
  return error;
}

Result<ExecutionId> find_execution(store::CommandCatalog& catalog, const std::string& name) {
  auto id = catalog.find_execution(name);
  if (id) return id;
  if (id.error().error_class == ErrorClass::Conflict) return with_ids(catalog, name, id.error());
  return with_suggestion(catalog, store::Table::Executions, name, id.error());
}

}  // namespace slipway::cli
