#include "cmd/slipway/text_diff.h"

#include <algorithm>

namespace slipway::cli {
namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t kContext = 3;
// Beyond, two texts have so little in common that one is shown as replaced by the other.
constexpr int kMostEdits = 2000;

/// ' ' in both, '-' in the first only, '+' in the second only.
struct Edit {
  char sign;
  const std::string* line;
};

/// The shortest edit script between two ranges by breadth: `reach[k]` is how far along diagonal k (x - y) one
/// gets with so many edits; the reaches of every round are kept to walk the path back.
class Script {
 public:
  Script(const std::string* a, int n, const std::string* b, int m) : a_(a), b_(b), n_(n), m_(m) {}

  std::vector<Edit> edits() {
    const int rounds = search();
    if (rounds < 0) return replacement();
    return walk_back(rounds);
  }

 private:
  int search() {
    const int most = std::min(n_ + m_, kMostEdits);
    std::vector<int> reach(static_cast<std::size_t>(2 * most + 3), 0);
    const auto at = [&](int k) -> int& { return reach[static_cast<std::size_t>(k + most + 1)]; };
    for (int d = 0; d <= most; ++d) {
      std::vector<int> round;
      for (int k = -d; k <= d; k += 2) {
        int x = down(d, k, at(k - 1), at(k + 1)) ? at(k + 1) : at(k - 1) + 1;
        while (x < n_ && x - k < m_ && a_[x] == b_[x - k]) ++x;
        at(k) = x;
        round.push_back(x);
        if (x >= n_ && x - k >= m_) return trail_.push_back(std::move(round)), d;
      }
      trail_.push_back(std::move(round));
    }
    return -1;
  }

  static bool down(int d, int k, int left, int right) { return k == -d || (k != d && left < right); }

  // What round d reached on diagonal k.
  int reached(int d, int k) const {
    return trail_[static_cast<std::size_t>(d)][static_cast<std::size_t>((k + d) / 2)];
  }

  std::vector<Edit> walk_back(int d) const {
    std::vector<Edit> edits;
    int x = n_, y = m_;
    for (; d > 0; --d) {
      const int k = x - y;
      const int left = k > -d ? reached(d - 1, k - 1) : 0;
      const bool came_down = k == -d || (k != d && left < reached(d - 1, k + 1));
      const int before = came_down ? k + 1 : k - 1;
      const int from = reached(d - 1, before);
      for (const int stop = came_down ? from : from + 1; x > stop; --x, --y)
        edits.push_back({' ', &a_[x - 1]});
      edits.push_back(came_down ? Edit{'+', &b_[y - 1]} : Edit{'-', &a_[x - 1]});
      came_down ? --y : --x;
    }
    for (; x > 0; --x) edits.push_back({' ', &a_[x - 1]});
    std::ranges::reverse(edits);
    return edits;
  }

  std::vector<Edit> replacement() const {
    std::vector<Edit> edits;
    for (int i = 0; i < n_; ++i) edits.push_back({'-', &a_[i]});
    for (int i = 0; i < m_; ++i) edits.push_back({'+', &b_[i]});
    return edits;
  }

  const std::string* a_;
  const std::string* b_;
  int n_, m_;
  std::vector<std::vector<int>> trail_;
};

std::vector<Edit> edits_of(const Lines& before, const Lines& after) {
  const auto shorter = std::min(before.size(), after.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && before[head] == after[head]) ++head;
  while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < head; ++i) edits.push_back({' ', &before[i]});
  Script script(before.data() + head, static_cast<int>(before.size() - head - tail), after.data() + head,
                static_cast<int>(after.size() - head - tail));
  const auto middle = script.edits();
  edits.insert(edits.end(), middle.begin(), middle.end());
  for (std::size_t i = before.size() - tail; i < before.size(); ++i) edits.push_back({' ', &before[i]});
  return edits;
}

// "12,3": a range of no lines names the line before it.
std::string range_of(std::size_t first, std::size_t count) {
  return std::to_string(count == 0 ? first : first + 1) + (count == 1 ? "" : "," + std::to_string(count));
}

std::string hunk_of(const std::vector<Edit>& edits, std::size_t from, std::size_t to, std::size_t old_line,
                    std::size_t new_line) {
  std::size_t old_count = 0, new_count = 0;
  std::string body;
  for (auto i = from; i < to; ++i) {
    old_count += edits[i].sign != '+';
    new_count += edits[i].sign != '-';
    body += edits[i].sign + *edits[i].line + "\n";
  }
  return "@@ -" + range_of(old_line, old_count) + " +" + range_of(new_line, new_count) + " @@\n" + body;
}

}  // namespace

std::string unified_diff(const Lines& before, const Lines& after) {
  const auto edits = edits_of(before, after);
  std::string out;
  std::size_t old_line = 0, new_line = 0, walked = 0;
  const auto changed = [&](std::size_t i) { return edits[i].sign != ' '; };
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (!changed(i)) continue;
    const auto from = std::max(i - std::min(i, kContext), walked);
    auto end = i + 1;  // behind the last change of this hunk
    for (auto j = end; j < edits.size() && j < end + 2 * kContext + 1; ++j) {
      if (changed(j)) end = j + 1;
    }
    const auto to = std::min(end + kContext, edits.size());
    for (; walked < from; ++walked)
      old_line += edits[walked].sign != '+', new_line += edits[walked].sign != '-';
    out += hunk_of(edits, from, to, old_line, new_line);
    for (; walked < to; ++walked)
      old_line += edits[walked].sign != '+', new_line += edits[walked].sign != '-';
    i = to - 1;
  }
  return out;
}

}  // namespace slipway::cli
