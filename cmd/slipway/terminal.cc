#include "cmd/slipway/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cmd/slipway/progress.h"

namespace slipway::cli {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  // 0: no UTF-8
};

Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 && lead < 0xf5   ? 4
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                                                           : 0;
  if (length == 0) return {};
  char32_t code = lead & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return {};
  return {code, length};
}

bool is_dangerous(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || code == 0x200e ||
         code == 0x200f || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
         code == 0xfeff;
}

std::string escaped(const char* format, unsigned value) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string colored(const char* code, const std::string& text, int descriptor) {
  return wants_color(descriptor) ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

}  // namespace

std::string printable(std::string_view text, bool lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [code, length] = decode(text);
    const auto taken = length == 0 ? 1 : length;
    if (length == 0) {
      out += escaped("\\x%02x", static_cast<unsigned char>(text.front()));
    } else if (lines && (code == '\n' || code == '\t')) {
      out += text.front();
    } else if (is_dangerous(code)) {
      out += code < 0x80 ? escaped("\\x%02x", code) : escaped("\\u%04x", code);
    } else {
      out += text.substr(0, taken);
    }
    text.remove_prefix(taken);
  }
  return out;
}

std::string for_stream(std::string_view text, int descriptor) {
  return is_terminal(descriptor) ? printable(text, true) : std::string(text);
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

bool wants_color(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  return is_terminal(descriptor) && (no_color == nullptr || *no_color == '\0');
}

std::string red(const std::string& text, int descriptor) { return colored("31", text, descriptor); }
std::string green(const std::string& text, int descriptor) { return colored("32", text, descriptor); }

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

bool put(std::string_view text) {
  const auto way = make_way();
  const bool good = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return std::fflush(stdout) == 0 && good;
}

void say(const std::string& text) {
  const auto way = make_way();
  std::fprintf(stderr, "%s\n", text.c_str());
}

int fail(const std::string& message) {
  say(red("slipway:", STDERR_FILENO) + " " + printable(one_line(message)));
  return 1;
}

}  // namespace slipway::cli
