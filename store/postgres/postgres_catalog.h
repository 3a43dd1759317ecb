#pragma once

#include <functional>
#include <memory>
#include <string>

#include "store/catalog.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// The catalog on one blocking connection, made at the first call.
class PostgresCatalog : public Catalog {
 public:
  explicit PostgresCatalog(const std::string& url);

  Result<TimePoint> now() override;
  Result<std::vector<Change>> apply(const std::vector<Object>& objects, const ApplyOptions& options) override;
  Result<std::vector<nlohmann::json>> list(const Query& query) override;
  Result<ExecutionId> find_execution(const std::string& name_or_id) override;
  Result<Standing> standing(const ExecutionId& id) override;
  Result<Waiting> why(const ExecutionId& id) override;
  Result<std::optional<std::string>> output(const ExecutionId& id) override;
  Result<std::vector<nlohmann::json>> events(const ExecutionId& id) override;
  Result<LogPage> logs(const ExecutionId& id, const LogCursor& after) override;
  Result<bool> cancel(const ExecutionId& id) override;
  Result<void> remove(Table table, const std::string& name) override;
  Result<void> wish(const std::string& node, NodeWish wish) override;

  // catalog_force.cc
  Result<void> force_finish(const ExecutionId& id, const std::string& why) override;

  // catalog_pages.cc
  Result<ExecutionId> find_execution_of(const std::string& user, const std::string& name_or_id) override;
  Result<Page> page(const PageQuery& query) override;
  Result<Document> execution(const ExecutionId& id) override;
  Result<Outlook> outlook(const ExecutionSpec& request) override;
  Result<std::vector<ExecutionId>> finished_among(const std::vector<ExecutionId>& ids) override;
  Result<std::vector<ExecutionId>> gone_among(const std::vector<ExecutionId>& ids) override;
  Result<std::vector<Changed>> changes(const PageQuery& query, std::int64_t event) override;
  Result<std::int64_t> newest_event() override;
  Result<Document> statistics(const std::string& agent) override;

  // catalog_tokens.cc
  Result<void> create_token(const Token& token, const std::string& sha256) override;
  Result<std::vector<Token>> tokens() override;
  Result<void> revoke_token(const std::string& id) override;
  Result<std::optional<Token>> token_by(const std::string& sha256) override;

 private:
  /// Runs `work` on the connection; a Failure becomes its Error, and a lost connection is forgotten.
  template <class T>
  Result<T> call(const std::function<Result<T>(Connection&)>& work) {
    try {
      if (!connection_) connection_ = std::make_unique<Connection>(options_);
      return work(*connection_);
    } catch (const Failure& failure) {
      if (failure.connection_lost()) connection_.reset();
      return failure.error();
    }
  }

  ConnectionOptions options_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace slipway::store::postgres
