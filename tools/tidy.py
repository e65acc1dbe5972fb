#!/usr/bin/env python3
"""clang-tidy over every source file with the compile commands of build/dev. Usage: tools/tidy.py [PATH...]

Clang needs two macros for Boost 1.74's coroutines; precompiled headers of g++ are not for clang.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

TOOL = "clang-tidy-19"
DROP = re.compile(r"-fpch-preprocess|-fstack-clash-protection|-Winvalid-pch|-include\s+\S*cmake_pch\.hxx|-fmacro-prefix-map=\S+")


def commands(root):
    build = root / "build" / "dev"
    subprocess.run(["cmake", "--preset", "dev"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    kept = []
    for entry in entries:
        path = pathlib.Path(entry["file"]).relative_to(root).as_posix()
        if path.startswith(("tests/", "build/")) or not path.endswith(".cc"):
            continue
        command = DROP.sub("", entry["command"])
        command = command[command.index("/c++ ") + 1:] if "/c++ " in command else command
        command = command.replace("c++ ", "clang++ ", 1)
        entry["command"] = command + (" -DBOOST_ASIO_HAS_CO_AWAIT -DBOOST_ASIO_HAS_STD_COROUTINE"
                                      " -Wno-unknown-warning-option -Wno-error")
        kept.append(entry)
    folder = root / "build" / "tidy"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compile_commands.json").write_text(json.dumps(kept), encoding="utf-8")
    return folder, [entry["file"] for entry in kept]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    folder, files = commands(root)
    wanted = sys.argv[1:]
    if wanted:
        files = [name for name in files if any(part in name for part in wanted)]

    def run(name):
        done = subprocess.run([TOOL, "-p", str(folder), "--quiet", "--warnings-as-errors=*", name],
                              capture_output=True, text=True, check=False)
        return name, done.returncode, done.stdout

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, text in pool.map(run, files):
            if code != 0:
                failed += 1
                print(f"--- {pathlib.Path(name).relative_to(root)}\n{text}", flush=True)
    print(f"tidy: {len(files)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
