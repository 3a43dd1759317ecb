#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "test/cmd/shop_server.h"
#include "test/support/command/command.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {

/// The way the command goes to it.
enum class Way { Postgres, Http };

/// A database with a few objects of each kind, a folder with a few files, and a shell that stands in it:
/// agents momentum (team quant) and keyphrases (team web); executions first (COMPLETED, with logs), second
/// (refused) and third (waiting); node n1.
class Shop {
 public:
  /// `options`: of the server before it, which Way::Http starts.
  explicit Shop(Way way = Way::Postgres, server::HttpServerOptions options = {});
  ~Shop();
  Shop(const Shop&) = delete;
  Shop& operator=(const Shop&) = delete;

  /// A line of the shell, in which `slipway` is the built binary.
  Ran run(const std::string& line, const std::string& input = "") const;
  /// The same without waiting for its end; the process is the last command of the line.
  std::unique_ptr<Command> start(const std::string& line, const std::string& input = "") const;
  std::map<std::string, std::string> environment() const;

  Sql& sql() { return *sql_; }
  ShopServer& server() { return *server_; }
  /// From now on with this token (the first is an admin's), and what else is to be in the environment.
  void speak_with(const std::string& token) { token_ = token; }
  void set(const std::string& variable, const std::string& value) { more_[variable] = value; }
  const std::string& url() const { return url_; }
  const std::filesystem::path& directory() const { return directory_; }
  void write(const std::string& file, const std::string& text) const;
  /// Moves an execution as a controller would, from any stage before Running.
  void run_execution(const std::string& name);
  void finish_execution(const std::string& name, const std::string& status, const std::string& reason,
                        const std::string& rest, const std::string& message = "It is over.");
  void log(const std::string& name, const std::string& text, const std::string& stream = "stdout",
           const std::string& ago = "0 s");

 private:
  std::string url_;
  std::unique_ptr<Sql> sql_;
  std::unique_ptr<ShopServer> server_;
  std::string token_;
  std::map<std::string, std::string> more_;
  std::filesystem::path directory_;
};

/// Whether the text is of this pattern, in which * is anything within a line and ** anything at all.
bool fits(std::string_view pattern, std::string_view text);

/// Waits until `done`, half a minute at most.
bool eventually(const std::function<bool()>& done);

}  // namespace slipway::test
