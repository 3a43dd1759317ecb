#include <gtest/gtest.h>

#include <random>

#include "runtime/docker/cgroup_names.h"
#include "runtime/docker/create_body.h"
#include "runtime/docker/engine_words.h"
#include "runtime/docker/image_ref.h"
#include "runtime/docker/limits.h"
#include "runtime/docker/log_frames.h"
#include "runtime/docker/log_keeper.h"
#include "runtime/docker/rfc3339.h"
#include "runtime/docker/tar.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;
using Stream = LogChunk::Stream;

ContainerSpec spec() {
  ContainerSpec spec;
  spec.ref = {.execution = "11111111-1111-4111-8111-111111111111", .attempt = 2, .claim = "claim"};
  spec.image_id = "sha256:abc";
  spec.command = {"/bin/agent"};
  spec.input = "{}";
  return spec;
}
NodeBinding node() {
  return {.instance_id = "node",
          .cgroup_parent = "/slipway/node/x",
          .io = {.input = "/runs/x/input", .output = "/runs/x/output"}};
}
/// What an honest engine reads back.
json honest(const json& body) {
  json config = body;
  config.erase("HostConfig");
  json host = body["HostConfig"];
  host["Binds"] = nullptr;
  host["RestartPolicy"] = {{"Name", ""}};
  host["Ulimits"][0]["Extra"] = "of the engine";
  return {{"Config", config}, {"HostConfig", host}, {"Mounts", json::array({1, 2})}};
}

TEST(CreateBody, LocksTheContainerDown) {
  const json host = create_body(spec(), node())["HostConfig"];
  EXPECT_EQ(host["NetworkMode"], "none");
  EXPECT_EQ(host["Memory"], host["MemorySwap"]);
  EXPECT_EQ(host["NanoCpus"], 500'000'000);
  EXPECT_EQ(host["CapDrop"], json::array({"ALL"}));
  EXPECT_EQ(host["SecurityOpt"], json::array({"no-new-privileges"}));
  EXPECT_EQ(host["ReadonlyRootfs"], true);
  EXPECT_EQ(host["AutoRemove"], false);
  EXPECT_EQ(host["Mounts"][0]["ReadOnly"], true);
  EXPECT_FALSE(host.contains("Binds"));
}

TEST(CreateBody, LargeInputIsNotInTheEnvironment) {
  ContainerSpec large = spec();
  large.input = std::string(kInputDataMax + 1, ' ');
  const json body = create_body(large, node());
  for (const json& variable : body["Env"])
    EXPECT_FALSE(variable.get<std::string>().starts_with("INPUT_DATA="));
}

TEST(CreateBody, SpecHashTellsEveryDifference) {
  const std::string base = spec_hash(spec());
  ContainerSpec other = spec();
  other.command = {"/bin", "agent"};
  EXPECT_NE(base, spec_hash(other));
  other = spec();
  other.args = {"/bin/agent"};
  other.command = {};
  EXPECT_NE(base, spec_hash(other));
  other = spec();
  other.limits.pids++;
  EXPECT_NE(base, spec_hash(other));
}

TEST(Limits, HonestAnswerHasNoViolation) {
  const json body = create_body(spec(), node());
  EXPECT_EQ(violated_limit(body, honest(body)), "");
}

TEST(Limits, EveryLimitThatReadsBackOtherwiseIsNamed) {
  const json body = create_body(spec(), node());
  for (const auto& [name, value] : body["HostConfig"].items()) {
    json seen = honest(body);
    seen["HostConfig"][name] = value.is_boolean() ? json(!value.get<bool>()) : json("something else");
    EXPECT_TRUE(violated_limit(body, seen).starts_with(name + ":"))
        << name << ": " << violated_limit(body, seen);
  }
}

TEST(Limits, DoorThatWasNeverAskedForIsNamed) {
  const json body = create_body(spec(), node());
  for (const char* door : {"Binds", "Devices", "CapAdd", "VolumesFrom", "PidMode", "UsernsMode"}) {
    json seen = honest(body);
    seen["HostConfig"][door] = json::array({"x"});
    EXPECT_TRUE(violated_limit(body, seen).starts_with(door)) << door;
  }
  json seen = honest(body);
  seen["Config"]["User"] = "0";
  EXPECT_TRUE(violated_limit(body, seen).starts_with("User"));
}

