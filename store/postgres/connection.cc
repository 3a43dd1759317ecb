#include "store/postgres/connection.h"

#include <sys/socket.h>

#include <pqxx/pqxx>
#include <set>

#include "store/postgres/pqxx_translate.h"
#include "store/postgres/session_settings.h"

namespace slipway::store::postgres {

namespace {

const pqxx::result& of(const std::shared_ptr<const void>& result) {
  return *static_cast<const pqxx::result*>(result.get());
}

}  // namespace

Rows::Rows(std::shared_ptr<const void> result) : result_(std::move(result)) {}
int Rows::size() const { return static_cast<int>(of(result_).size()); }
bool Rows::null(int row, int column) const { return of(result_)[row][column].is_null(); }
std::string Rows::string(int row, int column) const {
  const auto field = of(result_)[row][column];
  return std::string(field.c_str(), field.size());
}
std::optional<std::string> Rows::text(int row, int column) const {
  if (null(row, column)) return std::nullopt;
  return string(row, column);
}
std::int64_t Rows::number(int row, int column) const {
  return null(row, column) ? 0 : std::strtoll(of(result_)[row][column].c_str(), nullptr, 10);
}
bool Rows::flag(int row, int column) const {
  return !null(row, column) && *of(result_)[row][column].c_str() == 't';
}

struct Connection::Impl {
  Impl(const ConnectionOptions& given, const std::string& text) : options(given), raw(text) {}

  /// Whoever stands between hands each client a key of its own: the process that serves it is another one,
  /// and the next transaction's may be a third.
  bool through_pooler() {
    pqxx::nontransaction single(raw);
    return single.exec("SELECT pg_catalog.pg_backend_pid()")[0][0].as<int>() != raw.backendpid();
  }

  ConnectionOptions options;
  pqxx::connection raw;
  std::set<std::string> prepared;
  pqxx::transaction_base* open = nullptr;
  bool pooled = false;
  std::string each_time;  ///< behind a pooler: what every transaction begins with
};

Connection::Connection(const ConnectionOptions& options, const std::function<void(int)>& on_socket) {
  try {
    impl_ = std::make_unique<Impl>(options, connect_string(options));
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    impl_->raw.inhibit_reactivation(
        true);  // a silent reconnect would lose settings, statements and the transaction
#pragma clang diagnostic pop
    impl_->raw.set_verbosity(pqxx::connection_base::terse);
    if (on_socket) on_socket(socket());
    impl_->pooled = impl_->through_pooler();
    if (impl_->pooled) {
      impl_->each_time = transaction_settings(options);
    } else {
      script(session_settings(options));
    }
  } catch (...) {
    // Whatever refuses a connection (address, rights, too many) may be different the next time.
    const auto failure = translate_current(false);
    const auto words = without_secrets(failure.error().message, options.url);
    if (failure.error().error_class == ErrorClass::Invalid && !impl_)
      throw Failure({ErrorClass::Invalid, words}, "", true);
    throw Failure({ErrorClass::Retry, words}, failure.sqlstate(), true);
  }
}

Connection::~Connection() = default;

int Connection::socket() const { return impl_->raw.sock(); }
bool Connection::pooled() const { return impl_->pooled; }

namespace {

/// An idle session is silent: bytes, or an end, are the server's goodbye.
bool server_spoke(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

}  // namespace

Rows Connection::query(const Statement& statement, const Params& params) {
  return exec(statement, params, false);
}

Rows Connection::commit(const Statement& statement, const Params& params) {
  if (server_spoke(socket()))
    throw Failure({ErrorClass::Retry, "the server closed the session"}, "08006", true);
  return exec(statement, params, true);
}

void Connection::prepare(const Statement& statement) {
  if (impl_->prepared.contains(statement.name)) return;
  try {
    impl_->raw.prepare(statement.name, statement.sql);
    impl_->prepared.insert(statement.name);
  } catch (...) {
    throw translate_current(false);
  }
}

Rows Connection::exec(const Statement& statement, const Params& params, bool committing) {
  std::vector<const char*> raw;
  raw.reserve(params.size());
  for (const auto& param : params) {
    if (param && param->find('\0') != std::string::npos) {
      throw Failure({ErrorClass::Invalid, "a text parameter holds a NUL byte"}, "22021", false);
    }
    raw.push_back(param ? param->c_str() : nullptr);
  }
  if (!impl_->pooled) prepare(statement);
  if (!impl_->open && impl_->pooled) {
    std::optional<Rows> answer;
    transaction([&] {
      answer = exec(statement, params, false);
      return true;
    });
    return std::move(*answer);
  }
  try {
    const auto given = pqxx::prepare::make_dynamic_params(raw.begin(), raw.end());
    const auto run = [&](pqxx::transaction_base& transaction) {
      return Rows(std::make_shared<pqxx::result>(impl_->pooled
                                                     ? transaction.exec_params(statement.sql, given)
                                                     : transaction.exec_prepared(statement.name, given)));
    };
    if (impl_->open) return run(*impl_->open);
    pqxx::nontransaction single(impl_->raw);
    return run(single);
  } catch (...) {
    throw told(translate_current(committing));
  }
}

/// What the server says of a missing right names the object only.
Failure Connection::told(const Failure& failure) const {
  const auto& words = failure.error().message;
  if (failure.sqlstate() != "42501" || words.find("permission denied") == std::string::npos ||
      words.find(": needs role ") != std::string::npos)
    return failure;
  return Failure({failure.error().error_class, words.substr(0, words.find_last_not_of('\n') + 1) +
                                                   ": needs role " + impl_->options.needed_role},
                 failure.sqlstate(), failure.connection_lost());
}

void Connection::script(std::string_view sql) {
  try {
    if (impl_->open) {
      impl_->open->exec(std::string(sql));
      return;
    }
    pqxx::nontransaction single(impl_->raw);
    single.exec(std::string(sql));
  } catch (...) {
    throw told(translate_current(false));
  }
}

void Connection::transaction(const std::function<bool()>& work) {
  bool committing = false;
  struct Closer {
    pqxx::transaction_base*& open;
    ~Closer() { open = nullptr; }
  } closer{impl_->open};
  try {
    pqxx::work transaction(impl_->raw);
    impl_->open = &transaction;
    if (impl_->pooled) transaction.exec(impl_->each_time);
    if (!work()) return;  // the destructor rolls back
    committing = true;
    transaction.commit();
  } catch (...) {
    throw told(translate_current(committing));
  }
}

}  // namespace slipway::store::postgres
