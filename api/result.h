#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace slipway {

/// What the caller may do about a failed call. Adapters choose it from an SQLSTATE or an HTTP status, never
/// from text.
enum class ErrorClass {
  Retry,  ///< the other side is away or busy; the same call may succeed later, and nothing is known to have
          ///< happened
  Doubt,  ///< the call may or may not have taken effect; look before doing anything else
  Conflict,     ///< somebody else holds what was asked for (a name, a newer epoch, another stage)
  NotFound,     ///< the thing is not there, and that was looked up
  Invalid,      ///< the request itself is wrong; repeating it cannot help
  Unsupported,  ///< this node or engine cannot do it
  StorageFull,  ///< no room left where it had to be written
};

const char* to_string(ErrorClass error_class);

/// An expected failure. `message` is for the operator's log, never for a user: it may quote the engine or the
/// database.
struct Error {
  ErrorClass error_class = ErrorClass::Retry;
  std::string message;
};

/// A value or an Error.
///
/// boost's own copy constructors take `const&` and `&&` only. For T = bool every other category (a non-const
/// lvalue, or the `const` local of a `co_return`) would choose its converting constructor, which asks
/// operator bool: false became true, and an error became false. Hence a constructor for each category.
template <class T>
class Result : public boost::system::result<T, Error> {
  using Base = boost::system::result<T, Error>;

 public:
  using Base::Base;
  Result() = default;
  Result(const Result& other) = default;
  Result(Result&& other) = default;
  Result(Result& other) : Base(static_cast<const Base&>(other)) {}
  Result(const Result&& other) : Base(static_cast<const Base&>(other)) {}
  Result& operator=(const Result& other) = default;
  Result& operator=(Result&& other) = default;
};

/// Called by Result::value() on an error: a programming mistake, since every Result is to be examined first.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error("unexamined error: " + error.message);
}

}  // namespace slipway
