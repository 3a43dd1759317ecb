#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace slipway::test {

struct HttpAnswer {
  int status = 0;                              ///< 0: no answer
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

/// One blocking request to 127.0.0.1, on a connection of its own; 30 s at most.
class HttpClient {
 public:
  explicit HttpClient(int port, std::string token = "") : port_(port), token_(std::move(token)) {}
  HttpAnswer send(const std::string& method, const std::string& target, const std::string& body = "",
                  std::map<std::string, std::string> headers = {}) const;
  HttpAnswer get(const std::string& target, std::map<std::string, std::string> headers = {}) const {
    return send("GET", target, "", std::move(headers));
  }
  HttpAnswer post(const std::string& target, const std::string& body,
                  std::map<std::string, std::string> headers = {}) const {
    return send("POST", target, body, std::move(headers));
  }
  /// Reads a streamed answer piece by piece until `take` answers false, the stream ends, or 30 s are over.
  /// The status.
  int stream(const std::string& target, const std::function<bool(const std::string& piece)>& take,
             std::map<std::string, std::string> headers = {}) const;

 private:
  int port_;
  std::string token_;
};

/// A raw connection, for requests that no client would send.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  bool write(const std::string& bytes);
  /// What comes within so long, or until the other side closes.
  std::string read(int milliseconds);
  std::string read_some(int milliseconds);  ///< the first piece that comes
  bool closed(int milliseconds);            ///< by the other side

 private:
  int fd_ = -1;
};

}  // namespace slipway::test
