#pragma once

#include <string>

#include "api/result.h"

namespace slipway::client {

/// Where a server is.
struct Address {
  bool tls = false;
  std::string host;
  std::string port;
  std::string url() const;
  std::string authority() const;  ///< as the Host field has it
};

/// "https://slipway.example:8320". Invalid: anything else than scheme, host and port.
Result<Address> parse_address(const std::string& url);

/// The text as a part of a path or a value of a query.
std::string percent_encoded(const std::string& text);

}  // namespace slipway::client
