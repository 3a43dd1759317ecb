#include "test/cmd/habits.h"

namespace slipway::test {

const std::vector<Habit>& habits() {
  static const std::string agents = "NAME         IMAGE   REVISION   TIMEOUT   AGE\n";
  static const std::string executions =
      "NAME     USER   AGENT        STATUS      REASON               DURATION   AGE\n";
  static const std::string third =
      "third    u-42   momentum     PENDING     Queued               <none>     *s\n";
  static const std::string second =
      "second   u-43   keyphrases   FAILED      EntitlementMissing   <none>     *s\n";
  static const std::string first =
      "first    u-42   momentum     COMPLETED   Completed            <none>     *s\n";
  static const std::string lines = "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\n";
  static const std::string fresh =
      "apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: fresh}\nspec: {image: f:1}\n";
  static const std::vector<Habit> all = {
      // writing
      {"slipway apply -f fresh.yaml", 0, "agent/fresh created\n"},
      {"slipway apply -f dir/", 0, "agent/fresh created\nquota/u-7 created\n"},
      {"slipway apply -f -", 0, "agent/fresh created\n", fresh},
      {"slipway create -f fresh.yaml", 0, "agent/fresh created\n"},
      {"slipway create -f request.yaml", 0, "execution/run-* created\n"},
      {"slipway apply -f fresh.yaml && slipway delete -f fresh.yaml", 0,
       "agent/fresh created\nagent/fresh deleted\n"},
      {"slipway delete quota u-42 '*'", 0, "quota/u-42 deleted\nquota/* deleted\n"},
      {"slipway delete agent/keyphrases", 0, "agent/keyphrases deleted\n"},
      {"slipway delete agent none --ignore-not-found", 0, ""},
      {"slipway diff -f changed.yaml", 1,
       "--- live/agent/momentum\n+++ changed.yaml:1/agent/momentum\n@@ -* @@\n**\n-  image: \"m:1\"\n+  "
       "image: \"m:2\"\n**"},
      {"slipway get agents momentum -o yaml | slipway diff -f -", 0, ""},
      // reading
      {"slipway get agents", 0,
       agents +
           "keyphrases   k:1     1          <none>    *s\nmomentum     m:1     1          <none>    *s\n"},
      {"slipway get agents momentum", 0,
       "NAME       IMAGE   REVISION   TIMEOUT   AGE\nmomentum   m:1     1          <none>    *s\n"},
      {"slipway get agent/momentum", 0, "NAME       IMAGE*\nmomentum   m:1*\n"},
      {"slipway get ag momentum keyphrases", 0, "NAME*\nmomentum *\nkeyphrases *\n"},
      {"slipway get ag momentum none", 1, "NAME*\nmomentum *\n"},
      {"slipway get executions", 0, executions + third + second + first},
      {"slipway get ex -o wide", 0, "NAME *STAGE *ID *AGE\nthird *\nsecond *\nfirst *\n"},
      {"slipway get ex first -o yaml", 0,
       "apiVersion: slipway.dev/v1alpha1\nkind: Execution\n**output:\n    signal: buy\n**"},
      {"slipway get ex -o yaml", 0, "apiVersion: *\nkind: Execution\n**---\n**---\n**"},
      {"slipway get ex first -o json", 0, "{\n**\"name\": \"first\"**}\n"},
      {"slipway get ex -o=json", 0, "{\n**\"items\": [\n**\"kind\": \"List\"\n}\n"},
      {"slipway get ex -o name", 0, "execution/third\nexecution/second\nexecution/first\n"},
      {"slipway get ex first -o jsonpath={.status.reason}", 0, "Completed"},
      {"slipway get ex -o jsonpath='{.items[*].metadata.name}'", 0, "third second first"},
      {"slipway get ex -o jsonpath='{range "
       ".items[*]}{.metadata.name}{\"\\t\"}{.status.status}{\"\\n\"}{end}'",
       0, "third\tPENDING\nsecond\tFAILED\nfirst\tCOMPLETED\n"},
      {"slipway get ag -l team=quant -o name", 0, "agent/momentum\n"},
      {"slipway get ex -l 'batch in (a,b),batch!=b' -o name", 0, "execution/first\n"},
      {"slipway get ex -l '!batch' -o name", 0, "execution/third\n"},
      {"slipway get ex third -w", 0, "NAME *\nthird *\n", "", true},
      {"slipway get ex --sort-by=.metadata.creationTimestamp -o name", 0,
       "execution/first\nexecution/second\nexecution/third\n"},
      {"slipway get ex --sort-by='{.metadata.name}' -o name", 0,
       "execution/first\nexecution/second\nexecution/third\n"},
      {"slipway get ex --no-headers", 0, "third *\nsecond *\nfirst *\n"},
      {"slipway get nodes", 0, "NAME   READY*\nn1     true *\n"},
      {"slipway describe agent momentum", 0, "apiVersion: **name: momentum**\nEvents:   <none>\n"},
      {"slipway describe execution/first", 0,
       "apiVersion: **name: first**\nEvents:\nAGE *\n*s *Running *The agent is running.\n"},
      {"slipway get ex --user=u-43 --status=FAILED --agent=keyphrases -o name", 0, "execution/second\n"},
      {"slipway get ex --limit=2 -o name", 0, "execution/third\nexecution/second\n"},
      {"slipway describe agent none", 1, ""},
      // following
      {"slipway logs first", 0, lines},
      {"slipway logs execution/first", 0, lines},
      {"slipway logs -f first", 0, lines},
      {"slipway logs --tail=5 first", 0, lines.substr(14)},
      {"slipway logs --since=1m first", 0, lines.substr(28)},
      {"slipway logs --timestamps --tail=1 first", 0, "20*T*Z line 7\n"},
      {"slipway wait --for=condition=Finished execution/first --timeout=30s", 0,
       "execution/first condition met\n"},
      {"slipway wait --for=condition=Started execution/second --timeout=30s", 1, ""},
      {"slipway wait --for=condition=Finished execution/third --timeout=100ms", 1, ""},
      {"slipway wait --for=delete execution/none --timeout=30s", 0, "execution/none condition met\n"},
      {"slipway wait --for=jsonpath='{.status.status}'=COMPLETED execution/first", 0,
       "execution/first condition met\n"},
      // the rest
      {"slipway api-resources", 0,
       "NAME           SHORTNAMES   APIVERSION             NAMESPACED   KIND\n"
       "agents         ag           slipway.dev/v1alpha1   false        Agent\n"
       "entitlements   ent          slipway.dev/v1alpha1   false        Entitlement\n"
       "quotas         qu           slipway.dev/v1alpha1   false        Quota\n"
       "executions     ex,exec      slipway.dev/v1alpha1   false        Execution\n"
       "nodes          no           slipway.dev/v1alpha1   false        Node\n"},
      {"slipway cordon n1", 0, "node/n1 cordoned\n"},
      {"slipway uncordon node/n1", 0, "node/n1 uncordoned\n"},
      {"slipway completion bash", 0, "# slipway completion for bash**complete -F _slipway slipway\n"},
      {"slipway version -o json", 0, "{\n  \"clientVersion\": {\n**}\n"},
  };
  return all;
}

}  // namespace slipway::test
