// HTTP/1.1 to the container engine. A request is named by method and path, ids replaced by what they stand
// for.
#include <map>
#include <mutex>
#include <regex>

#include "test/support/proxy/proxy.h"

namespace slipway::test {
namespace {

/// What the full ids stand for, learnt from the answers to create: "{probe}" or "{attempt}".
class Ids {
 public:
  void learn(const std::string& answer, const std::string& kind) {
    static const std::regex given("\"Id\":\"([0-9a-f]{64})\"");
    std::smatch found;
    if (!std::regex_search(answer, found, given)) return;
    const std::lock_guard lock(mutex_);
    kinds_[found[1]] = kind;
  }
  std::string replaced(std::string name) {
    static const std::regex id("[0-9a-f]{64}");
    for (std::smatch found; std::regex_search(name, found, id);) {
      const std::lock_guard lock(mutex_);
      const auto known = kinds_.find(found[0]);
      name = found.prefix().str() + (known == kinds_.end() ? "{id}" : known->second) + found.suffix().str();
    }
    return name;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> kinds_;
};

/// "POST /v1.41/containers/create?name=slipway-0198…-1" → "POST /containers/create {attempt}"
std::string name_of(const std::string& head, Ids& ids) {
  static const std::regex version("/v[0-9.]+/");
  static const std::regex probe("slipway-00000000-0000-4000-8000-[0-9a-f]{12}-1(-[a-z0-9]+)?");
  static const std::regex attempt("slipway-[0-9a-f-]{36}-[0-9]+(-[a-z0-9]+)?");
  auto name = head.substr(0, head.find(" HTTP/1.1"));
  name = std::regex_replace(name, version, "/");
  name = std::regex_replace(name, probe, "{probe}");
  name = std::regex_replace(name, attempt, "{attempt}");
  name = ids.replaced(name);
  // Of the query only what tells one operation from another.
  const auto query = name.find('?');
  if (query == std::string::npos) return name;
  const auto value = name.substr(query + 1);
  name.resize(query);
  if (value.find("{probe}") != std::string::npos) return name + " {probe}";
  if (value.find("{attempt}") != std::string::npos) return name + " {attempt}";
  if (value.starts_with("follow=")) return name + " follow";
  if (value.starts_with("signal=") || value.starts_with("condition=")) return name + " " + value;
  return name;
}

class EngineDialect final : public Dialect {
 public:
  explicit EngineDialect(std::shared_ptr<Ids> ids) : ids_(std::move(ids)) {}
  std::vector<Piece> from_client(const std::string& bytes) override {
    if (waiting_) return {{bytes, ""}};  // the rest of a body
    head_ += bytes;
    if (head_.find("\r\n\r\n") == std::string::npos) return {};
    waiting_ = true;
    Piece piece{std::exchange(head_, ""), ""};
    piece.name = name_ = name_of(piece.bytes, *ids_);
    return {piece};
  }
  bool from_server(const std::string& bytes) override {
    for (const auto* kind : {"{probe}", "{attempt}"}) {
      if (waiting_ && name_.ends_with("/create " + std::string(kind))) ids_->learn(bytes, kind);
    }
    return std::exchange(waiting_, false);
  }

 private:
  std::shared_ptr<Ids> ids_;
  std::string name_;
  bool waiting_ = false;
  std::string head_;
};

}  // namespace

Proxy::MakeDialect engine_dialect() {
  return [ids = std::make_shared<Ids>()] { return std::make_unique<EngineDialect>(ids); };
}

}  // namespace slipway::test
