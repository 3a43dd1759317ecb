// Logs that are followed and watches that are resumed.
#include <gmock/gmock.h>

#include "test/server/api_rig.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Streams : public ApiRig {
 protected:
  Streams() { id_ = submit("u-1"); }
  std::string id_;
};

TEST_F(Streams, LogsAreTextWithTailStreamAndTimestamps) {
  log(id_, "one\ntwo\n");
  log(id_, "bad\n", "stderr");
  log(id_, "three\n");
  const auto path = "/v1/executions/" + id_ + "/logs";
  EXPECT_EQ(as(user_).get(path).body, "one\ntwo\nbad\nthree\n");
  EXPECT_EQ(ask(user_, "GET", path + "?stream=stderr").body, "bad\n");
  EXPECT_EQ(ask(user_, "GET", path + "?tail=2").body, "bad\nthree\n");
  EXPECT_EQ(ask(user_, "GET", path + "?tail=0").body, "");
  EXPECT_EQ(ask(user_, "GET", path + "?since=2100-01-01T00:00:00Z").body, "");
  EXPECT_THAT(ask(user_, "GET", path + "?timestamps=1&tail=1").body, testing::MatchesRegex("20.*Z three\n"));
  for (const auto* bad : {"?stream=x", "?tail=x", "?since=x"})
    EXPECT_EQ(ask(user_, "GET", path + bad).status, 400) << bad;
  EXPECT_EQ(ask(other_, "GET", path).status, 404);
}

TEST_F(Streams, AFollowedLogShowsWhatComesAndEnds) {
  log(id_, "first\n");
  std::string all;
  std::thread writer;
  const auto status =
      as(user_).stream("/v1/executions/" + id_ + "/logs?follow=1", [&](const std::string& piece) {
        all += piece;
        if (all == "first\n" && !writer.joinable()) {
          writer = std::thread([&] {
            Sql sql(url_);
            log(id_, "second\n");
            finish(id_);
          });
        }
        return true;
      });
  if (writer.joinable()) writer.join();
  EXPECT_EQ(status, 200);
  EXPECT_EQ(all, "first\nsecond\n");
}

TEST_F(Streams, AFollowedLogGoesOnAfterTheLastEventSeen) {
  for (int i = 0; i < 5; ++i) log(id_, "line " + std::to_string(i) + "\n");
  finish(id_);
  const std::map<std::string, std::string> sse = {{"Accept", "text/event-stream"}};
  std::string all;
  as(user_).stream(
      "/v1/executions/" + id_ + "/logs?follow=1",
      [&](const std::string& piece) { return all += piece, true; }, sse);
  EXPECT_THAT(all, HasSubstr("line 0\\n"));
  EXPECT_THAT(all, HasSubstr("event: end"));
  const auto mark = all.find("id: 1.21\n");
  ASSERT_NE(mark, std::string::npos) << all;
  std::string rest;
  as(user_).stream("/v1/executions/" + id_ + "/logs?follow=1",
                   [&](const std::string& piece) { return rest += piece, true; },
                   {{"Accept", "text/event-stream"}, {"Last-Event-ID", "1.21"}});
  EXPECT_THAT(rest, Not(HasSubstr("line 2\\n")));
  EXPECT_THAT(rest, HasSubstr("line 3\\n"));
  for (const auto* bad : {"x", "1", "1.-2147483648", "1.99999999999"})
    EXPECT_EQ(as(user_).get("/v1/executions/" + id_ + "/logs", {{"Last-Event-ID", bad}}).status, 400) << bad;
}

TEST_F(Streams, AReaderGoesOnWithinTheWholeThatReplacesWhatWasWrittenLive) {
  for (const auto* line : {"one\n", "two\n", "three\n"}) log(id_, line);
  std::string all;
  std::string events;
  const auto path = "/v1/executions/" + id_ + "/logs?follow=1&since=2000-01-01T00:00:00Z";
  const std::map<std::string, std::string> sse = {{"Accept", "text/event-stream"}};
  as(user_).stream(
      path, [&](const std::string& piece) { return (events += piece).find("two") == std::string::npos; },
      sse);
  std::thread end;
  as(user_).stream(path, [&](const std::string& piece) {
    all += piece;
    if (all == "one\ntwo\nthree\n" && !end.joinable()) {
      end = std::thread([&] {
        // As the node's last write does it: one chunk, whose time is that of its first line, long ago.
        Sql sql(url_);
        sql.exec("DELETE FROM slipway.execution_log_chunks");
        sql.query(
            "INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes) VALUES "
            "($1::uuid, 1, 0, '1999-01-01', 'stdout', 'one\ntwo\nthree\nfour\n')",
            {id_});
        finish(id_);
      });
    }
    return true;
  });
  if (end.joinable()) end.join();
  EXPECT_EQ(all, "one\ntwo\nthree\nfour\n");
  std::string rest;
  as(user_).stream("/v1/executions/" + id_ + "/logs?follow=1",
                   [&](const std::string& piece) { return rest += piece, true; },
                   {{"Accept", "text/event-stream"}, {"Last-Event-ID", "1.8"}});
  EXPECT_THAT(events, HasSubstr("id: 1.8\n"));
  EXPECT_THAT(rest, HasSubstr("\"text\":\"three\\nfour\\n\""));
}

TEST_F(Streams, AWatchTellsOfChangesOfItsOwnUserAndResumes) {
  const auto foreign = submit("u-2");
  std::string all;
  bool done = false;
  std::thread writer;
  as(user_).stream("/v1/executions?watch=1", [&](const std::string& piece) {
    all += piece;
    if (!writer.joinable() && all.find(id_) != std::string::npos) {
      writer = std::thread([&] {
        finish(foreign);
        finish(id_);
      });
    }
    done = all.find("COMPLETED") != std::string::npos;
    return !done;
  });
  if (writer.joinable()) writer.join();
  EXPECT_TRUE(done) << all;
  EXPECT_THAT(all, HasSubstr("event: ADDED"));
  EXPECT_THAT(all, HasSubstr("event: MODIFIED"));
  EXPECT_THAT(all, Not(HasSubstr(foreign)));
  // From before the end: it is told again.
  std::string again;
  as(user_).stream("/v1/executions?watch=1",
                   [&](const std::string& piece) {
                     again += piece;
                     return again.find("COMPLETED") == std::string::npos;
                   },
                   {{"Last-Event-ID", "0"}});
  EXPECT_THAT(again, HasSubstr("COMPLETED"));
  EXPECT_EQ(as(user_).get("/v1/executions?watch=1", {{"Last-Event-ID", "x"}}).status, 400);
}

TEST_F(Streams, AWatchTellsWhenARowIsGone) {
  finish(id_);
  std::string all;
  as(user_).stream("/v1/executions?watch=1", [&](const std::string& piece) {
    all += piece;
    if (all.find("ADDED") != std::string::npos && all.find("DELETED") == std::string::npos)
      EXPECT_THAT(as(admin_).send("DELETE", "/v1/executions/" + id_).status, testing::AnyOf(204, 404));
    return all.find("DELETED") == std::string::npos;
  });
  EXPECT_THAT(all, HasSubstr("DELETED"));
}

}  // namespace
}  // namespace slipway::test
