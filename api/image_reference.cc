#include "api/image_reference.h"

#include <algorithm>

namespace slipway {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestTag = 128;
constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kSha256 = "sha256:";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_small(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }
bool is_letter_or_digit(char c) { return is_small(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool is_digest(std::string_view text) {
  return text.starts_with(kSha256) && text.size() == kSha256.size() + kDigestDigits &&
         std::ranges::all_of(text.substr(kSha256.size()), is_hex);
}

bool is_tag(std::string_view text) {
  const auto fits = [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= kLongestTag && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, fits);
}

/// Small letters and digits, joined by one dot, one or two underscores, or dashes.
bool is_path_part(std::string_view text) {
  const auto joins = [](std::string_view between) {
    return between == "." || between == "_" || between == "__" ||
           between.find_first_not_of('-') == std::string_view::npos;
  };
  if (text.empty() || !is_small(text.front()) || !is_small(text.back())) return false;
  for (std::size_t at = 0; at < text.size();) {
    const auto joint = std::ranges::find_if_not(text.substr(at), is_small);
    const auto begin = static_cast<std::size_t>(joint - text.begin());
    if (begin == text.size()) return true;
    const auto end =
        static_cast<std::size_t>(std::ranges::find_if(text.substr(begin), is_small) - text.begin());
    if (!joins(text.substr(begin, end - begin))) return false;
    at = end;
  }
  return true;
}

bool is_host_part(std::string_view text) {
  const auto fits = [](char c) { return is_letter_or_digit(c) || c == '-'; };
  return !text.empty() && text.front() != '-' && text.back() != '-' && std::ranges::all_of(text, fits);
}

template <class Fits>
bool every_part(std::string_view text, char separator, Fits fits) {
  for (std::size_t at = 0;; ++at) {
    const auto end = std::min(text.find(separator, at), text.size());
    if (!fits(text.substr(at, end - at))) return false;
    if (end == text.size()) return true;
    at = end;
  }
}

bool is_port(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

bool is_ipv6_domain(std::string_view text) {
  const auto close = text.find(']');
  const auto fits = [](char c) { return c == ':' || is_hex(c) || (c >= 'A' && c <= 'F'); };
  if (close == std::string_view::npos || text.substr(0, close).find(':') == std::string_view::npos ||
      !std::ranges::all_of(text.substr(1, close - 1), fits))
    return false;
  const auto rest = text.substr(close + 1);
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

bool is_domain(std::string_view text) {
  if (text.starts_with('[')) return is_ipv6_domain(text);
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
  return every_part(text.substr(0, colon), '.', is_host_part);
}

/// As engines do: the first part names a registry if it has a dot or a port, or is localhost.
bool names_registry(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost";
}

Error wrong(std::string what) { return Error{ErrorClass::Invalid, std::move(what)}; }

Result<void> read_name(std::string_view name, ImageReference& reference) {
  const auto slash = name.find('/');
  if (slash != std::string_view::npos && names_registry(name.substr(0, slash))) {
    reference.domain = name.substr(0, slash);
    if (!is_domain(reference.domain)) return wrong("the registry must be a host, with or without a :port");
    name.remove_prefix(slash + 1);
  }
  reference.path = name;
  if (!every_part(name, '/', is_path_part))
    return wrong("every part of the name must be small letters and digits, joined by . _ __ or -");
  if (reference.repository().size() > kLongestName) return wrong("the name is longer than 255 characters");
  return {};
}

}  // namespace

Result<ImageReference> parse_image_reference(std::string_view text) {
  ImageReference reference;
  if (text.size() == kDigestDigits && std::ranges::all_of(text, is_hex))
    return wrong("64 hexadecimal digits alone are no name; an id is sha256:…");
  if (text.starts_with(kSha256)) {
    if (!is_digest(text)) return wrong("an id must be sha256: and 64 hexadecimal digits");
    reference.digest = text;
    return reference;
  }
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    reference.digest = text.substr(at + 1);
    if (!is_digest(reference.digest)) return wrong("the digest must be sha256: and 64 hexadecimal digits");
    text = text.substr(0, at);
  }
  const auto slash = text.rfind('/');
  const auto colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    reference.tag = text.substr(colon + 1);
    if (!is_tag(reference.tag)) return wrong("the tag must be at most 128 letters, digits and . _ -");
    text = text.substr(0, colon);
  }
  if (auto read = read_name(text, reference); !read) return read.error();
  return reference;
}

}  // namespace slipway
