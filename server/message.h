#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::server {

namespace asio = boost::asio;

/// What a client asked, decoded once. Names of header fields are lower case; of a field that came twice the
/// first counts.
struct Request {
  std::string method;                          ///< "GET"
  std::string path;                            ///< as sent, without the query
  std::vector<std::string> segments;           ///< of the path, percent-decoded: {"v1", "executions"}
  std::map<std::string, std::string> query;    ///< percent-decoded; of a key that came twice the last counts
  std::map<std::string, std::string> headers;  ///< those the API knows
  std::string body;
  std::string request_id;  ///< the client's X-Request-Id, or made up

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  std::string parameter(const std::string& name, std::string otherwise = "") const {
    const auto found = query.find(name);
    if (found != query.end()) return found->second;
    return otherwise;
  }
  bool asks(const std::string& name) const {  ///< ?name=1 or =true
    const auto value = parameter(name);
    return value == "1" || value == "true";
  }
};

/// Where a streamed answer goes.
class Stream {
 public:
  virtual ~Stream() = default;
  /// False: nobody reads any more, or the server stops; the writer returns.
  virtual asio::awaitable<bool> write(std::string piece) = 0;
  virtual bool open() const = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  /// Instead of the body: writes pieces until it is done.
  std::function<asio::awaitable<void>(Stream&)> stream;
};

}  // namespace slipway::server
