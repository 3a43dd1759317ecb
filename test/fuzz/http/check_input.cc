#include "test/fuzz/check_input.h"

#include <boost/beast/http/parser.hpp>
#include <nlohmann/json.hpp>

#include "api/json_schema/strict_json.h"
#include "server/decode.h"
#include "server/json_slice.h"
#include "server/parse.h"
#include "server/token_text.h"

// A request as it comes in: whatever the bytes, what is made of them keeps to its own rules. A body that is
// strict JSON gives the text of its members exactly.
namespace slipway::fuzz {
namespace {

namespace http = boost::beast::http;

std::string check_request(const server::Request& request) {
  for (const auto& segment : request.segments) {
    if (segment.find('\0') != std::string::npos) return "a NUL in a path";
  }
  for (const auto& [key, value] : request.query) {
    if ((key + value).find('\0') != std::string::npos) return "a NUL in a query";
  }
  if (!server::is_request_id(request.request_id)) return "a request id that is none";
  if (const auto token = server::bearer_of(request.header("authorization")); token && token->size() > 512)
    return "a token without end";
  return {};
}

std::string check_slices(std::string_view body) {
  if (!check_strict_json(body).empty()) return {};
  const auto whole = nlohmann::json::parse(body, nullptr, false);
  if (!whole.is_object()) return server::json_slice(body, {"a"}) ? "a member of what is no object" : "";
  for (const auto& [name, value] : whole.items()) {
    const auto text = server::json_slice(body, {name});
    if (!text) return "a member that is not found";
    if (nlohmann::json::parse(*text, nullptr, false) != value) return "a member that is another value";
    if (!value.is_object()) continue;
    for (const auto& [inner, deeper] : value.items()) {
      const auto slice = server::json_slice(body, {name, inner});
      if (!slice || nlohmann::json::parse(*slice, nullptr, false) != deeper)
        return "an inner member that is another value";
    }
  }
  return {};
}

}  // namespace

std::string check_input(std::string_view bytes) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(server::kHeaderBytes);
  parser.body_limit(1 << 20);
  parser.eager(true);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (!error && parser.is_done()) {
    const auto request = server::decoded(parser.get());
    if (auto broken = check_request(request); !broken.empty()) return broken;
    if (auto broken = check_slices(request.body); !broken.empty()) return broken;
  }
  server::Request target;
  server::read_target(bytes, target);
  for (const auto& segment : target.segments) {
    if (segment.find('\0') != std::string::npos && bytes.find('\0') == std::string_view::npos)
      return "a NUL that was not sent";
  }
  return check_slices(bytes);
}

}  // namespace slipway::fuzz
