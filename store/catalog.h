#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/clock.h"
#include "api/execution.h"
#include "api/kinds.h"
#include "api/result.h"

namespace slipway::store {

/// What `get` can list.
enum class Table { Agents, Entitlements, Quotas, Executions, Nodes };
std::string_view to_string(Table table);    ///< "agents"
Table table_of(Kind kind);                  ///< where objects of a kind stand
std::string_view singular_of(Table table);  ///< "agent"

/// What a request of this user for this agent would meet at this moment in what other rows decide.
struct Outlook {
  int agent_revision = 0;                  ///< 0: no such agent
  std::shared_ptr<const AgentSpec> agent;  ///< null: no such agent
  std::optional<Reason> refusal;  ///< EntitlementMissing, -Expired, -Exhausted, QueueFull or RateLimited
  double window_ends_in = 0;      ///< seconds until the rate's minute is over
};

struct ApplyOptions {
  bool create_only = false;  ///< an object that exists is an error
  bool dry_run = false;      ///< everything is asked and checked, nothing stays written
};

/// Why a request would be refused, as somebody has found who knows the node's policy, too.
struct Foreseen {
  std::string reason;  ///< or another stable word
  std::string message;
};

/// What became of one applied document.
struct Change {
  enum class What { Created, Configured, Unchanged };
  What what = What::Unchanged;
  Kind kind = Kind::Agent;
  std::string name;                                ///< an execution without a name shows its id
  std::string id;                                  ///< executions only
  std::optional<Outlook> outlook;                  ///< of an execution that a dry run would have created
  std::optional<Foreseen> refusal = std::nullopt;  ///< instead, from where the outlook was judged already
  /// It was done as asked; but not all of that will hold, and this is what not, in words for the user.
  std::vector<std::string> warnings = {};
};
std::string_view to_string(Change::What what);  ///< "created", as in "agent/momentum created"

/// What the labels of a row must meet. `NotIn` holds where the label is absent, as in Kubernetes.
struct LabelTerm {
  enum class Op { In, NotIn, Exists, Absent };
  std::string key;
  Op op = Op::In;
  std::vector<std::string> values;  ///< of In and NotIn
};

struct Query {
  Table table = Table::Executions;
  std::string name;    ///< a name or an id; empty: all
  std::string user;    ///< empty: everybody's
  std::string status;  ///< executions only; empty: all
  int limit = 500;
  bool full = false;       ///< with input and output of executions, which may be a megabyte each
  std::string agent = {};  ///< of executions and entitlements; of agents the name; empty: all
  std::vector<LabelTerm> labels =
      {};                  ///< all of them hold; agents and executions only, others have no labels
  std::string after = {};  ///< of what is listed by name: only what comes behind this one
};

/// Where a reader of logs stands; the default stands before the first line. A place stays what it is when the
/// log of a container that ran is replaced by the whole of it.
struct LogCursor {
  int attempt = 0;
  int place = 0;  ///< bytes of this attempt's log that were read
};
struct LogPage {
  std::vector<LogChunk> chunks;
  std::vector<LogCursor> cursors;  ///< of each chunk: where a reader stands who has read it
  LogCursor next;
};

/// The short state of one execution, for those who wait for it.
struct Standing {
  ExecutionId id;
  Status status = Status::Pending;
  Reason reason = Reason::Queued;
  std::string message;
  std::optional<int> exit_code;
  bool converged = false;  ///< nothing of it is left on any node
  std::string name;        ///< empty: it has none
  std::string user;
  std::string agent;
  std::string image;  ///< of the agent; empty: the agent is another by now
  std::optional<std::chrono::seconds> timeout;
  std::optional<std::int64_t> duration_ms;  ///< of the run; nothing: it has not ended, or never began
};

/// Where a waiting execution stands among the others, for people who ask why it waits. Zeros unless it waits.
struct Waiting {
  ExecutionId id;
  Status status = Status::Pending;
  Reason reason = Reason::Queued;
  std::string message;
  int place = 0;          ///< among its user's rows that wait, 1: next; 0: it does not wait for a slot
  int queued = 0;         ///< of its user's
  int users_waiting = 0;  ///< in its band and above, itself included
  int users_ahead = 0;    ///< whose turn comes before its user's next
  int user_running = 0;
  std::optional<int> user_limit;
  int agent_running = 0;
  std::optional<int> agent_limit;
  bool waits_for_a_use = false;  ///< the entitlement is exhausted, but a spend may still be given back
  bool locked = false;           ///< by a transaction that is open, its submitter's for example
  double not_before_in = 0;      ///< seconds
  int nodes_ready = 0;           ///< and not cordoned
  int slots = 0;                 ///< of those
  int slots_used = 0;
  std::vector<std::string> cordoned;          ///< nodes that are ready, but for that
  std::optional<std::int64_t> median_run_ms;  ///< of the agent
};

/// One object as users read it. A type of its own: bare JSON converts from anything, an error among it.
struct Document {
  nlohmann::json body;
};

/// Which executions a page shows, newest first.
struct PageQuery {
  std::string user;                           ///< empty: everybody's
  std::string agent;                          ///< empty: all
  std::string status;                         ///< empty: all
  std::map<std::string, std::string> labels;  ///< of these values; an index finds them
  std::vector<LabelTerm> terms = {};          ///< what else of the labels must hold
  std::string name = {};                      ///< a name or an id; empty: all
  int limit = 20;
  std::string after;  ///< `next` of the page before; empty: from the newest
  int skip = 0;       ///< rows passed over after that, for pages by number
};
struct Page {
  std::vector<nlohmann::json> items;
  std::int64_t total = 0;  ///< of all pages
  std::string next;        ///< empty: this was the last page
};

/// An execution whose state changed, as watchers see it.
struct Changed {
  std::int64_t event = 0;  ///< grows, but events do not commit in its order
  ExecutionId id;
  nlohmann::json document;
};

/// Who speaks at the HTTP door.
enum class TokenRole { User, Service, Reader, Admin };
std::string_view to_string(TokenRole role);  ///< "user"
std::optional<TokenRole> token_role_from(std::string_view name);
struct Token {
  std::string id;
  TokenRole role = TokenRole::Reader;
  std::string user;  ///< of role User only
  std::string description;
  TimePoint created_at{};
  std::optional<TimePoint> expires_at;
  std::optional<TimePoint> revoked_at;
};

enum class NodeWish { Cordon, Uncordon, Drain };

/// Desired state as people and scripts write and read it: what the command line needs, of the database or of
/// a server before it. Any name may also be an id.
///
/// Blocking, for one thread; every call ends within its deadline. Errors: NotFound and Invalid carry a
/// sentence for the user, Conflict says who holds what; Retry is an unreachable or busy database or server,
/// and after Doubt a write may have been done.
class CommandCatalog {
 public:
  virtual ~CommandCatalog() = default;

