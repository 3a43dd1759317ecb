#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/support/docker_engine/docker_engine.h"
#include "test/support/house/house_cgroups.h"
#include "test/support/house/slipwayd_process.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {

/// A real Postgres, a real engine and a slipwayd between them: what end-to-end tests live in.
class House {
 public:
  struct Options {
    DockerEngineOptions engine;
    std::string io = "mount";
    std::vector<std::string> flags = {"--resync", "2s"};
    bool start = true;
    PostgresServer* postgres = nullptr;  ///< null: PostgresServer::shared()
  };
  House();
  explicit House(Options options);
  ~House();

  /// An agent whose container runs a shell script (busybox). `spec` is merged over the defaults (a JSON
  /// object).
  void agent(const std::string& name, const std::string& script, const std::string& spec = "{}");
  /// Inserts an execution; `columns` are further ones, as SQL literals by name.
  std::string insert(const std::string& agent, const std::string& input = "{}",
                     const std::map<std::string, std::string>& columns = {});
  using Row = std::map<std::string, std::string>;
  Row row(const std::string& id);  ///< columns of slipway.executions, NULL as ""
  Row attempt(const std::string& id,
              int number = 1);  ///< columns of slipway.attempts, and "partial": the partial result as text
  /// Waits for a final status and for what was made to be gone; the row then. Fails the test past the
  /// deadline.
  Row finished(const std::string& id, int timeout_ms = 30'000);
  bool wait_for(const std::string& id, const std::string& column, const std::string& value,
                int timeout_ms = 20'000);
  /// The stored log of a stream, joined.
  std::string logs(const std::string& id, const std::string& stream = "stdout");

  /// What is left of containers, directories, mounts and cgroups of this house; empty when clean.
  std::vector<std::string> leftovers() const;
  /// Starts the runtime really made for the attempt's container.
  int starts(const std::string& id, int attempt = 1);

  DockerEngine& engine() { return engine_; }
  PostgresServer& postgres() { return postgres_; }
  SlipwaydProcess& daemon() { return daemon_; }
  Sql& sql();
  void reconnect() { sql_.reset(); }  ///< after Postgres was away
  const std::string& database_url() const { return url_; }
  const std::string& image() const { return image_; }

 private:
  PostgresServer& postgres_;
  std::unique_ptr<HouseCgroups> cgroups_;  // goes after the engine, which ends what runs in them
  DockerEngine engine_;
  std::string url_;
  std::string image_;
  std::unique_ptr<Sql> sql_;
  SlipwaydProcess daemon_;
};

}  // namespace slipway::test
