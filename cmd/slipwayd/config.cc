#include "cmd/slipwayd/config.h"

#include <yaml-cpp/yaml.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "api/quantity.h"

namespace slipway {
namespace {

constexpr const char* kDefaultFile = "/etc/slipway/config.yaml";

/// Empty: taken over. Otherwise what was expected.
using Setter = std::function<std::string(Config&, const std::string&)>;

struct Setting {
  std::string key;  ///< in the file; the flag is --key with dashes, the variable SLIPWAY_KEY with underscores
  std::string help;
  Setter set;
};

Setter text(std::string Config::* member) {
  return [member](Config& config, const std::string& value) {
    config.*member = value;
    return std::string();
  };
}

Setter number(int Config::* member, int least, int most) {
  return [=](Config& config, const std::string& value) -> std::string {
    int parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if (!whole || parsed < least || parsed > most)
      return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    config.*member = parsed;
    return {};
  };
}

Setter duration(std::chrono::milliseconds Config::* member) {
  return [member](Config& config, const std::string& value) -> std::string {
    const auto parsed = parse_duration(value);
    if (!parsed || *parsed <= std::chrono::milliseconds(0)) return "a duration such as 15s";
    config.*member = *parsed;
    return {};
  };
}

std::string set_io(Config& config, const std::string& value) {
  if (value != "auto" && value != "mount" && value != "volume") return "auto, mount or volume";
  config.engine_io = value;
  return {};
}

std::string set_socket(Config& config, const std::string& value) {
  constexpr std::string_view kScheme = "unix://";
  if (!value.starts_with(kScheme) && value.find("://") != std::string::npos)
    return "the path of a local unix socket";
  config.engine_socket = value.starts_with(kScheme) ? value.substr(kScheme.size()) : value;
  return {};
}

std::string set_runtimes(Config& config, const std::string& value) {
  std::stringstream pairs(value);
  for (std::string pair; std::getline(pairs, pair, ',');) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return "class=runtime pairs separated by commas, such as gvisor=runsc";
    config.engine_runtimes[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return {};
}

std::string set_registries(Config& config, const std::string& value) {
  std::stringstream names(value);
  for (std::string name; std::getline(names, name, ',');) {
    if (!name.empty()) config.policy.registries.push_back(name);
  }
  return {};
}

std::string set_digest_required(Config& config, const std::string& value) {
  if (value != "true" && value != "false") return "true or false";
  config.policy.digest_required = value == "true";
  return {};
}

std::string set_greatest_memory(Config& config, const std::string& value) {
  const auto bytes = parse_bytes(value);
  if (!bytes) return "a quantity of bytes such as 2Gi";
  config.policy.greatest_memory = *bytes;
  return {};
}

std::string set_greatest_cpu(Config& config, const std::string& value) {
  const auto cpu = parse_millicores(value);
  if (!cpu) return "a quantity of CPU such as 2 or 500m";
  config.policy.greatest_cpu_millicores = *cpu;
  return {};
}

std::string set_greatest_timeout(Config& config, const std::string& value) {
  const auto parsed = parse_duration(value);
  if (!parsed) return "a duration such as 1h";
  config.policy.greatest_timeout = std::chrono::duration_cast<std::chrono::seconds>(*parsed);
  return {};
}

std::string set_listen(Config& config, const std::string& value) {
  const auto colon = value.rfind(':');
  int port = -1;
  if (colon != std::string::npos)
    std::from_chars(value.data() + colon + 1, value.data() + value.size(), port);
  if (port < 0 || port > 65535) return "ADDRESS:PORT, such as 127.0.0.1:8320";
  config.http_host = value.substr(0, colon);
  config.http_port = port;
  return {};
}

std::string set_level(Config& config, const std::string& value) {
  using enum logging::Level;
  const std::map<std::string, logging::Level> levels = {
      {"debug", Debug}, {"info", Info}, {"warn", Warn}, {"error", Error}};
  const auto found = levels.find(value);
  if (found == levels.end()) return "debug, info, warn or error";
  config.log_level = found->second;
  return {};
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = {
      {"database.url", "Postgres connection string (required)", text(&Config::database_url)},
      {"database.listen_url", "connection string past a pooler, for LISTEN and the name",
       text(&Config::database_listen_url)},
      {"engine.socket", "the container engine's unix socket", set_socket},
      {"engine.pid_file", "the engine's pid file, read where its socket is answered by another process",
       text(&Config::engine_pid_file)},
      {"engine.io", "where input and output live: auto, mount or volume", set_io},
      {"engine.runtimes", "runtime classes, class=runtime,…", set_runtimes},
      {"registry.auth", "docker config.json with registry credentials", text(&Config::registry_auth)},
      {"state_dir", "directory of this node's state", text(&Config::state_dir)},
      {"node.name", "name of this node (kept in state_dir)", text(&Config::node_name)},
      {"node.slots", "containers running at once", number(&Config::node_slots, 1, 10000)},
      {"node.starts", "creates and starts in flight", number(&Config::node_starts, 1, 1000)},
      {"http.listen", "address of the API, health and metrics", set_listen},
      {"http.tls.certificate", "PEM file of the certificate chain; with it the API speaks TLS",
       text(&Config::http_certificate)},
      {"http.tls.key", "PEM file of its private key", text(&Config::http_key)},
      {"policy.registries", "registries images may come from, separated by commas; empty: any",
       set_registries},
      {"policy.digest_required", "whether images must be named by digest: true or false",
       set_digest_required},
      {"policy.memory", "most memory an agent may ask for, such as 2Gi", set_greatest_memory},
      {"policy.cpu", "most CPU an agent may ask for, such as 2 or 500m", set_greatest_cpu},
      {"policy.timeout", "longest timeout an agent may ask for, such as 1h", set_greatest_timeout},
      {"lease", "how long the node may act without a heartbeat", duration(&Config::lease)},
      {"resync", "how often both lists are walked", duration(&Config::resync)},
      {"start_patience", "how long a claim may stand unstarted before it goes back to the queue",
       duration(&Config::start_patience)},
      {"engine_patience", "how long the engine may answer about others and not about one container",
       duration(&Config::engine_patience)},
      {"pull_timeout", "how long one pull of an image may take", duration(&Config::pull_timeout)},
      {"startup_timeout", "how long to wait for database and engine at start",
       duration(&Config::startup_timeout)},
      {"log.level", "debug, info, warn or error", set_level},
  };
  return all;
}

std::string with(std::string key, char separator) {
  for (char& c : key) {
    if (c == '.' || c == '_') c = separator;
  }
  return key;
}

std::string variable_of(const std::string& key) {
  auto name = "SLIPWAY_" + with(key, '_');
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

using Values = std::map<std::string, std::string>;

/// "a: {b: 1}" → a.b = 1; a map below engine.runtimes is joined again.
void flatten(const YAML::Node& node, const std::string& prefix, Values& values) {
  for (const auto& entry : node) {
    const auto key = prefix + entry.first.as<std::string>();
    if (key == "engine.runtimes" && entry.second.IsMap()) {
      for (const auto& pair : entry.second)
        values[key] += pair.first.as<std::string>() + "=" + pair.second.as<std::string>() + ",";
    } else if (entry.second.IsSequence()) {
      for (const auto& item : entry.second) values[key] += item.as<std::string>() + ",";
    } else if (entry.second.IsMap()) {
      flatten(entry.second, key + ".", values);
    } else {
      values[key] = entry.second.IsNull() ? "" : entry.second.as<std::string>();
    }
  }
}

Result<Values> read_file(const std::string& path) {
  Values values;
  try {
    const auto root = YAML::LoadFile(path);
    if (root.IsNull()) return values;
    if (!root.IsMap()) return Error{ErrorClass::Invalid, path + ": expected a map of settings"};
    flatten(root, "", values);
  } catch (const YAML::BadFile&) {
    return Error{ErrorClass::Invalid, path + ": cannot be read"};
  } catch (const YAML::Exception& bad) {
    return Error{ErrorClass::Invalid, path + ":" + std::to_string(bad.mark.line + 1) + ":" +
                                          std::to_string(bad.mark.column + 1) + ": " + bad.msg};
  }
  std::set<std::string> known;
  for (const auto& setting : settings()) known.insert(setting.key);
  for (const auto& [key, value] : values) {
    // A heading with nothing below it: all its settings are commented out.
    const auto next = known.lower_bound(key + ".");
    const bool heading = next != known.end() && next->starts_with(key + ".");
    if (value.empty() && heading) continue;
    if (!known.contains(key)) return Error{ErrorClass::Invalid, path + ": unknown setting \"" + key + "\""};
  }
  return values;
}

Result<Config> resolve(const Values& flags, const std::optional<std::string>& file) {
  Values from_file;
  const std::string path = file.value_or(kDefaultFile);
  if (file || std::filesystem::exists(path)) {
    auto read = read_file(path);
    if (!read) return read.error();
    from_file = std::move(*read);
  }
  Config config;
  for (const auto& setting : settings()) {
    const auto flag = flags.find(setting.key);
    const auto variable = variable_of(setting.key);
    const char* env = std::getenv(variable.c_str());
    const auto filed = from_file.find(setting.key);
    std::string value;
    std::string where;
    if (flag != flags.end()) {
      value = flag->second, where = "--" + with(setting.key, '-');
    } else if (env) {
      value = env, where = variable;
    } else if (filed != from_file.end()) {
      value = filed->second, where = path + ": " + setting.key;
    } else {
      continue;
    }
    const auto expected = setting.set(config, value);
    if (!expected.empty())
      return Error{ErrorClass::Invalid, where + ": expected " + expected + ", got \"" + value + "\""};
  }
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (config.node_slots == 0) config.node_slots = 4 * cores;
  if (config.node_starts == 0) config.node_starts = 2 * cores;
  if (config.database_url.empty()) {
    return Error{ErrorClass::Invalid,
                 "no database: give --database-url, SLIPWAY_DATABASE_URL, or database.url in " + path};
  }
  if (config.http_certificate.empty() != config.http_key.empty())
    return Error{ErrorClass::Invalid, "http.tls: expected both certificate and key, or neither"};
  return config;
}

}  // namespace

Result<std::variant<Config, Printed>> read_config(int argc, const char* const* argv) {
  CLI::App app(
      "slipwayd: compares every execution with what the container engine holds, and acts until they agree.");
  std::optional<std::string> file;
  Values flags;
  app.add_option("--config", file,
                 std::string("configuration file (default ") + kDefaultFile + " if it exists)");
  app.set_version_flag("--version", "slipwayd " SLIPWAY_VERSION);
  for (const auto& setting : settings()) {
    const auto store = [&flags, key = setting.key](const std::string& value) { flags[key] = value; };
    app.add_option_function<std::string>("--" + with(setting.key, '-'), store,
                                         setting.help + " [" + variable_of(setting.key) + "]");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0)
      return Error{ErrorClass::Invalid, std::string(error.what()) + "; slipwayd --help lists the flags"};
    std::ostringstream out;
    app.exit(error, out, out);
    return std::variant<Config, Printed>{Printed{out.str(), 0}};
  }
  auto config = resolve(flags, file);
  if (!config) return config.error();
  return std::variant<Config, Printed>{std::move(*config)};
}

}  // namespace slipway
