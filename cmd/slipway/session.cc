#include "cmd/slipway/session.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "api/fields.h"
#include "api/quantity.h"
#include "api/yaml.h"
#include "client/http_catalog.h"
#include "cmd/slipway/files.h"
#include "cmd/slipway/terminal.h"
#include "store/postgres/migrate.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::cli {
namespace {

Result<std::string> url_of_file(const std::string& path) {
  const auto text = read_file(path, kMostYamlBytes);
  if (!text) return text.error();
  const auto file = parse_yaml(*text, path);
  if (!file.errors.empty()) return Error{ErrorClass::Invalid, to_string(file.errors.front())};
  if (file.documents.empty()) return std::string();
  const auto& root = file.documents.front().value;
  const auto url =
      root.is_object() ? root.value("/database/url"_json_pointer, nlohmann::json()) : nlohmann::json();
  return url.is_string() ? url.get<std::string>() : std::string();
}

// What sentences about outages speak of.
std::string peer = "database";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// One line of a file, or what the flag or the environment says.
Result<std::string> token_of(const Session& session) {
  constexpr std::size_t kMostToken = 4096;
  if (!session.token_flag.empty() && !session.token_file.empty())
    throw CLI::ValidationError("--token", "give either --token or --token-file");
  if (!session.token_flag.empty()) return session.token_flag;
  if (session.token_file.empty()) return environment("SLIPWAY_TOKEN");
  auto text = read_file(session.token_file, kMostToken);
  if (!text) return text.error();
  return one_line(*text);
}

Result<client::ConnectionOptions> connection_of(const Session& session, const std::string& url) {
  client::ConnectionOptions options;
  const auto address = client::parse_address(url);
  if (!address) throw CLI::ValidationError("--server", address.error().message);
  options.address = *address;
  const auto token = token_of(session);
  if (!token) return token.error();
  options.token = *token;
  if (options.token.find_first_of(" \t\r\n") != std::string::npos)
    return Error{ErrorClass::Invalid, "the token is not one word"};
  options.certificate_authority = session.certificate_authority.empty()
                                      ? environment("SLIPWAY_CERTIFICATE_AUTHORITY")
                                      : session.certificate_authority;
  const auto timeout = parse_duration(session.request_timeout);
  if (!timeout || *timeout <= timeout->zero())
    throw CLI::ValidationError("--request-timeout",
                               "expected a duration such as 30s, got \"" + session.request_timeout + "\"");
  options.answer_within = std::chrono::duration_cast<std::chrono::milliseconds>(*timeout);
  options.connect_within = std::min(options.connect_within, options.answer_within);
  return options;
}

struct OpenedServer {
  std::shared_ptr<store::CommandCatalog> catalog;
  std::string user;
};

Result<OpenedServer> open_server(const Session& session, const std::string& url) {
  peer = "server";
  const auto options = connection_of(session, url);
  if (!options) return options.error();
  if (options->token.empty())
    return Error{ErrorClass::Invalid,
                 "no token is named: give --token or --token-file, or set SLIPWAY_TOKEN"};
  auto catalog = std::make_shared<client::HttpCatalog>(*options);
  const auto caller = catalog->whoami();
  if (!caller && caller.error().error_class == ErrorClass::Retry)
    return Error{ErrorClass::Retry, "cannot use " + caller.error().message + " (is slipwayd running?)"};
  if (!caller && caller.error().error_class == ErrorClass::NotFound)
    return Error{ErrorClass::Unsupported, "the server at " + url + " is older than this command"};
  if (!caller) return caller.error();
  return OpenedServer{catalog, caller->user};
}

}  // namespace

std::string Session::server_url() const {
  if (!server_flag.empty() && !database_flag.empty())
    throw CLI::ValidationError("--server", "give either --server or --database-url");
  if (!server_flag.empty() || !database_flag.empty()) return server_flag;
  const auto server = environment("SLIPWAY_SERVER");
  if (!server.empty() && !environment("SLIPWAY_DATABASE_URL").empty())
    throw CLI::ValidationError(
        "--server", "SLIPWAY_SERVER and SLIPWAY_DATABASE_URL are both set; give --server or --database-url");
  return server;
}

void Session::refuse_server(const std::string& command, const std::string& why) const {
  if (server_url().empty()) return;
  throw CLI::ValidationError("--server", "`" + command + "` does not work through a server: " + why);
}

std::string Session::default_user() {
  if (!own_user_.empty()) return own_user_;
  const auto user = environment("USER");
  return is_user_id(user) ? user : "anonymous";
}