std::string frame(char stream, const std::string& payload) {
  std::string head(8, '\0');
  head[0] = stream;
  for (std::size_t i = 0; i < 4; ++i) head[4 + i] = static_cast<char>(payload.size() >> (24 - 8 * i));
  return head + payload;
}

TEST(EngineWords, OfACreate) {
  EXPECT_EQ(refusal_of_create(400, "No command specified"), Reason::CommandInvalid);
  EXPECT_EQ(refusal_of_create(400, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
            Reason::NotEnforceable);
  EXPECT_EQ(refusal_of_create(400, "Minimum memory limit allowed is 6MB"), Reason::NotEnforceable);
  EXPECT_EQ(refusal_of_create(500, "mkdir /data/overlay2/x: no space left on device"),
            Reason::NodeStorageFull);
  EXPECT_EQ(refusal_of_create(400, "bind source path does not exist: /runs/x/input"), std::nullopt);
  EXPECT_EQ(refusal_of_create(500, "No command specified"), std::nullopt) << "the status comes first";
}

TEST(EngineWords, OfAStart) {
  const std::string made = "failed to create shim task: OCI runtime create failed: runc create failed: ";
  const std::string init = made + "unable to start container process: error during container init: ";
  EXPECT_EQ(refusal_of_start(127, made + R"(exec: "nope": executable file not found in $PATH: unknown)"),
            Reason::CommandInvalid);
  EXPECT_EQ(refusal_of_start(126, made + R"(exec: "/bin": permission denied: unknown)"),
            Reason::CommandInvalid);
  EXPECT_EQ(
      refusal_of_start(127, init + R"(error mounting "/r/input" to rootfs at "/input": not a directory)"),
      Reason::ImageNotAllowed)
      << "an engine gives 127 for many things";
  EXPECT_EQ(refusal_of_start(128, "unable to find user 65534: read /m/etc/passwd: is a directory"),
            Reason::ImageNotAllowed);
  EXPECT_EQ(refusal_of_start(128, "mkdir /exec/x: no space left on device: unknown"),
            Reason::NodeStorageFull);
  EXPECT_EQ(
      refusal_of_start(127, made + "unable to retrieve OCI runtime error: fork/exec /bin/runc: no such file"),
      std::nullopt)
      << "the engine's own runtime is missing";
  for (const char* doubt : {"context canceled", "transport is closing: unavailable", ""})
    EXPECT_EQ(refusal_of_start(128, doubt), std::nullopt) << doubt;
  EXPECT_TRUE(says_never_made(made));
  EXPECT_FALSE(says_never_made("transport is closing: unavailable"));
}

TEST(LogFrames, AnyCutOfTheStreamGivesTheSameFrames) {
  const std::string bytes =
      frame(1, "one") + frame(2, "") + frame(2, std::string(70000, 'x')) + frame(1, "two\n");
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()}) {
    std::vector<std::pair<Stream, std::string>> seen;
    LogFrames frames([&](Stream stream, std::string_view text) { seen.emplace_back(stream, text); });
    for (std::size_t at = 0; at < bytes.size(); at += step)
      ASSERT_TRUE(frames.feed(std::string_view(bytes).substr(at, step)));
    ASSERT_EQ(seen.size(), 4u);
    EXPECT_EQ(seen[0].second, "one");
    EXPECT_EQ(seen[2].first, Stream::Stderr);
    EXPECT_EQ(seen[2].second.size(), 70000u);
    EXPECT_EQ(seen[3].second, "two\n");
  }
}

TEST(LogFrames, GarbageIsRefused) {
  LogFrames frames([](Stream, std::string_view) {});
  EXPECT_FALSE(frames.feed("not a log stream at all"));
  LogFrames huge([](Stream, std::string_view) {});
  EXPECT_FALSE(huge.feed(std::string("\1\0\0\0\xff\xff\xff\xff", 8)));
}

