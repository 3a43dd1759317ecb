#include "runtime/docker/engine_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace slipway::runtime {
namespace {

using std::chrono::milliseconds;

/// A real server on a unix socket that answers pings well and everything else as the test says: what no
/// honest engine can be made to do on demand.
class BadEngine {
 public:
  /// Given the number of the request (pings not counted, from 0), the bytes to send; an empty answer hangs.
  /// The connection is closed after an answer that starts with '!' (which is not sent).
  using Answer = std::function<std::string(int)>;

  explicit BadEngine(Answer answer, std::string more_of_ping = "")
      : answer_(std::move(answer)), more_of_ping_(std::move(more_of_ping)) {
    char name[] = "/tmp/slipway-bad-engine-XXXXXX";
    dir_ = mkdtemp(name);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    listen(listener_, 16);
    acceptor_ = std::thread([this] {
      for (int fd; (fd = accept(listener_, nullptr, nullptr)) >= 0;) serve(fd);
    });
  }
  ~BadEngine() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    std::filesystem::remove_all(dir_);
  }
  std::string path() const { return dir_ + "/socket"; }
  int requests() const { return requests_; }

 private:
  /// One connection at a time, until its peer or the answer ends it.
  void serve(int fd) {
    std::string seen;
    char piece[4096];
    for (ssize_t got; (got = read(fd, piece, sizeof piece)) > 0;) {
      seen.append(piece, static_cast<std::size_t>(got));
      if (seen.find("\r\n\r\n") == std::string::npos) continue;
      const bool ping = seen.find("/_ping") != std::string::npos;
      seen.clear();
      std::string reply =
          ping ? "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n" + more_of_ping_ + "Content-Length: 2\r\n\r\nOK"
               : answer_(requests_++);
      const bool ends = reply.starts_with('!');
      reply.erase(0, ends);
      if (!reply.empty()) send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
      if (ends) break;
    }
    close(fd);
  }

  std::string dir_;
  Answer answer_;
  std::string more_of_ping_;
  int listener_ = -1;
  std::atomic<int> requests_ = 0;
  std::thread acceptor_;
};

class EngineClientTest : public testing::Test {
 protected:
  Result<EngineResponse> call(EngineClient& client, const std::string& method) {
    std::optional<Result<EngineResponse>> answer;
    EngineRequest request{
        .op = "test", .method = method, .target = "/x", .timeout = milliseconds(500), .body_cap = 1000};
    asio::co_spawn(io_, client.call(request), [&](std::exception_ptr error, Result<EngineResponse> value) {
      EXPECT_FALSE(error);
      answer.emplace(std::move(value));
    });
    io_.restart();
    io_.run_for(std::chrono::seconds(10));
    if (!answer) throw std::runtime_error("no answer");
    return std::move(*answer);
  }
  EngineClient client_of(const BadEngine& engine) {
    return EngineClient(io_.get_executor(), engine.path(), "/nowhere", milliseconds(500), nullptr);
  }
  void expect_errors(const std::string& answer) {
    for (const auto& [method, expected] :
         {std::pair("GET", ErrorClass::Retry), std::pair("POST", ErrorClass::Doubt)}) {
      BadEngine engine([&](int) { return answer; });
      auto client = client_of(engine);
      const auto got = call(client, method);
      ASSERT_TRUE(got.has_error()) << method << " " << answer;
      EXPECT_EQ(got.error().error_class, expected) << method << " " << answer;
    }
  }

  asio::io_context io_;
};

const std::string kFine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

