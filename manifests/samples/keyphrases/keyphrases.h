#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::samples {

/// A sentence as it reads (blanks folded) and its phrases: runs of lower-case content words between stop
/// words and punctuation.
struct Sentence {
  std::string text;
  std::vector<std::vector<std::string>> phrases;
  std::size_t words = 0;  ///< stop words included
};
std::vector<Sentence> sentences_of(std::string_view document);

struct Term {
  std::string text;
  int count = 0;
  double score = 0;
};
/// Candidate terms of one to three words by C-value (Frantzi, Ananiadou, Mima 2000): how often a term stands,
/// less its share in longer terms that hold it, weighted by length. Best first; equal scores in alphabetical
/// order.
std::vector<Term> terms_of(const std::vector<Sentence>& sentences);

/// {document, maxTerms? 10, maxSentences? 3} → {words, sentences, terms: [{text, count, score}],
/// keySentences: [{index, score, text}]}, key sentences in the order of the document. Throws BadInput.
nlohmann::json keyphrases(const nlohmann::json& input);

}  // namespace slipway::samples
