// Logs over HTTP: the events of the API's stream, read as far as one page goes.
#include "client/answers.h"
#include "client/http_catalog.h"
#include "client/log_events.h"

namespace slipway::client {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;  // of a page

}  // namespace

Result<store::LogPage> HttpCatalog::logs(const ExecutionId& id, const store::LogCursor& after) {
  Request request{.method = "GET",
                  .target = "/v1/executions/" + percent_encoded(id) + "/logs",
                  .body = "",
                  .accept = "text/event-stream"};
  if (after.attempt != 0 || after.place != 0)
    request.last_event = std::to_string(after.attempt) + "." + std::to_string(after.place);
  LogEvents events;
  request.take = [&](std::string_view piece) {
    events.add(piece);
    return events.good() && events.bytes() < kMostBytes;
  };
  const auto answer = connection_.ask(request);
  // What came before the break is a page as well: the next goes on behind it.
  const bool broken = !answer && !events.chunks().empty();
  if (!answer && !broken)
    return Error{
        answer.error().error_class == ErrorClass::Doubt ? ErrorClass::Retry : answer.error().error_class,
        answer.error().message};
  if (answer && answer->status != 200) return error_of(*answer, true, url_);
  if (!events.good() || (answer && !answer->content_type.starts_with("text/event-stream")))
    return Error{ErrorClass::Unsupported, url_ + " does not send logs as a Slipway server does"};
  store::LogPage page{events.take_chunks(), events.cursors(), after};
  if (!page.cursors.empty()) page.next = page.cursors.back();
  return page;
}

}  // namespace slipway::client