TEST_F(EngineClientTest, GarbageIsAnErrorThatSaysWhatMayHaveHappened) {
  expect_errors("!this is not HTTP\r\n\r\n");
}
TEST_F(EngineClientTest, AnswerCutInItsBodyIsNoAnswer) {
  expect_errors("!HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
}
TEST_F(EngineClientTest, AnswerCutInItsHeaderIsNoAnswer) { expect_errors("!HTTP/1.1 200 OK\r\nConte"); }
TEST_F(EngineClientTest, ConnectionClosedWithoutAByteIsNoAnswer) { expect_errors("!"); }
TEST_F(EngineClientTest, SilenceEndsAtTheDeadline) { expect_errors(""); }
TEST_F(EngineClientTest, BodyBeyondItsCapIsRefused) {
  expect_errors("!HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x'));
}

TEST_F(EngineClientTest, ErrorStatusIsAResponse) {
  BadEngine engine([](int) { return "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"; });
  auto client = client_of(engine);
  const auto got = call(client, "POST");
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->status, 500);
}

TEST_F(EngineClientTest, PodmanIsRefusedByName) {
  BadEngine podman([](int) { return kFine; },
                   "Libpod-Api-Version: 5.4.2\r\nServer: Libpod/5.4.2 (linux)\r\n");
  auto client = client_of(podman);
  const auto got = call(client, "GET");
  ASSERT_TRUE(got.has_error());
  EXPECT_EQ(got.error().error_class, ErrorClass::Unsupported);
  EXPECT_NE(got.error().message.find("Podman 5.4.2"), std::string::npos) << got.error().message;
  EXPECT_NE(got.error().message.find("Docker Engine"), std::string::npos);
  EXPECT_EQ(podman.requests(), 0) << "nothing is asked of it";
}

TEST_F(EngineClientTest, NobodyThereIsRetryForEveryVerb) {
  EngineClient client(io_.get_executor(), "/tmp/slipway-no-such-socket", "/nowhere", milliseconds(500),
                      nullptr);
  for (const char* method : {"GET", "POST"})
    EXPECT_EQ(call(client, method).error().error_class, ErrorClass::Retry);
}

TEST_F(EngineClientTest, ReadIsSentOnceMoreWhenAKeptConnectionDiedAndAnEffectNever) {
  BadEngine engine([](int number) { return number == 1 ? std::string("!") : kFine; });
  auto client = client_of(engine);
  ASSERT_TRUE(call(client, "GET").has_value());
  EXPECT_TRUE(call(client, "GET").has_value());
  EXPECT_EQ(engine.requests(), 3);

  BadEngine other([](int number) { return number == 1 ? std::string("!") : kFine; });
  auto second = client_of(other);
  ASSERT_TRUE(call(second, "POST").has_value());
  EXPECT_EQ(call(second, "POST").error().error_class, ErrorClass::Doubt);
  EXPECT_EQ(other.requests(), 2);
}

TEST_F(EngineClientTest, IdentityOfAnUnknownEngineChangesWithABrokenConnection) {
  BadEngine engine([](int number) { return number == 1 ? std::string("!") : kFine; });
  auto client = client_of(engine);
  const auto first = call(client, "GET")->engine.identity;
  EXPECT_TRUE(first.starts_with("unknown-"));
  EXPECT_NE(call(client, "GET")->engine.identity, first);
}

TEST_F(EngineClientTest, AfterATimeOutTheProbeHearsWhetherTheEngineAnswersAtAll) {
  struct Heard : EngineProbe {
    void on_request(std::string_view op, int code, std::chrono::nanoseconds) override {
      all += std::string(op) + " " + std::to_string(code) + "; ";
    }
    std::string all;
  } heard;
  BadEngine engine([](int) { return ""; });
  EngineClient client(io_.get_executor(), engine.path(), "/nowhere", milliseconds(500), &heard);
  EXPECT_TRUE(call(client, "GET").has_error());
  EXPECT_EQ(heard.all, "test 0; ping 200; ");
}

/// As behind a socket of systemd's: the connection was made while there was no engine.
TEST_F(EngineClientTest, TheEngineIsWhoAnsweredAndNotWhoWasThereAtTheConnect) {
  char dir[] = "/tmp/slipway-late-engine-XXXXXX";
  const std::filesystem::path place = mkdtemp(dir);
  std::filesystem::copy_file("/bin/sleep", place / "dockerd");
  const pid_t late = fork();
  if (late == 0) {
    execl((place / "dockerd").c_str(), "dockerd", "60", nullptr);
    _exit(127);
  }
  const auto comm = [&] {
    std::string name;
    std::ifstream("/proc/" + std::to_string(late) + "/comm") >> name;
    return name;
  };
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (comm() != "dockerd" && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(milliseconds(1));
  BadEngine engine([&](int number) {
    if (number == 0) return std::string("!");
    std::ofstream(place / "docker.pid") << late;
    return kFine;
  });
  EngineClient client(io_.get_executor(), engine.path(), place / "docker.pid", milliseconds(500), nullptr);
  const auto answer = call(client, "GET");
  EXPECT_TRUE(answer && answer->engine.identity.starts_with(std::to_string(late) + "@"));
  kill(late, SIGKILL);
  waitpid(late, nullptr, 0);
  std::filesystem::remove_all(place);
}

}  // namespace
}  // namespace slipway::runtime
