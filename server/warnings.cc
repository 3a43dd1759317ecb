#include "server/answers.h"

namespace slipway::server {
namespace {

/// A quoted string of RFC 9110; what has no place in a header becomes '?'.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    const auto code = static_cast<unsigned char>(c);
    out += code < 0x20 || code > 0x7e ? '?' : c;
  }
  return out + "\"";
}

}  // namespace

void add_warnings(Response& response, const std::vector<std::string>& warnings) {
  for (const auto& warning : warnings) response.headers.emplace_back("Warning", "299 - " + quoted(warning));
}

}  // namespace slipway::server
