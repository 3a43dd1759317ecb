#pragma once

#include <string>
#include <string_view>

#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// The options as libpq reads them. Settings that the given URL already has are left alone. Throws Failure of
/// class Invalid for a string that libpq cannot read, or would read otherwise than it was meant.
std::string connect_string(const ConnectionOptions& options);
/// `words` with the URL's password blotted out.
std::string without_secrets(std::string words, const std::string& url);

/// SQL that sets all of a session that our statements depend on, whatever database and role bring along.
std::string session_settings(const ConnectionOptions& options);
/// The same for one transaction, to be said behind its BEGIN.
std::string transaction_settings(const ConnectionOptions& options);

}  // namespace slipway::store::postgres
