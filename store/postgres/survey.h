#pragma once

#include <string>
#include <vector>

#include "api/result.h"

namespace slipway::store::postgres {

/// What an operator has to get right about a database, as the role of `url` finds it.
struct Survey {
  int server_version = 0;  ///< 150004: 15.4
  std::string server_version_text;
  bool fsync = false;
  bool full_page_writes = false;
  int connections =
      0;  ///< that this role may still have beside those that others have now, reserves taken off
  std::string role;
  bool superuser = false;
  bool controller = false;  ///< in slipway_controller

  struct Node {
    std::string name;
    std::string instance;
    int heartbeat_age_seconds = 0;
    int lease_seconds = 0;
    bool ready = false;
    std::string message;
    std::vector<std::string> not_enforceable;
    int unfinished = 0;  ///< executions that stand there
  };
  std::vector<Node> nodes;  ///< empty where the schema is absent or the role may not read it
};

/// Blocking.
Result<Survey> survey(const std::string& url);

}  // namespace slipway::store::postgres
