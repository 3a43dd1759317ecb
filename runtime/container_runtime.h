#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/agent.h"
#include "api/execution.h"
#include "api/result.h"

namespace slipway::runtime {

namespace asio = boost::asio;

/// What the engine says of one container name. "Unreachable" is an error of the call, never a state.
enum class ContainerState { Absent, Created, Running, Paused, Exited, Removing, Dead };
std::string_view to_string(ContainerState state);

struct Observation {
  ContainerState state = ContainerState::Absent;
  bool ours = false;         ///< every identity label (instance, execution, attempt, claim) is the asked one
  std::string container_id;  ///< full; empty: not ours, so that nothing is asked of it or done to it
  std::string image_id;      ///< "sha256:…", what it was made from
  std::string violated_limit;    ///< first limit that reads back other than asked, e.g. "memory: asked 1, got
                                 ///< 0"; empty: all equal
  std::string effective_limits;  ///< JSON object as read back
  int exit_code = 0;             ///< meaningful when Exited, or Created with an engine_error
  bool oom_killed = false;
  std::string engine_error;       ///< State.Error
  std::optional<Reason> refused;  ///< what the engine's error of a container that never ran blames
                                  ///< (CommandInvalid, ImageNotAllowed, NodeStorageFull); none: nobody knows
  bool leftovers =
      false;            ///< no container of ours, but a directory, mount or cgroup of this attempt is there
  bool fenced = false;  ///< no start may be sent any more: the input directory is away, or the mounts went
                        ///< with an earlier boot (mount mode only); not asked of what has run
  bool may_have_run = false;  ///< the engine says that it never ran, but something of it has used its cgroup;
                              ///< asked with `wait_for_start` only
  bool stopped_from_outside = false;  ///< a person had the engine kill or stop it; asked of a bad end only
  TimePoint started_at;               ///< the engine's clock; zero: never
  TimePoint finished_at;              ///< the engine's clock, clamped not to precede started_at
  TimePoint observed_at;              ///< the engine's clock at the observation
  std::optional<Duration>
      running_for;              ///< since its process began, by a clock that nobody sets; while it runs
  EngineIdentity engine;        ///< the process that answered
  TimePoint engine_started_at;  ///< the engine's clock
};

/// Everything a container is made from. Only these fields reach the engine.
struct ContainerSpec {
  AttemptRef ref;
  std::string user_id;   ///< never passed to the container; for logs
  std::string image_id;  ///< content id "sha256:…", never a tag
  int agent_revision = 0;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>>
      env;  ///< the agent's own; the adapter adds what the contract promises
  Limits limits;
  int user = 65534;
  int group = 65534;
  std::string runtime_class;
  std::string traceparent;
  std::string input;  ///< JSON text, at most 1 MiB
};

struct ImageInfo {
  std::string id;      ///< "sha256:…": what create takes and the row pins
  std::string digest;  ///< repository digest; empty for a local build
  std::string
      not_allowed;  ///< why the image's own configuration is refused (declared volumes, …); empty: fine
};

struct Listed {
  AttemptRef ref;  ///< from the labels; a leftover without a container has what its directory's name says,
                   ///< and no claim
  std::string name;
  std::string container_id;  ///< empty: no container, only a directory, mount or cgroup is left
  ContainerState state = ContainerState::Absent;
};

/// What this node and engine can do, proved by a probe container where it matters.
struct Capabilities {
  std::string engine_version;
  std::string api_version;
  std::string io_mode;  ///< "mount" or "volume"
  bool live_restore = false;
  std::vector<std::string> runtimes;         ///< names of the engine's runtimes
  std::vector<std::string> not_enforceable;  ///< e.g. "swap"; what doctor prints
};

enum class Signal { Term, Kill, Unpause };

/// Why a pull ended without an image.
enum class PullFailure {
  NotFound,  ///< the registry or the engine knows no such image: the agent's fault
  Failed,    ///< registry away, credentials refused, corrupt layer, no room: the platform's
};
struct PullResult {
  std::optional<ImageInfo> image;
  PullFailure failure = PullFailure::Failed;
  std::string detail;  ///< for operators
};

/// The log of a running container as it grows: nothing but what collect will find at the same place of it, as
/// long as the engine has not dropped its head. Closed by its destructor. Io thread, one call at a time.
class LogStream {
 public:
  virtual ~LogStream() = default;
  /// Waits until there is more, and gives all of that; pieces follow each other without a gap. While nobody
  /// asks, at most a few chunks are read ahead. Empty: the end must bring the rest. Retry: the stream broke,
  /// which it also does at the container's exit.
  virtual asio::awaitable<Result<std::vector<LogPiece>>> next() = 0;
  /// Ends a next() in progress with Retry.
  virtual void close() = 0;
};

/// The container engine of this node. Containers are keyed by `container_name(ref)`.
///
/// Threads: called from the io thread; blocking work (mounts, files, cgroups) runs on the adapter's pool.
/// Every call has a deadline of its own and never outlasts it: inspect, list and follow 5 s (35 s in
/// resolve-doubt observations), create, start and remove 30 s, collect 30 s, signal 10 s, pull bounded by an
/// idle time-out. Past it the call answers Doubt if it may have taken effect, else Retry. Errors are
/// classified by status and errno; by an engine's words only where these tell whose doing a refusal is.
class ContainerRuntime {
 public:
  virtual ~ContainerRuntime() = default;