struct Kept {
  std::vector<LogChunk> chunks;
  bool truncated = false;
  std::string all;
};
Kept finish(LogKeeper& keeper) {
  Kept kept;
  keeper.finish(kept.chunks, kept.truncated);
  for (const LogChunk& chunk : kept.chunks) kept.all += chunk.bytes;
  return kept;
}

TEST(LogKeeper, ShortLogIsKeptInOrder) {
  LogKeeper keeper(1 << 20);
  keeper.add(Stream::Stdout, {}, "a\n");
  keeper.add(Stream::Stderr, {}, "b\n");
  keeper.add(Stream::Stdout, {}, "c\n");
  const Kept kept = finish(keeper);
  EXPECT_EQ(kept.all, "a\nb\nc\n");
  EXPECT_EQ(kept.chunks.size(), 3u);
  EXPECT_FALSE(kept.truncated);
}

TEST(LogKeeper, FloodKeepsHeadAndTailUnderTheCap) {
  LogKeeper keeper(256 << 10);
  keeper.add(Stream::Stdout, {}, "the head\n");
  for (int i = 0; i < 100'000; ++i)
    keeper.add(i % 2 ? Stream::Stdout : Stream::Stderr, {}, "0123456789012345678901234567890123456789\n");
  keeper.add(Stream::Stdout, {}, "the tail\n");
  const Kept kept = finish(keeper);
  EXPECT_TRUE(kept.truncated);
  EXPECT_LE(kept.all.size(), 256u << 10);
  EXPECT_GE(kept.all.size(), 128u << 10);
  EXPECT_LE(kept.chunks.size(), 600u);
  EXPECT_NE(kept.all.find("the head"), std::string::npos);
  EXPECT_NE(kept.all.find("the tail"), std::string::npos);
}

TEST(LogKeeper, WhereSomethingIsLeftOutItSaysSo) {
  LogKeeper keeper(64 << 10);
  const auto at = [](int i) { return TimePoint(std::chrono::milliseconds(100 * i)); };
  std::size_t fed = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto line = std::to_string(i) + ": " + std::string(50, 'x') + "\n";
    keeper.add(Stream::Stdout, at(i), line);
    fed += line.size();
  }
  const Kept kept = finish(keeper);
  EXPECT_LE(kept.all.size(), 64u << 10);
  std::size_t shown = 0;
  const LogChunk* gap = nullptr;
  for (const auto& chunk : kept.chunks) {
    if (chunk.stream != Stream::System) {
      shown += chunk.bytes.size();
      continue;
    }
    ASSERT_EQ(gap, nullptr) << "there is one gap";
    gap = &chunk;
    ASSERT_NE(gap, &kept.chunks.front());
    ASSERT_NE(gap, &kept.chunks.back());
    EXPECT_EQ(gap->at, (gap + 1)->at);
  }
  ASSERT_NE(gap, nullptr);
  EXPECT_EQ(gap->bytes, "[slipway: " + std::to_string(fed - shown) + " bytes are left out here]\n");
}

TEST(LogKeeper, WhatTheEngineMayHaveDroppedIsSaidFirst) {
  LogKeeper keeper(64 << 10);
  keeper.add(Stream::Stdout, TimePoint(std::chrono::seconds(7)), "late\n");
  keeper.mark_beginning_dropped();
  const Kept kept = finish(keeper);
  EXPECT_TRUE(kept.truncated);
  EXPECT_EQ(kept.all, "[slipway: the engine may have dropped lines here]\nlate\n");
  EXPECT_EQ(kept.chunks.at(0).stream, Stream::System);
  EXPECT_EQ(kept.chunks.at(0).at, TimePoint(std::chrono::seconds(7)));
}

TEST(LogKeeper, LinesASecondApartKeepTheirTimes) {
  LogKeeper keeper(1 << 20);
  const auto at = [](int ms) { return TimePoint(std::chrono::milliseconds(ms)); };
  for (int i = 0; i < 3; ++i) keeper.add(Stream::Stdout, at(5000 + 600 * i), std::to_string(i) + "\n");
  const Kept kept = finish(keeper);
  ASSERT_EQ(kept.chunks.size(), 2u);
  EXPECT_EQ(kept.chunks[0].bytes, "0\n1\n");
  EXPECT_EQ(kept.chunks[1].at, at(6200));
}

