#include "cmd/slipway/progress.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <thread>

#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kRedraw = std::chrono::milliseconds(500);

// The thread that draws and the one that prints take turns at the terminal.
std::mutex& turn() {
  static std::mutex mutex;
  return mutex;
}
bool stands = false;

void erase() {
  if (stands) std::fputs("\r\x1b[K", stderr);
  stands = false;
}

}  // namespace

/// A thread, since a call of the database may block for longer than the patience.
class Progress::Line {
 public:
  explicit Line(std::string what) : what_(std::move(what)) {
    // Signals are the main thread's.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { draw(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~Line() {
    {
      const std::scoped_lock lock(mutex_);
      done_ = true;
    }
    wake_.notify_one();
    thread_.join();
    const auto way = make_way();
  }
  void set(std::string what) {
    const std::scoped_lock lock(mutex_);
    what_ = std::move(what);
  }

 private:
  void draw() {
    std::unique_lock lock(mutex_);
    auto next = began_ + kPatience;
    while (!wake_.wait_until(lock, next, [this] { return done_; })) {
      next = Clock::now() + kRedraw;
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began_).count();
      const auto text = printable(what_) + "… " + std::to_string(seconds) + " s";
      const std::scoped_lock mine(turn());
      erase();
      std::fputs(text.c_str(), stderr);
      std::fflush(stderr);
      stands = true;
    }
  }

  const Clock::time_point began_ = Clock::now();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string what_;
  bool done_ = false;
  std::thread thread_;
};

Progress::Progress(std::string what)
    : line_(is_terminal(STDERR_FILENO) ? std::make_unique<Line>(std::move(what)) : nullptr) {}
Progress::~Progress() = default;

void Progress::set(std::string what) {
  if (line_) line_->set(std::move(what));
}

std::unique_lock<std::mutex> make_way() {
  std::unique_lock mine(turn());
  erase();
  std::fflush(stderr);
  return mine;
}

}  // namespace slipway::cli
