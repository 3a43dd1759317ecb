#include "store/postgres/session_settings.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>

namespace slipway::store::postgres {
namespace {

struct Setting {
  const char* name;
  const char* value;
};

// What statements are read by, what values are written by, and what may end a session or a statement of ours.
// A database or a role may bring any of them.
constexpr Setting kSettings[] = {
    // Every name of ours says its schema: nobody's else may answer to an operator or a function.
    {"search_path", "pg_catalog, pg_temp"},
    {"client_encoding", "UTF8"},
    {"TimeZone", "UTC"},
    {"DateStyle", "ISO, MDY"},
    {"IntervalStyle", "postgres"},
    {"bytea_output", "hex"},
    {"array_nulls", "on"},
    {"standard_conforming_strings", "on"},
    {"backslash_quote", "safe_encoding"},
    {"transform_null_equals", "off"},
    {"extra_float_digits", "1"},
    {"xmloption", "content"},
    {"xmlbinary", "base64"},
    {"row_security", "on"},
    {"client_min_messages", "warning"},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_read_only", "off"},
    {"default_transaction_deferrable", "off"},
    {"default_table_access_method", "heap"},
    {"default_tablespace", ""},
    {"check_function_bodies", "on"},
    {"exit_on_error", "off"},
    {"gin_fuzzy_search_limit", "0"},
    {"idle_in_transaction_session_timeout", "10s"},
    {"idle_session_timeout", "0"},
    {"plpgsql.extra_errors", "none"},
    {"plpgsql.extra_warnings", "none"},
    {"tcp_keepalives_idle", "5"},
    {"tcp_keepalives_interval", "2"},
    {"tcp_keepalives_count", "3"},
    // Every statement of the loop has an index. With the planner left free, a plan made while a table is
    // still
    // small walks the whole table, and stays with the connection while the table grows.
    {"enable_seqscan", "off"},
    {"enable_hashjoin", "off"},
    {"enable_mergejoin", "off"},
    {"enable_indexscan", "on"},
    {"enable_indexonlyscan", "on"},
    {"enable_bitmapscan", "on"},
    {"enable_nestloop", "on"},
    {"max_parallel_workers_per_gather", "0"},
    {"geqo", "off"},
    {"from_collapse_limit", "8"},
    {"join_collapse_limit", "8"},
    {"jit", "off"},
    {"plan_cache_mode", "force_generic_plan"},
};

std::string set_all(const ConnectionOptions& options, bool local) {
  const auto* scope = local ? "true" : "false";
  // First, and alone: what the database brought may be too short for the rest.
  auto sql = fmt::format(
      "SET {} statement_timeout = {}; SELECT pg_catalog.set_config('lock_timeout', '{}', {})",
      local ? "LOCAL" : "SESSION", options.statement_timeout.count(), options.lock_timeout.count(), scope);
  for (const auto& setting : kSettings)
    sql += fmt::format(", pg_catalog.set_config('{}', '{}', {})", setting.name, setting.value, scope);
  // Effects rest on what was committed: a server that is told to forget must not forget this. And what only
  // newer servers have.
  return sql +
         fmt::format(
             "; SELECT pg_catalog.set_config('synchronous_commit', 'on', {}) WHERE "
             "pg_catalog.current_setting('synchronous_commit') = 'off'"
             "; SELECT pg_catalog.set_config(name, '0', {}) FROM pg_catalog.pg_settings WHERE name = "
             "'transaction_timeout'"
             "; SELECT pg_catalog.set_config(name, 'origin', {}) FROM pg_catalog.pg_settings WHERE name = "
             "'session_replication_role' AND setting <> 'origin'",
             scope, scope, scope);
}

using Parsed = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

Parsed parse(const std::string& text) {
  char* words = nullptr;
  Parsed read(PQconninfoParse(text.c_str(), &words), &PQconninfoFree);
  PQfreemem(words);  // they quote the string, password and all
  return read;
}

[[noreturn]] void refuse(const char* why) { throw Failure({ErrorClass::Invalid, why}, "", true); }

// An @ within the password ends it early: its rest would be taken for a host, and told to whoever asks why
// there is none.
bool ends_password_early(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos || scheme > std::string_view("postgresql").size()) return false;
  const auto before_parameters = url.substr(scheme + 3, std::min(url.find('?'), url.size()) - scheme - 3);
  const auto first = before_parameters.find('@');
  return before_parameters.substr(0, first).find(':') != url.npos && before_parameters.rfind('@') != first;
}

std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

}  // namespace

std::string session_settings(const ConnectionOptions& options) { return set_all(options, false); }

std::string transaction_settings(const ConnectionOptions& options) {
  return "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; " + set_all(options, true);
}

std::string connect_string(const ConnectionOptions& options) {
  const auto read = parse(options.url);
  if (!read) {
    refuse(
        "the database URL cannot be read: expected postgresql://… or key=value pairs, with special "
        "characters of the "
        "password percent-encoded or quoted");
  }
  if (ends_password_early(options.url))
    refuse("the database URL has more than one @: write that of the password as %40");
  std::string text;
  const auto add = [&](const PQconninfoOption& option, std::string_view value) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", option.keyword, quoted(value));
  };
  const Setting defaults[] = {{"keepalives_idle", "5"},
                              {"keepalives_interval", "2"},
                              {"keepalives_count", "3"},
                              {"tcp_user_timeout", "10000"}};
  for (const auto* option = read.get(); option->keyword != nullptr; ++option) {
    const std::string_view key = option->keyword;
    if (option->val != nullptr) {
      add(*option, option->val);
    } else if (key == "connect_timeout") {
      add(*option, std::to_string(options.connect_timeout.count()));
    } else if (key == "application_name") {
      add(*option, options.application_name);
    } else {
      for (const auto& setting : defaults) {
        if (key == setting.name) add(*option, setting.value);
      }
    }
  }
  return text;
}

std::string without_secrets(std::string words, const std::string& url) {
  const auto read = parse(url);
  if (!read) return words;
  for (const auto* option = read.get(); option->keyword != nullptr; ++option) {
    const std::string_view key = option->keyword;
    if ((key != "password" && key != "sslpassword") || option->val == nullptr || *option->val == '\0')
      continue;
    const std::string secret = option->val;
    for (auto at = words.find(secret); at != words.npos; at = words.find(secret, at + 3))
      words.replace(at, secret.size(), "***");
  }
  return words;
}

}  // namespace slipway::store::postgres
