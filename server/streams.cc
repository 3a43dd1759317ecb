// What goes on: logs, and watches as server-sent events.
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <deque>
#include <set>

#include "api/timestamp.h"
#include "server/answers.h"

namespace slipway::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kLooks = 250ms;
constexpr auto kKeepAlive = 15s;
/// Events do not commit in the order of their numbers; a statement lives no longer than this.
constexpr auto kLateBy = 6s;
constexpr std::size_t kMostKnown = 1000;

asio::awaitable<void> rest(std::chrono::milliseconds pause) {
  asio::steady_timer timer(co_await asio::this_coro::executor, pause);
  co_await timer.async_wait(asio::use_awaitable);
}

std::string sse(const std::string& id, std::string_view event, const std::string& data) {
  return (id.empty() ? "" : "id: " + id + "\n") + "event: " + std::string(event) + "\ndata: " + data + "\n\n";
}

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// A stream takes a place among those the server carries at once.
Response streaming(Desk& desk, std::string content_type, std::function<asio::awaitable<void>(Stream&)> work) {
  if (desk.streams >= desk.parts.streams)
    throw Refused{{503, "TooManyStreams", "This server carries no more watches and followed logs.", {}, 5}};
  ++desk.streams;
  Response response;
  response.content_type = std::move(content_type);
  const auto place = std::shared_ptr<void>(nullptr, [&desk](void*) { --desk.streams; });
  response.stream = [place, work = std::move(work)](Stream& out) { return work(out); };
  return response;
}

// -- logs
// ---------------------------------------------------------------------------------------------------------

struct LogRequest {
  ExecutionId id;
  std::string stream;  ///< empty: all
  bool follow = false;
  bool timestamps = false;
  bool events = false;  ///< server-sent events, else text
  int tail = -1;
  std::optional<TimePoint> since;
  store::LogCursor from;
};

bool wanted(LogRequest& request, const LogChunk& chunk) {
  if (request.since && chunk.at < *request.since) return false;
  // What stands behind is news, whatever time its chunk tells: the log that a container leaves is cut anew.
  request.since.reset();
  return request.stream.empty() || to_string(chunk.stream) == request.stream;
}

std::string with_timestamps(const LogChunk& chunk) {
  std::string text;
  const auto stamp = format_timestamp(chunk.at) + " ";
  for (std::size_t at = 0; at < chunk.bytes.size();) {
    const auto end = std::min(chunk.bytes.find('\n', at), chunk.bytes.size() - 1);
    text += stamp + chunk.bytes.substr(at, end - at + 1);
    at = end + 1;
  }
  return text;
}

std::string event_of(const LogChunk& chunk, const store::LogCursor& after) {
  return sse(
      std::to_string(after.attempt) + "." + std::to_string(after.place), "log",
      text_of(
          {{"at", format_timestamp(chunk.at)}, {"stream", to_string(chunk.stream)}, {"text", chunk.bytes}}));
}

/// Pages of the log until there is none; false: nobody reads any more.
asio::awaitable<bool> drain(Desk& desk, LogRequest& request, store::LogCursor& cursor, Stream& out) {
  while (true) {
    const auto page = must(co_await desk.parts.catalogs->run(
        [&](store::Catalog& catalog) { return catalog.logs(request.id, cursor); }));
    std::string piece;
    for (std::size_t i = 0; i < page.chunks.size(); ++i) {
      const auto& chunk = page.chunks[i];
      if (!wanted(request, chunk)) continue;
      piece += request.events       ? event_of(chunk, page.cursors.at(i))
               : request.timestamps ? with_timestamps(chunk)
                                    : chunk.bytes;
    }
    cursor = page.next;
    if (!piece.empty() && !co_await out.write(std::move(piece))) co_return false;
    if (page.chunks.empty()) co_return true;
  }
}

