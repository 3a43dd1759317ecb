#include "api/yaml_caps.h"

#include <algorithm>
#include <array>

#include "api/yaml.h"

namespace slipway {
namespace {

// What a byte may be to the scanner; most are nothing.
enum Mark : unsigned char { kNone = 0, kBlank = 1, kLineEnd = 2, kFlow = 4, kColon = 8, kHash = 16 };

constexpr std::array<unsigned char, 256> make_marks() {
  std::array<unsigned char, 256> marks{};
  for (const char c : {' ', '\t', '\r'}) marks[static_cast<unsigned char>(c)] = kBlank;
  for (const char c : {',', '[', ']', '{', '}'}) marks[static_cast<unsigned char>(c)] = kFlow;
  marks['\n'] = kBlank | kLineEnd;
  marks[':'] = kColon;
  marks['#'] = kHash;
  return marks;
}
constexpr auto kMarks = make_marks();

bool has(char c, unsigned marks) { return (kMarks[static_cast<unsigned char>(c)] & marks) != 0; }
bool is_blank(char c) { return has(c, kBlank); }
bool ends_flow_text(char c) { return has(c, kFlow); }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<YamlBreach> run() {
    while (at_ < text_.size() && !breach_) {
      if (depth_ == 0) {
        block_token();
      } else {
        flow_token();
      }
    }
    return breach_;
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n'; }
  bool at_line_start() const { return at_ == 0 || text_[at_ - 1] == '\n'; }
  std::size_t column() const { return at_ - line_; }

  void refuse(std::size_t at, std::string message) {
    if (!breach_) breach_ = YamlBreach{at, std::move(message)};
  }
  void count_value() { count_value(++values_); }
  void count_value(std::size_t so_far) {
    if (so_far > kMostYamlNodes)
      refuse(at_, "more than " + std::to_string(kMostYamlNodes) + " values in one file");
  }

  void skip_line() {
    const auto end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
    line_ = at_;
    marks_ = 0;
  }

  // Blanks between tokens, and a comment behind them.
  bool skip_blank() {
    if (!is_blank(peek())) return false;
    while (at_ < text_.size() && is_blank(text_[at_])) {
      if (text_[at_++] != '\n') continue;
      line_ = at_;
      marks_ = 0;
      if (depth_ == 0) return true;
    }
    if (peek() == '#') skip_line();
    return true;
  }

  void start_line() {
    if (peek() == '-' && text_.substr(at_, 3) == "---" && is_blank(peek(3))) {
      if (++documents_ > kMostYamlDocuments)
        refuse(at_, "more than " + std::to_string(kMostYamlDocuments) + " documents in one file");
      at_ += 3;
      parent_ = -1;
    } else if (peek() == '#' || peek() == '%') {
      skip_line();
    }
  }

  void block_token() {
    if (at_line_start()) start_line();
    if (at_ >= text_.size() || skip_blank()) return;
    const char c = peek();
    if ((c == '-' || c == '?') && is_blank(peek(1))) {
      parent_ = static_cast<std::ptrdiff_t>(column());
      explicit_key_ = c == '?';
      if (++marks_ > kMostYamlDepth) refuse_depth();
      ++at_;
      if (c == '-') count_value();
      if (peek() == ' ' && peek(1) != '#') ++at_;
      return;
    }
    if (c == '|' || c == '>') return block_scalar();
    token(c);
  }

  void flow_token() {
    if (skip_blank()) return;
    const char c = peek();
    if (c == ',') {
      ++at_;
      return count_value(++commas_);
    }
    if (c == ']' || c == '}') {
      ++at_;
      --depth_;
      return;
    }
    token(c);
  }

  // What begins alike in both contexts.
  void token(char c) {
    if (c == '[' || c == '{') return open();
    if (c == '"' || c == '\'') return quoted(c);
    if (c == '&' || c == '*' || c == '!') return property();
    if (c == ':' && (is_blank(peek(1)) || depth_ > 0)) {
      ++at_;
      if (depth_ == 0) count_value();
      return;
    }
    plain();
  }

  void open() {
    if (depth_ > 0) count_value();
    if (++depth_ > kMostYamlDepth) refuse_depth();
    ++at_;
  }
  void refuse_depth() { refuse(at_, "nested deeper than " + std::to_string(kMostYamlDepth) + " levels"); }

  void property() {
    if (++properties_ > kMostProperties) refuse(at_, "too many anchors, aliases and tags; none is supported");
    while (at_ < text_.size() && !is_blank(peek()) && (depth_ == 0 || !ends_flow_text(peek()))) ++at_;
  }

  void quoted(char quote) {
    const auto start = at_++;
    const auto from = static_cast<std::ptrdiff_t>(column()) - 1;
    while (at_ < text_.size()) {
      at_ = quote == '"' ? text_.find_first_of("\"\\", at_) : text_.find('\'', at_);
      if (at_ == std::string_view::npos) at_ = text_.size();
      if (peek() == '\\') {
        at_ += 2;
      } else if (quote == '\'' && peek(1) == '\'') {
        at_ += 2;
      } else {
        break;
      }
    }
    at_ = std::min(at_ + 1, text_.size());
    const auto last_break = text_.substr(start, at_ - start).rfind('\n');
    const bool one_line = last_break == std::string_view::npos;
    if (!one_line) line_ = start + last_break + 1;
    auto next = at_;
    while (next < text_.size() && (text_[next] == ' ' || text_[next] == '\t')) ++next;
    measure(start, at_, one_line && next < text_.size() && text_[next] == ':', from);
  }

  void plain() {
    const auto start = at_;
    const auto from = static_cast<std::ptrdiff_t>(column());
    bool key = false;
    const unsigned stops = kLineEnd | kColon | kHash | (depth_ > 0 ? kFlow : 0U);
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (!has(c, stops)) continue;
      if (c == '\n' || ends_flow_text(c)) break;
      key = c == ':' && (is_blank(peek(1)) || (depth_ > 0 && ends_flow_text(peek(1))));
      if (key || (c == '#' && at_ > start && is_blank(text_[at_ - 1]))) break;
    }
    measure(start, at_, key, from);
    if (peek() == '#') skip_line();
  }

