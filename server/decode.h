#pragma once

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>

#include "server/message.h"

namespace slipway::server {

inline constexpr std::uint32_t kHeaderBytes = 16 * 1024;

/// What the rest of the server sees of a message.
Request decoded(const boost::beast::http::request<boost::beast::http::string_body>& message);
std::string new_request_id();

}  // namespace slipway::server
