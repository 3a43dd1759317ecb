#include "api/yaml_sentences.h"

#include <yaml-cpp/exceptions.h>

#include <algorithm>
#include <array>

namespace slipway {
namespace {

namespace theirs = YAML::ErrorMsg;

struct Sentence {
  std::string_view theirs;
  std::string_view ours;
};

const std::array kSentences = {
    Sentence{theirs::END_OF_MAP, "expected the next \"key: value\" at the column of the one before it"},
    Sentence{theirs::END_OF_SEQ, "expected the next \"- \" at the column of the one before it"},
    Sentence{theirs::END_OF_MAP_FLOW, "expected , or } after an entry of a {…} map"},
    Sentence{theirs::END_OF_SEQ_FLOW, "expected , or ] after an entry of a […] list"},
    Sentence{theirs::FLOW_END, "a closing bracket that no bracket opened"},
    Sentence{theirs::BLOCK_ENTRY, "a list entry (\"- \") cannot begin here: expected a line of its own"},
    Sentence{theirs::MAP_KEY, "a key cannot begin here: expected a line of its own"},
    Sentence{
        theirs::MAP_VALUE,
        "a second \": \", or one that is indented wrongly: expected one \"key: value\" a line, with text "
        "that holds \": \" in quotes"},
    Sentence{theirs::UNKNOWN_TOKEN, "a value cannot begin with this character: expected quotes around it"},
    Sentence{theirs::UNKNOWN_ANCHOR, "aliases are not supported; write the value out"},
    Sentence{theirs::ALIAS_NOT_FOUND, "a value cannot begin with *: expected quotes around it"},
    Sentence{theirs::ANCHOR_NOT_FOUND, "a value cannot begin with &: expected quotes around it"},
    Sentence{theirs::CHAR_IN_ALIAS, "a value cannot begin with *: expected quotes around it"},
    Sentence{theirs::CHAR_IN_ANCHOR, "a value cannot begin with &: expected quotes around it"},
    Sentence{theirs::DOC_IN_SCALAR, "a document ends inside a quoted text that is never closed"},
    Sentence{theirs::EOF_IN_SCALAR, "the text ends inside a quoted text that is never closed"},
    Sentence{theirs::CHAR_IN_BLOCK,
             "expected nothing behind | or > but an indentation, a + or -, or a comment"},
    Sentence{theirs::ZERO_INDENT_IN_BLOCK, "expected an indentation of 1 to 9 behind | or >"},
    Sentence{theirs::INVALID_HEX, "expected hexadecimal digits after \\x, \\u or \\U"},
    Sentence{theirs::TAB_IN_INDENTATION, "a tab in the indentation: expected spaces"},
    Sentence{theirs::YAML_DIRECTIVE_ARGS, "expected %YAML with one version"},
    Sentence{theirs::YAML_MAJOR_VERSION, "expected %YAML 1.2"},
    Sentence{theirs::REPEATED_YAML_DIRECTIVE, "expected %YAML once"},
    Sentence{theirs::MULTIPLE_TAGS, "tags are not supported"},
    Sentence{theirs::MULTIPLE_ANCHORS, "anchors are not supported; write the value out"},
};

bool is_indented_with_tab(std::string_view line) {
  const auto text = std::min(line.find_first_not_of(" \t"), line.size());
  return line.substr(0, text).find('\t') != std::string_view::npos;
}

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace

std::string explain_malformed(const std::string& message, std::string_view line, bool at_end) {
  if (at_end) return "the text ends inside a quoted text, list or map that is never closed";
  if (is_indented_with_tab(line)) return "a tab in the indentation: expected spaces";
  const auto found = std::ranges::find(kSentences, message, &Sentence::theirs);
  if (found != kSentences.end()) return std::string(found->ours);
  // The rest of these messages is a byte of the text.
  if (message.starts_with(theirs::INVALID_ESCAPE)) {
    const auto next = message.substr(std::string_view(theirs::INVALID_ESCAPE).size());
    const bool plain = next.size() == 1 && next[0] > ' ' && next[0] < 0x7f;
    return (plain ? in_quotes("\\" + next) + " is no escape" : "an unknown escape") +
           ": expected one of \\n, \\t, \\\", \\\\, \\xNN, \\uNNNN and the like, or single quotes around the "
           "text";
  }
  if (message.starts_with(theirs::INVALID_UNICODE))
    return "an escape that is no character: expected \\u0000 to \\ud7ff, \\ue000 to \\uffff, or \\U and "
           "eight digits";
  return message;
}

}  // namespace slipway
