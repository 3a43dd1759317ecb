// The server against clients that no library would make.
#include "server/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <fstream>
#include <future>
#include <thread>

#include "test/support/command/command.h"
#include "test/support/http_client/http_client.h"

namespace slipway::server {
namespace {

using namespace std::chrono_literals;
using test::HttpClient;
using test::RawConnection;

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    HttpServerOptions options;
    options.body_bytes = 256 << 10;
    options.large_body_bytes = 16 << 10;
    options.large_bodies = 1;
    options.idle = 20s;
    options.patience = 1s;
    options.farewell = 1s;
    options.connections = 3000;
    server_ =
        std::make_unique<HttpServer>(io_, options, [this](Request request) -> asio::awaitable<Response> {
          last_ = request;
          Response response;
          response.body = request.method + " " + request.path + " " + std::to_string(request.body.size());
          if (request.path == "/throws") throw std::runtime_error("a secret of ours");
          if (request.path == "/stream") {
            response.stream = [](Stream& out) -> asio::awaitable<void> {
              for (int i = 0; i < 3; ++i) co_await out.write("piece " + std::to_string(i) + "\n");
            };
          }
          co_return response;
        });
    EXPECT_TRUE(server_->start());
    loop_ = std::thread([this] {
      const auto work = asio::make_work_guard(io_);
      io_.run();
    });
  }
  ~HttpServerTest() override {
    asio::post(io_, [this] { server_->stop(); });
    asio::post(io_, [this] { io_.stop(); });
    loop_.join();
  }

  int port() const { return server_->port(); }
  std::string raw(const std::string& bytes, int wait_ms = 300) {
    RawConnection connection(port());
    connection.write(bytes);
    return connection.read(wait_ms);
  }
  static long resident_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (word == "VmRSS:") return status >> word, std::stol(word);
    }
    return 0;
  }

  asio::io_context io_{1};
  Request last_;
  std::unique_ptr<HttpServer> server_;
  std::thread loop_;
};

TEST_F(HttpServerTest, AnswersWithAnIdOfItsOwnOrTheClients) {
  const auto answer = HttpClient(port()).get("/a");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("x-request-id").size(), 16U);
  EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(HttpClient(port()).get("/a", {{"X-Request-Id", "mine-1"}}).header("x-request-id"), "mine-1");
  EXPECT_NE(HttpClient(port()).get("/a", {{"X-Request-Id", "no good"}}).header("x-request-id"), "no good");
  const auto head = HttpClient(port()).send("HEAD", "/a");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.header("content-length"), "9");  // "HEAD /a 0"
}

TEST_F(HttpServerTest, AFaultOfOursIsA500WithoutItsWords) {
  const auto answer = HttpClient(port()).get("/throws");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_EQ(answer.header("content-type"), "application/problem+json");
}

TEST_F(HttpServerTest, StreamsInChunks) {
  std::string all;
  EXPECT_EQ(
      HttpClient(port()).stream("/stream", [&](const std::string& piece) { return all += piece, true; }),
      200);
  EXPECT_EQ(all, "piece 0\npiece 1\npiece 2\n");
}

TEST_F(HttpServerTest, ManyRequestsGoOverOneConnection) {
  RawConnection connection(port());
  connection.write("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answers = connection.read(300);
  EXPECT_NE(answers.find("GET /1 0"), std::string::npos);
  EXPECT_NE(answers.find("GET /2 0"), std::string::npos);
}

TEST_F(HttpServerTest, WhatCouldBeReadInTwoWaysIsRefused) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  const std::string smuggled[] = {
      head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
      head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
      head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      head + "Content-Length: +1\r\n\r\na",
      head + "Content-Length: 99999999999999999999999\r\n\r\na",
      "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/9.9\r\nHost: h\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
      "nonsense\r\n\r\n",
  };
  for (const auto& bytes : smuggled) {
    const auto answer = raw(bytes, 1500);
    const bool ended = answer.empty() || answer.starts_with("HTTP/1.1 4");
    EXPECT_TRUE(ended) << bytes << "\n→ " << answer;
    EXPECT_EQ(answer.find("GET /b"), std::string::npos) << bytes;
  }
}

