#!/usr/bin/env bash
# Runs as root in the machine of vm.sh: installs the packages as docs/operations says, tries both units, and prints a table.
set -uo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C
DATABASE='postgresql:///slipway?host=/var/run/postgresql&connect_timeout=60' # an emulated processor is slow
PATIENCE=300 # an emulated processor that others share needs a minute for what takes a second
failed=0

check() { # check WORDS COMMAND...: one line of the table; of what it said, the last line
  local words=$1 began=$SECONDS said code mark=ok
  shift
  said=$(set -e; "$@" 2>&1)
  code=$?
  ((code == 0)) || { mark=FAILED failed=$((failed + 1)); }
  printf '%-6s %4ss  %-62s %s\n' "$mark" $((SECONDS - began)) "$words" "$(tail -n 1 <<<"$said" | cut -c1-150)"
  ((code == 0)) || sed 's/^/         | /' <<<"$said" | tail -n 40
}

within() { # within SECONDS COMMAND...: until it succeeds
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < until)) || { echo "not in time: $*"; return 1; }
    sleep 0.2
  done
}

sql() { runuser -u postgres -- psql -X -q -At -v ON_ERROR_STOP=1 slipway -c "$1"; }
slipway() { runuser -u postgres -- slipway --database-url "$DATABASE" "$@"; }
is() { [[ $(sql "SELECT $2 FROM slipway.executions WHERE id = '$1'") == "$3" ]]; }
active() { systemctl is-active --quiet "$1"; }
pid_of() { systemctl show -p MainPID --value "$1"; }
submit() { sql "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-42', '$1', '{\"n\": 1}') RETURNING id"; }
tell() { # tell ID: where it stands, and what the daemon says
  sql "SELECT stage, status, reason, message, attempt FROM slipway.executions WHERE id = '$1'"
  journalctl -b -u 'slipwayd*' -o cat --no-pager | tail -n 12 | cut -c1-400
}
running() { within "$PATIENCE" is "$1" stage Running || { tell "$1"; return 1; }; }
ends_as() { # ends_as ID REASON
  within "$PATIENCE" is "$1" stage Cleaned || { tell "$1"; return 1; }
  sql "SELECT reason || ': ' || coalesce(message, '') || ', ' || coalesce(duration_ms::text, '?') || ' ms, peak ' || coalesce(peak_memory_bytes, 0) || ' bytes, attempt ' || attempt FROM slipway.executions WHERE id = '$1'"
  is "$1" reason "$2"
}
run_one() { ends_as "$(submit "$1")" "$2"; }

installed() {
  apt-get install -y -q --no-install-recommends /check/*.deb
  id slipway
}

database() {
  cd /
  runuser -u postgres -- createuser slipway
  runuser -u postgres -- createdb --owner slipway slipway
  runuser -u postgres -- slipway migrate --database-url "$DATABASE"
  runuser -u postgres -- psql -q slipway -c 'GRANT slipway_controller TO slipway'
  sed -i -e "s|^  url:.*|  url: ${DATABASE/&/\\&}|" -e 's/^# startup_timeout:.*/startup_timeout: 120s/' /etc/slipway/config.yaml
}

agents() {
  local root=/tmp/agent-root
  mkdir -p $root/bin
  cp /bin/busybox $root/bin/
  for applet in sh cat usleep; do ln -sf busybox $root/bin/$applet; done
  tar -C $root -c . | docker import - slipway.local/agent:1
  # The first container of an engine compiles a profile and reads its programs: half a minute where the processor is emulated.
  docker run --rm --network none slipway.local/agent:1 /bin/sh -c true
  agent() {
    cat >/tmp/agent.yaml <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Agent
metadata: {name: $1}
spec:
  image: slipway.local/agent:1
  imagePullPolicy: Never
  command:
    - /bin/sh
    - -c
    - |
      $2
  resources: {limits: {cpu: "1", memory: 32Mi, pids: 16, output: 1Mi, scratch: 1Mi, logs: 64Ki}}
  timeout: 5m
  maxTimeout: 10m
YAML
    chmod 644 /tmp/agent.yaml
    slipway apply -f /tmp/agent.yaml
    slipway grant u-42 "$1" --uses 1000
  }
  agent copy 'cat </input/input.json >/output/result.json'
  agent greedy 'x=1234567890; while true; do x=$x$x; done'
  agent child "sh -c 'x=1234567890; while true; do x=\$x\$x; done'; exit 3"
  agent long 'i=0; while [ $i -lt 250 ]; do usleep 100000; i=$((i+1)); done; cat </input/input.json >/output/result.json'
  agent plain 'exit 137'
}

starts() { # starts UNIT
  systemctl enable --now "$1" || within 200 active "$1" # an engine that is slow is asked again: Restart=on-failure
  systemctl show -p NRestarts -p StatusText --value "$1" | paste -sd ' '
}

