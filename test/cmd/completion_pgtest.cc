// The three shells themselves, with the scripts that `slipway completion` prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/cmd/shop.h"
#include "test/support/terminal/terminal.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A line as it is typed, and what the shell offers for its last word.
struct Case {
  std::string line;
  std::string offers;  // a line each, sorted
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"slipway cor", "cordon"},
      {"slipway get ag", "agents"},
      {"slipway get agents ", "keyphrases momentum"},
      {"slipway get agents k", "keyphrases"},
      {"slipway describe agent/m", "agent/momentum"},
      {"slipway logs -f s", "second"},
      {"slipway get ex --st", "--status"},
      {"slipway get ex --status=P", "--status=PENDING"},
      {"slipway get ex -o wi", "wide"},
      {"slipway wait --for=condition=Fi", "--for=condition=Finished"},
      {"slipway cordon ", "n1"},
      {"slipway completion z", "zsh"},
      {"slipway apply -f fre", "fresh.yaml"},
  };
  return all;
}

TEST(Completion, BashOffersWhatFits) {
  const Shop shop;
  // As readline hands a line over: cut at blanks, = and :, each of the latter a word of its own.
  shop.write("ask.bash", R"(source <(slipway completion bash)
COMP_LINE=$1 COMP_POINT=${#1}
mapfile -t COMP_WORDS < <(printf '%s' "$1" | grep -oE '[=:]|[^ =:]+')
[[ $1 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_slipway
before=${1##* }
[[ $before == *[=:]* ]] && before=${before%"${before##*[=:]}"} || before=
printf '%s\n' "${COMPREPLY[@]/#/$before}" | sort | tr '\n' ' '
)");
  for (const auto& [line, offers] : cases())
    EXPECT_EQ(shop.run("bash ask.bash '" + line + "'").out, offers + " ") << line;
}

TEST(Completion, FishOffersWhatFits) {
  const Shop shop;
  shop.write("ask.fish",
             "slipway completion fish | source\ncomplete -C $argv[1] | string replace -r '\\t.*' ''\n");
  for (const auto& [line, offers] : cases()) {
    const auto ran = shop.run("HOME=$PWD fish --no-config ask.fish '" + line + "' | sort | tr '\\n' ' '");
    EXPECT_EQ(ran.out, offers + " ") << line << "\n" << ran.err;
  }
}

TEST(Completion, ZshOffersWhatFits) {
  const Shop shop;
  auto environment = shop.environment();
  environment["HOME"] = environment["ZDOTDIR"] = shop.directory();
  environment["TERM"] = "dumb";
  Terminal zsh({"/usr/bin/zsh", "-f", "-i"}, environment);
  zsh.type("PS1='ready> '; setopt no_beep; unset zle_bracketed_paste; cd " + shop.directory().string() +
           "; autoload -Uz compinit; compinit -u -D; source <(slipway completion zsh); echo load''ed\n");
  const auto ready = [](const std::string& screen) {
    return screen.find("loaded\r\n") != std::string::npos && screen.ends_with("ready> ");
  };
  ASSERT_TRUE(zsh.shows(ready)) << zsh.screen();
  for (const auto& [line, offers] : cases()) {
    if (offers.find(' ') != std::string::npos) continue;  // a list: looked at below
    zsh.forget();
    zsh.type(line + "\t");
    const auto whole = line.substr(0, line.rfind(' ') + 1) + offers;
    EXPECT_TRUE(zsh.shows(whole)) << line << "\n" << zsh.screen();
    zsh.type("\x15");  // away with the line
  }
  zsh.forget();
  zsh.type("slipway get agents \t");
  EXPECT_TRUE(zsh.shows("keyphrases")) << zsh.screen();
  EXPECT_TRUE(zsh.shows("momentum")) << zsh.screen();
}

TEST(Completion, BashAtATerminalCompletesTheWord) {
  const Shop shop;
  auto environment = shop.environment();
  environment["TERM"] = "dumb";
  Terminal bash({"/bin/bash", "--norc", "--noprofile", "-i"}, environment);
  bash.type("source <(slipway completion bash); echo load''ed\n");
  ASSERT_TRUE(bash.shows("loaded\r\n")) << bash.screen();
  bash.type("slipway wait --for=cond\tFin\t execution/fi\t; echo do''ne\n");
  EXPECT_TRUE(bash.shows("execution/first condition met\r\n")) << bash.screen();
  EXPECT_TRUE(bash.shows("done\r\n")) << bash.screen();
}

TEST(Completion, ANameThatAShellWouldObeyIsNotOffered) {
  Shop shop;
  shop.sql().exec(R"(INSERT INTO slipway.entitlements (id, user_id, agent) VALUES
    ('$(reboot)', 'u-42', 'momentum'), ('a b', 'u-42', 'momentum'), ('-rf', 'u-42', 'momentum'), ('`id`', 'u-42', 'momentum'))");
  EXPECT_EQ(shop.run("slipway __complete get entitlements ''").out, "e-1\n");
  EXPECT_THAT(shop.run("slipway __complete get --").out, HasSubstr("--selector\t"));
  EXPECT_THAT(shop.run("slipway __complete ''").out, Not(HasSubstr("__complete")));
  EXPECT_EQ(
      shop.run("SLIPWAY_DATABASE_URL=postgresql://nobody@/none?host=/none slipway __complete get ag ''").out,
      "");
}

}  // namespace
}  // namespace slipway::test
