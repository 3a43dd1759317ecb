#include "api/json_schema/in_place.h"

#include <algorithm>

#include "api/json_schema/limits.h"
#include "api/json_schema/sentences.h"

namespace slipway::json_schema {
namespace {

/// Collects the schemas that a rule applies to the very value it is given.
struct InPlace {
  std::vector<NodeId> found;

  void take(const std::optional<NodeId>& schema) {
    if (schema) found.push_back(*schema);
  }
  void take(const std::vector<NodeId>& schemas) { found.insert(found.end(), schemas.begin(), schemas.end()); }

  void operator()(const AllOfRule& rule) { take(rule.schemas); }
  void operator()(const AnyOfRule& rule) { take(rule.schemas); }
  void operator()(const OneOfRule& rule) { take(rule.schemas); }
  void operator()(const NotRule& rule) { take(rule.schema); }
  void operator()(const DependentRule& rule) { take(rule.schema); }
  void operator()(const RefRule& rule) { take(rule.target); }
  void operator()(const DynamicRefRule& rule) {
    if (rule.anchor.empty()) take(rule.target);
  }
  void operator()(const IfRule& rule) {
    take(rule.condition);
    take(rule.then);
    take(rule.otherwise);
  }
  // These look at the value alone, or at what it holds.
  void operator()(const TypeRule&) {}
  void operator()(const OneOfValuesRule&) {}
  void operator()(const BoundRule&) {}
  void operator()(const MultipleRule&) {}
  void operator()(const CountRule&) {}
  void operator()(const PatternRule&) {}
  void operator()(const ItemsRule&) {}
  void operator()(const ContainsRule&) {}
  void operator()(const UniqueRule&) {}
  void operator()(const RequiredRule&) {}
  void operator()(const PropertiesRule&) {}
  void operator()(const NamesRule&) {}
  void operator()(const UnevaluatedItemsRule&) {}
  void operator()(const UnevaluatedPropertiesRule&) {}
};

/// Depth first with a stack of its own: a chain of references may be as long as there are schemas.
class InPlaceWalk {
 public:
  explicit InPlaceWalk(const Schema& schema) : schema_(schema), states_(schema.nodes.size()) {}

  std::optional<InPlaceProblem> from(NodeId root) {
    if (states_[root].mark == Mark::Fresh) enter(root);
    while (!open_.empty() && !problem_) advance();
    return problem_;
  }

 private:
  enum class Mark { Fresh, Open, Done };
  struct State {
    Mark mark = Mark::Fresh;
    std::uint64_t paths = 1;
    std::size_t depth = 1;
  };
  struct Frame {
    NodeId node;
    std::vector<NodeId> next;
  };

  void enter(NodeId node) {
    InPlace collect;
    for (const auto& rule : schema_.nodes[node].rules) std::visit(collect, rule);
    states_[node].mark = Mark::Open;
    open_.push_back({node, std::move(collect.found)});
  }

  void advance() {
    auto& frame = open_.back();
    if (frame.next.empty()) return leave(frame.node);
    const auto next = frame.next.back();
    switch (states_[next].mark) {
      case Mark::Open:
        problem_ = {next, "applies itself to the same value again, without end"};
        return;
      case Mark::Done:
        frame.next.pop_back();
        return add(frame.node, next);
      case Mark::Fresh:
        return enter(next);
    }
  }

  void add(NodeId node, NodeId done) {
    auto& state = states_[node];
    state.paths += states_[done].paths;
    state.depth = std::max(state.depth, states_[done].depth + 1);
    if (state.paths > kMostInPlace)
      problem_ = {node, "applies more than " + plural(kMostInPlace, "schema") + " to one value"};
    else if (state.depth > kDeepestInPlace)
      problem_ = {node, "leads through more than " + plural(kDeepestInPlace, "schema") + " for one value"};
  }

  void leave(NodeId node) {
    states_[node].mark = Mark::Done;
    open_.pop_back();
  }

  const Schema& schema_;
  std::vector<State> states_;
  std::vector<Frame> open_;
  std::optional<InPlaceProblem> problem_;
};

}  // namespace

std::optional<InPlaceProblem> check_in_place(const Schema& schema) {
  InPlaceWalk walk(schema);
  for (NodeId node = 0; node < schema.nodes.size(); ++node)
    if (auto problem = walk.from(node)) return problem;
  return std::nullopt;
}

}  // namespace slipway::json_schema
