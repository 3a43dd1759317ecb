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

 private:
  /// Runs `work` on the connection; a Failure becomes its Error, and a lost connection is forgotten.
  template <class T>
  Result<T> call(const std::function<Result<T>(Connection&)>& work);

  ConnectionOptions options_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace slipway::store::postgres