detaches() { # detaches UNIT: stopped with a run in progress, started again: the same run, adopted
  local id
  id=$(submit long)
  running "$id"
  systemctl stop "$1"
  [[ $(systemctl show -p Result --value "$1") == success ]]
  [[ $(docker ps -q | wc -l) == 1 ]] || { echo "the run was stopped with the unit"; return 1; }
  systemctl start "$1"
  ends_as "$id" Completed
  is "$id" attempt 1
}

survives_kill() { # survives_kill UNIT SIGNAL SECONDS: systemd starts it again; the run goes on
  local id old
  id=$(submit long)
  running "$id"
  old=$(pid_of "$1")
  kill -"$2" "$old"
  another() { [[ $(pid_of "$1") != "$2" ]] && active "$1"; }
  within "$3" another "$1" "$old"
  ends_as "$id" Completed
  is "$id" attempt 1
}

watchdog() { # watchdog UNIT: a loop that stands still; systemd ends it (two minutes and a half in all)
  local journal
  survives_kill "$1" STOP 240
  journal=$(journalctl -b -u "$1" --no-pager)
  grep -i 'watchdog timeout' <<<"$journal"
}

hardened() { # hardened UNIT MOST
  local said
  said=$(systemd-analyze security --no-pager "$1" | grep 'exposure level')
  echo "$said"
  awk -v most="$2" '{ for (i = 1; i <= NF; ++i) if ($i + 0 > 0) exit !($i + 0 <= most) }' <<<"$said"
}

in_journal() { # in_journal UNIT
  journalctl -b -u "$1" -o cat --no-pager | grep -F '"msg":"ready"' | tail -n 1
}

nothing_left() {
  local node tree units left
  # What stays is the node's own place, as long as the node does.
  node=$(sql 'SELECT instance_id FROM slipway.nodes' | tr - _)
  tree=$(systemd-cgls --no-pager)
  units=$(systemctl list-units --all --plain --no-legend 'slipway*.slice' | awk '{print $1}')
  left=$(docker ps -aq; grep slipway-output /proc/self/mountinfo; grep -Eo 'docker-[0-9a-f]{64}|slipway.*slice' <<<"$tree"
    echo "$units"; find /sys/fs/cgroup -path '*slipway*' -type d -name '*slipway-*-[0-9]*') || true
  left=$(grep -vxF -e '' -e slipway.slice -e "slipway-$node.slice" <<<"$left") || true
  [[ -z $left ]] || { echo "$left"; return 1; }
  echo "no container, mount, cgroup or slice"
}

stops() { # stops UNIT
  systemctl disable --now "$1"
  [[ $(systemctl show -p Result --value "$1") == success ]]
}

want() { grep -qx "$1" /check/units; }

both() { # both UNIT MOST OOMS: what is asked of either unit
  check "$1: enable, start, READY" starts "$1"
  active "$1" || { journalctl -b -u "$1" -o cat --no-pager | tail -n 15 | cut -c1-300; return; }
  check "$1: says ready in the journal" in_journal "$1"
  check "$1: an execution is COMPLETED" run_one copy Completed
  for i in $(seq "$3"); do check "$1: more memory than the limit is OOMKilled ($i)" run_one greedy OOMKilled; done
  check "$1: of a child, and the program exits 3" run_one child OOMKilled
  check "$1: exit 137 by itself is no OOM" run_one plain NonZeroExit
  check "$1: systemd-analyze security at most $2" hardened "$1" "$2"
}

printf 'Linux %s, systemd %s, cgroup %s, Docker %s (%s), PostgreSQL %s\n' "$(uname -r)" "$(systemctl --version | awk 'NR == 1 {print $2}')" \
  "$(stat -fc %T /sys/fs/cgroup)" "$(docker version -f '{{.Server.Version}}')" "$(docker info -f '{{.CgroupDriver}}')" \
  "$(runuser -u postgres -- psql -XAtc 'SHOW server_version')"
check 'apt install of both packages' installed
check 'database, role, slipway migrate' database
check 'image, agents, grants' agents
check 'slipway doctor, as root' /usr/bin/slipway doctor
check 'slipway doctor leaves nothing' nothing_left
if want slipwayd; then
both slipwayd 5.0 5
check 'slipwayd: stop with a run in progress, start: adopted, COMPLETED' detaches slipwayd
check 'slipwayd: kill -9: started again, the run COMPLETED' survives_kill slipwayd KILL 30
check 'slipwayd: stopped loop: watchdog, the run COMPLETED' watchdog slipwayd
check 'slipwayd: stop' stops slipwayd
check 'slipwayd: nothing is left' nothing_left
fi
if want slipwayd-volume; then
both slipwayd-volume 2.5 2
check 'slipwayd-volume: stop with a run in progress, start: adopted' detaches slipwayd-volume
check 'slipwayd-volume: stop' stops slipwayd-volume
check 'slipwayd-volume: nothing is left' nothing_left
fi
if ((failed)); then echo "$failed failed"; else echo 'all of them passed'; fi
sync
