#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/result.h"
#include "client/address.h"

namespace slipway::client {

struct Request {
  std::string method;
  std::string target;
  std::string body;  ///< JSON; of GET and DELETE: empty
  std::string accept = "application/json";
  std::string last_event;  ///< Last-Event-ID, if not empty
  /// Where a body goes as it comes, instead of being kept; false: enough of it was read.
  std::function<bool(std::string_view piece)> take = nullptr;
};

struct Answer {
  int status = 0;
  std::string content_type;
  int retry_after = 0;  ///< seconds; 0: not said
  std::string body;
};

struct ConnectionOptions {
  Address address;
  std::string token;
  std::string certificate_authority;  ///< PEM file; empty: the system's
  std::chrono::milliseconds connect_within{10'000};
  std::chrono::milliseconds answer_within{60'000};
  std::size_t most_bytes = 64 << 20;  ///< of an answer
};

/// One connection to a server, made when it is needed and kept for the next request. Blocking, for one
/// thread.
///
/// Errors: Retry, the server was not reached, so it did nothing; Doubt, it may have read the request;
/// Unsupported, it is not to be trusted (TLS) or speaks no HTTP.
class Connection {
 public:
  explicit Connection(ConnectionOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Answer> ask(const Request& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::client
