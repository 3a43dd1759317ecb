#include "cmd/slipway/follow.h"

namespace slipway::cli {
namespace {

constexpr auto kForever = std::chrono::hours(24 * 3650);

Error reader_gone() { return {ErrorClass::Invalid, "nobody reads the logs any more"}; }

}  // namespace

Result<void> read_logs(store::CommandCatalog& catalog, const ExecutionId& id, store::LogCursor& cursor,
                       LogPrinter& printer) {
  while (true) {
    const auto page = catalog.logs(id, cursor);
    if (!page) return page.error();
    for (const auto& chunk : page->chunks) printer.add(chunk);
    cursor = page->next;
    if (page->chunks.empty()) return {};
  }
}

Result<store::Standing> follow(Session& session, const ExecutionId& id, LogPrinter& printer) {
  auto& catalog = *session.catalog();
  store::LogCursor cursor;
  Outage outage;
  std::optional<Error> error;
  std::optional<store::Standing> end;
  const auto look = [&]() -> Result<void> {
    const auto standing = catalog.standing(id);
    if (!standing) return standing.error();
    session.tell("execution/" + id + " is " + std::string(to_string(standing->status)) + " (" +
                 std::string(to_string(standing->reason)) + ")");
    // The standing is read first: whatever was logged before the end is then there to be read.
    if (const auto read = read_logs(catalog, id, cursor, printer); !read) return read;
    outage.over();
    if (!printer.go_on()) return reader_gone();
    if (is_final(standing->status)) end = *standing;
    return {};
  };
  poll_until(kForever, [&] {
    const auto looked = look();
    if (!looked && !outage.bears(looked.error())) error = looked.error();
    return end || error;
  });
  session.tell("");
  if (!end) return error.value_or(Error{ErrorClass::Retry, "gave up waiting"});
  if (!printer.finish()) return reader_gone();
  return *end;
}

}  // namespace slipway::cli