/// Whatever is told on the way stands at the same place of the log as it is kept in the end, however it went
/// on.
TEST(LogKeeper, WhatIsCertainIsAPrefixOfWhatIsKept) {
  std::mt19937 random(7);
  const auto any = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  for (int round = 0; round < 300; ++round) {
    const auto cap = std::size_t{64} << any(13);
    LogKeeper live(cap), whole(cap);
    std::string told;
    std::size_t entries = 0;
    std::size_t all = 0;
    const int longest = 1 + any(400);
    const int switches = 1 + any(60);
    auto stream = Stream::Stdout;
    for (const auto wanted = cap * static_cast<std::size_t>(1 + any(4)) / 2; all < wanted && entries < 4000;
         ++entries) {
      if (any(switches) == 0) stream = any(2) ? Stream::Stdout : Stream::Stderr;
      std::string line;
      for (int i = any(longest); i >= 0; --i) line += static_cast<char>(any(20) ? 'a' + any(26) : any(256));
      line += '\n';
      all += line.size();
      const TimePoint at(std::chrono::milliseconds(40 * entries));
      live.add(stream, at, line);
      whole.add(stream, at, line);
      if (any(3)) continue;
      const auto before = live.certain();
      std::size_t taken = 0;
      for (const auto& piece : live.take_certain()) {
        ASSERT_EQ(piece.place, static_cast<std::int64_t>(told.size()));
        told += piece.chunk.bytes;
        taken += piece.chunk.bytes.size();
        EXPECT_LE(piece.chunk.at, piece.until);
      }
      ASSERT_EQ(before, taken);
    }
    const Kept kept = finish(whole);
    ASSERT_EQ(kept.all.substr(0, told.size()), told) << "round " << round << ", cap " << cap;
  }
}

TEST(LogKeeper, ALineIsCertainAtOnceUntilTheTailMayNeedTheRoom) {
  LogKeeper keeper(1 << 20);
  keeper.add(Stream::Stdout, {}, "first\n");
  EXPECT_EQ(keeper.take_certain().at(0).chunk.bytes, "first\n");
  EXPECT_TRUE(keeper.take_certain().empty());
  const std::string line(1000, 'x');
  std::size_t told = 0;
  while (!keeper.nothing_more_certain()) {
    keeper.add(Stream::Stdout, {}, line);
    for (const auto& piece : keeper.take_certain()) told += piece.chunk.bytes.size();
  }
  EXPECT_GE(told, (3u << 20) / 8 - (64 << 10));
  EXPECT_LE(told, 1u << 19);
}

TEST(LogKeeper, CharacterCutBetweenTwoEntriesIsWhole) {
  LogKeeper keeper(1 << 20);
  keeper.add(Stream::Stdout, {}, "\xE2\x82");
  keeper.add(Stream::Stdout, {}, "\xAC!");
  EXPECT_EQ(finish(keeper).all, "\xE2\x82\xAC!");
}

