#!/usr/bin/env python3
"""Counts the words of {"text": "..."}."""
import json
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit('told to stop'))
source = sys.argv[1] if len(sys.argv) > 1 else '/input/input.json'
target = sys.argv[2] if len(sys.argv) > 2 else '/output/result.json'

with open(source, encoding='utf-8') as file:
    text = json.load(file).get('text')
if not isinstance(text, str):
    print('expected {"text": "..."}', file=sys.stderr)
    sys.exit(2)
words = len(text.split())
print('counted', words, 'words', flush=True)
with open(target, 'w', encoding='utf-8') as file:
    json.dump({'words': words}, file)
