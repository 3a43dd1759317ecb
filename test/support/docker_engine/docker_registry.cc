#include "test/support/docker_engine/docker_registry.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slipway::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

bool listens(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool open = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return open;
}

std::string base64(const std::string& bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      text += i + j > bytes.size() ? '=' : kAlphabet[group >> (18 - 6 * j) & 63];
  }
  return text;
}

/// The registry takes bcrypt only; htpasswd of apache2-utils makes it.
void write_htpasswd(const std::string& path, const std::string& user, const std::string& password) {
  ChildProcess maker;
  maker.start({"htpasswd", "-Bbn", "-C", "4", user, password}, path);
  if (!maker.wait_exit(5000)) throw std::runtime_error("htpasswd");
}

}  // namespace

DockerRegistry::DockerRegistry(std::string user, std::string password) {
  char path[] = "/tmp/slipway-registry-XXXXXX";
  if (!mkdtemp(path)) throw std::runtime_error("mkdtemp");
  dir_ = path;
  const int port = free_port();
  host_ = "127.0.0.1:" + std::to_string(port);
  json config = {{"version", "0.1"},
                 {"log", {{"level", "error"}}},
                 {"storage", {{"filesystem", {{"rootdirectory", storage()}}}}},
                 {"http", {{"addr", host_}}}};
  if (!user.empty()) {
    write_htpasswd(dir_ + "/htpasswd", user, password);
    config["auth"] = {{"htpasswd", {{"realm", "test"}, {"path", dir_ + "/htpasswd"}}}};
  }
  std::ofstream(dir_ + "/registry.yml") << config.dump();  // JSON is YAML
  std::ofstream(dir_ + "/config.json")
      << json{{"auths", {{host_, {{"auth", base64(user + ":" + password)}}}}}}.dump();
  auth_header_ = base64(json{{"username", user}, {"password", password}, {"serveraddress", host_}}.dump());
  server_.start({"docker-registry", "serve", dir_ + "/registry.yml"}, dir_ + "/registry.log");
  if (!wait_until([port] { return listens(port); }, 10000))
    throw std::runtime_error("the registry does not listen");
}

DockerRegistry::~DockerRegistry() {
  server_.kill_and_wait();
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

std::string DockerRegistry::push(const DockerEngine& engine, const std::string& image,
                                 const std::string& repository, const std::string& tag) const {
  const std::string name = host_ + "/" + repository;
  engine.request("POST", "/images/" + image + "/tag?repo=" + name + "&tag=" + tag);
  const EngineAnswer answer =
      engine.request("POST", "/images/" + name + "/push?tag=" + tag, {}, {{"X-Registry-Auth", auth_header_}});
  const std::size_t at = answer.body.find("digest: sha256:");
  if (at == std::string::npos) throw std::runtime_error("push of " + name + ": " + answer.body);
  return answer.body.substr(at + 8, 71);
}

}  // namespace slipway::test
