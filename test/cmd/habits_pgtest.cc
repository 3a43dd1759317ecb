// What a hand that knows kubectl types, each line run in a database of its own.
#include <gtest/gtest.h>
#include <signal.h>

#include "test/cmd/habits.h"
#include "test/cmd/shop.h"

namespace slipway::test {
namespace {

Ran interrupt_after(const Shop& shop, const Habit& habit) {
  const auto command = shop.start(habit.line, habit.input);
  eventually([&] { return fits(habit.out, command->out()) || command->ended(); });
  command->signal(SIGINT);
  return command->finish();
}

class Habits : public testing::TestWithParam<Way> {};

TEST_P(Habits, EachLineDoesWhatItDoesInKubectl) {
  int as_expected = 0;
  for (const auto& habit : habits()) {
    const Shop shop(GetParam());
    const auto ran = habit.interrupted ? interrupt_after(shop, habit) : shop.run(habit.line, habit.input);
    const bool good = ran.exit_code == habit.exit_code && fits(habit.out, ran.out);
    as_expected += good;
    EXPECT_TRUE(good) << habit.line << "\nended with " << ran.exit_code << ", expected " << habit.exit_code
                      << "\n--- printed\n"
                      << ran.out << "--- expected\n"
                      << habit.out << "--- errors\n"
                      << ran.err;
  }
  std::cout << (GetParam() == Way::Http ? "over HTTP, " : "") << "habits: " << as_expected << " of "
            << habits().size() << " as expected\n";
}

INSTANTIATE_TEST_SUITE_P(BothWays, Habits, testing::Values(Way::Postgres, Way::Http),
                         [](const auto& way) { return way.param == Way::Http ? "Http" : "Postgres"; });

}  // namespace
}  // namespace slipway::test
