// What never answers: a start that the image itself blocks, and a registry that takes connections and says
// nothing.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/faults/containers.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;

constexpr const char* kQuick = "cp /input/input.json /output/result.json";

House::Options options() {
  House::Options options;
  options.flags = {"--resync", "1s", "--node-slots", "4", "--engine-patience", "5s", "--pull-timeout", "3s"};
  return options;
}

bool was_given_back(House& house, const std::string& id) {
  return house.sql().value(
             "SELECT refunded_at IS NOT NULL FROM slipway.entitlement_spends WHERE execution_id = $1",
             {id}) == "t";
}

/// The engine reads /etc/passwd of the image as it starts a container, and waits for a writer that never
/// comes.
TEST(Silence, OfAnImageCostsItsAuthorsRunsAndNobodyElses) {
  House house(options());
  house.engine().import_image(
      "pipe:1", {{.path = "etc/", .bytes = ""}, {.path = "etc/passwd", .bytes = "", .fifo = true}});
  house.agent("pipe", "true", R"({"image": "pipe:1"})");
  house.agent("quick", kQuick);
  const auto first = house.insert("pipe"), second = house.insert("pipe");
  ASSERT_TRUE(house.wait_for(first, "stage", "Launching"));
  ASSERT_TRUE(house.wait_for(second, "stage", "Launching"));
  EXPECT_EQ(house.finished(house.insert("quick"))["reason"], "Completed");
  for (const auto& id : {first, second}) {
    ASSERT_TRUE(house.wait_for(id, "stage", "Finished", 150'000));
    EXPECT_EQ(house.row(id)["reason"], "EngineError");
    EXPECT_TRUE(was_given_back(house, id));
  }
  EXPECT_THAT(house.daemon().get("/metrics"), HasSubstr("slipway_node_slots_lost 2"));
  const auto told = house.daemon().get("/readyz");
  EXPECT_THAT(told, HasSubstr("2 of 4 lost to containers that the engine does not answer about"));
  EXPECT_THAT(told, HasSubstr("two starts from it were never answered"));
  EXPECT_TRUE(house.daemon().ready()) << "others have their turn: " << told;
  EXPECT_EQ(house.finished(house.insert("pipe"))["reason"], "ImageNotAllowed");
  EXPECT_EQ(house.finished(house.insert("quick"))["reason"], "Completed");

  house.engine().restart();
  EXPECT_EQ(house.finished(first, 60'000)["reason"], "EngineError");
  EXPECT_EQ(house.finished(second, 60'000)["reason"], "EngineError");
  EXPECT_THAT(house.daemon().get("/metrics"), HasSubstr("slipway_node_slots_lost 0"));
  // The engine that came back is probed, which makes a container for a moment.
  EXPECT_TRUE(wait_until([&] { return house.leftovers().empty(); }, 30'000));
}

/// Takes every connection, and never says a word.
class SilentRegistry {
 public:
  SilentRegistry() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 64), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentRegistry() { close(listener_); }
  SilentRegistry(const SilentRegistry&) = delete;
  SilentRegistry& operator=(const SilentRegistry&) = delete;
  std::string image(const std::string& name) const {
    return "127.0.0.1:" + std::to_string(port_) + "/" + name + ":1";
  }

 private:
  int listener_;
  int port_ = 0;
};

TEST(Silence, OfARegistryIsNoAffairOfWhoNeedsNoneAndEndsForWhoDoes) {
  SilentRegistry registry;
  House house(options());
  house.agent("quick", kQuick);
  std::vector<std::string> waiting;
  for (int i = 0; i < 3; ++i) {
    const auto name = "away-" + std::to_string(i);
    house.agent(name, "true",
                R"({"image": ")" + registry.image(name) + R"(", "imagePullPolicy": "IfNotPresent"})");
    waiting.push_back(house.insert(name));
  }
  for (const auto& id : waiting) ASSERT_TRUE(house.wait_for(id, "reason", "PullingImage"));
  EXPECT_EQ(house.finished(house.insert("quick"), 10'000)["reason"], "Completed");
  for (const auto& id : waiting) {
    EXPECT_EQ(house.finished(id, 90'000)["reason"], "ImagePullFailed");
    EXPECT_TRUE(was_given_back(house, id));
  }
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace slipway::test
