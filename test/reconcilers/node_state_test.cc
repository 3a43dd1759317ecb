#include "reconcilers/node_state.h"

#include <gtest/gtest.h>

namespace slipway::reconcilers {
namespace {

class HandClock : public Clock {
 public:
  TimePoint now() const override { return TimePoint{} + time; }
  Duration monotonic() const override { return time; }
  Duration time{0};
};

using namespace std::chrono_literals;

TEST(Lease, IsAskedAtTheMomentOfUse) {
  HandClock clock;
  Lease lease(clock);
  EXPECT_FALSE(lease.held());
  lease.renew(15s);
  EXPECT_TRUE(lease.held());
  clock.time = 15s;  // a process that was stopped meanwhile finds it gone
  EXPECT_FALSE(lease.held());
  lease.set_wishes(false, true);
  EXPECT_TRUE(lease.cordoned()) << "draining claims nothing";
}

TEST(StartGate, LetsInAsManyAsItIsWideAndCallsTheNextInOrder) {
  std::vector<ExecutionId> called;
  StartGate gate(2, [&](const ExecutionId& id) { called.push_back(id); });
  EXPECT_TRUE(gate.enter("a"));
  EXPECT_TRUE(gate.enter("b"));
  EXPECT_FALSE(gate.enter("c"));
  EXPECT_FALSE(gate.enter("d"));
  EXPECT_FALSE(gate.enter("c")) << "asking again keeps the place";
  gate.leave();
  EXPECT_EQ(called, (std::vector<ExecutionId>{"c"}));
  EXPECT_TRUE(gate.enter("c"));
  gate.leave();
  EXPECT_EQ(called.back(), "d");
}

TEST(StartGate, OneThatWithdrawsPassesTheTurnOn) {
  std::vector<ExecutionId> called;
  StartGate gate(1, [&](const ExecutionId& id) { called.push_back(id); });
  EXPECT_TRUE(gate.enter("a"));
  EXPECT_FALSE(gate.enter("b"));
  EXPECT_FALSE(gate.enter("c"));
  gate.leave();
  gate.withdraw("b");  // cancelled when it was called
  EXPECT_EQ(called, (std::vector<ExecutionId>{"b", "c"}));
}

TEST(Slots, AreFreedOnce) {
  int freed = 0;
  Slots slots(2, [&] { ++freed; });
  slots.hold("a");
  slots.hold("a");
  EXPECT_EQ(slots.free(), 1);
  slots.release("a");
  slots.release("a");
  EXPECT_EQ(freed, 1);
  EXPECT_EQ(slots.free(), 2);
}

TEST(ImageTable, AnswersWhoWaited) {
  HandClock clock;
  ImageTable images(clock);
  const auto key = ImageTable::key_of("img:1", ImagePullPolicy::IfNotPresent);
  EXPECT_EQ(ImageTable::split(key), std::pair(std::string("img:1"), ImagePullPolicy::IfNotPresent));
  images.wait(key, "e1");
  EXPECT_EQ(images.view(key, "e1").state, ImageView::State::Unknown);
  EXPECT_EQ(images.answer(key, {ImageView::State::Present, "sha256:1", ""}), (std::set<ExecutionId>{"e1"}));
  EXPECT_EQ(images.view(key, "e2").id, "sha256:1") << "who comes soon profits";
  images.forget(key);
  EXPECT_EQ(images.view(key, "e1").state, ImageView::State::Unknown);
}

TEST(ImageTable, LooksAgainForWhoComesLater) {
  HandClock clock;
  ImageTable images(clock);
  const auto key = ImageTable::key_of("img:1", ImagePullPolicy::Never);
  images.wait(key, "e1");
  images.answer(key, {ImageView::State::Present, "sha256:1", ""});
  clock.time = 2s;
  EXPECT_EQ(images.view(key, "e2").state, ImageView::State::Unknown) << "the tag may have been moved";
  EXPECT_EQ(images.view(key, "e1").id, "sha256:1") << "but who was answered waits for no second answer";
  images.wait(key, "e2");
  images.answer(key, {ImageView::State::Present, "sha256:2", ""});
  EXPECT_EQ(images.view(key, "e2").id, "sha256:2");
}

TEST(ImageTable, UnderAlwaysAnAnswerServesOnlyWhoWaitedForIt) {
  HandClock clock;
  ImageTable images(clock);
  const auto key = ImageTable::key_of("img:1", ImagePullPolicy::Always);
  images.wait(key, "e1");
  images.answer(key, {ImageView::State::Present, "sha256:1", ""});
  EXPECT_EQ(images.view(key, "e1").state, ImageView::State::Present);
  EXPECT_EQ(images.view(key, "e2").state, ImageView::State::Unknown);
  images.release("e1");
  EXPECT_EQ(images.view(key, "e1").state, ImageView::State::Unknown);
}

}  // namespace
}  // namespace slipway::reconcilers
