#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/support/docker_engine/child_process.h"

namespace slipway::test {

struct DockerEngineOptions {
  bool live_restore = false;
  /// Further OCI runtimes: name → path and arguments. "ledger" is always there and is the default runtime, so
  /// that every start of every container is counted that asks for no other.
  std::map<std::string, std::vector<std::string>> runtimes;
  std::string default_runtime = "ledger";
  /// Run dockerd and containerd in a mount namespace of their own, as systemd's PrivateTmp does: they do not
  /// see mounts made later by the test's process.
  bool private_mounts = false;
  /// Run dockerd in a network namespace of its own, until it is restarted: containers can have networks and
  /// published ports, of which this host sees nothing. Who speaks to them enters it (pid()).
  bool own_network = false;
  std::string parent = "/tmp";  ///< where its directory is made
};

/// A file in an image.
struct ImageFile {
  std::string path;  ///< "bin/agent"; with a slash at its end a directory
  std::string bytes;
  int mode = 0755;
  std::string link;  ///< where it leads to, if it is a link
  bool fifo = false;
};

/// Answer of the engine to a raw request.
struct EngineAnswer {
  int status = 0;  ///< 0: no answer
  std::string body;
};

/// A private container engine: its own containerd and dockerd on sockets below a new directory.
/// Containers have no network unless own_network is asked for. Ready in about half a second. The destructor
/// ends every process and container, unmounts and deletes everything, also after a failed test.
///
/// Containerd runs beside dockerd, so killing the engine leaves containers running (with live_restore they
/// are taken back; without, the engine stops them when it returns).
///
///   DockerEngine engine;
///   const std::string image = engine.import_image("agent:1");   // busybox with every applet
///   … DockerOptions{.socket_path = engine.socket_path(), .state_dir = engine.dir() + "/state", …}
///   EXPECT_EQ(engine.starts_of(container_id), 1);
class DockerEngine {
 public:
  explicit DockerEngine(DockerEngineOptions options = {});
  ~DockerEngine();
  DockerEngine(const DockerEngine&) = delete;
  DockerEngine& operator=(const DockerEngine&) = delete;

  const std::string& dir() const { return dir_; }
  std::string socket_path() const { return dir_ + "/docker.sock"; }
  std::string pid_file() const { return dir_ + "/docker.pid"; }
  pid_t pid() const { return dockerd_.pid(); }
  /// For DockerOptions::cgroup_parent: unlike any other test's, and removed by the destructor.
  std::string cgroup_parent() const { return dir_.substr(dir_.rfind('/') + 1); }

  void start();    ///< containerd (if it is not running) and dockerd; returns when it answers
  void stop();     ///< SIGTERM to dockerd, waits for its end
  void kill();     ///< SIGKILL to dockerd, waits for its end; containers go on
  void suspend();  ///< SIGSTOP
  void resume();   ///< SIGCONT
  void restart() { kill(), start(); }
  void kill_containerd();  ///< SIGKILL; shims and containers go on; start() brings it back, too
  void start_containerd();
  pid_t containerd_pid() const { return containerd_.pid(); }
  /// SIGKILL to the shim of a container; false: there is none.
  bool kill_shim(const std::string& container_id) const;

  /// Makes an image without a registry: busybox-static with all its applets in /bin, an empty /tmp, and
  /// `files`. `changes` are Dockerfile instructions such as "VOLUME /data". Returns its id ("sha256:…").
  std::string import_image(const std::string& name, const std::vector<ImageFile>& files = {},
                           const std::vector<std::string>& changes = {});

  /// One blocking request to the engine, e.g. request("GET", "/containers/json?all=1").
  EngineAnswer request(const std::string& method, const std::string& target, const std::string& body = {},
                       const std::map<std::string, std::string>& headers = {}) const;

  /// Ids of all starts the runtime really did, in order, over all lives of the engine.
  std::vector<std::string> ledger() const;
  int starts_of(const std::string& container_id) const;

 private:
  void write_config() const;
  void end_containers();

  DockerEngineOptions options_;
  std::string dir_;
  int owner_ = -1;  ///< a lock that ends with this process: a later engine clears what a killed test left
  ChildProcess containerd_;
  ChildProcess dockerd_;
};

/// A tar of busybox and `files`, as import_image sends it.
std::string busybox_tar(const std::vector<ImageFile>& files);

}  // namespace slipway::test
