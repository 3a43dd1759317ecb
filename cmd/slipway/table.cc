#include "cmd/slipway/table.h"

#include <algorithm>

#include "api/timestamp.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {

using nlohmann::json;

namespace {

struct Heading {
  const char* title;
  const char* pointer;  // into the document
  bool wide;            // shown with -o wide only
};

const std::vector<Heading>& headings_of(store::Table table) {
  static const std::vector<Heading> agents = {{"IMAGE", "/spec/image", false},
                                              {"REVISION", "/metadata/revision", false},
                                              {"TIMEOUT", "/spec/timeout", false},
                                              {"CPU", "/spec/resources/limits/cpu", true},
                                              {"MEMORY", "/spec/resources/limits/memory", true},
                                              {"PRICE", "/spec/price", true},
                                              {"SUSPEND", "/spec/suspend", true}};
  static const std::vector<Heading> entitlements = {{"USER", "/spec/user", false},
                                                    {"AGENT", "/spec/agent", false},
                                                    {"USES", "/spec/uses", false},
                                                    {"USED", "/status/used", false},
                                                    {"EXPIRES", "/spec/expires", false}};
  static const std::vector<Heading> quotas = {{"PER-MINUTE", "/spec/perMinute", false},
                                              {"MAX-RUNNING", "/spec/maxRunning", false},
                                              {"MAX-QUEUED", "/spec/maxQueued", false},
                                              {"MAX-PRIORITY", "/spec/maxPriority", false},
                                              {"RUNNING", "/status/running", false}};
  static const std::vector<Heading> executions = {{"USER", "/spec/user", false},
                                                  {"AGENT", "/spec/agent", false},
                                                  {"STATUS", "/status/status", false},
                                                  {"REASON", "/status/reason", false},
                                                  {"DURATION", "/status/durationMs", false},
                                                  {"STAGE", "/status/stage", true},
                                                  {"FAULT", "/status/fault", true},
                                                  {"EXIT-CODE", "/status/exitCode", true},
                                                  {"ATTEMPT", "/status/attempt", true},
                                                  {"NODE", "/status/node", true},
                                                  {"ID", "/metadata/uid", true}};
  static const std::vector<Heading> nodes = {
      {"READY", "/status/ready", false},     {"CORDONED", "/spec/cordoned", false},
      {"SLOTS", "/status/slots", false},     {"RUNNING", "/status/running", false},
      {"VERSION", "/status/version", false}, {"DRAINING", "/spec/draining", true},
      {"MESSAGE", "/status/message", true}};
  switch (table) {
    case store::Table::Agents:
      return agents;
    case store::Table::Entitlements:
      return entitlements;
    case store::Table::Quotas:
      return quotas;
    case store::Table::Executions:
      return executions;
    case store::Table::Nodes:
      return nodes;
  }
  return agents;
}

std::string cell(const json& document, const char* pointer) {
  const auto value = document.value(json::json_pointer(pointer), json());
  if (value.is_null()) return "";
  if (std::string_view(pointer).ends_with("Ms")) {
    const auto ms = value.get<std::int64_t>();
    return ms < 10000 ? std::to_string(ms) + "ms" : std::to_string(ms / 1000) + "s";
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Terminal columns, near enough: one a character.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string render_table(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> lines = {headings};
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& text : row) line.push_back(text.empty() ? "<none>" : printable(text));
  }
  std::vector<std::size_t> widths(headings.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  }
  std::string out;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
      out += line[i] + std::string(widths[i] - width(line[i]) + 3, ' ');
    out += line.back() + "\n";
  }
  return out;
}

std::string render_documents(store::Table table, const std::vector<json>& documents, bool wide,
                             TimePoint now) {
  std::vector<std::string> titles = {"NAME"};
  const auto& headings = headings_of(table);
  for (const auto& heading : headings) {
    if (wide || !heading.wide) titles.emplace_back(heading.title);
  }
  titles.emplace_back("AGE");
  std::vector<std::vector<std::string>> rows;
  for (const auto& document : documents) {
    auto& row = rows.emplace_back();
    row.push_back(name_of(document));
    for (const auto& heading : headings) {
      if (wide || !heading.wide) row.push_back(cell(document, heading.pointer));
    }
    row.push_back(age(document.value("/metadata/creationTimestamp"_json_pointer, json()), now));
  }
  return render_table(titles, rows);
}

std::string age(const json& timestamp, TimePoint now) {
  if (!timestamp.is_string()) return "<none>";
  const auto then = parse_timestamp(timestamp.get_ref<const std::string&>());
  if (!then) return "<none>";
  const auto seconds =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(now - *then).count());
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string name_of(const json& document) {
  auto name = document.value("/metadata/name"_json_pointer, json());
  if (name.is_null()) name = document.value("/metadata/uid"_json_pointer, json());
  return name.is_string() ? name.get<std::string>() : "";
}

}  // namespace slipway::cli
