#include <algorithm>
#include <array>

#include "manifests/samples/keyphrases/keyphrases.h"

namespace slipway::samples {
namespace {

constexpr auto kStopWords = std::to_array<std::string_view>(
    {"a",       "about",     "above",  "after",  "again", "against", "all",     "also",    "an",      "and",
     "any",     "are",       "as",     "at",     "be",    "because", "been",    "before",  "being",   "below",
     "between", "both",      "but",    "by",     "can",   "cannot",  "could",   "did",     "do",      "does",
     "doing",   "don",       "down",   "during", "each",  "either",  "etc",     "every",   "few",     "for",
     "from",    "further",   "had",    "has",    "have",  "having",  "he",      "her",     "here",    "hers",
     "him",     "his",       "how",    "i",      "if",    "in",      "into",    "is",      "it",      "its",
     "itself",  "may",       "me",     "might",  "more",  "most",    "must",    "my",      "neither", "no",
     "nor",     "not",       "of",     "off",    "on",    "once",    "one",     "only",    "or",      "other",
     "others",  "otherwise", "our",    "ours",   "out",   "over",    "own",     "s",       "same",    "shall",
     "she",     "should",    "so",     "some",   "such",  "t",       "than",    "that",    "the",     "their",
     "theirs",  "them",      "then",   "there",  "these", "they",    "this",    "those",   "through", "to",
     "too",     "under",     "unless", "until",  "up",    "upon",    "us",      "use",     "used",    "using",
     "very",    "was",       "we",     "were",   "what",  "when",    "where",   "whether", "which",   "while",
     "who",     "whom",      "why",    "will",   "with",  "within",  "without", "would",   "you",     "your",
     "yours",   "yourself"});
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end()));

/// Letters and digits of ASCII and every byte of a longer UTF-8 sequence.
bool is_word_byte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool is_content(const std::string& word) {
  const bool number = std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
  return word.size() > 1 && !number && !std::binary_search(kStopWords.begin(), kStopWords.end(), word);
}

std::string folded(std::string_view text) {
  std::string out;
  for (char c : text)
    if (!is_blank(c))
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

/// Where the sentence that begins at `at` ends: after . ! ? followed by a blank, or before an empty line.
std::size_t sentence_end(std::string_view text, std::size_t at) {
  for (std::size_t i = at; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    if (text[i] == '\n' && !last && (text[i + 1] == '\n' || text[i + 1] == '\r')) return i + 1;
    const bool stop = text[i] == '.' || text[i] == '!' || text[i] == '?';
    if (stop && (last || is_blank(text[i + 1]))) return i + 1;
  }
  return text.size();
}

Sentence read_sentence(std::string text) {
  Sentence sentence;
  std::vector<std::string> phrase;
  std::string word;
  auto end_phrase = [&] {
    if (!phrase.empty()) sentence.phrases.push_back(std::move(phrase));
    phrase.clear();
  };
  auto end_word = [&] {
    if (word.empty()) return;
    ++sentence.words;
    if (is_content(word))
      phrase.push_back(word);
    else
      end_phrase();
    word.clear();
  };
  for (char c : text) {
    if (is_word_byte(static_cast<unsigned char>(c))) {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else {
      end_word();
      if (c != ' ' && c != '-') end_phrase();
    }
  }
  end_word();
  end_phrase();
  sentence.text = std::move(text);
  return sentence;
}

}  // namespace

std::vector<Sentence> sentences_of(std::string_view document) {
  std::vector<Sentence> sentences;
  for (std::size_t at = 0; at < document.size();) {
    const std::size_t end = sentence_end(document, at);
    auto sentence = read_sentence(folded(document.substr(at, end - at)));
    if (sentence.words > 0) sentences.push_back(std::move(sentence));
    at = end;
  }
  return sentences;
}

}  // namespace slipway::samples
