#pragma once

#include <string>

#include "api/result.h"

namespace slipway::runtime {

/// What an errno means to whoever made the call: the only place that says so.
ErrorClass class_of_errno(int code);

/// "<what>: <the errno's words>".
Error errno_error(const std::string& what, int code);

}  // namespace slipway::runtime
