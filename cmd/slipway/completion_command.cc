// completion: the script that a shell loads; it calls `slipway __complete` (complete.h).
#include <CLI/CLI.hpp>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/complete.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

// Bash cuts words at = and : as well, so the line is cut here once more, at blanks alone; what stands before
// bash's own piece of the word is then taken off each candidate.
constexpr std::string_view kBash = R"(# slipway completion for bash:  source <(slipway completion bash)
_slipway() {
  local line=${COMP_LINE:0:COMP_POINT} current= piece=${COMP_WORDS[COMP_CWORD]} candidate
  local -a words
  read -ra words <<<"$line"
  if [[ $line == *[[:blank:]] ]]; then words+=(""); fi
  current=${words[-1]}
  if [[ $piece == [=:] ]]; then piece=; fi
  local before=${current%"$piece"}
  COMPREPLY=()
  while IFS= read -r candidate; do
    candidate=${candidate%%$'\t'*}
    if [[ $candidate == :files ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$piece")
      return
    fi
    COMPREPLY+=("${candidate#"$before"}")
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F _slipway slipway
)";

constexpr std::string_view kZsh = R"(#compdef slipway
# slipway completion for zsh:  source <(slipway completion zsh), or a file _slipway in $fpath
_slipway() {
  local line
  local -a values shown open
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compset -P '*='
      _files
      return
    fi
    if [[ ${line%%$'\t'*} == *= ]]; then open+=("${line%%$'\t'*}"); continue; fi
    values+=("${line%%$'\t'*}")
    shown+=("${line/$'\t'/  -- }")
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  compadd -l -d shown -a values
  compadd -S '' -a open
}
# Sourced, it says what it completes; found in $fpath, it is being called for the first time.
if [[ $funcstack[1] == _slipway ]]; then _slipway "$@"; else compdef _slipway slipway; fi
)";

constexpr std::string_view kFish = R"(# slipway completion for fish:  slipway completion fish | source
function __slipway_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test "$candidates[1]" = ":files"
        __fish_complete_path (string replace -r '^--[a-z-]+=' '' -- "$current")
    else
        printf '%s\n' $candidates
    end
end
complete -c slipway -f -a '(__slipway_complete)'
)";

}  // namespace

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  return shell == "fish" ? kFish : "";
}

void add_completion_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("completion", "Print the script that lets a shell complete commands and names");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&session, shell] { session.exit_code = put(completion_script(*shell)) ? 0 : 1; });
}

}  // namespace slipway::cli
