#!/usr/bin/env bash
# What it costs to create, start, await and remove a container under each of an engine's runtimes, with the limits of a
# small agent: 21 of each, in turns, so that the ratio holds whatever else the machine does. DOCKER_HOST names the engine;
# IMAGE has /bin/true.
# usage: test/bench/start_cost.sh IMAGE RUNTIME...
set -euo pipefail
IMAGE=${1:?usage: test/bench/start_cost.sh IMAGE RUNTIME...}
shift
WORK=$(mktemp -d /tmp/slipway-starts.XXXXXX)
trap 'rm -rf "$WORK"' EXIT

for _ in $(seq 21); do
  for RUNTIME in "$@"; do
    BEGAN=$(date +%s%N)
    docker run --rm --runtime "$RUNTIME" --network none --read-only --user 65534:65534 --cap-drop ALL --memory 64m \
      --memory-swap 64m --cpus 0.5 --pids-limit 128 "$IMAGE" /bin/true
    echo $((($(date +%s%N) - BEGAN) / 1000000)) >>"$WORK/$RUNTIME"
  done
done
for RUNTIME in "$@"; do
  sort -n "$WORK/$RUNTIME" | awk -v name="$RUNTIME" '{ms[NR] = $1} END {
    printf "%-12s median %d ms, least %d ms, most %d ms\n", name, ms[int((NR + 1) / 2)], ms[1], ms[NR]}'
done
