#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "test/support/house/house.h"
#include "test/support/proxy/proxy.h"

namespace slipway::test {

/// A point of a story: the n-th time is not told apart, the moment is.
struct Point {
  std::string name;
  Moment moment = Moment::Before;
  bool operator==(const Point&) const = default;
};

inline std::string to_string(const Point& point) {
  return (point.moment == Moment::Before ? "before " : "after ") + point.name;
}

/// A house whose daemon speaks to its engine and to its database through proxies, which note every request
/// and kill the daemon at a chosen one.
class CrashRig {
 public:
  explicit CrashRig(House::Options options = {.flags = {"--resync", "1s", "--lease", "5s"}});
  ~CrashRig();  ///< the daemon's end, too

  House& house() { return house_; }
  /// From now on every point is noted, and the daemon dies at `point`, once.
  void kill_at(const Point& point);
  void kill_nowhere();
  bool killed();
  /// The next request that comes to `point` is held there; the others pass.
  void hold_at(const Point& point);
  bool holding();             ///< it has come
  void keep_holding();        ///< another one may be held beside it
  void cut_held();            ///< all of them, as if their connections broke
  std::vector<Point> seen();  ///< distinct, in order of their first sight

 private:
  bool on_point(const std::string& name, Moment moment);

  House house_;
  std::filesystem::path directory_;
  std::mutex mutex_;
  std::vector<Point> seen_;
  std::unique_ptr<Point> target_;
  bool killed_ = false;
  std::unique_ptr<Point> hold_;
  bool holding_ = false;
  int cuts_ = 0;
  std::condition_variable cut_;
  std::unique_ptr<Proxy> engine_;
  std::unique_ptr<Proxy> database_;
};

}  // namespace slipway::test
