#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway::test {

/// Answers the requests that come to a port of 127.0.0.1, each on a connection of its own, with these bytes
/// in turn, and closes; the last of them for all that follow.
class FakeServer {
 public:
  static constexpr std::string_view kSilence = "-";  ///< no answer until the client goes

  explicit FakeServer(std::vector<std::string> replies);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string url() const;
  int asked() const { return asked_; }

 private:
  void serve();
  void answer(int client);

  std::vector<std::string> replies_;
  std::atomic<int> asked_ = 0;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace slipway::test
