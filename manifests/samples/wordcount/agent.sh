#!/bin/sh
# Counts the words of {"text": "..."}; busybox is enough.
set -eu
input=${1:-/input/input.json} output=${2:-/output/result.json}
trap 'echo "told to stop"; exit 143' TERM   # PID 1 without a handler would not hear it

text=$(sed -n 's/.*"text" *: *"\([^"]*\)".*/\1/p' "$input")
[ -n "$text" ] || { echo "expected {\"text\": \"...\"}" >&2; exit 2; }
words=$(printf '%s\n' "$text" | wc -w)
echo "counted $words words"
printf '{"words": %d}\n' "$words" > "$output"
