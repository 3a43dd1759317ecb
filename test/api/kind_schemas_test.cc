// The published schemas of the kinds against the parser, which decides: the same fields both ways, the same
// defaults, the same bounds; and what the parser takes fits the schema.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/json_schema/json_schema.h"
#include "api/kinds.h"
#include "api/schemas/kind_schemas.h"

namespace slipway {
namespace {

using nlohmann::json;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

json schema_of(std::string_view kind) {
  for (const auto& [name, text] : schemas::kind_schemas())
    if (name == kind) return json::parse(text);
  return {};
}

std::vector<std::string> kinds() {
  std::vector<std::string> names;
  for (const auto& schema : schemas::kind_schemas()) names.emplace_back(schema.kind);
  return names;
}

ObjectsOrErrors parse(const json& document) { return parse_objects({parse_yaml(document.dump(), "a.yaml")}); }

std::vector<std::string> errors_of(const json& document) {
  std::vector<std::string> lines;
  for (const auto& error : parse(document).errors) lines.push_back(error.path + ": " + error.message);
  return lines;
}

// The example a field gives, or the examples of all it requires.
json sample(const json& field) {
  if (field.contains("const")) return field["const"];
  if (field.contains("examples")) return field["examples"][0];
  if (field.value("type", json()) == "array") return json::array({sample(field["items"])});
  auto object = json::object();
  for (const auto& name : field.value("required", json::array()))
    object[name.get<std::string>()] = sample(field["properties"][name.get<std::string>()]);
  return object;
}

json minimal(const std::string& kind) {
  auto document = sample(schema_of(kind));
  if (kind == "execution") document["metadata"]["name"] = "morning-run";
  return document;
}

struct Field {
  json::json_pointer at;  // in a document
  json schema;
};

void collect(const json& schema, const json::json_pointer& at, std::vector<Field>& fields) {
  if (schema.contains("items")) return collect(schema["items"], at / 0, fields);
  if (!schema.contains("properties")) return;
  for (const auto& [name, field] : schema["properties"].items()) {
    fields.push_back({at / name, field});
    collect(field, at / name, fields);
  }
}

std::vector<Field> fields_of(const std::string& kind) {
  std::vector<Field> fields;
  collect(schema_of(kind), json::json_pointer(), fields);
  return fields;
}

// A document that is fine but for this one field.
json with(const std::string& kind, const json::json_pointer& at, const json& value) {
  auto document = minimal(kind);
  const auto pointer = at.to_string();
  if (pointer.starts_with("/spec/env/0")) document["spec"]["env"][0]["name"] = "MODE";
  if (pointer == "/metadata/generateName") document["metadata"].erase("name");
  if (pointer == "/spec/maxTimeout") document["spec"]["timeout"] = 1;
  if (kind == "quota" && pointer == "/spec/user") document["metadata"]["name"] = value;
  document[at] = value;
  if (kind == "execution" && pointer == "/metadata") document["metadata"]["name"] = "morning-run";
  return document;
}

std::vector<std::string> misfits(const std::string& kind, const json& document) {
  const auto compiled = json_schema::compile(schema_of(kind));
  std::vector<std::string> lines;
  for (const auto& problem : compiled.problems) lines.push_back(problem.schema + ": " + problem.message);
  if (compiled.schema == nullptr) return lines;
  for (const auto& problem : json_schema::validate(*compiled.schema, document).problems)
    lines.push_back(problem.instance + ": " + problem.message);
  return lines;
}

TEST(KindSchemas, AreSchemasAndDescribeEveryField) {
  EXPECT_THAT(kinds(), testing::ElementsAre("agent", "entitlement", "quota", "execution"));
  for (const auto& kind : kinds()) {
    EXPECT_THAT(json_schema::compile(schema_of(kind)).problems, IsEmpty()) << kind;
    EXPECT_GT(fields_of(kind).size(), 10U);
    for (const auto& [at, field] : fields_of(kind))
      EXPECT_GT(field.value("description", "").size(), 5U) << kind << at.to_string();
  }
}

TEST(KindSchemas, TheParserKnowsEveryFieldOfTheSchemas) {
  int tried = 0;
  for (const auto& kind : kinds()) {
    for (const auto& [at, field] : fields_of(kind)) {
      const auto document = with(kind, at, sample(field));
      EXPECT_THAT(errors_of(document), IsEmpty()) << document;
      EXPECT_THAT(misfits(kind, document), IsEmpty()) << document;
      ++tried;
    }
  }
  EXPECT_GT(tried, 80);
}

// An object with a field nobody knows makes the parser list those that it does.
TEST(KindSchemas, TheSchemasKnowEveryFieldOfTheParser) {
  const std::string nonsense = "qqqqqqqqqqqqqqqqqqqqqqqqq";
  for (const auto& kind : kinds()) {
    auto fields = fields_of(kind);
    fields.push_back({json::json_pointer(), schema_of(kind)});
    if (kind == "agent")
      fields.push_back({json::json_pointer("/spec/env/0"),
                        schema_of(kind)["properties"]["spec"]["properties"]["env"]["items"]});
    for (const auto& [at, schema] : fields) {
      if (!schema.contains("properties")) continue;
      auto document = with(kind, at / nonsense, 1);
      std::string names;
      for (const auto& [name, field] : schema["properties"].items())
        names += (names.empty() ? "" : ", ") + name;
      const auto errors = errors_of(document);
      ASSERT_EQ(errors.size(), 1U) << document;
      EXPECT_TRUE(errors[0].ends_with(nonsense + ": unknown field; expected one of " + names))
          << errors[0] << "\n"
          << names;
      EXPECT_FALSE(misfits(kind, document).empty()) << document;
    }
  }
}

TEST(KindSchemas, WhatIsRequiredIsRequiredByBoth) {
  for (const auto& kind : kinds()) {
    for (const auto& [at, field] : fields_of(kind)) {
      for (const auto& name : field.value("required", json::array())) {
        if (at.to_string().find("env") != std::string::npos) continue;
        auto document = minimal(kind);
        document[at].erase(name.get<std::string>());
        EXPECT_THAT(errors_of(document),
                    testing::Contains(testing::EndsWith(name.get<std::string>() + ": is required")))
            << document;
        EXPECT_FALSE(misfits(kind, document).empty()) << document;
      }
    }
  }
}

TEST(KindSchemas, DefaultsAreTheParsers) {
  int compared = 0;
  for (const auto& kind : kinds()) {
    for (const auto& [at, field] : fields_of(kind)) {
      if (!field.contains("default")) continue;
      const auto said = with(kind, at, field["default"]);
      auto unsaid = said;
      unsaid[at.parent_pointer()].erase(at.back());
      const auto one = parse(said);
      const auto other = parse(unsaid);
      ASSERT_THAT(one.errors, IsEmpty()) << said;
      EXPECT_EQ(one.objects.at(0).spec, other.objects.at(0).spec) << said;
      EXPECT_EQ(one.objects.at(0).labels, other.objects.at(0).labels) << said;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 23);
}

// And what the parser fills in, the schema says.
TEST(KindSchemas, WhatTheParserFillsInIsTheSchemasDefault) {
  for (const auto& kind : kinds()) {
    const auto given = minimal(kind);
    const auto written = to_json(parse(given).objects.at(0));
    for (const auto& [at, field] : fields_of(kind)) {
      if (field.contains("properties") || !written.contains(at) || given.contains(at)) continue;
      const auto expected = at.to_string() == "/spec/maxTimeout" ? "5m" : field.value("default", json());
      EXPECT_EQ(written[at], expected) << kind << at.to_string();
    }
  }
}

// The last values within the bounds and the first ones beyond, in the numbers the schema counts in.
TEST(KindSchemas, BoundsAreTheParsers) {
  int tried = 0;
  for (const auto& kind : kinds()) {
    for (const auto& [at, field] : fields_of(kind)) {
      if (!field.contains("minimum")) continue;
      const double step = field.value("x-slipway-type", "") == "cores" ? 0.001 : 1;
      const auto number = [&](const char* bound, double off) {
        const auto value = field[bound].get<double>() + off * step;
        return step == 1 ? json(std::llround(value)) : json(std::round(value * 1000) / 1000);
      };
      for (const auto& good : {number("minimum", 0), number("maximum", 0)}) {
        EXPECT_THAT(errors_of(with(kind, at, good)), IsEmpty()) << at.to_string();
        EXPECT_THAT(misfits(kind, with(kind, at, good)), IsEmpty()) << at.to_string();
      }
      for (const auto& bad : {number("minimum", -1), number("maximum", 1)}) {
        EXPECT_THAT(errors_of(with(kind, at, bad)), testing::Contains(testing::HasSubstr("expected")))
            << at.to_string() << bad;
        EXPECT_FALSE(misfits(kind, with(kind, at, bad)).empty()) << at.to_string() << bad;
      }
      ++tried;
    }
  }
  EXPECT_EQ(tried, 22);
}

TEST(KindSchemas, ChoicesAreTheParsers) {
  const auto choices = schema_of("agent")["properties"]["spec"]["properties"]["imagePullPolicy"]["enum"];
  for (const auto& choice : choices)
    EXPECT_THAT(errors_of(with("agent", json::json_pointer("/spec/imagePullPolicy"), choice)), IsEmpty());
  EXPECT_EQ(errors_of(with("agent", json::json_pointer("/spec/imagePullPolicy"), "x")).at(0),
            "spec.imagePullPolicy: expected IfNotPresent, Always or Never, got \"x\"");
  EXPECT_EQ(choices.size(), 3U);
}

TEST(KindSchemas, TheSamplesFitAsWrittenAndAsWrittenBack) {
  namespace fs = std::filesystem;
  int documents = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(std::getenv("SLIPWAY_SOURCE_DIR")) / "manifests/samples")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const auto file = parse_yaml(text.str(), entry.path());
    const auto read = parse_objects({file});
    ASSERT_THAT(read.errors, IsEmpty()) << to_string(read.errors[0]);
    for (std::size_t i = 0; i < read.objects.size(); ++i) {
      const auto kind = std::string(singular_of(read.objects[i].kind()));
      EXPECT_THAT(misfits(kind, file.documents[i].value), IsEmpty()) << entry.path();
      EXPECT_THAT(misfits(kind, to_json(read.objects[i])), IsEmpty()) << entry.path();
      ++documents;
    }
  }
  EXPECT_GE(documents, 2);
}

}  // namespace
}  // namespace slipway
