// What the API's answers look like, as JSON Schema 2020-12.
#include <nlohmann/json.hpp>

#include "api/schemas/kind_schemas.h"
#include "server/answers.h"

namespace slipway::server {
namespace {

constexpr const char* kSchemas = R"json({
  "Problem": {"type": "object", "required": ["type", "title", "status", "code", "detail", "requestId"],
    "description": "RFC 9457. `code` is a stable word for programs: a reason of the error catalogue, or one of the server's.",
    "properties": {"type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
      "code": {"type": "string"}, "detail": {"type": "string"}, "requestId": {"type": "string"},
      "errors": {"type": "array", "items": {"type": "object", "required": ["pointer", "detail"],
        "properties": {"pointer": {"type": "string", "description": "JSON pointer into the body"}, "detail": {"type": "string"}}}}}},
  "Metadata": {"type": "object", "additionalProperties": false,
    "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}, "uid": {"type": "string", "format": "uuid"},
      "creationTimestamp": {"type": "string", "format": "date-time"}, "revision": {"type": "integer"},
      "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
  "Agent": {"type": "object", "required": ["spec"], "additionalProperties": false,
    "properties": {"apiVersion": {"const": "slipway.dev/v1alpha1"}, "kind": {"const": "Agent"},
      "metadata": {"$ref": "#/components/schemas/Metadata"},
      "spec": {"type": "object", "required": ["image"], "properties": {"image": {"type": "string"}}}}},
  "Entitlement": {"type": "object", "required": ["spec"], "additionalProperties": false,
    "properties": {"apiVersion": {"const": "slipway.dev/v1alpha1"}, "kind": {"const": "Entitlement"},
      "metadata": {"$ref": "#/components/schemas/Metadata"},
      "spec": {"type": "object", "required": ["user", "agent"], "additionalProperties": false,
        "properties": {"user": {"type": "string"}, "agent": {"type": "string"},
          "uses": {"type": "integer", "minimum": 0}, "expires": {"type": "string", "format": "date-time"}}},
      "status": {"type": "object", "properties": {"used": {"type": "integer"}}}}},
  "Quota": {"type": "object", "required": ["spec"], "additionalProperties": false,
    "properties": {"apiVersion": {"const": "slipway.dev/v1alpha1"}, "kind": {"const": "Quota"},
      "metadata": {"$ref": "#/components/schemas/Metadata"},
      "spec": {"type": "object", "required": ["user"], "additionalProperties": false,
        "properties": {"user": {"type": "string"}, "perMinute": {"type": "integer"}, "maxRunning": {"type": "integer"},
          "maxQueued": {"type": "integer"}, "maxPriority": {"type": "integer"}}},
      "status": {"type": "object", "properties": {"running": {"type": "integer"}}}}},
  "Execution": {"type": "object", "required": ["spec"], "additionalProperties": false,
    "properties": {"apiVersion": {"const": "slipway.dev/v1alpha1"}, "kind": {"const": "Execution"},
      "metadata": {"$ref": "#/components/schemas/Metadata"},
      "spec": {"type": "object", "required": ["agent"], "additionalProperties": false,
        "properties": {"user": {"type": "string", "description": "left out with a user's token"}, "agent": {"type": "string"},
          "entitlement": {"type": "string"}, "input": true, "priority": {"type": "integer", "minimum": -100, "maximum": 100},
          "timeout": {"description": "such as 5m", "type": "string"},
          "notBefore": {"type": "string", "format": "date-time"}, "startDeadline": {"type": "string", "format": "date-time"},
          "retryLimit": {"type": "integer"}, "ttlAfterFinished": {"type": "string"},
          "traceparent": {"type": "string"}, "cancel": {"type": "boolean"}}},
      "status": {"$ref": "#/components/schemas/ExecutionStatus"}}},
  "ExecutionStatus": {"type": "object", "required": ["status", "stage", "reason", "message", "fault", "attempt"],
    "additionalProperties": false,
    "properties": {"status": {"enum": ["PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT"]},
      "stage": {"enum": ["New", "Deferred", "Queued", "Claimed", "Launching", "Running", "Stopping", "Recycling", "Finished", "Cleaned"]},
      "reason": {"type": "string"}, "message": {"type": "string"},
      "fault": {"enum": ["None", "Agent", "User", "Platform", "Policy"]},
      "conditions": {"type": "object", "additionalProperties": {"type": "string"}},
      "attempt": {"type": "integer"}, "exitCode": {"type": "integer"}, "node": {"type": "string"},
      "startedAt": {"type": "string", "format": "date-time"}, "finishedAt": {"type": "string", "format": "date-time"},
      "durationMs": {"type": "integer"}, "peakMemoryBytes": {"type": "integer"}, "cpuMs": {"type": "integer"},
      "agentRevision": {"type": "integer"}, "imageDigest": {"type": "string"}, "listPrice": {"type": "number"}, "price": {"type": "number"},
      "logsTruncated": {"type": "boolean"}, "output": true,
      "agent": {"type": "object", "required": ["name", "revision"], "properties": {"name": {"type": "string"},
        "revision": {"type": "integer"}, "suspended": {"type": "boolean"}, "price": {"type": ["number", "null"]}}},
      "entitlement": {"type": "object", "required": ["name", "used", "spent"], "properties": {"name": {"type": "string"},
        "uses": {"type": ["integer", "null"]}, "used": {"type": "integer"}, "expires": {"type": ["string", "null"]},
        "spent": {"type": "boolean"}, "refundReason": {"type": ["string", "null"]}}},
      "quota": {"type": "object", "required": ["running", "queued"], "properties": {"running": {"type": "integer"},
        "queued": {"type": "integer"}, "maxRunning": {"type": ["integer", "null"]}, "maxQueued": {"type": ["integer", "null"]},
        "perMinute": {"type": ["integer", "null"]}}}}},
  "Event": {"type": "object", "required": ["at", "attempt", "stage", "reason", "message"],
    "properties": {"at": {"type": "string", "format": "date-time"}, "attempt": {"type": "integer"}, "stage": {"type": "string"},
      "reason": {"type": "string"}, "message": {"type": "string"}, "node": {"type": ["string", "null"]}, "traceparent": {"type": ["string", "null"]}}},
  "Waiting": {"type": "object", "required": ["id", "status", "reason", "message", "place"],
    "properties": {"id": {"type": "string", "format": "uuid"}, "status": {"type": "string"}, "reason": {"type": "string"},
      "message": {"type": "string"}, "place": {"type": "integer", "description": "1: the next of its user's; 0: it does not wait"},
      "nodesReady": {"type": "integer", "description": "and not cordoned"}, "slots": {"type": "integer", "description": "of those"},
      "slotsUsed": {"type": "integer"}, "nodesCordoned": {"type": "array", "items": {"type": "string"}},
      "medianRunMs": {"type": "integer", "description": "of the agent; absent: no run of it has ended"}}},
  "Statistics": {"type": "object",
    "required": ["agent", "total", "completed", "failed", "timedOut", "successRate", "revenue", "p50Ms", "p95Ms", "lastRunAt"],
    "properties": {"agent": {"type": "string"}, "total": {"type": "integer"}, "completed": {"type": "integer"},
      "failed": {"type": "integer"}, "timedOut": {"type": "integer"}, "agentFaults": {"type": "integer"},
      "userFaults": {"type": "integer"}, "platformFaults": {"type": "integer"}, "policyFaults": {"type": "integer"},
      "successRate": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
      "revenue": {"type": "string", "description": "a decimal, exact"}, "p50Ms": {"type": ["integer", "null"]},
      "p95Ms": {"type": ["integer", "null"]}, "lastRunAt": {"type": ["string", "null"]}}},
  "Node": {"type": "object", "required": ["kind", "metadata", "spec", "status"],
    "properties": {"kind": {"const": "Node"}, "metadata": {"$ref": "#/components/schemas/Metadata"},
      "spec": {"type": "object", "required": ["cordoned", "draining"],
        "properties": {"cordoned": {"type": "boolean"}, "draining": {"type": "boolean"}}},
      "status": {"type": "object", "required": ["ready", "slots", "running"],
        "properties": {"ready": {"type": "boolean"}, "slots": {"type": "integer"}, "running": {"type": "integer"}}}}},
  "NewToken": {"type": "object", "required": ["role"], "additionalProperties": false,
    "properties": {"role": {"enum": ["user", "service", "reader", "admin"]},
      "user": {"type": "string", "description": "with role user, and only then"}, "description": {"type": "string"},
      "expiresAt": {"type": "string", "format": "date-time"},
      "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "of a text the caller has made itself, which is then not answered"},
      "id": {"type": "string", "pattern": "^tok-[a-z0-9]{12}$", "description": "with sha256, and only then"}}},
  "Who": {"type": "object", "required": ["id", "role", "time"],
    "properties": {"id": {"type": "string"}, "role": {"enum": ["user", "service", "reader", "admin"]}, "user": {"type": "string"},
      "expiresAt": {"type": "string", "format": "date-time"}, "time": {"type": "string", "format": "date-time"}}},
  "Standing": {"type": "object", "required": ["id", "status", "reason", "message", "converged"],
    "properties": {"id": {"type": "string", "format": "uuid"}, "status": {"enum": ["PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT"]},
      "reason": {"type": "string"}, "message": {"type": "string"}, "exitCode": {"type": "integer"},
      "converged": {"type": "boolean", "description": "nothing of it is left on any node"},
      "name": {"type": "string"}, "user": {"type": "string"}, "agent": {"type": "string"}, "image": {"type": "string"},
      "timeout": {"type": "string"}, "durationMs": {"type": "integer"}}},
  "NewForce": {"type": "object", "required": ["reason"],
    "properties": {"reason": {"type": "string", "description": "for other operators; users see that the node was lost"}}},
  "NewApplication": {"type": "object", "required": ["items"],
    "properties": {"items": {"type": "array", "minItems": 1, "maxItems": 10000, "items": {"oneOf": [
        {"$ref": "#/components/schemas/NewAgent"}, {"$ref": "#/components/schemas/NewEntitlement"},
        {"$ref": "#/components/schemas/NewQuota"}, {"$ref": "#/components/schemas/NewExecution"}]}},
      "createOnly": {"type": "boolean", "description": "one that exists is an error"},
      "dryRun": {"type": "boolean", "description": "everything is asked and checked, nothing is written"},
      "sources": {"type": "array", "items": {"type": "string"}, "description": "of each item, FILE:LINE, for the words about it"}}},
  "Change": {"type": "object", "required": ["what", "kind", "name"],
    "properties": {"what": {"enum": ["created", "configured", "unchanged"]}, "kind": {"enum": ["Agent", "Entitlement", "Quota", "Execution"]},
      "name": {"type": "string"}, "id": {"type": "string", "format": "uuid"},
      "warnings": {"type": "array", "items": {"type": "string"}, "description": "done as asked, but this of it will not hold"},
      "refusal": {"type": "object", "required": ["code", "detail"], "description": "of a dry run: it would be refused",
        "properties": {"code": {"type": "string"}, "detail": {"type": "string"}}}}},
  "Token": {"type": "object", "required": ["id", "role", "createdAt"],
    "properties": {"id": {"type": "string"}, "role": {"enum": ["user", "service", "reader", "admin"]}, "user": {"type": "string"},
      "description": {"type": "string"}, "createdAt": {"type": "string", "format": "date-time"},
      "expiresAt": {"type": "string", "format": "date-time"}, "revokedAt": {"type": "string", "format": "date-time"},
      "token": {"type": "string", "description": "the secret itself, answered once when it is made"}}}
})json";

}  // namespace

nlohmann::json openapi_schemas() {
  auto all = nlohmann::json::parse(kSchemas);
  // What may be sent is what a YAML document may say, but for what the path or the token says already.
  for (const auto& kind : schemas::kind_schemas()) {
    auto schema = nlohmann::json::parse(kind.json);
    for (const auto* ours : {"$schema", "$id"}) schema.erase(ours);
    schema["required"] = nlohmann::json::array({"spec"});
    auto& properties = schema["properties"];
    for (const auto* free : {"required", "oneOf"}) properties["metadata"].erase(free);
    if (kind.kind == "execution") properties["spec"]["required"] = nlohmann::json::array({"agent", "input"});
    const auto name = "New" + schema["title"].get<std::string>();
    all[name] = std::move(schema);
  }
  return all;
}

}  // namespace slipway::server
