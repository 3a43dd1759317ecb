// `slipway explain` and docs/reference.md, both from the schemas in the binary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cmd/slipway/explain.h"

namespace slipway::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string explained(const std::string& path, bool recursive = false) {
  const auto text = explain(path, recursive);
  return text ? *text : "error: " + text.error().message;
}

TEST(Explain, AnObjectShowsItsFieldsWithTypeAndDescription) {
  EXPECT_EQ(explained("agent.spec.resources"),
            "KIND:     Agent\n"
            "VERSION:  slipway.dev/v1alpha1\n"
            "\n"
            "FIELD:    resources <Object>\n"
            "\n"
            "DESCRIPTION:\n"
            "    What the container may use.\n"
            "\n"
            "FIELDS:\n"
            "  limits <Object>\n"
            "    Hard limits of one container. Nothing is requested or reserved.\n");
}

TEST(Explain, AFieldShowsBoundsDefaultAndExample) {
  EXPECT_EQ(explained("agent.spec.timeout"),
            "KIND:     Agent\n"
            "VERSION:  slipway.dev/v1alpha1\n"
            "\n"
            "FIELD:    timeout <duration>\n"
            "\n"
            "DESCRIPTION:\n"
            "    How long an execution may run, from the start of its container.\n"
            "      range: 1s to 168h\n"
            "      default: 5m\n"
            "      example: 10m\n");
  EXPECT_THAT(explained("agent.spec.imagePullPolicy"), HasSubstr("one of: IfNotPresent, Always, Never\n"));
  EXPECT_THAT(explained("agent.spec.resources.limits.cpu"), HasSubstr("range: 10m to 512\n"));
  EXPECT_THAT(explained("agent.spec.resources.limits.memory"), HasSubstr("range: 6Mi to 4Ti\n"));
}

TEST(Explain, ListsAreWalkedThrough) {
  EXPECT_THAT(explained("agent.spec.env"), HasSubstr("FIELD:    env <[]Object>"));
  EXPECT_THAT(explained("agent.spec.env.name"), HasSubstr("FIELD:    name <string> -required-"));
  EXPECT_THAT(explained("execution.metadata.labels"), HasSubstr("<map[string]string>"));
}

TEST(Explain, TheKindMayBeWrittenAsAnywhereElse) {
  EXPECT_EQ(explained("Quotas"), explained("quota"));
  EXPECT_THAT(explained("quota"), HasSubstr("DESCRIPTION:\n    The limits of one user"));
  EXPECT_THAT(explained("quota"), Not(HasSubstr("FIELD:")));
}

TEST(Explain, RecursiveShowsNamesAndTypesOfEverythingBelow) {
  const auto text = explained("agent.spec", true);
  EXPECT_THAT(text, HasSubstr("\nFIELDS:\n  image <string> -required-\n"));
  EXPECT_THAT(text, HasSubstr("\n  resources <Object>\n    limits <Object>\n      cpu <cores>\n"));
  EXPECT_THAT(text, HasSubstr("\n  env <[]Object>\n    name <string> -required-\n"));
}

TEST(Explain, NoLineIsTooLongForATerminal) {
  for (const auto* path : {"agent", "agent.spec", "entitlement.spec", "quota.spec", "execution.spec"}) {
    std::istringstream lines(explained(path));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(Explain, WhatIsUnknownIsRefusedWithTheNearestName) {
  EXPECT_EQ(explained("agnet"),
            "error: expected agent, entitlement, quota or execution, got \"agnet\"; did you mean \"agent\"?");
  EXPECT_EQ(explained("agent.spec.resuorces"),
            "error: agent.spec has no field \"resuorces\"; did you mean \"resources\"?");
  EXPECT_EQ(explained("agent.spec.retry.zebra"),
            "error: agent.spec.retry has no field \"zebra\"; expected one of limit, nodeLost");
  EXPECT_EQ(explained("agent.spec.image.tag"),
            "error: agent.spec.image has no field \"tag\"; it has no fields");
  EXPECT_THAT(explained("agent."), HasSubstr("error: agent has no field \"\""));
  EXPECT_THAT(explained(""), HasSubstr("error: expected agent"));
}

TEST(Reference, ThePageIsWhatTheSchemasSay) {
  std::ostringstream page;
  page << std::ifstream(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/reference.md").rdbuf();
  EXPECT_EQ(page.str(), reference_page()) << "run `slipway explain --markdown > docs/reference.md`";
}

}  // namespace
}  // namespace slipway::cli
