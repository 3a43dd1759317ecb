#include "cmd/slipway/completed_names.h"

#include <algorithm>

#include "cmd/slipway/table.h"

namespace slipway::cli {
namespace {

constexpr int kMostNames = 200;

bool is_plain(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.@:+").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.front() != '-' && std::ranges::all_of(name, plain);
}

}  // namespace

std::vector<std::string> names_of(Session& session, store::Table table) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return {};
  store::Query query{table};
  query.limit = kMostNames;
  const auto documents = catalog->list(query);
  std::vector<std::string> names;
  if (!documents) return names;
  for (const auto& document : *documents) {
    if (auto name = name_of(document); is_plain(name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace slipway::cli
