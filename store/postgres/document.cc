#include "store/postgres/document.h"

#include "api/quantity.h"

namespace slipway::store::postgres {

using nlohmann::json;

namespace {

void drop_nulls(json& object) {
  for (auto at = object.begin(); at != object.end();) at = at->is_null() ? object.erase(at) : std::next(at);
}

// Seconds, as columns have them and as SQL may have written a spec, as files write them: "1m30s".
void write_durations(json& spec) {
  for (const auto* field : {"timeout", "maxTimeout", "terminationGracePeriod", "ttlAfterFinished"}) {
    if (const auto found = spec.find(field); found != spec.end() && found->is_number_integer())
      *found = format_duration(std::chrono::seconds(found->get<std::int64_t>()));
  }
}

}  // namespace

json document_of(const std::string& text) {
  auto object = json::parse(text, nullptr, false);
  object["apiVersion"] = kApiVersion;
  for (const auto* part : {"metadata", "spec", "status"}) {
    if (object.contains(part)) drop_nulls(object[part]);
  }
  if (object.contains("spec")) write_durations(object["spec"]);
  if (object["metadata"].contains("labels") && object["metadata"]["labels"].empty())
    object["metadata"].erase("labels");
  return object;
}

json with_payload(json document, const Rows& rows, int row, int input, int output) {
  document["spec"]["input"] = json::parse(rows.string(row, input), nullptr, false);
  if (!rows.null(row, output))
    document["status"]["output"] = json::parse(rows.string(row, output), nullptr, false);
  return document;
}

}  // namespace slipway::store::postgres
