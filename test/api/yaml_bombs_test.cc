// Texts made to be expensive: each is refused, in processor time that a person does not notice, with a few
// errors and little memory.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <new>

#include "api/kinds.h"

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLIPWAY_SLOWED
#endif

namespace {

std::atomic<std::size_t> g_live = 0;
std::atomic<std::size_t> g_peak = 0;

}  // namespace

#ifndef SLIPWAY_SLOWED  // whose allocator is the sanitizer's own
// Every allocation of this program is counted.
void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  const auto live = g_live += malloc_usable_size(memory);
  for (auto peak = g_peak.load(); peak < live && !g_peak.compare_exchange_weak(peak, live);) {
  }
  return memory;
}
void operator delete(void* memory) noexcept {
  g_live -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
#endif

namespace slipway {
namespace {

#ifdef SLIPWAY_SLOWED
constexpr double kMostMilliseconds = 400;
#elif defined(NDEBUG)
constexpr double kMostMilliseconds = 10;
#else
constexpr double kMostMilliseconds = 25;  // half optimised, and on machines that do other things beside
#endif
constexpr std::size_t kMostBytes = std::size_t{64} << 20;

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  out.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

std::string counted(std::size_t times, const std::function<std::string(std::size_t)>& part) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part(i);
  return out;
}

std::string agent(const std::string& body) {
  return "apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: a}\nspec:\n  image: a\n" + body;
}

double processor_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Bomb {
  const char* name;
  std::string text;
};

std::vector<Bomb> bombs() {
  constexpr std::size_t kMega = 1 << 20;
  const auto n = [](std::size_t i) { return std::to_string(i); };
  std::vector<Bomb> all;
  all.push_back({"a million laughs",
                 "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + counted(20, [&](std::size_t i) {
                   return "a" + n(i + 1) + ": &a" + n(i + 1) + " [" + repeat("*a" + n(i) + ", ", 8) + "*a" +
                          n(i) + "]\n";
                 })});
  all.push_back({"aliases of aliases of 1 MiB",
                 "a: &a " + repeat("x", kMega) + "\nb: [" + repeat("*a, ", 500'000) + "*a]\n"});
  all.push_back({"anchors by the thousand",
                 "[" + counted(200'000, [&](std::size_t i) { return "&a" + n(i) + " 1, "; }) + "1]"});
  all.push_back({"merge keys", "a: &a {b: 1}\n" + repeat("c: {<<: *a}\n", 50'000)});
  all.push_back({"tags by the thousand", "[" + repeat("!!x 1,", 600'000) + "]"});
  all.push_back({"lists in lists", repeat("[", 2 * kMega)});
  all.push_back({"lists in lists, closed", repeat("[", kMega) + repeat("]", kMega)});
  all.push_back({"lists in lists, a line each", repeat("[\n", kMega)});
  all.push_back({"maps in maps", repeat("{a: ", kMega / 2)});
  all.push_back({"maps in maps as JSON", repeat("{\"a\":", 800'000)});
  all.push_back({"maps without names", repeat("{", 2 * kMega)});
  all.push_back({"dashes", repeat("- ", kMega)});
  all.push_back({"question marks", repeat("? ", kMega)});
  all.push_back(
      {"steps of indentation", counted(2000, [&](std::size_t i) { return std::string(i, ' ') + "a:\n"; })});
  all.push_back({"deep behind a legal head", agent("  inputSchema: " + repeat("{not: ", 600'000))});
  all.push_back({"a list of millions", "[" + repeat("1,", 2 * kMega - 2) + "1]"});
  all.push_back({"a list of millions, a line each", repeat("- 1\n", kMega)});
  all.push_back({"a list of nothing", "[" + repeat("~,", 2 * kMega - 2) + "~]"});
  all.push_back({"a list of empty lists", "[" + repeat("[],", kMega) + "[]]"});
  all.push_back({"a map of millions",
                 counted(360'000, [&](std::size_t i) { return n(i) + ": 1\n"; }) + repeat("k:\n", 500'000)});
  all.push_back({"a map of millions as JSON",
                 "{" + counted(300'000, [&](std::size_t i) { return "\"" + n(i) + "\":1,"; }) +
                     repeat("\"\":1,", 320'000) + "\"a\":1}"});
  all.push_back({"documents by the thousand", repeat("---\n", kMega)});
  all.push_back({"documents with a value each", repeat("--- 1\n", 600'000)});
  all.push_back({"a key of 2 MiB", repeat("k", 2 * kMega) + ": 1\n"});
  all.push_back({"a quoted key of 2 MiB", "\"" + repeat("k", 2 * kMega) + "\": 1\n"});
  all.push_back({"an explicit key of 2 MiB", "? " + repeat("k", 2 * kMega) + "\n: 1\n"});
  all.push_back({"a text of 3 MiB", "a: \"" + repeat("x", 3 * kMega) + "\"\n"});
  all.push_back({"a text of 3 MiB in a block", "a: |\n  " + repeat("x", 3 * kMega) + "\n"});
  all.push_back({"a quote that never ends", "a: '" + repeat("x ", 3 * kMega / 2)});
  all.push_back({"more than 4 MiB", repeat("#", 4 * kMega + 1)});
  all.push_back({"not text at all", repeat("\xff", 4 * kMega)});
  all.push_back({"not text at its end", repeat("#\n", 100'000) + "\xff"});
  all.push_back(
      {"unknown fields", agent(counted(500, [&](std::size_t i) { return "  field" + n(i) + ": 1\n"; }))});
  all.push_back({"unknown fields of 64 bytes", agent(counted(300, [&](std::size_t i) {
                   return "  " + repeat("f", 60) + n(i) + ": 1\n";
                 }))});
  all.push_back({"long paths of long keys", [&] {
                   std::string text;
                   for (std::size_t i = 0; i < 30; ++i)
                     text += std::string(i, ' ') + repeat("k", 1000) + ":\n";
                   return text + std::string(30, ' ') + "[" + repeat("1,", 1000) + "1]\n";
                 }()});
  all.push_back({"bad labels", agent("").replace(agent("").find("{name: a}"), 9,
                                                 "{name: a, labels: {" + counted(500, [&](std::size_t i) {
                                                   return "l" + n(i) + ": 1, ";
                                                 }) + "}}")});
  all.push_back(
      {"a schema that explodes", agent("  inputSchema:\n    $ref: '#/$defs/a40'\n    $defs:\n      a0: {}\n" +
                                       counted(40, [&](std::size_t i) {
                                         return "      a" + n(i + 1) + ": {allOf: [{$ref: '#/$defs/a" + n(i) +
                                                "'}, {$ref: '#/$defs/a" + n(i) + "'}]}\n";
                                       }))});
  return all;
}

// The least of several runs, more of them on a machine that does much else: what the text costs.
double cost_of(const std::string& text) {
  double least = 1e9;
  for (int i = 0; i < 5 || (i < 40 && least >= kMostMilliseconds); ++i) {
    const auto before = processor_ms();
    const auto answer = parse_objects({parse_yaml(text, "bomb.yaml")});
    least = std::min(least, processor_ms() - before);
    EXPECT_FALSE(answer.errors.empty());
    EXPECT_LE(answer.errors.size(), kMostYamlErrors + 1);
  }
  return least;
}

TEST(YamlBombs, EachIsRefusedWithinTenMilliseconds) {
  double slowest = 0;
  const auto all = bombs();
  for (const auto& bomb : all) {
    const auto ms = cost_of(bomb.text);
    std::printf("%8.2f ms  %s (%zu bytes)\n", ms, bomb.name, bomb.text.size());
    EXPECT_LT(ms, kMostMilliseconds) << bomb.name;
    slowest = std::max(slowest, ms);
  }
  std::printf("%zu bombs, the slowest %.2f ms\n", all.size(), slowest);
  EXPECT_GE(all.size(), 30U);
}

// Columns are counted in characters: not from the start of the line for each of its fields.
TEST(YamlBombs, ALongLineCostsWhatManyLinesCost) {
  const auto fields = [](const char* end) {
    return "{" + counted(20'000, [&](std::size_t i) { return "\"k" + std::to_string(i) + "\": 1," + end; }) +
           "\"k\": 1}";
  };
  EXPECT_LT(cost_of(fields("")), 3 * cost_of(fields("\n")) + 10);
}

TEST(YamlBombs, MemoryIsBounded) {
  for (const auto& bomb : bombs()) {
    const auto before = g_live.load();
    g_peak = before;
    const auto answer = parse_objects({parse_yaml(bomb.text, "bomb.yaml")});
    EXPECT_LT(g_peak.load() - before, kMostBytes) << bomb.name;
  }
}

}  // namespace
}  // namespace slipway
