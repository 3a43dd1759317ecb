#include "runtime/docker/image_ref.h"

#include <nlohmann/json.hpp>

#include "api/image_reference.h"

namespace slipway::runtime {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr const char* kHub = "https://index.docker.io/v1/";

}  // namespace

std::string ImageRef::full() const {
  if (by_id) return version;
  return repository + (version.starts_with("sha256:") ? "@" : ":") + version;
}

Result<ImageRef> parse_image_ref(const std::string& text) {
  auto parsed = parse_image_reference(text);
  if (!parsed) return parsed.error();
  ImageRef ref;
  ref.by_id = parsed->is_id();
  ref.repository = parsed->repository();
  // A digest beside a tag wins.
  ref.version = !parsed->digest.empty() ? parsed->digest : parsed->tag.empty() ? "latest" : parsed->tag;
  ref.registry = parsed->domain.empty() ? kHub : parsed->domain;
  return ref;
}

std::string base64(const std::string& bytes, bool url) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > bytes.size() ? '=' : kAlphabet[group >> (18 - 6 * j) & 63];
  }
  if (url) {
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
  }
  return text;
}

std::string unbase64(const std::string& text) {
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return {};
    group = group << 6 | static_cast<std::uint32_t>(value);
    if ((bits += 6) >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
  }
  return bytes;
}

std::string registry_auth(const std::string& docker_config, const std::string& registry) {
  using nlohmann::json;
  const json config = json::parse(docker_config, nullptr, false);
  const auto get = [](const json& object, const std::string& name) {
    return object.is_object() && object.contains(name) ? object[name] : json();
  };
  json entry = get(get(config, "auths"), registry);
  if (!entry.is_object()) entry = get(get(config, "auths"), "https://" + registry);
  if (!entry.is_object()) return {};
  json auth = {{"serveraddress", registry}};
  if (const json token = get(entry, "identitytoken"); token.is_string()) auth["identitytoken"] = token;
  for (const char* name : {"username", "password"}) {
    if (const json value = get(entry, name); value.is_string()) auth[name] = value;
  }
  if (const json pair = get(entry, "auth"); pair.is_string()) {
    const std::string plain = unbase64(pair.get<std::string>());
    if (const std::size_t colon = plain.find(':'); colon != std::string::npos) {
      auth["username"] = plain.substr(0, colon);
      auth["password"] = plain.substr(colon + 1);
    }
  }
  return base64(auth.dump(-1, ' ', false, json::error_handler_t::replace), true);
}

}  // namespace slipway::runtime
