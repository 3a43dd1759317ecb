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

const std::vector<Heading>& columns_of(store::Table table) {
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

std::string render_table(const Cells& headings, const std::vector<Cells>& rows) {
  return TablePrinter(headings).render(rows, true);
}

void TablePrinter::measure(const Cells& line) {
  for (std::size_t i = 0; i < line.size(); ++i) widths_[i] = std::max(widths_[i], width(line[i]));
}

std::string TablePrinter::line_of(const Cells& line) const {
  std::string out;
  for (std::size_t i = 0; i + 1 < line.size(); ++i)
    out += line[i] + std::string(widths_[i] - width(line[i]) + 3, ' ');
  return out + line.back() + "\n";
}

std::string TablePrinter::render(const std::vector<Cells>& rows, bool with_headings) {
  std::vector<Cells> lines;
  if (with_headings) lines.push_back(headings_);
  for (const auto& row : rows) {
    auto& line = lines.emplace_back();
    for (const auto& text : row) line.push_back(text.empty() ? "<none>" : printable(text));
  }
  for (const auto& line : lines) measure(line);
  std::string out;
  for (const auto& line : lines) out += line_of(line);
  return out;
}

Cells headings_of(store::Table table, bool wide) {
  Cells titles = {"NAME"};
  for (const auto& column : columns_of(table)) {
    if (wide || !column.wide) titles.emplace_back(column.title);
  }
  titles.emplace_back("AGE");
  return titles;
}

Cells row_of(store::Table table, const json& document, bool wide, TimePoint now) {
  Cells row = {name_of(document)};
  for (const auto& column : columns_of(table)) {
    if (wide || !column.wide) row.push_back(cell(document, column.pointer));
  }
  row.push_back(age(document.value("/metadata/creationTimestamp"_json_pointer, json()), now));
  return row;
}

std::string render_documents(store::Table table, const std::vector<json>& documents, bool wide,
                             TimePoint now) {
  std::vector<Cells> rows;
  for (const auto& document : documents) rows.push_back(row_of(table, document, wide, now));
  return render_table(headings_of(table, wide), rows);
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
