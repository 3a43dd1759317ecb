#pragma once

#include <string>
#include <vector>

namespace slipway::cli {

/// One line of `slipway doctor`.
struct Finding {
  enum class Verdict { Ok, Warn, Fail };
  Verdict verdict = Verdict::Ok;
  std::string what;      ///< one word
  std::string found;     ///< what is the case
  std::string expected;  ///< and what would be well; empty with Ok
  std::string action;    ///< what to do; empty with Ok
  std::string page;      ///< below docs/operations, where more of it is said; may be empty
};
using Findings = std::vector<Finding>;

inline Finding good(std::string what, std::string found) {
  return {Finding::Verdict::Ok, std::move(what), std::move(found), "", "", ""};
}
inline Finding warning(std::string what, std::string found, std::string expected, std::string action,
                       std::string page) {
  return {Finding::Verdict::Warn, std::move(what),   std::move(found),
          std::move(expected),    std::move(action), std::move(page)};
}
inline Finding failure(std::string what, std::string found, std::string expected, std::string action,
                       std::string page) {
  return {Finding::Verdict::Fail, std::move(what),   std::move(found),
          std::move(expected),    std::move(action), std::move(page)};
}

/// "output, pids", or "none".
std::string joined(const std::vector<std::string>& words);

/// "found; expected: …; action (docs/operations/page)".
std::string sentence(const Finding& finding);

}  // namespace slipway::cli
