// Whatever settings a database brings along, the life of an execution is the same.
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

// Who a session is and what it loads is the operator's word, and what the server tells of itself changes
// nothing.
const char* const kSettings = R"(
  SELECT name, vartype, min_val, max_val, boot_val, array_to_string(enumvals, ',') FROM pg_settings
  WHERE context IN ('user', 'superuser') AND name !~ '^(log_|debug_|trace_|track_|lc_|transaction_|vacuum_|plpgsql\.)'
    AND name NOT IN ('role', 'session_authorization', 'session_preload_libraries', 'local_preload_libraries', 'temp_tablespaces',
                     'default_tablespace', 'zero_damaged_pages', 'ignore_checksum_failure', 'dynamic_library_path')
  ORDER BY name)";

class Settings : public StoreRig {
 protected:
  static std::vector<std::string> values_of(const Sql::Row& row) {
    const auto& name = *row[0];
    const auto& type = *row[1];
    if (type == "bool") return {row[4] == "on" ? "off" : "on"};
    if (type == "enum") return split(*row[5]);
    if (type == "string") return texts_for(name);
    std::vector<std::string> values = {*row[2], *row[3]};
    // A session that ends before its first word is nobody's to save.
    if (name.ends_with("_timeout"))
      values.push_back(name == "idle_session_timeout" ? "1000" : name == "statement_timeout" ? "100" : "1");
    return values;
  }
  static std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> values;
    std::stringstream stream(list);
    for (std::string value; std::getline(stream, value, ',');) values.push_back(value);
    return values;
  }
  static std::vector<std::string> texts_for(const std::string& name) {
    if (name == "DateStyle") return {"SQL, DMY", "German", "Postgres, MDY"};
    if (name == "TimeZone") return {"Asia/Kathmandu"};
    if (name == "client_encoding") return {"LATIN1", "SQL_ASCII"};
    if (name == "search_path") return {"trap, pg_catalog"};
    if (name == "timezone_abbreviations") return {"India"};
    if (name == "application_name") return {"x"};
    return {};
  }

  static bool written(const Result<bool>& answer) { return answer.has_value() && *answer; }

  struct Poison {
    std::string name, value;
  };
  bool poison(const Poison& one) {
    // A list, or one word.
    const auto value = one.name == "search_path" ? one.value : "'" + one.value + "'";
    return sql_->fails_with("ALTER DATABASE " + database_ + " SET " + one.name + " = " + value).empty();
  }
  void heal() { sql_->exec("ALTER DATABASE " + database_ + " RESET ALL"); }

  /// From the insert to the removal, on connections that are made now.
  std::string live() {
    store_.reset();
    store_ = open();
    const auto state = run(store_->register_node(
        {.name = "n1", .instance_id = "i-n1", .slots = 4, .version = "1", .not_enforceable = {"a\"b"}}));
    if (!state) return "register: " + state.error().message;
    const auto id = insert();
    const auto undecided = run(store_->list_undecided(10));
    if (!undecided) return "list_undecided: " + undecided.error().message;
    if (undecided->empty() || undecided->back().id != id || undecided->back().input != "{}")
      return "an undecided row";
    const auto decided = run(store_->decide({{.id = id, .agent_revision = 1, .timeout_seconds = 60}}));
    if (!decided || decided->size() != 1) return "decide: " + (decided ? "" : decided.error().message);
    if (const auto taken = run(store_->claim({id})); !taken || store::taken(*taken).size() != 1)
      return "claim";
    auto row = run(store_->load(id));
    if (!row || !row->spec || row->input != "{}") return "load";
    const auto at = now();
    if (std::chrono::abs(row->created_at - at) > std::chrono::minutes(1)) return "times";
    auto intent = step(*row, Stage::Claimed, Stage::Launching);
    intent.engine = "1@2", intent.intent_at = at;
    if (!written(run(store_->record(intent)))) return "launch";
    auto begin = step(*row, Stage::Launching, Stage::Running, Reason::Running);
    begin.started_at = at, begin.deadline_at = at + std::chrono::minutes(1);
    if (!written(run(store_->record(begin)))) return "run";
    row = run(store_->load(id));
    if (!row || row->deadline_at != begin.deadline_at) return "deadline";
    auto last = end(*row, Stage::Running, Reason::Completed);
    last.output = R"({"a":"\\ ' é 😀"})";
    last.attempt.logs.push_back(
        {.stream = LogChunk::Stream::Stdout, .at = at, .bytes = "d\xc3\xa9j\xc3\xa0 \\ ' \xff\n"});
    if (!written(run(store_->finish(last)))) return "finish";
    if (!written(run(store_->record(step(*row, Stage::Finished, Stage::Cleaned, Reason::Completed)))))
      return "clean";
    if (!run(store_->read_totals(std::chrono::seconds(1)))) return "totals";
    const auto kept = sql_->value(
        "SELECT output::text || encode(bytes, 'hex') FROM slipway.executions JOIN "
        "slipway.execution_log_chunks ON execution_id = id WHERE id = $1 AND stage = 'Cleaned' AND "
        "finished_at - started_at < interval '1 minute'",
        {id});
    return kept == *last.output + "64c3a96ac3a0205c202720ff0a" ? "" : "kept: " + kept;
  }

  std::string database_ = sql_->value("SELECT current_database()");
};

TEST_F(Settings, ThatADatabaseBringsChangeNothing) {
  sql_->exec(
      "CREATE SCHEMA trap; CREATE FUNCTION trap.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS "
      "$$ SELECT 'trap' $$");
  // Ten at a time, since each life takes its time; where one goes wrong, each of them by itself.
  std::vector<std::vector<Poison>> batches;
  std::size_t tried = 0;
  for (const auto& row : sql_->query(kSettings)) {
    std::size_t batch = tried / 10;  // two values of one setting never share a batch
    for (const auto& value : values_of(row)) {
      if (!poison({*row[0], value})) continue;
      while (batch < batches.size() && batches[batch].size() >= 10) ++batch;
      if (batch >= batches.size()) batches.resize(batch + 1);
      batches[batch++].push_back({*row[0], value});
      ++tried;
    }
  }
  heal();
  EXPECT_GT(tried, 150U);
  for (const auto& batch : batches) {
    for (const auto& one : batch) poison(one);
    const auto problem = live();
    heal();
    if (problem.empty()) continue;
    ADD_FAILURE() << problem;
    for (const auto& one : batch) {
      poison(one);
      EXPECT_EQ(live(), "") << one.name << " = " << one.value;
      heal();
    }
  }
}

}  // namespace
}  // namespace slipway::test
