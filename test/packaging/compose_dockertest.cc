// manifests/docker/compose.yaml brought up as its users do, on an engine with a network of its own: the image
// of our Dockerfile, and PostgreSQL and Prometheus of Debian under the names the file uses. Grafana is left
// out: Debian has none.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "test/packaging/packages.h"
#include "test/support/command/command.h"
#include "test/support/docker_engine/docker_engine.h"
#include "test/support/house/house_cgroups.h"

namespace slipway::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string source(const std::string& path) {
  return std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/" + path;
}

json json_of(const std::string& path) {
  std::ifstream file(source(path));
  return json::parse(file);
}

/// What the official image does with these variables at its first start.
constexpr const char* kPostgresEntrypoint = R"sh(#!/bin/sh -e
as() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
chown postgres: "$PGDATA" && chmod 0700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" >/tmp/password && chown postgres /tmp/password
  as initdb -E UTF8 -A scram-sha-256 --auth-local trust --pwfile /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  as pg_ctl -w -o "-c listen_addresses=''" start && as createdb "$POSTGRES_DB" && as pg_ctl -w stop
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -c listen_addresses='*'
)sh";

class Compose : public ::testing::Test {
 protected:
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  static constexpr bool kSanitized = true;
#else
  static constexpr bool kSanitized = false;
#endif

  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "packages are made of plain builds; the same files are tested there";
    engine_ = std::make_unique<DockerEngine>(DockerEngineOptions{.own_network = true});
    docker_ = docker_of(*engine_);
    make_slipwayd();
    make_servers();
    sh("tar -C " + built("samples") + " --owner=0 --group=0 -c momentum | " + docker_ +
       "import - slipway.local/momentum:demo");
  }

  static std::string docker_of(const DockerEngine& engine) {
    return "DOCKER_BUILDKIT=0 DOCKER_HOST=unix://" + engine.socket_path() + " docker ";
  }

  /// By the Dockerfile, on an engine that has this host's network: apt needs one.
  void make_slipwayd() {
    const Packages packages("0.1.0");
    const CleanRoot base;
    const DockerEngine builder;
    const auto docker = docker_of(builder);
    sh("tar -C " + base.dir().string() + " -c . | " + docker + "import - slipway.local/base:bookworm");
    sh(docker + "build --network host -q -t slipwayd --build-arg BASE=slipway.local/base:bookworm -f " +
       source("manifests/docker/Dockerfile") + " " + packages.dir().string());
    sh(docker + "save slipwayd | " + docker_ + "load");
  }

  void make_servers() {
    const CleanRoot root;
    const auto in = [&](const char* path) { return root.dir() / path; };
    std::ofstream(in("usr/sbin/policy-rc.d")) << "#!/bin/sh\nexit 101\n";
    sh("chmod 755 " + in("usr/sbin/policy-rc.d").string() + "; mkdir -p " +
       in("etc/postgresql-common").string());
    std::ofstream(in("etc/postgresql-common/createcluster.conf")) << "create_main_cluster = false\n";
    root.run(
        "apt-get update -q && apt-get install -y -q --no-install-recommends postgresql-15 prometheus && "
        "apt-get clean && mkdir /prometheus && chown nobody: /prometheus");
    std::ofstream(in("entrypoint")) << kPostgresEntrypoint;
    sh("chmod 755 " + in("entrypoint").string());
    sh("tar -C " + root.dir().string() + " -c . | " + docker_ + "import - slipway.local/servers:bookworm");
    const auto build = [&](const std::string& name, const std::string& lines) {
      sh("printf '%s\\n' 'FROM slipway.local/servers:bookworm' " + lines + " | " + docker_ + "build -q -t " +
         name + " -");
    };
    build("postgres:15",
          "'ENV PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin:/usr/sbin PGDATA=/var/lib/postgresql/data' "
          "'ENTRYPOINT [\"/entrypoint\"]'");
    build("prom/prometheus:v2.53.0", "'USER nobody' 'ENTRYPOINT [\"/usr/bin/prometheus\"]'");
  }

  std::string compose(const std::string& words) {
    return sh("DOCKER_HOST=unix://" + engine_->socket_path() + " DOCKER_SOCKET=" + engine_->socket_path() +
              " SLIPWAY_DB_PASSWORD=secret docker-compose --ansi never -p slipway -f " +
              source("manifests/docker/compose.yaml") + " " + words);
  }
  /// The command in the daemon's container, which has the database's URL.
  std::string slipway(const std::string& words) { return compose("exec -T slipwayd slipway " + words); }
  /// Of a port that the file publishes on the loopback of the engine's host.
  std::string get(const std::string& port_and_path) {
    const auto answer = run({"nsenter", "-n", "-t", std::to_string(engine_->pid()), "curl", "-gsS",
                             "--max-time", "5", "http://127.0.0.1:" + port_and_path});
    return answer.out;
  }

  std::unique_ptr<DockerEngine> engine_;
  std::string docker_;
};

TEST_F(Compose, AnExecutionRunsAndPrometheusSeesIt) {
  EXPECT_THAT(compose("config"), HasSubstr("grafana"));
  compose("up -d postgres migrate slipwayd prometheus 2>&1");
  ASSERT_TRUE(
      wait_until([&] { return get("8320/readyz").find("\"ready\":true") != std::string::npos; }, 60'000))
      << compose("ps") << compose("logs slipwayd migrate postgres 2>&1");

  slipway("apply -f - < " + source("manifests/samples/momentum.yaml"));
  slipway("grant u-42 momentum --uses 1");
  const auto answer = slipway("run momentum --user u-42 --input @- --follow < " +
                              source("manifests/samples/momentum/demo/eth-1h.json") + " 2>/dev/null");
  EXPECT_EQ(json::parse(answer), json_of("manifests/samples/momentum/demo/eth-1h.expected.json"));

  EXPECT_TRUE(wait_until(
      [&] {
        return get("9090/api/v1/query?query=slipway_executions_finished_total{reason=\"Completed\"}")
                   .find(R"("momentum")") != std::string::npos;
      },
      90'000))
      << get("9090/api/v1/targets");
  EXPECT_THAT(get("9090/api/v1/rules"), HasSubstr("PlatformFailureRatioHigh"));

  compose("restart slipwayd 2>&1");
  ASSERT_TRUE(
      wait_until([&] { return get("8320/readyz").find("\"ready\":true") != std::string::npos; }, 60'000));
  EXPECT_EQ(slipway("get nodes -o name"), "node/compose\n") << "the same node, kept in its volume";

  HouseCgroups cgroups("");
  cgroups.instance(compose("exec -T slipwayd cat /var/lib/slipway/instance_id"));
  EXPECT_THAT(cgroups.of_attempts(), ::testing::IsEmpty());
  compose("down -v 2>&1");
  EXPECT_EQ(sh(docker_ + "ps -aq; " + docker_ + "volume ls -q"), "");
}

}  // namespace
}  // namespace slipway::test
