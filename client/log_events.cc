#include "client/log_events.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/timestamp.h"
#include "client/answers.h"

namespace slipway::client {
namespace {

constexpr std::size_t kMostEvent = 16 << 20;

LogChunk::Stream stream_from(const std::string& name) {
  if (name == "stderr") return LogChunk::Stream::Stderr;
  return name == "system" ? LogChunk::Stream::System : LogChunk::Stream::Stdout;
}

std::optional<store::LogCursor> cursor_in(std::string_view id) {
  store::LogCursor cursor;
  const auto* end = id.data() + id.size();
  const auto attempt = std::from_chars(id.data(), end, cursor.attempt);
  if (attempt.ec != std::errc() || attempt.ptr == end || *attempt.ptr != '.') return std::nullopt;
  const auto place = std::from_chars(attempt.ptr + 1, end, cursor.place);
  if (place.ec != std::errc() || place.ptr != end) return std::nullopt;
  return cursor;
}

}  // namespace

void LogEvents::add(std::string_view piece) {
  rest_ += piece;
  std::size_t at = 0;
  for (auto end = rest_.find('\n'); end != std::string::npos && good_; end = rest_.find('\n', at)) {
    line(std::string_view(rest_).substr(at, end - at));
    at = end + 1;
  }
  rest_.erase(0, at);
  if (rest_.size() + data_.size() > kMostEvent) good_ = false;
}

void LogEvents::line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return finish_event();
  if (text.starts_with("id: ")) id_ = text.substr(4, 256);
  if (text.starts_with("event: ")) event_ = text.substr(7, 64);
  if (text.starts_with("data: ")) data_ += text.substr(6);
}

void LogEvents::finish_event() {
  const bool logged = event_ == "log";
  const auto data = logged ? nlohmann::json::parse(data_, nullptr, false) : nlohmann::json();
  const auto cursor = cursor_in(id_);
  if (logged && (!data.is_object() || !cursor)) good_ = false;
  if (logged && good_) {
    const auto at = parse_timestamp(text_in(data, "at"));
    chunks_.push_back({stream_from(text_in(data, "stream")), at ? *at : TimePoint(), text_in(data, "text")});
    bytes_ += chunks_.back().bytes.size();
    cursors_.push_back(*cursor);
  }
  id_.clear(), event_.clear(), data_.clear();
}

}  // namespace slipway::client