Result<std::string> Session::server_version() {
  const auto url = server_url();
  if (url.empty()) return std::string();
  const auto options = connection_of(*this, url);
  if (!options) return options.error();
  return client::HttpCatalog(*options).server_version();
}

Result<std::string> Session::database_url() const {
  if (!database_flag.empty()) return database_flag;
  if (const char* value = std::getenv("SLIPWAY_DATABASE_URL"); value != nullptr && *value != '\0')
    return std::string(value);
  if (std::error_code ignored; std::filesystem::exists(config_file, ignored)) {
    const auto url = url_of_file(config_file);
    if (!url || !url->empty()) return url;
  }
  return Error{
      ErrorClass::Invalid,
      "no database is named: give --database-url, set SLIPWAY_DATABASE_URL, or write database.url into " +
          config_file + "; `slipway dev` starts everything by itself"};
}

store::CommandCatalog* Session::catalog() {
  if (catalog_) return catalog_.get();
  if (const auto server = server_url(); !server.empty()) {
    tell("asking the server");
    auto opened = open_server(*this, server);
    if (!opened) return fail(opened.error().message), nullptr;
    own_user_ = opened->user;
    catalog_ = opened->catalog;
    return catalog_.get();
  }
  const auto url = database_url();
  if (!url) return fail(url.error().message), nullptr;
  tell("asking the database");
  const auto schema = store::postgres::check_schema(*url);
  if (!schema) return fail(unreachable(*url, schema.error())), nullptr;
  if (schema->verdict != store::postgres::SchemaCheck::Verdict::Fits) return fail(schema->message), nullptr;
  catalog_ = std::make_shared<store::postgres::PostgresCatalog>(*url);
  return catalog_.get();
}

void Session::tell(const std::string& what) {
  if (what.empty()) return progress_.reset();
  if (progress_) return progress_->set(what);
  progress_ = std::make_unique<Progress>(what);
}

bool Outage::bears(const Error& error) {
  constexpr auto kLongest = std::chrono::minutes(5);
  if (error.error_class != ErrorClass::Retry) return false;
  const auto now = std::chrono::steady_clock::now();
  if (!since_) say("the " + peer + " is away or busy; going on as soon as it answers");
  if (!since_) since_ = now;
  return now - *since_ < kLongest;
}

void warn(const store::Change& change) {
  const auto title = std::string(singular_of(change.kind)) + "/" + change.name;
  for (const auto& warning : change.warnings) say(printable("warning: " + title + ": " + warning));
}

int fail(const Error& error) {
  switch (error.error_class) {
    case ErrorClass::Retry:
      return fail("the " + peer + " is away or busy, nothing was written: " + error.message);
    case ErrorClass::Doubt:
      return fail("the " + peer + " went away while it wrote; look before you repeat: " + error.message);
    case ErrorClass::Conflict:
    case ErrorClass::NotFound:
    case ErrorClass::Invalid:
    case ErrorClass::Unsupported:
    case ErrorClass::StorageFull:
      return fail(error.message);
  }
  return 1;
}

std::string unreachable(const std::string& url, const Error& error) {
  return "cannot use PostgreSQL at " + redacted(url) + ": " + error.message +
         " (is it running? name it with --database-url or SLIPWAY_DATABASE_URL; `slipway dev` starts one)";
}

std::string redacted(const std::string& url) {
  std::string text = url;
  const auto scheme = text.find("://");
  // The last @, since a password may hold one that should have been written as %40.
  const auto host = scheme == std::string::npos ? scheme : text.rfind('@');
  const auto colon = scheme == std::string::npos ? scheme : text.find(':', scheme + 3);
  if (host != std::string::npos && colon < host) text.replace(colon + 1, host - colon - 1, "***");
  // As a parameter of a URL it ends with the parameter; as a word of its own it may hold blanks, and stand
  // behind some: the rest goes with it.
  constexpr std::string_view kWord = "password";
  for (auto at = text.find(kWord); at != std::string::npos; at = text.find(kWord, at + kWord.size())) {
    const auto equals = text.find_first_not_of(" \t\n", at + kWord.size());
    if (equals == std::string::npos || text[equals] != '=') continue;
    const auto end =
        scheme == std::string::npos ? text.size() : std::min(text.find('&', equals), text.size());
    text.replace(equals + 1, end - equals - 1, "***");
  }
  return text;
}

bool poll_until(std::chrono::milliseconds timeout, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  auto pause = std::chrono::milliseconds(10);
  while (!done()) {
    if (std::chrono::steady_clock::now() + pause > end) return done();
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(250));
  }
  return true;
}

}  // namespace slipway::cli
