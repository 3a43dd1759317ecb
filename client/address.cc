#include "client/address.h"

namespace slipway::client {
namespace {

Error unusable(const std::string& url) {
  return {ErrorClass::Invalid, "expected http://HOST[:PORT] or https://HOST[:PORT], got \"" + url + "\""};
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

bool is_host(const std::string& text, bool bracketed) {
  for (const char c : text) {
    if (!is_plain(c) && !(bracketed && c == ':')) return false;
  }
  return !text.empty();
}

bool is_port(const std::string& text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string::npos &&
         std::stoi(text) > 0 && std::stoi(text) < 65536;
}

}  // namespace

std::string Address::authority() const {
  const auto name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

std::string Address::url() const { return (tls ? "https://" : "http://") + authority(); }

Result<Address> parse_address(const std::string& url) {
  Address address;
  address.tls = url.starts_with("https://");
  if (!address.tls && !url.starts_with("http://")) return unusable(url);
  auto rest = url.substr(address.tls ? 8 : 7);
  if (rest.ends_with('/')) rest.pop_back();
  const bool bracketed = rest.starts_with('[');
  const auto end = bracketed ? rest.find(']') : rest.find(':');
  if (bracketed && end == std::string::npos) return unusable(url);
  address.host = bracketed ? rest.substr(1, end - 1) : rest.substr(0, end);
  const auto behind = end == std::string::npos ? "" : rest.substr(end + (bracketed ? 1 : 0));
  if (!is_host(address.host, bracketed) || (!behind.empty() && !behind.starts_with(':')))
    return unusable(url);
  address.port = behind.empty() ? (address.tls ? "443" : "80") : behind.substr(1);
  if (!is_port(address.port)) return unusable(url);
  return address;
}

std::string percent_encoded(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c)) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace slipway::client
