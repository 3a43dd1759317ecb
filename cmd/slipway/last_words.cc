#include "cmd/slipway/last_words.h"

#include <signal.h>
#include <unistd.h>

#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

constexpr int kInterrupted = 128 + SIGINT;

std::string words_of_all;  // read by the handler, changed only while there is none

// Nothing here may lock or allocate: whatever was interrupted may hold the lock.
void speak_and_end(int) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, words_of_all.data(), words_of_all.size());
  ::_exit(kInterrupted);
}

// Who ignores the signal from the start (a shell's background) goes on ignoring it.
bool is_ignored() {
  struct sigaction now{};
  return ::sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

LastWords::LastWords(const std::string& words) {
  // The line in which a terminal shows ^C, or our progress, is taken away.
  words_of_all = (is_terminal(STDERR_FILENO) ? "\r\x1b[K" : "") + printable(words) + "\n";
  if (!is_ignored()) ::signal(SIGINT, speak_and_end);
}

LastWords::~LastWords() {
  if (!is_ignored()) ::signal(SIGINT, SIG_DFL);
}

}  // namespace slipway::cli
