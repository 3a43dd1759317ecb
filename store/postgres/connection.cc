#include "store/postgres/connection.h"

#include <libpq-fe.h>
#include <sys/socket.h>

#include <pqxx/pqxx>
#include <set>

#include "store/postgres/pqxx_translate.h"

namespace slipway::store::postgres {

namespace {
constexpr std::string_view kNameTakenOver = "SW001";  // api/schemas/0006_steps.sql
}

ErrorClass classify(std::string_view sqlstate) {
  if (sqlstate == kNameTakenOver) return ErrorClass::Conflict;
  const auto group = sqlstate.substr(0, 2);
  // Wrong values, violated constraints and rights, program limits, a statement the schema does not know, our
  // own RAISE.
  for (const auto* wrong : {"22", "23", "42", "44", "54", "55", "P0", "0A"}) {
    if (group == wrong)
      return sqlstate == "55P03" || sqlstate == "55006" ? ErrorClass::Retry : ErrorClass::Invalid;
  }
  return ErrorClass::Retry;  // rollbacks, resources, operator's shutdown, read-only standby, connection,
                             // internal
}

namespace {

// A connection that reached a server which is going away or only reads, or lost its prepared statements
// behind a pooler, is of no further use; a new one may be.
bool spoils_connection(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P") || sqlstate.starts_with("26") ||
         sqlstate == "25006" || sqlstate.starts_with("XX");
}

// The goodbye of a session that is ended may come behind a commit; a refusal of the statement never does.
bool may_come_after_commit(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P") || sqlstate.starts_with("XX");
}

const pqxx::result& of(const std::shared_ptr<const void>& result) {
  return *static_cast<const pqxx::result*>(result.get());
}

// Every statement of the loop has an index. With the planner left free, a plan made while a table is still
// small walks the whole table, and stays with the connection while the table grows.
std::string session_settings(const ConnectionOptions& options) {
  return "SET statement_timeout = " + std::to_string(options.statement_timeout.count()) +
         "; SET lock_timeout = " + std::to_string(options.lock_timeout.count()) +
         "; SET idle_in_transaction_session_timeout = '10s'; SET enable_seqscan = off; SET enable_hashjoin = "
         "off"
         "; SET enable_mergejoin = off; SET jit = off; SET plan_cache_mode = force_generic_plan; SET "
         "TimeZone = 'UTC'; SET client_encoding = 'UTF8'"
         "; SET client_min_messages = 'warning'"
         // Every name of ours says its schema: nobody's else may answer to an operator or a function.
         "; SET search_path = pg_catalog, pg_temp"
         "; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
         // Effects rest on what was committed: a server that is told to forget must not forget this.
         "; SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') "
         "= 'off'";
}

}  // namespace

Failure translate_current(bool committing) {
  const auto doubt_or_retry = committing ? ErrorClass::Doubt : ErrorClass::Retry;
  try {
    throw;
  } catch (const Failure& failure) {
    return failure;
  } catch (const pqxx::in_doubt_error& e) {
    return Failure({ErrorClass::Doubt, e.what()}, "", true);
  } catch (const pqxx::broken_connection& e) {
    return Failure({doubt_or_retry, e.what()}, "", true);
  } catch (const pqxx::statement_completion_unknown& e) {
    return Failure({ErrorClass::Doubt, e.what()}, "40003", true);
  } catch (const pqxx::transaction_rollback& e) {
    return Failure({ErrorClass::Retry, e.what()}, "40000", false);
  } catch (const pqxx::sql_error& e) {
    const auto& sqlstate = e.sqlstate();
    // Without an SQLSTATE the message is the client library's own: the connection broke.
    if (sqlstate.empty()) return Failure({doubt_or_retry, e.what()}, sqlstate, true);
    const bool lost = spoils_connection(sqlstate);
    const bool doubt = lost && committing && may_come_after_commit(sqlstate);
    return Failure({doubt ? ErrorClass::Doubt : classify(sqlstate), e.what()}, sqlstate, lost);
  } catch (const std::exception& e) {
    return Failure({doubt_or_retry, e.what()}, "", true);
  }
}

namespace {

// What libpq says of a string that it cannot read quotes the string, password and all.
void refuse_unreadable(const std::string& text) {
  char* words = nullptr;
  PQconninfoOption* const read = PQconninfoParse(text.c_str(), &words);
  PQfreemem(words);
  if (read == nullptr) {
    throw Failure(
        {ErrorClass::Invalid,
         "the database URL cannot be read: expected postgresql://… or key=value pairs, with special "
         "characters of the password percent-encoded or quoted"},
        "", true);
  }
  PQconninfoFree(read);
}

}  // namespace

std::string connect_string(const ConnectionOptions& options) {
  refuse_unreadable(options.url);
  // A URL and a key=value string both take further settings, each in its own way.
  const bool url = options.url.find("://") != std::string::npos;
  std::string text = options.url;
  bool first = url && text.find('?') == std::string::npos;
  const auto add = [&](const std::string& key, const std::string& value) {
    if (text.find(key + "=") != std::string::npos) return;
    text += url ? (first ? "?" : "&") : " ";
    text += key + "=" + value;
    first = false;
  };
  add("connect_timeout", std::to_string(options.connect_timeout.count()));
  add("application_name", options.application_name);
  add("keepalives_idle", "5");
  add("keepalives_interval", "2");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "10000");
  return text;
}

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
  explicit Impl(const std::string& text) : raw(text) {}
  pqxx::connection raw;
  std::set<std::string> prepared;
  pqxx::transaction_base* open = nullptr;
};

Connection::Connection(const ConnectionOptions& options, const std::function<void(int)>& on_socket) {
  try {
    impl_ = std::make_unique<Impl>(connect_string(options));
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    impl_->raw.inhibit_reactivation(
        true);  // a silent reconnect would lose settings, statements and the transaction
#pragma clang diagnostic pop
    impl_->raw.set_verbosity(pqxx::connection_base::terse);
    if (on_socket) on_socket(socket());
    script(session_settings(options));
  } catch (...) {
    // Whatever refuses a connection (address, rights, too many) may be different the next time.
    const auto failure = translate_current(false);
    if (failure.error().error_class == ErrorClass::Invalid && !impl_)
      throw Failure(failure.error(), "", true);
    throw Failure({ErrorClass::Retry, failure.error().message}, failure.sqlstate(), true);
  }
}

Connection::~Connection() = default;

int Connection::socket() const { return impl_->raw.sock(); }

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
  prepare(statement);
  std::vector<const char*> raw;
  raw.reserve(params.size());
  for (const auto& param : params) {
    if (param && param->find('\0') != std::string::npos) {
      throw Failure({ErrorClass::Invalid, "a text parameter holds a NUL byte"}, "22021", false);
    }
    raw.push_back(param ? param->c_str() : nullptr);
  }
  try {
    const auto run = [&](pqxx::transaction_base& transaction) {
      return Rows(std::make_shared<pqxx::result>(transaction.exec_prepared(
          statement.name, pqxx::prepare::make_dynamic_params(raw.begin(), raw.end()))));
    };
    if (impl_->open) return run(*impl_->open);
    pqxx::nontransaction single(impl_->raw);
    return run(single);
  } catch (...) {
    throw translate_current(committing);
  }
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
    throw translate_current(false);
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
    if (!work()) return;  // the destructor rolls back
    committing = true;
    transaction.commit();
  } catch (...) {
    throw translate_current(committing);
  }
}

}  // namespace slipway::store::postgres
