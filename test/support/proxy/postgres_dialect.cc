// The wire protocol of PostgreSQL, version 3. A request ends with Sync or is a simple Query; it is answered
// by ReadyForQuery. Named by the prepared statement, with the stages and reasons it writes, or by its text; a
// COMMIT by what it commits.
#include <set>

#include "test/support/proxy/proxy.h"

namespace slipway::test {
namespace {

std::size_t big_endian(const char* at, int bytes) {
  std::size_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

std::string c_string(const std::string& body, std::size_t& at) {
  const auto end = std::min(body.find('\0', at), body.size());
  auto text = body.substr(at, end - at);
  at = end + 1;
  return text;
}

/// Bind: portal, statement, formats, then the parameters. Empty for NULL.
struct Bound {
  explicit Bound(const std::string& body) {
    std::size_t at = 0;
    c_string(body, at);
    statement = c_string(body, at);
    at += 2 + 2 * big_endian(body.data() + at, 2);
    const auto count = big_endian(body.data() + at, 2);
    at += 2;
    for (std::size_t i = 0; i < count && at + 4 <= body.size(); ++i) {
      const auto size = big_endian(body.data() + at, 4);
      at += 4;
      const bool null = size == 0xffffffff;
      params.push_back(null ? "" : body.substr(at, size));
      at += null ? 0 : size;
    }
  }
  std::string statement;
  std::vector<std::string> params;
};

/// "{Running,Launching,Running}" → "Launching+Running"
std::string elements(const std::string& array) {
  std::set<std::string> distinct;
  std::string word;
  for (const char c : array) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      word += c;
    } else if (!word.empty()) {
      distinct.insert(std::exchange(word, ""));
    }
  }
  std::string joined;
  for (const auto& one : distinct) joined += (joined.empty() ? "" : "+") + one;
  return joined;
}

std::string name_of(const Bound& bound) {
  const auto param = [&](std::size_t i) { return i < bound.params.size() ? elements(bound.params[i]) : ""; };
  // Node, epoch and flags come first (store/postgres/statements.h).
  if (bound.statement == "move") return "move " + param(8) + "/" + param(10);
  if (bound.statement == "end") return "end " + param(6) + "/" + param(8);
  if (bound.statement == "decide") return "decide " + param(4) + "/" + param(6);
  return bound.statement;
}

bool is_read(const std::string& name) {
  static const std::set<std::string> reads = {"act_as",
                                              "lock_node",
                                              "list_undecided",
                                              "list_candidates",
                                              "list_unlocked_candidates",
                                              "load",
                                              "live_log",
                                              "load_spec",
                                              "load_input",
                                              "live_claims",
                                              "list_unconverged",
                                              "still_there",
                                              "hold_name",
                                              "schema_present",
                                              "migration_lock"};
  return reads.contains(name);
}

std::string message(char type, const std::string& body) {
  const auto size = body.size() + 4;
  std::string bytes(1, type);
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xff);
  return bytes + body;
}

class PostgresDialect final : public Dialect {
 public:
  explicit PostgresDialect(bool reads) : reads_(reads) {}

  std::vector<Piece> from_client(const std::string& bytes) override {
    in_ += bytes;
    std::vector<Piece> whole;
    while (auto size = next_message()) {
      request_ += in_.substr(0, size);
      const char type = greeted_ ? in_[0] : '\0';
      if (greeted_) read(type, in_.substr(5, size - 5));
      greeted_ = true;
      in_.erase(0, size);
      if (type == '\0' || type == 'S' || type == 'Q' || type == 'X' || type == 'p') {
        whole.push_back({std::exchange(request_, ""), std::exchange(name_, "")});
      }
    }
    return whole;
  }

  bool from_server(const std::string& bytes) override {
    out_ += bytes;
    bool ready = false;
    while (out_.size() >= 5 && out_.size() >= 1 + big_endian(out_.data() + 1, 4)) {
      ready |= out_[0] == 'Z';
      if (out_[0] == 'Z' && out_.size() > 5) state_ = out_[5];
      out_.erase(0, 1 + big_endian(out_.data() + 1, 4));
    }
    return ready;
  }

  /// ErrorResponse and ReadyForQuery. A transaction that was open is one that has failed.
  std::string refusal(const std::string& code) override {
    const std::string end(1, '\0');
    return message('E',
                   "SERROR" + end + "VERROR" + end + "C" + code + end + "Mrefused by the proxy" + end + end) +
           message('Z', state_ == 'I' ? "I" : "E");
  }

 private:
  /// Size of the first whole message of the client; 0: none yet. The very first one has no type.
  std::size_t next_message() const {
    const std::size_t head = greeted_ ? 1 : 0;
    if (in_.size() < head + 4) return 0;
    const auto size = head + big_endian(in_.data() + head, 4);
    return in_.size() >= size ? size : 0;
  }

  void read(char type, const std::string& body) {
    std::size_t at = 0;
    if (type == 'B') {
      const auto name = test::name_of(Bound(body));
      if (reads_) name_ = name;
      if (!is_read(name)) name_ = name, written_ += (written_.empty() ? "" : ", ") + name;
    }
    if (type != 'Q') return;
    const auto text = c_string(body, at);
    if (text.starts_with("BEGIN")) written_.clear();
    if (text.starts_with("COMMIT")) {
      if (!written_.empty()) name_ = "COMMIT of " + written_;
      written_.clear();
    }
  }

  bool reads_;
  bool greeted_ = false;
  char state_ = 'I';  ///< as the server said last: idle, in a transaction, in one that has failed
  std::string in_, out_, request_, name_, written_;
};

}  // namespace

Proxy::MakeDialect postgres_dialect(bool reads) {
  return [reads] { return std::make_unique<PostgresDialect>(reads); };
}

}  // namespace slipway::test
