#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/address.h"
#include "client/answers.h"
#include "client/log_events.h"
#include "client/wire.h"
#include "store/selector.h"

namespace slipway::client {
namespace {

using testing::HasSubstr;

TEST(Address, IsSchemeHostAndPort) {
  const struct {
    const char *url, *host, *port, *shown;
  } good[] = {{"http://localhost:8320", "localhost", "8320", "http://localhost:8320"},
              {"https://slipway.example", "slipway.example", "443", "https://slipway.example"},
              {"http://10.0.0.1/", "10.0.0.1", "80", "http://10.0.0.1"},
              {"https://[::1]:8320", "::1", "8320", "https://[::1]:8320"}};
  for (const auto& row : good) {
    const auto address = parse_address(row.url);
    ASSERT_TRUE(address) << row.url;
    EXPECT_EQ(address->host, row.host);
    EXPECT_EQ(address->port, row.port);
    EXPECT_EQ(address->url(), row.shown);
  }
  for (const auto* bad :
       {"", "localhost", "ftp://x", "http://", "http://x:", "http://x:0", "http://x:65536", "http://x:1a",
        "http://x/v1", "http://u@x", "http://x y", "https://[::1", "http://[::1]x"})
    EXPECT_FALSE(parse_address(bad)) << bad;
}

TEST(LogEvents, AreReadInWhateverPiecesTheyCome) {
  const std::string stream =
      "id: 1.1\nevent: log\ndata: "
      "{\"at\":\"2027-01-01T00:00:00Z\",\"stream\":\"stderr\",\"text\":\"a\\n\"}\n\n"
      ": still here\n\n"
      "id: 1.2\nevent: log\ndata: {\"at\":\"2027-01-01T00:00:01Z\",\"stream\":\"stdout\",\"text\":\"b\"}\n\n"
      "event: end\ndata: {\"status\":\"COMPLETED\"}\n\n";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    LogEvents events;
    for (std::size_t at = 0; at < stream.size(); at += size) events.add(stream.substr(at, size));
    ASSERT_TRUE(events.good());
    ASSERT_EQ(events.chunks().size(), 2U);
    EXPECT_EQ(events.chunks()[0].stream, LogChunk::Stream::Stderr);
    EXPECT_EQ(events.chunks()[0].bytes, "a\n");
    EXPECT_EQ(events.chunks()[1].bytes, "b");
    ASSERT_EQ(events.cursors().size(), 2U);
    EXPECT_EQ(events.cursors().back().attempt, 1);
    EXPECT_EQ(events.cursors().back().place, 2);
  }
}

TEST(LogEvents, OfSomethingElseAreRefused) {
  LogEvents broken;
  broken.add("id: 1.1\nevent: log\ndata: {\n\n");
  EXPECT_FALSE(broken.good());
  LogEvents endless;
  for (int i = 0; i < 17 && endless.good(); ++i) endless.add(std::string(1 << 20, 'x'));
  EXPECT_FALSE(endless.good());
}

TEST(Wire, KeepsTheDigitsOfAnInputAndWhereItIsFrom) {
  Object object;
  object.name = "a";
  object.file = "f.yaml";
  object.place.line = 3;
  object.spec = ExecutionSpec{.user = "u", .agent = "m", .input = R"({"price": 1.50})"};
  const auto text = application_text({object}, {.create_only = true});
  EXPECT_THAT(text, HasSubstr(R"("input":{"price": 1.50})"));
  const auto body = nlohmann::json::parse(text);
  EXPECT_EQ(body["sources"][0], "f.yaml:3");
  EXPECT_EQ(body["createOnly"], true);
  EXPECT_EQ(body["items"][0]["metadata"]["name"], "a");
}

TEST(Wire, OnlyWhatIsFoundAgainByItsNameIsRepeated) {
  Object named, nameless;
  named.name = "a";
  EXPECT_TRUE(is_repeatable({named}, {}));
  EXPECT_FALSE(is_repeatable({named}, {.create_only = true}));
  EXPECT_FALSE(is_repeatable({named, nameless}, {}));
}

TEST(Wire, SelectorsAreReadAsTheyWereMeant) {
  for (const auto* text : {"a=b", "a!=b", "a in (b,c),!d,e", "a notin (b,c)"}) {
    const auto meant = store::parse_selector(text);
    ASSERT_TRUE(meant);
    const auto read = store::parse_selector(selector_text(*meant));
    ASSERT_TRUE(read) << selector_text(*meant);
    ASSERT_EQ(read->size(), meant->size());
    for (std::size_t i = 0; i < read->size(); ++i) {
      EXPECT_EQ((*read)[i].key, (*meant)[i].key);
      EXPECT_EQ((*read)[i].op, (*meant)[i].op);
      EXPECT_EQ((*read)[i].values, (*meant)[i].values);
    }
  }
}

TEST(Answers, OfStrangersNeverCrash) {
  for (const auto* body :
       {"", "[]", "null", "1", R"({"items": 3})", R"({"items": [1, "x"], "status": []})"}) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    EXPECT_FALSE(standing_from(json)) << body;
    EXPECT_FALSE(waiting_from(json)) << body;
    EXPECT_FALSE(changes_from(json, 1)) << body;
    token_from(json);
  }
}

}  // namespace
}  // namespace slipway::client