  // Of a text that was read: too long?
  void measure(std::size_t start, std::size_t end, bool key, std::ptrdiff_t from) {
    const auto size = end - start;
    if ((key || explicit_key_) && size > kMostYamlKeyBytes + 2)
      return refuse(start, "a key of more than " + std::to_string(kMostYamlKeyBytes) + " bytes");
    if (size > kMostYamlTextBytes) return refuse(start, "a text of more than 2 MiB");
    explicit_key_ = false;
    if (key && depth_ == 0) parent_ = from;
    if (!key && depth_ > 0) count_value();
  }

  // Lines deeper than what the scalar belongs to, blank ones among them.
  void block_scalar() {
    const auto start = at_;
    skip_line();
    while (at_ < text_.size()) {
      const auto first = text_.find_first_not_of(' ', at_);
      if (first == std::string_view::npos) {
        at_ = text_.size();
        break;
      }
      const bool empty = text_[first] == '\n' || text_[first] == '\r';
      if (!empty && static_cast<std::ptrdiff_t>(first - at_) <= parent_) break;
      if (!empty && parent_ < 0 && text_.substr(at_, 3) == "---") break;
      at_ = first;
      skip_line();
    }
    measure(start, at_, false, 0);
  }

  // More of them than any error list shows are not read one by one.
  static constexpr std::size_t kMostProperties = 500;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;  ///< where the line of `at_` begins
  std::size_t depth_ = 0;
  std::size_t marks_ = 0;  ///< dashes and question marks on this line, each of which opens something
  // Values as far as their marks tell: never more than there are. Empty ones between commas have no mark.
  std::size_t values_ = 0;
  std::size_t commas_ = 0;
  std::size_t documents_ = 1;
  std::size_t properties_ = 0;
  std::ptrdiff_t parent_ = -1;  ///< the column of the key or dash that comes next to `at_`
  bool explicit_key_ = false;
  std::optional<YamlBreach> breach_;
};

}  // namespace

std::optional<YamlBreach> find_breach(std::string_view text) { return Scanner(text).run(); }

}  // namespace slipway