  virtual Result<TimePoint> now() = 0;

  /// Writes all of them or, on any error, none.
  virtual Result<std::vector<Change>> apply(const std::vector<Object>& objects,
                                            const ApplyOptions& options) = 0;

  /// Rows in the shape of their YAML documents with a `status`, executions newest first, others by name. With
  /// a name that is not there: NotFound.
  virtual Result<std::vector<nlohmann::json>> list(const Query& query) = 0;

  /// The id behind a name or id. Conflict: several users have an execution of this name.
  virtual Result<ExecutionId> find_execution(const std::string& name_or_id) = 0;
  virtual Result<Standing> standing(const ExecutionId& id) = 0;
  virtual Result<Waiting> why(const ExecutionId& id) = 0;
  /// The result as it was stored; nothing unless COMPLETED.
  virtual Result<std::optional<std::string>> output(const ExecutionId& id) = 0;
  virtual Result<std::vector<nlohmann::json>> events(const ExecutionId& id) = 0;
  /// At most 4 MiB of what follows the cursor, which may stand within a stored chunk.
  virtual Result<LogPage> logs(const ExecutionId& id, const LogCursor& after) = 0;

  /// true: asked now. false: it had been asked before. Conflict: it is final.
  virtual Result<bool> cancel(const ExecutionId& id) = 0;
  /// Ends an execution as NodeLost, refunded, whose node has not been heard of for longer than its lease;
  /// `why` is the operator's, kept with the attempt. Whatever of it is left goes when the node comes back.
  /// Conflict: it is final, on no node, or its node lives.
  virtual Result<void> force_finish(const ExecutionId& id, const std::string& why) = 0;
  /// NotFound, or Conflict for an execution that has not converged.
  virtual Result<void> remove(Table table, const std::string& name) = 0;
  virtual Result<void> wish(const std::string& node, NodeWish wish) = 0;

  /// Tokens are known by the SHA-256 of their text, in hex. Conflict: the id is taken.
  virtual Result<void> create_token(const Token& token, const std::string& sha256) = 0;
  virtual Result<std::vector<Token>> tokens() = 0;
  virtual Result<void> revoke_token(const std::string& id) = 0;  ///< NotFound; again is no error
};

/// The rows behind all that, and what the HTTP API needs of them besides.
class Catalog : public CommandCatalog {
 public:
  /// Like find_execution, among one user's; of nobody else's does it say that it is there.
  virtual Result<ExecutionId> find_execution_of(const std::string& user, const std::string& name_or_id) = 0;
  virtual Result<Page> page(const PageQuery& query) = 0;
  /// The document with input, output, and what stands behind it: `agent`, `entitlement`, `quota` under
  /// status.
  virtual Result<Document> execution(const ExecutionId& id) = 0;
  virtual Result<Outlook> outlook(const ExecutionSpec& request) = 0;
  /// Those of them that are final.
  virtual Result<std::vector<ExecutionId>> finished_among(const std::vector<ExecutionId>& ids) = 0;
  /// Those of them that are no more.
  virtual Result<std::vector<ExecutionId>> gone_among(const std::vector<ExecutionId>& ids) = 0;
  /// Events after `event` of the query's executions, each with its execution as it is now; at most 1000.
  virtual Result<std::vector<Changed>> changes(const PageQuery& query, std::int64_t event) = 0;
  virtual Result<std::int64_t> newest_event() = 0;
  /// NotFound: no such agent. One that has never run has zeros.
  virtual Result<Document> statistics(const std::string& agent) = 0;

  /// Nothing: unknown, revoked or expired.
  virtual Result<std::optional<Token>> token_by(const std::string& sha256) = 0;
};

}  // namespace slipway::store
