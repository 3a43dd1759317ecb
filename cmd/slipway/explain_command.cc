// explain: what a field means, from the schemas in the binary; no database is asked.
#include <CLI/CLI.hpp>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/explain.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

struct Question {
  std::string path;
  bool recursive = false;
  bool markdown = false;
};

int answer(const Question& question) {
  if (question.markdown) return put(reference_page()) ? 0 : 1;
  if (question.path.empty()) throw CLI::RequiredError("KIND");
  const auto text = explain(question.path, question.recursive);
  if (!text) return fail(text.error());
  return put(*text) ? 0 : 1;
}

}  // namespace

void add_explain_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("explain", "Say what a kind or one of its fields means");
  auto question = std::make_shared<Question>();
  command->add_option("KIND", question->path,
                      "agent, entitlement, quota or execution; a field as agent.spec.resources");
  command->add_flag("--recursive", question->recursive, "names and types of everything below");
  command->add_flag("--markdown", question->markdown, "every kind, as docs/reference.md has it")->group("");
  command->callback([&session, question] { session.exit_code = answer(*question); });
}

}  // namespace slipway::cli