asio::awaitable<void> follow_logs(Desk& desk, LogRequest request, Stream& out) {
  auto cursor = request.from;
  auto spoken = steady_clock::now();
  while (out.open()) {
    // The standing is read first: whatever was logged before the end is there to be read then.
    const auto standing = must(co_await desk.parts.catalogs->run(
        [&](store::Catalog& catalog) { return catalog.standing(request.id); }));
    const auto before = cursor;
    if (!co_await drain(desk, request, cursor, out)) co_return;
    request.since.reset();
    if (is_final(standing.status) || !request.follow) {
      if (request.events && is_final(standing.status))
        co_await out.write(
            sse("", "end",
                text_of({{"status", to_string(standing.status)}, {"reason", to_string(standing.reason)}})));
      co_return;
    }
    if (cursor.attempt != before.attempt || cursor.place != before.place) spoken = steady_clock::now();
    if (request.events && steady_clock::now() - spoken > kKeepAlive) {
      if (!co_await out.write(": still here\n\n")) co_return;
      spoken = steady_clock::now();
    }
    co_await rest(kLooks);
  }
}

/// The last lines of a log that is read to its end once.
asio::awaitable<std::string> tail_of(Desk& desk, LogRequest& request) {
  struct Collect final : Stream {
    asio::awaitable<bool> write(std::string piece) override {
      text += piece;
      // Nothing before the lines asked for is kept for long.
      if (text.size() > (8U << 20)) text.erase(0, text.size() - (4U << 20));
      co_return true;
    }
    bool open() const override { return true; }
    std::string text;
  };
  Collect all;
  auto cursor = request.from;
  co_await drain(desk, request, cursor, all);
  auto at = all.text.size();
  if (at > 0 && all.text.back() == '\n') --at;
  for (int lines = 0; at > 0 && lines < request.tail;) {
    if (all.text[at - 1] == '\n' && ++lines == request.tail) break;
    --at;
  }
  co_return request.tail == 0 ? "" : all.text.substr(at);
}

store::LogCursor cursor_from(const std::string& id) {
  store::LogCursor cursor;
  if (id.empty()) return cursor;
  const auto dot = id.find('.');
  const auto number = [&](std::size_t from, std::size_t to, int& value) {
    const auto read = std::from_chars(id.data() + from, id.data() + to, value);
    return read.ec == std::errc{} && read.ptr == id.data() + to && value >= 0;
  };
  if (dot == std::string::npos || !number(0, dot, cursor.attempt) ||
      !number(dot + 1, id.size(), cursor.place))
    refuse(400, "Invalid", "Last-Event-ID: expected the id of an event of this stream.");
  return cursor;
}

asio::awaitable<Response> logs(Desk& desk, const Call& call) {
  const auto& asked = call.request;
  LogRequest request;
  request.stream = asked.parameter("stream");
  if (!request.stream.empty() && request.stream != "stdout" && request.stream != "stderr" &&
      request.stream != "system")
    refuse(400, "Invalid", "stream: expected stdout, stderr or system.");
  request.follow = asked.asks("follow");
  request.timestamps = asked.asks("timestamps");
  request.events = asked.header("accept").find("text/event-stream") != std::string::npos;
  request.tail = number_parameter(asked, "tail", 0, 1'000'000, -1);
  request.from = cursor_from(asked.header("last-event-id"));
  if (const auto since = asked.parameter("since"); !since.empty()) {
    const auto at = parse_timestamp(since);
    if (!at) refuse(400, "Invalid", "since: expected a time such as 2027-01-01T00:00:00Z.");
    request.since = *at;
  }
  request.id = must(co_await desk.parts.catalogs->run(
      [&](store::Catalog& catalog) -> Result<ExecutionId> { return own_execution(catalog, call); }));
  if (request.tail >= 0 && !request.follow) {
    Response response;
    response.content_type = "text/plain; charset=utf-8";
    response.body = co_await tail_of(desk, request);
    co_return response;
  }
  co_return streaming(desk, request.events ? "text/event-stream" : "text/plain; charset=utf-8",
                      [&desk, request](Stream& out) { return follow_logs(desk, request, out); });
}

// -- watch
// --------------------------------------------------------------------------------------------------------

/// What one watcher has been told.
class Told {
 public:
  /// ADDED or MODIFIED.
  std::string_view event_for(const ExecutionId& id) {
    const bool fresh = known_.insert(id).second;
    if (fresh) order_.push_back(id);
    while (order_.size() > kMostKnown) {
      known_.erase(order_.front());
      order_.pop_front();
    }
    return fresh ? "ADDED" : "MODIFIED";
  }
  void forget(const ExecutionId& id) {
    known_.erase(id);
    std::erase(order_, id);
  }
  std::vector<ExecutionId> known() const { return {known_.begin(), known_.end()}; }

