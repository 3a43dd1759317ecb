#include "api/json_schema/uri.h"

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

namespace slipway::json_schema {

std::optional<Reference> resolve(const std::string& base, std::string_view written) {
  // By far the most common kind, and a schema may hold thousands.
  if (written.starts_with('#')) {
    const auto alone = boost::urls::parse_uri_reference({written.data(), written.size()});
    if (!alone) return std::nullopt;
    return Reference{base, alone->fragment()};
  }
  const auto from = boost::urls::parse_uri(base);
  const auto reference = boost::urls::parse_uri_reference({written.data(), written.size()});
  if (!from || !reference) return std::nullopt;
  boost::urls::url resolved;
  if (!boost::urls::resolve(*from, *reference, resolved)) return std::nullopt;
  Reference made;
  made.fragment = resolved.fragment();
  resolved.remove_fragment();
  made.document = resolved.buffer();
  return made;
}

}  // namespace slipway::json_schema
