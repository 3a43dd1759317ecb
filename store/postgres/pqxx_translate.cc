#include "store/postgres/pqxx_translate.h"

#include <pqxx/pqxx>

namespace slipway::store::postgres {
namespace {

constexpr std::string_view kNameTakenOver = "SW001";  // api/schemas/0006_steps.sql

/// A page or a value on disk that cannot be read: the one row's trouble, not the server's.
bool is_corruption(std::string_view sqlstate) { return sqlstate == "XX001" || sqlstate == "XX002"; }

}  // namespace

ErrorClass classify(std::string_view sqlstate) {
  if (sqlstate == kNameTakenOver) return ErrorClass::Conflict;
  if (is_corruption(sqlstate)) return ErrorClass::Invalid;
  const auto group = sqlstate.substr(0, 2);
  // Wrong values, violated constraints and rights, program limits, a statement the schema does not know, our
  // own RAISE.
  for (const auto* wrong : {"21", "22", "23", "2F", "42", "44", "54", "55", "P0", "0A"}) {
    if (group == wrong)
      return sqlstate == "55P03" || sqlstate == "55006" ? ErrorClass::Retry : ErrorClass::Invalid;
  }
  return ErrorClass::Retry;  // rollbacks, resources, operator's shutdown, read-only standby, connection,
                             // internal
}

bool Failure::of_data() const {
  const auto group = std::string_view(sqlstate_).substr(0, 2);
  // Data exceptions, violated constraints, WITH CHECK OPTION, and what is too deep or too wide for the
  // server.
  return group == "22" || group == "23" || group == "44" || group == "54" || is_corruption(sqlstate_);
}

namespace {

// A connection that reached a server which is going away or only reads, or lost its prepared statements
// behind a pooler, is of no further use; a new one may be.
bool spoils_connection(std::string_view sqlstate) {
  if (is_corruption(sqlstate)) return false;
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P") || sqlstate.starts_with("26") ||
         sqlstate == "25006" || sqlstate.starts_with("XX");
}

// The goodbye of a session that is ended may come behind a commit; a refusal of the statement never does.
bool may_come_after_commit(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("57P") || sqlstate.starts_with("XX");
}

// The client library keeps the SQLSTATE with most of its exceptions, not with all: with those their class
// says it.
std::string sqlstate_of(const pqxx::sql_error& error) {
  if (!error.sqlstate().empty()) return error.sqlstate();
  const auto is = [&]<class T>(std::type_identity<T>) { return dynamic_cast<const T*>(&error) != nullptr; };
  if (is(std::type_identity<pqxx::insufficient_privilege>{})) return "42501";
  if (is(std::type_identity<pqxx::undefined_table>{})) return "42P01";
  if (is(std::type_identity<pqxx::undefined_function>{})) return "42883";
  if (is(std::type_identity<pqxx::undefined_column>{})) return "42703";
  if (is(std::type_identity<pqxx::syntax_error>{})) return "42601";
  if (is(std::type_identity<pqxx::feature_not_supported>{})) return "0A000";
  if (is(std::type_identity<pqxx::data_exception>{})) return "22000";
  if (is(std::type_identity<pqxx::check_violation>{})) return "23514";
  if (is(std::type_identity<pqxx::unique_violation>{})) return "23505";
  if (is(std::type_identity<pqxx::foreign_key_violation>{})) return "23503";
  if (is(std::type_identity<pqxx::not_null_violation>{})) return "23502";
  if (is(std::type_identity<pqxx::restrict_violation>{})) return "23001";
  if (is(std::type_identity<pqxx::integrity_constraint_violation>{})) return "23000";
  if (is(std::type_identity<pqxx::invalid_cursor_state>{})) return "24000";
  if (is(std::type_identity<pqxx::invalid_sql_statement_name>{})) return "26000";
  if (is(std::type_identity<pqxx::invalid_cursor_name>{})) return "34000";
  if (is(std::type_identity<pqxx::disk_full>{})) return "53100";
  if (is(std::type_identity<pqxx::out_of_memory>{})) return "53200";
  if (is(std::type_identity<pqxx::insufficient_resources>{})) return "53000";
  if (is(std::type_identity<pqxx::plpgsql_raise>{})) return "P0001";
  if (is(std::type_identity<pqxx::plpgsql_no_data_found>{})) return "P0002";
  if (is(std::type_identity<pqxx::plpgsql_too_many_rows>{})) return "P0003";
  if (is(std::type_identity<pqxx::plpgsql_error>{})) return "P0000";
  return "";
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
  } catch (const pqxx::too_many_connections& e) {  // the server has answered: nothing was done
    return Failure({ErrorClass::Retry, e.what()}, "53300", true);
  } catch (const pqxx::broken_connection& e) {
    return Failure({doubt_or_retry, e.what()}, "", true);
  } catch (const pqxx::statement_completion_unknown& e) {
    return Failure({ErrorClass::Doubt, e.what()}, "40003", true);
  } catch (const pqxx::transaction_rollback& e) {
    return Failure({ErrorClass::Retry, e.what()}, "40000", false);
  } catch (const pqxx::sql_error& e) {
    const auto sqlstate = sqlstate_of(e);
    // Without an SQLSTATE the message is the client library's own: the connection broke.
    if (sqlstate.empty()) return Failure({doubt_or_retry, e.what()}, sqlstate, true);
    const bool lost = spoils_connection(sqlstate);
    const bool doubt = lost && committing && may_come_after_commit(sqlstate);
    return Failure({doubt ? ErrorClass::Doubt : classify(sqlstate), e.what()}, sqlstate, lost);
  } catch (const std::exception& e) {
    return Failure({doubt_or_retry, e.what()}, "", true);
  }
}

}  // namespace slipway::store::postgres