  bool is_new(std::int64_t event) { return seen_.insert(event).second; }
  /// From where to read again: late events come below what was seen already.
  std::int64_t horizon(std::int64_t newest) {
    const auto now = steady_clock::now();
    marks_.emplace_back(now, newest);
    while (marks_.size() > 1 && now - marks_[1].first > kLateBy) marks_.pop_front();
    const auto low = now - marks_.front().first > kLateBy ? marks_.front().second : start_;
    if (low > start_) {
      start_ = low;
      seen_.erase(seen_.begin(), seen_.upper_bound(low));
    }
    return start_;
  }
  void start_at(std::int64_t event) { start_ = event; }

 private:
  std::set<ExecutionId> known_;
  std::deque<ExecutionId> order_;
  std::set<std::int64_t> seen_;
  std::deque<std::pair<steady_clock::time_point, std::int64_t>> marks_;
  std::int64_t start_ = 0;
};

asio::awaitable<bool> tell_of_the_gone(Desk& desk, Told& told, Stream& out) {
  const auto gone = must(co_await desk.parts.catalogs->run(
      [&](store::Catalog& catalog) { return catalog.gone_among(told.known()); }));
  for (const auto& id : gone) {
    told.forget(id);
    if (!co_await out.write(sse("", "DELETED", text_of({{"metadata", {{"uid", id}}}})))) co_return false;
  }
  co_return true;
}

asio::awaitable<void> follow_changes(Desk& desk, store::PageQuery query, std::int64_t event,
                                     bool with_present, Stream& out) {
  Told told;
  told.start_at(event);
  if (with_present) {
    const auto page =
        must(co_await desk.parts.catalogs->run([&](store::Catalog& catalog) { return catalog.page(query); }));
    std::string piece;
    for (const auto& item : page.items)
      piece += sse(std::to_string(event), told.event_for(item["metadata"]["uid"]), text_of(item));
    if (!co_await out.write(std::move(piece))) co_return;
  }
  auto newest = event;
  auto spoken = steady_clock::now();
  auto counted = spoken;
  while (out.open()) {
    const auto changes = must(co_await desk.parts.catalogs->run(
        [&, from = told.horizon(newest)](store::Catalog& catalog) { return catalog.changes(query, from); }));
    std::string piece;
    for (const auto& change : changes) {
      newest = std::max(newest, change.event);
      if (!told.is_new(change.event)) continue;
      piece += sse(std::to_string(newest), told.event_for(change.id), text_of(change.document));
    }
    const auto now = steady_clock::now();
    if (piece.empty() && now - spoken > kKeepAlive) piece = ": still here\n\n";
    if (!piece.empty()) {
      spoken = now;
      if (!co_await out.write(std::move(piece))) co_return;
    }
    if (now - counted > 5s) {
      counted = now;
      if (!co_await tell_of_the_gone(desk, told, out)) co_return;
    }
    co_await rest(kLooks);
  }
}

}  // namespace

asio::awaitable<Response> watch_executions(Desk& desk, const Call& call) {
  auto query = page_query(call);
  std::int64_t event = 0;
  const auto last = call.request.header("last-event-id");
  if (!last.empty() &&
      std::from_chars(last.data(), last.data() + last.size(), event).ptr != last.data() + last.size())
    refuse(400, "Invalid", "Last-Event-ID: expected the id of an event of this stream.");
  if (last.empty())
    event = must(
        co_await desk.parts.catalogs->run([](store::Catalog& catalog) { return catalog.newest_event(); }));
  co_return streaming(desk, "text/event-stream", [&desk, query, event, fresh = last.empty()](Stream& out) {
    return follow_changes(desk, query, event, fresh, out);
  });
}

void add_stream_routes(std::vector<Route>& routes, Desk& desk) {
  routes.push_back({"GET",
                    "/v1/executions/{id}/logs",
                    "getExecutionLogs",
                    "The log: text, or with Accept: text/event-stream events; ?follow=1 until it ends",
                    Access::Own,
                    {200, 400, 404, 409},
                    [&desk](const Call& call) { return logs(desk, call); }});
}

}  // namespace slipway::server