TEST(LogKeeper, InvalidBytesAreReplaced) {
  for (const auto& [raw, clean] : std::vector<std::pair<std::string, std::string>>{
           {std::string("a\0b", 3),
            "a\xEF\xBF\xBD"
            "b"},
           {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
           {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
           {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
           {"x\xE2\x82", "x\xEF\xBF\xBD"}}) {
    LogKeeper keeper(1 << 20);
    keeper.add(Stream::Stdout, {}, raw);
    EXPECT_EQ(finish(keeper).all, clean);
  }
}

TEST(Rfc3339, EngineTimesAreReadToMicroseconds) {
  const auto at = parse_rfc3339("2026-11-23T22:18:36.740131591Z");
  ASSERT_TRUE(at);
  EXPECT_EQ(at->time_since_epoch().count() % 1'000'000, 740131);
  EXPECT_EQ(*parse_rfc3339("2026-11-24T00:18:36.740131591+02:00"), *at);
  EXPECT_EQ(*parse_rfc3339("0001-01-01T00:00:00Z"), TimePoint{});
  for (const char* wrong :
       {"", "2026", "2026-13-01T00:00:00Z", "2026-11-23T22:18:36", "2026-11-23T22:18:36.1x"}) {
    EXPECT_FALSE(parse_rfc3339(wrong)) << wrong;
  }
}

TEST(ImageRef, AlwaysHasATagOrADigest) {
  const auto check = [](const std::string& text, const std::string& repository, const std::string& version,
                        const std::string& registry) {
    const ImageRef ref = *parse_image_ref(text);
    EXPECT_EQ(ref.repository, repository) << text;
    EXPECT_EQ(ref.version, version) << text;
    EXPECT_EQ(ref.registry, registry) << text;
  };
  const std::string hub = "https://index.docker.io/v1/", digest = "sha256:" + std::string(64, '0');
  check("agent", "agent", "latest", hub);
  check("team/agent:1", "team/agent", "1", hub);
  check("127.0.0.1:5000/agent", "127.0.0.1:5000/agent", "latest", "127.0.0.1:5000");
  check("reg.io/a/b:2@" + digest, "reg.io/a/b", digest, "reg.io");
  EXPECT_TRUE(parse_image_ref(digest)->by_id);
  EXPECT_EQ(parse_image_ref("a@" + digest)->full(), "a@" + digest);
  EXPECT_FALSE(parse_image_ref("docker.io/MyOrg/App:1"));
}

TEST(ImageRef, PasswordComesFromTheDockerConfig) {
  const std::string config = R"({"auths":{"reg.io":{"auth":"dTpwOnc="}}})";
  std::string encoded = registry_auth(config, "reg.io");
  std::replace(encoded.begin(), encoded.end(), '-', '+');
  std::replace(encoded.begin(), encoded.end(), '_', '/');
  const json auth = json::parse(unbase64(encoded));
  EXPECT_EQ(auth["username"], "u");
  EXPECT_EQ(auth["password"], "p:w");
  EXPECT_EQ(registry_auth(config, "other.io"), "");
  EXPECT_EQ(registry_auth("not json", "reg.io"), "");
}

TEST(Tar, RoundTripsAndAcceptsOneRegularFile) {
  std::string bytes;
  EXPECT_EQ(read_single_file(make_tar({{.path = "result.json", .bytes = "{}"}}), 10, bytes),
            TarFile::Regular);
  EXPECT_EQ(bytes, "{}");
  EXPECT_EQ(read_single_file(make_tar({{.path = "result.json", .bytes = std::string(100, 'x')}}), 10, bytes),
            TarFile::TooLarge);
  EXPECT_EQ(bytes.size(), 10u);
  EXPECT_EQ(read_single_file(make_tar({{.path = "d/", .directory = true}}), 10, bytes), TarFile::NotRegular);
  EXPECT_EQ(read_single_file("garbage", 10, bytes), TarFile::Missing);
}

TEST(CgroupNames, SlicesAreReadBack) {
  const CgroupNames plain{"slipway", "node-1"};
  EXPECT_EQ(plain.path_of("slipway-a-1"), "/slipway/node-1/slipway-a-1");
  EXPECT_EQ(plain.parent_for_engine("slipway-a-1"), "/slipway/node-1/slipway-a-1");
  const CgroupNames slices{"slipway", "node-1", true};
  EXPECT_EQ(slices.parent_for_engine("slipway-a-1"), "slipway-node_1-slipway_a_1.slice");
  EXPECT_EQ(slices.path_of("slipway-a-1"),
            "/slipway.slice/slipway-node_1.slice/slipway-node_1-slipway_a_1.slice");
  EXPECT_EQ(slices.root_slice(), "slipway-node_1.slice");
  EXPECT_EQ(slices.name_of("slipway-node_1-slipway_a_1.slice"), "slipway-a-1");
  EXPECT_EQ(slices.name_of("docker-abc.scope"), "");
}

}  // namespace
}  // namespace slipway::runtime