TEST_F(HttpServerTest, HeadersAndBodiesHaveCaps) {
  EXPECT_TRUE(raw("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", 1500)
                  .starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(raw("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 1500)
                  .starts_with("HTTP/1.1 4"));
  EXPECT_TRUE(raw("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n", 1500)
                  .starts_with("HTTP/1.1 413"));
  EXPECT_EQ(HttpClient(port()).post("/x", std::string(200'000, 'x')).body, "POST /x 200000");
}

TEST_F(HttpServerTest, LargeBodiesAreTakenAFewAtATime) {
  RawConnection slow(port());
  slow.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabc");
  for (int i = 0; i < 200; ++i) {
    if (HttpClient(port()).post("/y", std::string(50'000, 'x')).status == 503) return;
  }
  FAIL() << "two large bodies were read at once";
}

TEST_F(HttpServerTest, ASlowClientIsLetGo) {
  RawConnection header(port()), body(port()), idle(port());
  header.write("GET / HTTP/1.1\r\nHost:");
  body.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nab");
  EXPECT_TRUE(header.closed(4000));
  EXPECT_TRUE(body.closed(4000));
  EXPECT_FALSE(idle.closed(100));
  EXPECT_EQ(HttpClient(port()).get("/after").status, 200);
}

TEST_F(HttpServerTest, SpeaksTlsWithTheFilesItIsGiven) {
  char directory[] = "/tmp/slipway-tls-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string certificate = std::string(directory) + "/cert.pem",
                    key = std::string(directory) + "/key.pem";
  const auto made = test::run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                               "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                               key, "-out", certificate});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  HttpServerOptions options;
  options.certificate = certificate;
  options.private_key = key;
  HttpServer secure(io_, options, [](Request request) -> asio::awaitable<Response> {
    co_return Response{.body = "over TLS: " + request.path};
  });
  ASSERT_TRUE(secure.start());
  const auto where = "127.0.0.1:" + std::to_string(secure.port());
  const auto answer =
      test::run({"curl", "-sS", "--max-time", "10", "--cacert", certificate, "https://" + where + "/x"});
  EXPECT_EQ(answer.out, "over TLS: /x") << answer.err;
  EXPECT_NE(test::run({"curl", "-sS", "--max-time", "10", "http://" + where + "/x"}).exit_code, 0);
  EXPECT_NE(test::run({"curl", "-sS", "--max-time", "10", "--tls-max", "1.1", "--cacert", certificate,
                       "https://" + where + "/x"})
                .exit_code,
            0);
  options.private_key = certificate;
  HttpServer wrong(io_, options, nullptr);
  const auto refused = wrong.start();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("http.tls.key: cannot use " + certificate), std::string::npos)
      << refused.error().message;
  std::promise<void> stopped;
  asio::post(io_, [&] { secure.stop(), stopped.set_value(); });
  stopped.get_future().wait();
  EXPECT_TRUE(test::run({"curl", "-s", "--max-time", "2", "--cacert", certificate, "https://" + where + "/x"})
                  .exit_code != 0);
  test::run({"rm", "-r", directory});
}

TEST_F(HttpServerTest, TwoThousandIdleConnectionsCostLittle) {
  HttpClient(port()).get("/warm");
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const auto before = resident_kib();
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (int i = 0; i < 2000; ++i) {
    idle.push_back(std::make_unique<RawConnection>(port()));
    idle.back()->write("GET /idle HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  int answered = 0;
  for (auto& connection : idle)
    answered += connection->read_some(5000).find("GET /idle") != std::string::npos ? 1 : 0;
  EXPECT_EQ(answered, 2000);
  const auto grown = resident_kib() - before;
  std::printf("%zu idle connections: %ld KiB more\n", idle.size(), grown);
  EXPECT_EQ(HttpClient(port()).get("/still").status, 200);
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  EXPECT_LT(grown, 20 * 1024);
#endif
}

}  // namespace
}  // namespace slipway::server
