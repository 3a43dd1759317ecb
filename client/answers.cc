#include "client/answers.h"
#include "api/utf8.h"

namespace slipway::client {
namespace {

using nlohmann::json;

constexpr std::size_t kMostWords = 2'000;

Error stranger(const std::string& url, const std::string& what) {
  return {ErrorClass::Unsupported, url + " does not answer like a Slipway server: " + what};
}

/// The sentence of a problem. One that stands for a reason says which; a field is named where the sentence
/// does not.
std::string words_of(const json& problem) {
  const auto code = text_in(problem, "code"), detail = text_in(problem, "detail");
  const bool plain = code == "Invalid" || code == "NotFound" || code == "Conflict" || code == "Forbidden";
  return excerpt(plain || code.empty() ? detail : code + ": " + detail, kMostWords);
}

}  // namespace

std::string text_in(const json& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_string()) return "";
  return object[name].get<std::string>();
}

std::int64_t number_in(const json& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_number()) return 0;
  return object[name].get<std::int64_t>();
}

Error error_of(const Answer& answer, bool safe, const std::string& url) {
  const auto problem = json::parse(answer.body, nullptr, false);
  if (!answer.content_type.starts_with("application/problem+json") || !problem.is_object())
    return stranger(url, "status " + std::to_string(answer.status));
  const auto words = words_of(problem);
  switch (answer.status) {
    case 401:
      return {ErrorClass::Unsupported,
              "the server at " + url + " does not take the token: " + text_in(problem, "detail") +
                  " (--token, --token-file or SLIPWAY_TOKEN names one; `slipway token create` makes one)"};
    case 404:
      return {ErrorClass::NotFound, words};
    case 409:
      return {ErrorClass::Conflict, words};
    case 403:
    case 405:
      return {ErrorClass::Unsupported, words};
    case 408:
    case 500:
    case 503:
      return {safe ? ErrorClass::Retry : ErrorClass::Doubt,
              words + " (request " + text_in(problem, "requestId") + ")"};
    case 429:
      return {ErrorClass::Invalid,
              words + (answer.retry_after > 0 ? " Try again in " + std::to_string(answer.retry_after) + " s."
                                              : "")};
    default:
      return {ErrorClass::Invalid, words};
  }
}

Result<json> object_of(const Answer& answer, const std::string& url) {
  const bool is_json = answer.content_type.starts_with("application/json");
  auto body = is_json ? json::parse(answer.body, nullptr, false) : json();
  if (!body.is_object())
    return stranger(url,
                    is_json ? "its JSON is broken"
                            : "it sends " + (answer.content_type.empty() ? std::string("nothing it names")
                                                                         : excerpt(answer.content_type, 64)));
  return Result<json>(boost::system::in_place_value, std::move(body));
}

}  // namespace slipway::client
