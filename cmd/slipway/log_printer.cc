#include "cmd/slipway/log_printer.h"

#include "api/timestamp.h"
#include "cmd/slipway/progress.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {

// Streams are interleaved by chunk, and a chunk may end within a line that is longer than a chunk.
void LogPrinter::add(const LogChunk& chunk) {
  if (!live_ && options_.since && chunk.at < *options_.since) return;
  // What stands behind is news, whatever time its chunk tells: the log that a container leaves is cut anew.
  options_.since.reset();
  // What the system says stands between lines, also where it says that the rest of one is left out.
  if (chunk.stream == LogChunk::Stream::System) {
    for (auto& [ignored, cut] : begun_) {
      if (!cut.empty()) add_line(std::exchange(cut, "") + "\n");
    }
  }
  auto& line = begun_[chunk.stream];
  std::string_view rest = chunk.bytes;
  while (!rest.empty()) {
    if (line.empty() && options_.timestamps) line = format_timestamp(chunk.at) + " ";
    const auto length = std::min(rest.find('\n'), rest.size() - 1) + 1;
    line += rest.substr(0, length);
    rest.remove_prefix(length);
    if (line.ends_with('\n')) add_line(std::exchange(line, ""));
  }
  // What the controller says ends with its chunk.
  if (chunk.stream == LogChunk::Stream::System && !line.empty()) add_line(std::exchange(line, "") + "\n");
}

void LogPrinter::add_line(std::string line) {
  if (live_ || !options_.tail) return print(line);
  held_.push_back(std::move(line));
  if (held_.size() > *options_.tail) held_.pop_front();
}

void LogPrinter::print(const std::string& line) {
  const auto way = make_way();
  const auto text = for_stream(line, ::fileno(stream_));
  std::fwrite(text.data(), 1, text.size(), stream_);
}

bool LogPrinter::go_on() {
  live_ = true;
  for (const auto& line : held_) print(line);
  held_.clear();
  return std::fflush(stream_) == 0 && std::ferror(stream_) == 0;
}

bool LogPrinter::finish() {
  for (auto& [ignored, line] : begun_) {
    if (!line.empty()) add_line(std::exchange(line, ""));
  }
  return go_on();
}

}  // namespace slipway::cli
