#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/clock.h"

namespace slipway::store::postgres {

/// A moment as Postgres reads it, exact to the microsecond: "2026-11-23T22:10:11.123456Z".
std::string timestamp(TimePoint at);
/// Microseconds since the epoch, as the statements' `us` columns give them.
TimePoint time_point(std::int64_t microseconds);
/// Raw bytes as a bytea's text form.
std::string bytea(std::string_view bytes);

/// One column of an unnest() statement, built up as the text of an array; cast in the statement.
class Column {
 public:
  void add(std::string_view value);
  void add(std::int64_t value);
  void add(bool value);
  void add(TimePoint value);
  void add_null();
  template <class T>
  void add(const std::optional<T>& value) {
    if (value) {
      add(*value);
    } else {
      add_null();
    }
  }
  void add(const char* value) { add(std::string_view(value)); }
  void add(const std::string& value) { add(std::string_view(value)); }
  void add(int value) { add(static_cast<std::int64_t>(value)); }
  std::string take();

 private:
  void separate();
  std::string text_ = "{";
};

/// {"a","b"} of a list of texts.
std::string array(const std::vector<std::string>& values);

}  // namespace slipway::store::postgres
