// The log of a running container, from the engine's own file on. Only as far as it is certain to be found
// there again: to the engine's first change of files, where following loses lines, and within the head that
// is kept.
#include "runtime/docker/docker_impl.h"
#include "runtime/docker/log_frames.h"
#include "runtime/docker/log_keeper.h"

namespace slipway::runtime {
namespace {

/// Most bytes of one entry in the engine's log file beside its text. A line that the engine has split names
/// the pieces.
constexpr std::int64_t kMostOverhead = 40;
constexpr std::int64_t kMostOverheadOfSplit = 240;

/// While so much waits to be fetched, nothing is read: the engine's file is the buffer.
constexpr std::size_t kReadAhead = 64 * 1024;
constexpr auto kIdle = std::chrono::hours(24 * 365);  // a container may be silent for as long as it runs

class DockerLogStream final : public LogStream, public std::enable_shared_from_this<DockerLogStream> {
 public:
  DockerLogStream(const asio::any_io_executor& io, std::shared_ptr<EngineStream> engine, std::int64_t cap)
      : engine_(std::move(engine)),
        cap_(cap),
        keeper_(static_cast<std::size_t>(cap)),
        frames_([this](LogChunk::Stream stream, std::string_view entry) { add(stream, entry); }),
        news_(io),
        room_(io) {}

  asio::awaitable<Result<std::vector<LogPiece>>> next() override {
    const auto self = shared_from_this();
    while (!closed_) {
      auto pieces = keeper_.take_certain();
      room_.cancel();
      if (!pieces.empty() || exhausted_) co_return pieces;
      if (broken_) break;
      co_await wait(news_);
    }
    co_return Error{ErrorClass::Retry, "the log's stream has ended"};
  }

  void close() override {
    closed_ = true;
    engine_->close();
    news_.cancel();
    room_.cancel();
  }

  asio::awaitable<void> read() {
    const auto self = shared_from_this();
    while (!closed_ && !exhausted_ && !broken_) {
      auto piece = co_await engine_->read(kIdle);
      broken_ = !piece || piece->empty() || !frames_.feed(*piece);
      exhausted_ = on_disk_ >= cap_ || keeper_.nothing_more_certain();
      news_.cancel();
      while (!closed_ && keeper_.certain() >= kReadAhead) co_await wait(room_);
    }
    engine_->close();
  }

 private:
  void add(LogChunk::Stream stream, std::string_view entry) {
    TimePoint at{};
    take_timestamp(entry, at);
    on_disk_ += static_cast<std::int64_t>(entry.size()) +
                (entry.ends_with('\n') ? kMostOverhead : kMostOverheadOfSplit);
    if (on_disk_ < cap_) keeper_.add(stream, at, entry);
  }

  static asio::awaitable<void> wait(asio::steady_timer& bell) {
    bell.expires_at(std::chrono::steady_clock::time_point::max());
    boost::system::error_code rung;
    co_await bell.async_wait(asio::redirect_error(asio::use_awaitable, rung));
  }

  std::shared_ptr<EngineStream> engine_;
  const std::int64_t cap_;
  LogKeeper keeper_;
  LogFrames frames_;
  std::int64_t on_disk_ = 0;
  bool closed_ = false, broken_ = false, exhausted_ = false;
  asio::steady_timer news_, room_;
};

/// The reader holds the stream; who is given this one closes it by letting it go.
class Held final : public LogStream {
 public:
  explicit Held(std::shared_ptr<DockerLogStream> inner) : inner_(std::move(inner)) {}
  ~Held() override { inner_->close(); }
  asio::awaitable<Result<std::vector<LogPiece>>> next() override { return inner_->next(); }
  void close() override { inner_->close(); }

 private:
  std::shared_ptr<DockerLogStream> inner_;
};

}  // namespace

asio::awaitable<Result<std::shared_ptr<LogStream>>> DockerRuntime::Impl::follow(std::string container_id,
                                                                                std::int64_t cap) {
  auto opened = co_await client_.open(
      {.op = "follow_logs",
       .target = "/containers/" + container_id + "/logs?follow=1&stdout=1&stderr=1&timestamps=1",
       .timeout = options_.read_timeout});
  if (!opened) co_return opened.error();
  if ((*opened)->status() != 200)
    co_return Error{(*opened)->status() == 404 ? ErrorClass::NotFound : ErrorClass::Retry,
                    "logs: status " + std::to_string((*opened)->status())};
  auto stream = std::make_shared<DockerLogStream>(io_, std::move(*opened), cap);
  asio::co_spawn(
      io_, [stream] { return stream->read(); },
      [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);  // a programming mistake: never silently lost
      });
  co_return std::static_pointer_cast<LogStream>(std::make_shared<Held>(std::move(stream)));
}

}  // namespace slipway::runtime