  /// What is there under this name, compared with `expected` if there is one (its image only if it names
  /// one). Read-only, any time. `wait_for_start`: use the 35 s deadline, since an inspect queues behind a
  /// start in flight. Labels other than asked give ours = false, never an error.
  virtual asio::awaitable<Result<Observation>> observe(const AttemptRef& ref, const ContainerSpec* expected,
                                                       bool wait_for_start) = 0;

  /// Every container of this node's instance, and every leftover directory, mount or cgroup of one that has
  /// no container.
  virtual asio::awaitable<Result<std::vector<Listed>>> list() = 0;

  /// Makes `image` present (fetching it as `policy` says) and tells its id. Idempotent; one per image at a
  /// time.
  virtual asio::awaitable<Result<PullResult>> pull(const std::string& image, ImagePullPolicy policy) = 0;

  /// Prepares directories, cgroup parent and mounts, then creates the container. Idempotent by name: if it
  /// exists with all our labels, that one is adopted. Conflict: the name is taken by a container that is not
  /// ours. Invalid: there is no command that could be run. NotFound: the image is gone. Unsupported: the node
  /// cannot do what is asked for. StorageFull: there is no room. Doubt: whatever else the engine refuses.
  virtual asio::awaitable<Result<std::string>> create(const ContainerSpec& spec) = 0;

  /// Starts it, once: the caller has committed its intent and never calls this twice for one container. On
  /// success the input directory is fenced and the exit is being waited for. Doubt whenever the engine's
  /// answer is not a clear yes or no. Invalid: the engine said that the command cannot be executed.
  virtual asio::awaitable<Result<void>> start(const AttemptRef& ref, const std::string& container_id) = 0;

  /// Makes every later start fail by renaming the input directory. true: fenced; false: this mode has no
  /// fence (volume).
  virtual asio::awaitable<Result<bool>> fence(const AttemptRef& ref) = 0;

  /// Idempotent; a container that is not running is a success.
  virtual asio::awaitable<Result<void>> signal(const AttemptRef& ref, const std::string& container_id,
                                               Signal signal) = 0;

  /// Opens the log of a container that runs, from its first line on.
  virtual asio::awaitable<Result<std::shared_ptr<LogStream>>> follow(const AttemptRef& ref,
                                                                     const std::string& container_id,
                                                                     const Limits& limits) = 0;

  /// Reads result and logs of an exited, lost or forgotten container, and its usage. First kills whatever
  /// process is left in its cgroup. Repeatable until remove. A missing container yields what the output
  /// directory holds. `stored`: only what was written after it, under what it leaves of the log's cap.
  virtual asio::awaitable<Result<Evidence>> collect(const AttemptRef& ref, const std::string& container_id,
                                                    const Limits& limits, const LiveLog& stored) = 0;

  /// Removes the container, then verifies that container, processes, cgroup, mounts and directories are gone.
  /// true: all gone; false: look again.
  virtual asio::awaitable<Result<bool>> remove(const AttemptRef& ref, const std::string& container_id) = 0;

  /// Calls `on_change` on the io thread with an execution id whenever something may have happened to one of
  /// its containers (exit waited for, event), and with an empty id when the stream was broken. Hints only.
  virtual void watch(std::function<void(const ExecutionId&)> on_change) = 0;
  virtual void unwatch() = 0;

  /// Learns what the engine can do and proves the io mode with a probe container. Once at start and after the
  /// engine changed.
  virtual asio::awaitable<Result<Capabilities>> probe() = 0;

  /// Is there room for another container where the engine keeps them, and this adapter its own? Asked after a
  /// StorageFull, until there is.
  virtual asio::awaitable<Result<bool>> has_room() = 0;
};

}  // namespace slipway::runtime
