#include "api/source_lines.h"

#include <algorithm>

namespace slipway {
namespace {

int characters(std::string_view bytes) {
  return static_cast<int>(
      std::ranges::count_if(bytes, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::size_t index_of(int number) { return static_cast<std::size_t>(std::max(0, number)); }

}  // namespace

SourceLines::SourceLines(std::string_view text) {
  while (true) {
    const auto end = text.find('\n');
    lines_.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

std::string_view SourceLines::line(int number) const {
  return index_of(number) < lines_.size() ? lines_[index_of(number)] : std::string_view();
}

bool SourceLines::is_beyond(int number) const {
  return index_of(number) + 1 >= lines_.size() && line(number).empty();
}

SourcePlace SourceLines::place(int number, int byte_column) const {
  if (index_of(number) >= lines_.size()) {
    const auto last = static_cast<int>(lines_.size()) - 1;
    return place(last, static_cast<int>(line(last).size()));
  }
  const auto text = line(number);
  const auto bytes = std::min(index_of(byte_column), text.size());
  if (last_.line != number || last_.bytes > bytes) last_ = {number, 0, 0};
  last_.characters += characters(text.substr(last_.bytes, bytes - last_.bytes));
  last_.bytes = bytes;
  return {std::max(0, number) + 1, last_.characters + 1};
}

SourcePlace place_at(std::string_view text, std::size_t offset) {
  const auto head = text.substr(0, offset);
  const auto start = head.rfind('\n');
  return {static_cast<int>(std::ranges::count(head, '\n')) + 1,
          characters(head.substr(start == std::string_view::npos ? 0 : start + 1)) + 1};
}

}  // namespace slipway
