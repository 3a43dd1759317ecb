#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/json_schema/json_schema.h"
#include "api/json_schema/rules.h"

namespace slipway::json_schema {

/// Which values inside one object or array some keyword has looked at: what `unevaluated*` asks.
struct Evaluated {
  bool everything = false;
  std::vector<const nlohmann::json*> places;  ///< their addresses; some may stand twice
};

/// One validation. Recursion is bounded by `kDeepestNesting`, time by fuel.
class Run {
 public:
  Run(const Schema& schema, std::uint64_t fuel) : schema_(schema), fuel_(fuel) {}
  Verdict verdict(const nlohmann::json& instance);

 private:
  using json = nlohmann::json;

  /// Whether the value fits the schema. What was evaluated is added to `out` (if anybody asks) only when it
  /// does.
  bool apply(NodeId id, const json& value, Evaluated* out);
  bool apply_rules(const Node& node, const json& value, Evaluated* seen);
  /// The same without reports, for a schema that may fail.
  bool try_apply(NodeId id, const json& value, Evaluated* out);

  // check_values.cc
  bool check(const TypeRule& rule, const json& value, Evaluated* seen);
  bool check(const OneOfValuesRule& rule, const json& value, Evaluated* seen);
  bool check(const BoundRule& rule, const json& value, Evaluated* seen);
  bool check(const MultipleRule& rule, const json& value, Evaluated* seen);
  bool check(const CountRule& rule, const json& value, Evaluated* seen);
  bool check(const PatternRule& rule, const json& value, Evaluated* seen);
  // check_items.cc
  bool check(const ItemsRule& rule, const json& value, Evaluated* seen);
  bool check(const ContainsRule& rule, const json& value, Evaluated* seen);
  bool check(const UniqueRule& rule, const json& value, Evaluated* seen);
  bool check(const UnevaluatedItemsRule& rule, const json& value, Evaluated* seen);
  // check_properties.cc
  bool check(const RequiredRule& rule, const json& value, Evaluated* seen);
  bool check(const PropertiesRule& rule, const json& value, Evaluated* seen);
  bool check(const NamesRule& rule, const json& value, Evaluated* seen);
  bool check(const DependentRule& rule, const json& value, Evaluated* seen);
  bool check(const UnevaluatedPropertiesRule& rule, const json& value, Evaluated* seen);
  bool check_property(const PropertiesRule& rule, const std::string& name, const json& value,
                      Evaluated* seen);
  bool check_names(const std::vector<std::string>& names, const json& value, const char* keyword,
                   const std::string& because);
  // check_logic.cc
  bool check(const AllOfRule& rule, const json& value, Evaluated* seen);
  bool check(const AnyOfRule& rule, const json& value, Evaluated* seen);
  bool check(const OneOfRule& rule, const json& value, Evaluated* seen);
  bool check(const NotRule& rule, const json& value, Evaluated* seen);
  bool check(const IfRule& rule, const json& value, Evaluated* seen);
  bool check(const RefRule& rule, const json& value, Evaluated* seen);
  bool check(const DynamicRefRule& rule, const json& value, Evaluated* seen);

  /// Takes fuel; false when there is none left.
  bool spend(std::uint64_t steps);
  bool matches(PatternId pattern, const std::string& text);
  /// Whether nothing more can change the verdict.
  bool settled(bool ok) const { return gave_up_ || full_ || (!ok && quiet_ > 0); }
  /// Reports a failed keyword of the schema at hand, unless nobody listens. Always false.
  template <class Sentence>
  bool fail(const char* keyword, Sentence sentence) {
    if (quiet_ == 0 && !gave_up_ && !full_) report(keyword, sentence());
    return false;
  }
  void report(const char* keyword, std::string message);

  /// One step down in the instance while it lives.
  class Inside {
   public:
    Inside(Run& run, const std::string& key) : run_(run) { run.path_.push_back({&key, 0}); }
    Inside(Run& run, std::size_t index) : run_(run) { run.path_.push_back({nullptr, index}); }
    ~Inside() { run_.path_.pop_back(); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Run& run_;
  };

  const Schema& schema_;
  std::uint64_t fuel_;
  bool gave_up_ = false;
  bool full_ = false;
  int quiet_ = 0;
  std::size_t depth_ = 0;
  NodeId current_ = 0;
  std::vector<ResourceId> scope_;  ///< resources entered, outermost first: the dynamic scope
  std::vector<std::pair<const std::string*, std::size_t>> path_;
  std::vector<Problem> problems_;
};

}  // namespace slipway::json_schema
