#include "manifests/samples/keyphrases/keyphrases.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "manifests/samples/agent.h"

namespace slipway::samples {
namespace {

constexpr std::size_t kLongestTerm = 3;
constexpr int kLeastCount = 2;
constexpr std::size_t kScoringTerms = 50;
constexpr std::size_t kShortestSentence = 6;
constexpr std::size_t kLongestSentence = 60;

using Words = std::vector<std::string>;

std::string joined(Words::const_iterator from, Words::const_iterator to) {
  std::string text;
  for (; from != to; ++from) text += (text.empty() ? "" : " ") + *from;
  return text;
}

/// Calls `visit(term, words)` for every run of one to three words of a phrase.
template <class Visit>
void for_each_term(const Words& phrase, Visit visit) {
  for (std::size_t from = 0; from < phrase.size(); ++from)
    for (std::size_t length = 1; length <= kLongestTerm && from + length <= phrase.size(); ++length)
      visit(joined(phrase.begin() + from, phrase.begin() + from + length), length);
}

struct Tally {
  std::size_t words = 0;
  int count = 0;
  int nested_count = 0;  ///< how often it stood inside longer candidates
  int holders = 0;       ///< how many different longer candidates hold it
};
using Tallies = std::map<std::string, Tally>;

Tallies count_candidates(const std::vector<Sentence>& sentences) {
  Tallies tallies;
  for (const auto& sentence : sentences)
    for (const auto& phrase : sentence.phrases)
      for_each_term(phrase, [&](std::string term, std::size_t words) {
        auto& tally = tallies[std::move(term)];
        tally.words = words;
        ++tally.count;
      });
  std::erase_if(tallies, [](const auto& entry) { return entry.second.count < kLeastCount; });
  return tallies;
}

Words split(const std::string& term) {
  Words words(1);
  for (char c : term)
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  return words;
}

void count_nesting(Tallies& tallies) {
  for (const auto& [holder, held_in] : tallies)
    for_each_term(split(holder), [&, &holding = held_in](const std::string& term, std::size_t words) {
      if (words == holding.words) return;
      auto& tally = tallies.at(term);
      tally.nested_count += holding.count;
      ++tally.holders;
    });
}

double c_value(const Tally& tally) {
  const double nested = tally.holders ? static_cast<double>(tally.nested_count) / tally.holders : 0;
  return std::log2(tally.words + 1.0) * (tally.count - nested);
}

double sentence_score(const Sentence& sentence, const std::map<std::string, double>& weights) {
  if (sentence.words < kShortestSentence || sentence.words > kLongestSentence) return 0;
  double sum = 0;
  for (const auto& phrase : sentence.phrases)
    for_each_term(phrase, [&](const std::string& term, std::size_t) {
      if (auto found = weights.find(term); found != weights.end()) sum += found->second;
    });
  return sum / std::sqrt(static_cast<double>(sentence.words));
}

nlohmann::json key_sentences(const std::vector<Sentence>& sentences, const std::vector<Term>& terms,
                             std::size_t most) {
  std::map<std::string, double> weights;
  for (std::size_t i = 0; i < std::min(terms.size(), kScoringTerms); ++i)
    weights[terms[i].text] = terms[i].score;
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < sentences.size(); ++i)
    if (double score = sentence_score(sentences[i], weights); score > 0) ranked.emplace_back(-score, i);
  std::sort(ranked.begin(), ranked.end());
  ranked.resize(std::min(ranked.size(), most));
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  auto list = nlohmann::json::array();
  for (const auto& [score, index] : ranked)
    list.push_back({{"index", index}, {"score", rounded(-score)}, {"text", sentences[index].text}});
  return list;
}

}  // namespace

std::vector<Term> terms_of(const std::vector<Sentence>& sentences) {
  auto tallies = count_candidates(sentences);
  count_nesting(tallies);
  std::vector<Term> terms;
  for (const auto& [text, tally] : tallies)
    if (double score = c_value(tally); score > 0) terms.push_back({text, tally.count, score});
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
    return std::tie(b.score, a.text) < std::tie(a.score, b.text);
  });
  return terms;
}

nlohmann::json keyphrases(const nlohmann::json& input) {
  const auto document = text_member(input, "document");
  const auto most_terms = static_cast<std::size_t>(count_member(input, "maxTerms", 10, 1000));
  const auto most_sentences = static_cast<std::size_t>(count_member(input, "maxSentences", 3, 100));
  const auto sentences = sentences_of(document);
  const auto terms = terms_of(sentences);
  std::size_t words = 0;
  for (const auto& sentence : sentences) words += sentence.words;
  auto best = nlohmann::json::array();
  for (std::size_t i = 0; i < std::min(terms.size(), most_terms); ++i)
    best.push_back({{"text", terms[i].text}, {"count", terms[i].count}, {"score", rounded(terms[i].score)}});
  return {{"words", words},
          {"sentences", sentences.size()},
          {"terms", best},
          {"keySentences", key_sentences(sentences, terms, most_sentences)}};
}

}  // namespace slipway::samples
