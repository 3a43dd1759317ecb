#!/usr/bin/env python3
"""mutate.py ROOT JOBS [WORD...]: breaks the promises of test/mutations.toml one at a time, and wants a test to notice.

The source is copied to build/mutate, which is built there beside what one works on. First every test that is named must be green
there; then one promise is broken, its test's target built and run, and the text put back. A promise whose test stays green has
SURVIVED: the test is missing. With WORDs: only promises whose names hold one of them. Ends with 1 if a promise survives, does
not build when broken, or its text is no longer in the source exactly once.
"""
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

LONGEST_BUILD = 3600
LONGEST_TEST = 900


def wanted(root, words):
    promises = tomllib.loads((root / 'test/mutations.toml').read_text(encoding='utf-8'))['promise']
    return [one for one in promises if not words or any(word in one['name'] for word in words)]


def times_found(tree, promise):
    file = tree / promise['file']
    return file.read_text(encoding='utf-8').count(promise['text']) if file.exists() else 0


def copy(root, tree):
    """What git knows or would, as it stands; what has not changed keeps its time, so that little is built again."""
    listed = subprocess.run(['git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                            check=True, capture_output=True, timeout=60).stdout.decode().split('\0')
    names = {name for name in listed if name and (root / name).is_file()}
    for name in names:
        new, old = root / name, tree / name
        if not old.exists() or old.read_bytes() != new.read_bytes():
            old.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(new, old)
            shutil.copymode(new, old)
    for old in tree.rglob('*'):
        name = str(old.relative_to(tree))
        if old.is_file() and not name.startswith('build/') and name not in names:
            old.unlink()


def run(tree, line, limit, env=None):
    """(whether it ended with 0, what it said, whether it had to be stopped)"""
    try:
        done = subprocess.run(line, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit, check=False)
        return done.returncode == 0, done.stdout.decode(errors='replace'), False
    except subprocess.TimeoutExpired as stopped:
        return False, (stopped.stdout or b'').decode(errors='replace'), True


def build(tree, jobs, targets):
    return run(tree, ['cmake', '--build', '--preset', 'dev', '-j', jobs, '--target', *targets], LONGEST_BUILD)


def test(tree, name, cases=None):
    env = dict(os.environ, GTEST_FAIL_FAST='1', **({'GTEST_FILTER': cases} if cases else {}))
    return run(tree, ['ctest', '--test-dir', 'build/dev', '-R', f'^{name}$', '--no-tests=error', '--output-on-failure'], LONGEST_TEST, env)


def broken(tree, jobs, promise):
    """What became of the promise's test: 'red', 'SURVIVED', 'does not build', 'its text is there N times'."""
    if (found := times_found(tree, promise)) != 1:
        return f'its text is there {found} times'
    file = tree / promise['file']
    whole = file.read_text(encoding='utf-8')
    try:
        file.write_text(whole.replace(promise['text'], promise['with']), encoding='utf-8')
        built, said, _ = build(tree, jobs, [promise['test']])
        if not built:
            print(said[-3000:])
            return 'does not build'
        green, said, stopped = test(tree, promise['test'], promise.get('cases'))
        (tree.parent / 'last.log').write_text(said, encoding='utf-8')
        return 'SURVIVED' if green else 'red (stopped)' if stopped or '***Timeout' in said else 'red'
    finally:
        file.write_text(whole, encoding='utf-8')


def main():
    root, jobs, words = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    promises = wanted(root, words)
    if not promises:
        print('no such promise')
        return 2
    for stale in (one for one in promises if times_found(root, one) != 1):
        print(f"{stale['name']}: its text is {times_found(root, stale)} times in {stale['file']}")
    tree = root / 'build/mutate/source'
    tree.mkdir(parents=True, exist_ok=True)
    copy(root, tree)
    os.environ['CCACHE_BASEDIR'] = str(tree)
    configured, said, _ = run(tree, ['cmake', '--preset', 'dev'], 300)
    tests = sorted({one['test'] for one in promises})
    if configured:
        configured, said, _ = build(tree, jobs, tests)
    if not configured:
        print(said[-3000:])
        return 1
    for name in tests:
        cases = [one.get('cases', '*') for one in promises if one['test'] == name]
        if not test(tree, name, ':'.join(cases))[0]:
            print(f'{name} is red before anything is broken')
            return 1
    print(f'{len(tests)} tests are green before anything is broken', flush=True)
    bad = 0
    for promise in promises:
        begun = time.monotonic()
        end = broken(tree, jobs, promise)
        bad += not end.startswith('red')
        print(f"{promise['name']:<46} {promise['test']:<28} {end:<14} {time.monotonic() - begun:5.0f} s", flush=True)
    print(f'{len(promises)} promises broken, {len(promises) - bad} noticed')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
