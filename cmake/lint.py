#!/usr/bin/env python3
"""clang-tidy over every source file of a build tree. A file that passed is not looked at again until it, a header of
ours that it includes, or .clang-tidy changes: ninja knows which those are.

usage: lint.py ROOT BUILD JOBS
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys


def included_by_source(root, build):
    """Which files of ours each source includes, itself among them, as ninja saw it at the last build."""
    command_of = {}  # object → source
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        if source.is_relative_to(root) and not source.is_relative_to(root / "build"):
            command_of[entry["command"].split(" -o ")[1].split()[0]] = source
    included = {source: {source} for source in command_of.values()}
    told = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    source = None
    for line in told.splitlines():
        if line and not line.startswith(" "):
            source = command_of.get(line.split(":")[0])
        elif line and source:
            path = (build / line.strip()).resolve()
            if path.is_relative_to(root):
                included[source].add(path)
    return included


def stamp_of(source, files, config):
    digest = hashlib.sha256(config + str(source).encode())
    for path in sorted(files):
        if path.suffix != ".pch" and path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def look_at(build, source):
    done = subprocess.run(["clang-tidy-19", "-p", build, "--quiet", source], capture_output=True, text=True)
    return done.returncode == 0, done.stdout


def main():
    root, build, jobs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    stamps = root / "build" / "lint"
    stamps.mkdir(parents=True, exist_ok=True)
    config = (root / ".clang-tidy").read_bytes()
    todo = {}
    for source, files in included_by_source(root, build).items():
        stamp = stamps / stamp_of(source, files, config)
        if not stamp.exists():
            todo[source] = stamp
    print(f"lint: {len(todo)} files to look at", file=sys.stderr)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        looks = {pool.submit(look_at, build, source): source for source in sorted(todo)}
        for number, look in enumerate(concurrent.futures.as_completed(looks), 1):
            source = looks[look]
            good, said = look.result()
            if good:
                todo[source].touch()
            else:
                bad += 1
                print(said, flush=True)
            if sys.stderr.isatty():
                print(f"\r[{number}/{len(looks)}] {os.path.relpath(source, root)}\033[K", end="", file=sys.stderr)
    print(f"lint: {bad} of {len(todo)} files with findings", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
