#include "manifests/samples/keyphrases/keyphrases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manifests/samples/agent.h"

namespace slipway::samples {
namespace {

using testing::ElementsAre;

TEST(Sentences, EndAtStopsAndEmptyLinesOnly) {
  const auto found = sentences_of("  TITLE\n\nVersion 3.1 runs on\nLinux. Does it? Yes!");
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].text, "TITLE");
  EXPECT_EQ(found[1].text, "Version 3.1 runs on Linux.");
  EXPECT_EQ(found[2].text, "Does it?");
  EXPECT_EQ(found[1].words, 6u);
}

TEST(Sentences, PhrasesBreakAtStopWordsAndPunctuation) {
  const auto found = sentences_of("Free software, and the Source-Code of a program.");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].phrases, ElementsAre(ElementsAre("free", "software"), ElementsAre("source", "code"),
                                            ElementsAre("program")));
}

TEST(Terms, ATermThatOnlyLivesInALongerOneIsWorthNothing) {
  const auto terms = terms_of(sentences_of("Linear regression. Linear regression. Linear regression."));
  ASSERT_EQ(terms.size(), 1u);
  EXPECT_EQ(terms[0].text, "linear regression");
  EXPECT_EQ(terms[0].count, 3);
}

TEST(Terms, WhatStandsOnceIsNoTerm) {
  EXPECT_TRUE(terms_of(sentences_of("Every word differs here.")).empty());
}

TEST(Keyphrases, KeySentencesStandInTheOrderOfTheDocument) {
  const auto result =
      keyphrases({{"document",
                   "The patent license covers the patent claims of the work. It rained for days and days in "
                   "the old town. A patent license may end when patent claims are brought against the work."},
                  {"maxSentences", 2}});
  ASSERT_EQ(result["keySentences"].size(), 2u);
  EXPECT_EQ(result["keySentences"][0]["index"], 0);
  EXPECT_EQ(result["keySentences"][1]["index"], 2);
}

TEST(Keyphrases, LimitsAreObeyedAndChecked) {
  EXPECT_EQ(keyphrases({{"document", "a cat. a cat. a dog. a dog."}, {"maxTerms", 1}})["terms"].size(), 1u);
  EXPECT_THROW(keyphrases({{"document", ""}}), BadInput);
  EXPECT_THROW(keyphrases({{"document", "x"}, {"maxTerms", 0}}), BadInput);
  EXPECT_THROW(keyphrases({{"document", "x"}, {"maxTerms", 1.5}}), BadInput);
  EXPECT_THROW(keyphrases(nlohmann::json::object()), BadInput);
}

TEST(Keyphrases, AnswersForAnyText) {
  EXPECT_EQ(keyphrases({{"document", "..."}})["words"], 0);
  EXPECT_EQ(keyphrases({{"document", "Größe Größe"}})["terms"][0]["text"], "größe");
}

}  // namespace
}  // namespace slipway::samples
