#include "cmd/slipway/session.h"

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "api/yaml.h"
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

}  // namespace

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

store::Catalog* Session::catalog() {
  if (catalog_) return catalog_.get();
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
  if (!since_) say("the database is away or busy; going on as soon as it answers");
  if (!since_) since_ = now;
  return now - *since_ < kLongest;
}

int fail(const Error& error) {
  switch (error.error_class) {
    case ErrorClass::Retry:
      return fail("the database is away or busy, nothing was written: " + error.message);
    case ErrorClass::Doubt:
      return fail("the database went away while it wrote; look before you repeat: " + error.message);
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
  const auto scheme = url.find("://");
  if (scheme != std::string::npos) {
    const auto host = url.find('@', scheme);
    const auto colon = url.find(':', scheme + 3);
    if (host == std::string::npos || colon == std::string::npos || colon > host) return url;
    return url.substr(0, colon) + ":***" + url.substr(host);
  }
  const auto at = url.find("password=");
  if (at == std::string::npos) return url;
  const auto end = url.find(' ', at);
  return url.substr(0, at) + "password=***" + (end == std::string::npos ? "" : url.substr(end));
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
