#pragma once
// Part of the precompiled headers: templates that nearly every file would instantiate again are here
// instantiated once.

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway::precompiled {

/// The shapes that the structs of api/ are made of.
struct Shapes {
  std::string text;
  std::optional<std::string> maybe_text;
  std::optional<int> maybe_number;
  std::map<std::string, std::string> labels;
  std::vector<std::pair<std::string, std::string>> pairs;
  nlohmann::json document;
  std::optional<nlohmann::json> maybe_document;
  std::vector<nlohmann::json> documents;
  bool operator==(const Shapes&) const = default;
};
inline bool same(const Shapes& a, const Shapes& b) { return a == b; }
inline Shapes passed_on(Shapes shapes) { return shapes; }

inline boost::asio::any_io_executor executor_of(boost::asio::thread_pool& pool) {
  return pool.get_executor();
}
inline boost::asio::any_io_executor executor_of(boost::asio::io_context& io) { return io.get_executor(); }

}  // namespace slipway::precompiled
