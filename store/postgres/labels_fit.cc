#include "store/postgres/labels_fit.h"

#include <nlohmann/json.hpp>

namespace slipway::store::postgres {
namespace {

const char* to_string(LabelTerm::Op op) {
  switch (op) {
    case LabelTerm::Op::In:
      return "In";
    case LabelTerm::Op::NotIn:
      return "NotIn";
    case LabelTerm::Op::Exists:
      return "Exists";
    case LabelTerm::Op::Absent:
      return "Absent";
  }
  return "";
}

}  // namespace

std::string terms_of(const std::vector<LabelTerm>& terms) {
  auto list = nlohmann::json::array();
  for (const auto& term : terms)
    list.push_back({{"key", term.key}, {"op", to_string(term.op)}, {"values", term.values}});
  // What is no UTF-8 is no label either; the database would refuse it.
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace slipway::store::postgres
