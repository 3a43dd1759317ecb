#include "store/postgres/listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <mutex>
#include <pqxx/pqxx>
#include <random>
#include <set>
#include <thread>

#include "logging/log.h"
#include "store/postgres/session_settings.h"

namespace slipway::store::postgres {
namespace {

// Hints wait here for the io thread. Shared with what was posted to it, which may outlive the listener.
struct Mailbox : std::enable_shared_from_this<Mailbox> {
  Mailbox(asio::any_io_executor executor, std::function<void(const Hint&)> callback)
      : io(std::move(executor)), on_hint(std::move(callback)) {}

  void put(Hint hint) {
    const std::lock_guard lock(mutex);
    if (hints.size() >= 10'000) hint = {Hint::Kind::Resync, {}}, hints.clear();
    hints.emplace(hint.kind, hint.id);
    if (posted) return;
    posted = true;
    asio::post(io, [self = shared_from_this()] { self->deliver(); });
  }

  void deliver() {
    std::set<std::pair<Hint::Kind, ExecutionId>> batch;
    {
      const std::lock_guard lock(mutex);
      batch.swap(hints);
      posted = false;
    }
    for (const auto& [kind, id] : batch) {
      if (on_hint) on_hint({kind, id});
    }
  }

  asio::any_io_executor io;
  std::function<void(const Hint&)> on_hint;  ///< io thread only; emptied when the listener goes
  std::mutex mutex;
  std::set<std::pair<Hint::Kind, ExecutionId>> hints;
  bool posted = false;
};

class Receiver : public pqxx::notification_receiver {
 public:
  Receiver(pqxx::connection_base& connection, const std::string& channel, Hint::Kind kind, Mailbox& mailbox)
      : pqxx::notification_receiver(connection, channel), kind_(kind), mailbox_(mailbox) {}
  /// Any login role may notify: what is no id is no hint.
  void operator()(const std::string& payload, int) override {
    if (kind_ == Hint::Kind::Changed && !is_execution_id(payload)) return;
    mailbox_.put({kind_, kind_ == Hint::Kind::Changed ? payload : std::string()});
  }

 private:
  Hint::Kind kind_;
  Mailbox& mailbox_;
};

}  // namespace

struct Listener::Impl {
  ConnectionOptions options;
  std::shared_ptr<Mailbox> mailbox;
  int stop_event = ::eventfd(0, EFD_CLOEXEC);
  std::atomic<bool> stopping{false};
  std::atomic<bool> connected{false};
  bool told = false;
  std::thread thread;
  std::minstd_rand random{std::random_device{}()};
  std::mutex socket_mutex;
  int socket = -1;  ///< under socket_mutex; the end cuts it, should the server not answer

  void cut() {
    const std::lock_guard lock(socket_mutex);
    if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
  }

  /// Names the socket for as long as the connection lives.
  struct Named {
    Named(Impl& owner, int fd) : impl(owner) { set(fd); }
    ~Named() { set(-1); }
    void set(int fd) {
      const std::lock_guard lock(impl.socket_mutex);
      impl.socket = fd;
    }
    Impl& impl;
  };

  void run() {
    bool first = true;
    for (int failures = 0; !stopping;) {
      try {
        pqxx::connection connection(connect_string(options));
        const Named named(*this, connection.sock());
        if (stopping) return;
        if (through_pooler(connection)) throw pqxx::broken_connection("no LISTEN behind a pooler");
        const Receiver work(connection, "slipway_work", Hint::Kind::Work, *mailbox);
        const Receiver changed(connection, "slipway_changed", Hint::Kind::Changed, *mailbox);
        if (!std::exchange(first, false)) mailbox->put({Hint::Kind::Resync, {}});
        failures = 0;
        connected = true;
        listen(connection);
        connected = false;
      } catch (const std::exception&) {  // whatever it was: pause, connect again, resync
        connected = false;
        first = false;
        pause(++failures);
      }
    }
  }

  /// LISTEN would be said to a session that others get next. Told once; the nodes look by themselves
  /// meanwhile.
  bool through_pooler(pqxx::connection& connection) {
    pqxx::nontransaction single(connection);
    const auto pid = single.exec("SELECT pg_catalog.pg_backend_pid()")[0][0].as<int>();
    if (pid == connection.backendpid()) {
      single.exec(session_settings(options));
      return false;
    }
    if (!std::exchange(told, true)) {
      logging::warn(
          "a pooler stands before the database: no hint comes through it; set database.listen_url to the "
          "server itself");
    }
    return true;
  }

  // Wakes for the socket, for the end, and now and then to see whether the other side still answers.
  void listen(pqxx::connection& connection) {
    while (!stopping) {
      pollfd fds[] = {{connection.sock(), POLLIN, 0}, {stop_event, POLLIN, 0}};
      const int ready = ::poll(fds, 2, 60'000);
      if (stopping) return;
      if (ready == 0) pqxx::nontransaction(connection).exec("SELECT 1");
      connection.get_notifs();
      if (!connection.is_open()) throw pqxx::broken_connection();
    }
  }

  void pause(int failures) {
    const auto longest = std::min(2000, 20 << std::min(failures, 7));
    std::uniform_int_distribution<> jitter(longest / 2, longest);
    pollfd fd{stop_event, POLLIN, 0};
    ::poll(&fd, 1, jitter(random));
  }
};

Listener::Listener(const ConnectionOptions& options, const asio::any_io_executor& io,
                   std::function<void(const Hint&)> on_hint)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->options.application_name = "slipwayd listener";
  impl_->mailbox = std::make_shared<Mailbox>(io, std::move(on_hint));
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

Listener::~Listener() {
  impl_->stopping = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(impl_->stop_event, &one, sizeof one);
  impl_->cut();
  impl_->thread.join();
  impl_->mailbox->on_hint = nullptr;
  ::close(impl_->stop_event);
}

bool Listener::connected() const { return impl_->connected; }

}  // namespace slipway::store::postgres
