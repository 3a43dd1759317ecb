#include "api/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "api/fields.h"
#include "api/source_lines.h"
#include "api/utf8.h"
#include "api/yaml_caps.h"
#include "api/yaml_scalar.h"
#include "api/yaml_sentences.h"

namespace slipway {

using nlohmann::json;

namespace {

// Thrown through yaml-cpp when reading on makes no sense; caught in parse_yaml.
struct Stop {
  SourceError error;
};

struct Frame {
  json value;
  std::string path;
  std::optional<std::string> key;  // of the value that comes next, in a map
  bool is_block_map = false;
  int key_at = 0;                 // its place in bytes
  std::set<std::string> refused;  // keys that were reported, whose values are dropped
};

class Builder : public YAML::EventHandler {
 public:
  Builder(const SourceLines& lines, YamlFile& file, const std::string& name)
      : lines_(lines), file_(file), name_(name) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    const bool another = started_++ > 0;
    // yaml-cpp takes whatever follows a complete document for the next one; YAML wants to be told.
    if (another && !lines_.line(mark.line).starts_with("---"))
      stop(mark, "expected the end of the document or ---");
    document_ = YamlDocument{name_, json(), place(mark), {}};
    document_.places[""] = document_.start;
    place_bytes_ = 0;
  }
  void OnDocumentEnd() override {
    if (!document_.value.is_null()) file_.documents.push_back(std::move(document_));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (wants_key()) stop(mark, "expected text as a key");
    // Where no colon stands, yaml-cpp puts the value that it misses at the key's own place. ({a, b} is YAML.)
    const bool in_block_map = !frames_.empty() && frames_.back().is_block_map;
    if (in_block_map && mark.pos <= frames_.back().key_at)
      report(mark, next_path(), "expected a colon and a value after this key");
    add(mark, json());
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    report(mark, next_path(), "anchors are not supported; write the value out");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report(mark, next_path(), "aliases are not supported; write the value out");
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
      report(mark, next_path(),
             "the number " + excerpt(text, 40) + " has no JSON form; put it in quotes to keep it as text");
      return add(mark, json());
    }
    add(mark, std::move(*value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, json::object(), style == YAML::EmitterStyle::Block);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  SourcePlace place(const YAML::Mark& mark) const { return lines_.place(mark.line, mark.column); }

  bool wants_key() const {
    return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
  }

  void key(const YAML::Mark& mark, const std::string& text, const std::string& tag) {
    auto& frame = frames_.back();
    if (text.size() > kMostYamlKeyBytes)
      stop(mark, "a key of more than " + std::to_string(kMostYamlKeyBytes) + " bytes");
    frame.key = text;
    frame.key_at = mark.pos;
    if (text == "<<" && tag == "?") {
      report(mark, frame.path, "merge keys are not supported; write the fields out");
      frame.refused.insert(text);
    } else if (frame.value.contains(text)) {
      const auto path = join(frame.path, text);
      const auto first = document_.places.find(path);
      report(mark, path,
             first == document_.places.end()
                 ? "duplicate key"
                 : "duplicate key, first given on line " + std::to_string(first->second.line));
      frame.refused.insert(text);
    } else {
      note(mark);
    }
  }

  // Where the value that comes next stands, until the paths have grown too large: one may be as long as the
  // text, and every entry of a list has one. Half of the room is kept for what has a name.
  void note(const YAML::Mark& mark) {
    if (place_bytes_ > kMostPlaceBytes / (frames_.back().value.is_array() ? 2 : 1)) return;
    auto path = next_path();
    place_bytes_ += path.size() + 64;
    document_.places.emplace(std::move(path), place(mark));
  }

  std::string next_path() const {
    if (frames_.empty()) return "";
    const auto& frame = frames_.back();
    if (frame.value.is_array()) return join(frame.path, frame.value.size());
    return frame.key ? join(frame.path, *frame.key) : frame.path;
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > kMostYamlNodes)
      stop(mark, "more than " + std::to_string(kMostYamlNodes) + " values in one file");
  }

  void open(const YAML::Mark& mark, const std::string& tag, json container, bool is_block_map = false) {
    count(mark);
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(mark, tag);
    if (wants_key()) stop(mark, "expected text as a key");
    if (frames_.size() >= kMostYamlDepth)
      stop(mark, "nested deeper than " + std::to_string(kMostYamlDepth) + " levels");
    if (!frames_.empty() && frames_.back().value.is_array()) note(mark);
    auto path = place_bytes_ > kMostPlaceBytes ? "" : next_path();
    frames_.push_back(Frame{std::move(container), std::move(path), std::nullopt, is_block_map, 0, {}});
  }

  void close() {
    auto value = std::move(frames_.back().value);
    frames_.pop_back();
    attach(std::move(value));
  }

  void add(const YAML::Mark& mark, json value) {
    count(mark);
    if (!frames_.empty() && frames_.back().value.is_array()) note(mark);
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

  void report(const YAML::Mark& mark, std::string path, std::string message) {
    if (file_.errors.size() >= kMostYamlErrors) stop(mark, "too many errors; the rest was not read");
    file_.errors.push_back({name_, place(mark), std::move(path), std::move(message)});
  }
  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) const {
    throw Stop{{name_, place(mark), "", std::move(message)}};
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    report(mark, next_path(), "tags are not supported: " + describe(json(tag)));
  }

  const SourceLines& lines_;
  YamlFile& file_;
  const std::string& name_;
  YamlDocument document_;
  std::vector<Frame> frames_;
  std::size_t nodes_ = 0;
  std::size_t place_bytes_ = 0;
  int started_ = 0;
};

void read_documents(std::string_view text, const SourceLines& lines, YamlFile& file,
                    const std::string& name) {
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
    const auto& mark = error.mark;
    file.errors.push_back({name, lines.place(mark.line, mark.column), "",
                           "not valid YAML: " + explain_malformed(error.msg, lines.line(mark.line),
                                                                  lines.is_beyond(mark.line))});
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
  const auto breach = find_breach(text);
  const auto read = text.substr(0, breach ? breach->offset : text.size());
  if (const auto at = find_unprintable(read); at != std::string_view::npos)
    return refuse(place_at(text, at), "not text: expected printable UTF-8");
  if (breach) return refuse(place_at(text, breach->offset), breach->message);
  const SourceLines lines(text);
  read_documents(text, lines, file, file_name);
  return file;
}

}  // namespace slipway
