#include "server/token_text.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>
#include <vector>

namespace slipway::server {
namespace {

template <std::size_t N>
std::array<unsigned char, N> random_bytes() {
  std::array<unsigned char, N> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(N)) != 1) throw std::runtime_error("no randomness");
  return bytes;
}

}  // namespace

std::string new_token() {
  const auto bytes = random_bytes<32>();
  std::string text(48, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), 32);
  text.resize(static_cast<std::size_t>(length));
  while (text.ends_with('=')) text.pop_back();
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return "slp_" + text;
}

std::string new_token_id() {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
  std::string id = "tok-";
  for (const auto byte : random_bytes<12>()) id += letters[byte & 31];
  return id;
}

bool is_token_id(std::string_view text) {
  return text.size() == 16 && text.starts_with("tok-") &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", 4) == std::string_view::npos;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned int length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("no SHA-256");
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const auto byte : digest) hex += digits[byte >> 4], hex += digits[byte & 15];
  return hex;
}

std::optional<std::string> bearer_of(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size() || authorization.size() > 512) return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    if ((authorization[i] | 0x20) != (scheme[i] | 0x20)) return std::nullopt;
  }
  return std::string(authorization.substr(scheme.size()));
}

}  // namespace slipway::server
