#include "api/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "api/fields.h"
#include "api/yaml_scalar.h"

namespace slipway {

using nlohmann::json;

namespace {

// The lines of the text, so that yaml-cpp's marks (bytes, from 0) become what an editor shows (characters,
// from 1).
class Lines {
 public:
  explicit Lines(std::string_view text) {
    while (true) {
      const auto end = text.find('\n');
      lines_.push_back(text.substr(0, end));
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
  }
  std::string_view line(int number) const {
    const auto index = static_cast<std::size_t>(std::max(0, number));
    return index < lines_.size() ? lines_[index] : std::string_view();
  }
  bool is_beyond(int number) const {
    return static_cast<std::size_t>(std::max(0, number)) + 1 >= lines_.size() && line(number).empty();
  }
  SourcePlace place(int line_number, int byte_column) const {
    const auto head = line(line_number).substr(0, static_cast<std::size_t>(std::max(0, byte_column)));
    const auto characters =
        std::ranges::count_if(head, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    return {std::max(0, line_number) + 1, static_cast<int>(characters) + 1};
  }
  SourcePlace place(const YAML::Mark& mark) const { return place(mark.line, mark.column); }

 private:
  std::vector<std::string_view> lines_;
};

// Thrown through yaml-cpp when reading on makes no sense; caught in parse_yaml.
struct Stop {
  SourceError error;
};

struct Frame {
  json value;
  std::string path;
  std::optional<std::string> key;  // of the value that comes next, in a map
  std::set<std::string> refused;   // keys that were reported, whose values are dropped
};

class Builder : public YAML::EventHandler {
 public:
  Builder(const Lines& lines, YamlFile& file, const std::string& name)
      : lines_(lines), file_(file), name_(name) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    const bool another = started_++ > 0;
    // yaml-cpp takes whatever follows a complete document for the next one; YAML wants to be told.
    if (another && !lines_.line(mark.line).starts_with("---"))
      stop(mark, "expected the end of the document or ---");
    document_ = YamlDocument{name_, json(), lines_.place(mark), {}};
    document_.places[""] = document_.start;
  }
  void OnDocumentEnd() override {
    if (!document_.value.is_null()) file_.documents.push_back(std::move(document_));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (wants_key()) return key(mark, "null", "?");
    add(mark, json());
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    report(mark, "anchors are not supported; write the value out");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report(mark, "aliases are not supported; write the value out");
    if (wants_key()) return key(mark, "*", "!");
    add(mark, json());
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    const bool plain = tag == "?" || tag.empty();
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") refuse_tag(mark, tag);
    if (wants_key()) return key(mark, text, tag);
    if (!plain) return add(mark, json(text));
    auto value = resolve_plain_scalar(text);
    if (!value) {
      report(mark,
             "the number " + text.substr(0, 40) + " has no JSON form; put it in quotes to keep it as text");
      return add(mark, json());
    }
    add(mark, std::move(*value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, json::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  bool wants_key() const {
    return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
  }

  void key(const YAML::Mark& mark, const std::string& text, const std::string& tag) {
    auto& frame = frames_.back();
    frame.key = text;
    if (text == "<<" && tag == "?") {
      report(mark, "merge keys are not supported; write the fields out");
      frame.refused.insert(text);
    } else if (frame.value.contains(text)) {
      report(mark, "duplicate key " + describe(json(text)) + ", first given on line " +
                       std::to_string(first_line(text)));
      frame.refused.insert(text);
    } else {
      note(mark, join(frame.path, text));
    }
  }

  int first_line(const std::string& text) { return document_.place_of(join(frames_.back().path, text)).line; }

  void note(const YAML::Mark& mark, const std::string& path) {
    if (document_.places.size() < kMostPlaces) document_.places.emplace(path, lines_.place(mark));
  }

  std::string next_path() const {
    if (frames_.empty()) return "";
    const auto& frame = frames_.back();
    return frame.value.is_array() ? join(frame.path, frame.value.size())
                                  : join(frame.path, frame.key.value_or(""));
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > kMostYamlNodes)
      stop(mark, "more than " + std::to_string(kMostYamlNodes) + " values in one file");
  }

  void open(const YAML::Mark& mark, const std::string& tag, json container) {
    count(mark);
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(mark, tag);
    if (wants_key()) stop(mark, "expected text as a key");
    if (frames_.size() >= kMostYamlDepth)
      stop(mark, "nested deeper than " + std::to_string(kMostYamlDepth) + " levels");
    auto path = next_path();
    if (!frames_.empty() && frames_.back().value.is_array()) note(mark, path);
    frames_.push_back(Frame{std::move(container), std::move(path), std::nullopt, {}});
  }

  void close() {
    auto value = std::move(frames_.back().value);
    frames_.pop_back();
    attach(std::move(value));
  }

  void add(const YAML::Mark& mark, json value) {
    count(mark);
    if (!frames_.empty() && frames_.back().value.is_array()) note(mark, next_path());
    attach(std::move(value));
  }

  void attach(json value) {
    if (frames_.empty()) {
      document_.value = std::move(value);
      return;
    }
    auto& frame = frames_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
      return;
    }
    const auto name = *std::exchange(frame.key, std::nullopt);
    if (frame.refused.erase(name) == 0) frame.value[name] = std::move(value);
  }

  SourceError error_at(const YAML::Mark& mark, std::string message) const {
    return {name_, lines_.place(mark), "", std::move(message)};
  }
  void report(const YAML::Mark& mark, std::string message) {
    if (file_.errors.size() >= 100) stop(mark, "too many errors");
    file_.errors.push_back(error_at(mark, std::move(message)));
  }
  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) const {
    throw Stop{error_at(mark, std::move(message))};
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    report(mark, "tags are not supported: " + describe(json(tag)));
  }

  const Lines& lines_;
  YamlFile& file_;
  const std::string& name_;
  YamlDocument document_;
  std::vector<Frame> frames_;
  std::size_t nodes_ = 0;
  int started_ = 0;
};

void read_documents(std::string_view text, const Lines& lines, YamlFile& file, const std::string& name) {
  // yaml-cpp takes a quoted scalar that is still open at the end of the text for a complete one; it does not
  // before a document's end marker.
  std::istringstream stream{std::string(text) + (text.ends_with('\n') ? "...\n" : "\n...\n")};
  try {
    YAML::Parser parser(stream);
    Builder builder(lines, file, name);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    file.errors.push_back(stop.error);
  } catch (const YAML::Exception& error) {
    const bool at_marker = lines.is_beyond(error.mark.line);
    const auto message =
        at_marker ? "the text ends inside a quoted text, list or map that is never closed" : error.msg;
    file.errors.push_back({name, lines.place(error.mark), "", "not valid YAML: " + message});
  }
}

}  // namespace

std::string to_string(const SourceError& error) {
  auto text =
      error.file + ":" + std::to_string(error.place.line) + ":" + std::to_string(error.place.column) + ": ";
  if (!error.path.empty()) text += error.path + ": ";
  return text + error.message;
}

SourcePlace YamlDocument::place_of(std::string path) const {
  while (true) {
    if (const auto found = places.find(path); found != places.end()) return found->second;
    const auto end = path.find_last_of(".[");
    if (end == std::string::npos) return start;
    path.resize(end);
  }
}

YamlFile parse_yaml(std::string_view text, const std::string& file_name) {
  YamlFile file;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto refuse = [&](SourcePlace place, std::string message) {
    file.errors.push_back({file_name, place, "", std::move(message)});
    return file;
  };
  if (text.size() > kMostYamlBytes) return refuse({1, 1}, "larger than 4 MiB");
  const Lines lines(text);
  if (const auto at = find_unprintable(text); at != std::string_view::npos) {
    const auto head = text.substr(0, at);
    const auto line = static_cast<int>(std::ranges::count(head, '\n'));
    const auto start = head.rfind('\n');
    const auto column = static_cast<int>(at - (start == std::string_view::npos ? 0 : start + 1));
    return refuse(lines.place(line, column), "not text: expected printable UTF-8");
  }
  read_documents(text, lines, file, file_name);
  return file;
}

}  // namespace slipway
