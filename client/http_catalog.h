#pragma once

#include <deque>
#include <memory>
#include <random>
#include <string>

#include "client/connection.h"
#include "store/catalog.h"

namespace slipway::client {

/// Who the server takes this token for.
struct Caller {
  std::string role;
  std::string user;  ///< of a user's token only
  TimePoint now{};   ///< at the server's database
};

/// The catalogue behind a server. What may be asked twice is, a few times, when the server is away for a
/// moment; what may not ends with Doubt if the server may have read it.
class HttpCatalog final : public store::CommandCatalog {
 public:
  explicit HttpCatalog(ConnectionOptions options);

  Result<Caller> whoami();
  Result<std::string> server_version();

  Result<TimePoint> now() override;
  Result<std::vector<store::Change>> apply(const std::vector<Object>& objects,
                                           const store::ApplyOptions& options) override;
  Result<std::vector<nlohmann::json>> list(const store::Query& query) override;
  Result<ExecutionId> find_execution(const std::string& name_or_id) override;
  Result<store::Standing> standing(const ExecutionId& id) override;
  Result<store::Waiting> why(const ExecutionId& id) override;
  Result<std::optional<std::string>> output(const ExecutionId& id) override;
  Result<std::vector<nlohmann::json>> events(const ExecutionId& id) override;
  Result<store::LogPage> logs(const ExecutionId& id, const store::LogCursor& after) override;
  Result<bool> cancel(const ExecutionId& id) override;
  Result<void> force_finish(const ExecutionId& id, const std::string& why) override;
  Result<void> remove(store::Table table, const std::string& name) override;
  Result<void> wish(const std::string& node, store::NodeWish wish) override;
  Result<void> create_token(const store::Token& token, const std::string& sha256) override;
  Result<std::vector<store::Token>> tokens() override;
  Result<void> revoke_token(const std::string& id) override;

 private:
  /// The answer of a 2xx, or what any other means.
  Result<Answer> ask(const Request& request, bool safe);
  /// Its body.
  Result<store::Document> object(const Request& request, bool safe);
  Result<store::Document> get(const std::string& target);
  Result<void> act(const std::string& method, const std::string& target, const std::string& body = "");

  Result<std::vector<nlohmann::json>> items(const std::string& target);
  Result<std::vector<nlohmann::json>> pages(const store::Query& query);
  Result<store::Document> whole(const nlohmann::json& listed);

  std::string url_;
  Connection connection_;
  std::mt19937 random_{std::random_device()()};
};

}  // namespace slipway::client
