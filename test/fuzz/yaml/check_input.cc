#include "test/fuzz/check_input.h"

#include <algorithm>

#include "api/kinds.h"
#include "cmd/slipway/yaml_writer.h"

// Any bytes give documents or errors that help; a document that was read is written and read back the same,
// and so is an object.
namespace slipway::fuzz {
namespace {

std::string check_errors(const std::vector<SourceError>& errors, std::string_view text) {
  if (errors.size() > kMostYamlErrors + 1024) return "more errors than anybody reads";
  const auto lines = std::ranges::count(text, '\n') + 1;
  for (const auto& error : errors) {
    if (error.message.empty()) return "an error without a sentence";
    if (error.place.line < 1 || error.place.line > lines || error.place.column < 1)
      return "an error beyond the text";
    for (char c : to_string(error))
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a control character in a sentence";
    const auto shown =
        nlohmann::json(to_string(error)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (shown.find("\xef\xbf\xbd") != std::string::npos &&
        text.find("\xef\xbf\xbd") == std::string_view::npos)
      return "a sentence that is no UTF-8";
  }
  return {};
}

std::string check_document(const YamlDocument& document) {
  const auto text = cli::write_yaml(document.value);
  const auto again = parse_yaml(text, "again");
  if (!again.errors.empty())
    return "a written document is refused: " + to_string(again.errors.front()) + "\n" + text;
  if (again.documents.size() != 1 || again.documents[0].value != document.value)
    return "a written document reads otherwise:\n" + text;
  return {};
}

std::string check_object(const Object& object) {
  const auto text = cli::write_yaml(to_json(object));
  const auto again = parse_objects({parse_yaml(text, "again")});
  if (!again.errors.empty())
    return "a written object is refused: " + to_string(again.errors.front()) + "\n" + text;
  const auto& twin = again.objects.at(0);
  const bool same = twin.name == object.name && twin.generate_name == object.generate_name &&
                    twin.labels == object.labels && twin.spec == object.spec;
  return same ? "" : "a written object reads otherwise:\n" + text;
}

}  // namespace

std::string check_input(std::string_view bytes) {
  const auto file = parse_yaml(bytes, "fuzz");
  if (auto broken = check_errors(file.errors, bytes); !broken.empty()) return broken;
  if (!file.errors.empty()) return {};
  for (const auto& document : file.documents)
    if (auto broken = check_document(document); !broken.empty()) return broken;
  const auto read = parse_objects({file});
  if (auto broken = check_errors(read.errors, bytes); !broken.empty()) return broken;
  if (!read.errors.empty()) return {};
  for (const auto& object : read.objects)
    if (auto broken = check_object(object); !broken.empty()) return broken;
  return {};
}

}  // namespace slipway::fuzz
