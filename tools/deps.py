#!/usr/bin/env python3
"""Installs the Debian packages of tools/deps.txt that are missing.

Usage: tools/deps.py SECTION...        (sections: build, bench, cluster)
Without root, or on another system, it says exactly what is missing and exits with 1.
"""

import os
import pathlib
import shutil
import subprocess
import sys


def packages(sections):
    names, current = [], None
    text = (pathlib.Path(__file__).parent / "deps.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        if line.startswith("["):
            current = line.strip("[]")
        elif line and current in sections:
            names.append(line)
    return names


def missing(names):
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *names],
        capture_output=True, text=True, check=False,
    )
    installed = {line.split()[0] for line in listed.stdout.splitlines() if line.endswith("ok installed")}
    return [name for name in names if name not in installed]


def system():
    facts = {}
    release = pathlib.Path("/etc/os-release")
    if release.exists():
        for line in release.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            facts[key] = value.strip('"')
    return facts.get("ID", "unknown"), facts.get("VERSION_ID", "")


def main():
    sections = sys.argv[1:]
    known = {"build", "bench", "cluster"}
    if not sections or not set(sections) <= known:
        print(__doc__)
        return 2
    names = packages(sections)
    if system() != ("debian", "12") or shutil.which("dpkg-query") is None:
        print("This build supports Debian 12; here is", *system())
        print("Next: use a Debian 12 machine or container, or install the equivalents of:", *names)
        return 1
    absent = missing(names)
    if not absent:
        return 0
    if os.geteuid() != 0:
        print("Missing packages:", *absent)
        print("Next: sudo apt-get install --no-install-recommends", *absent)
        return 1
    print(f"Installing {len(absent)} Debian packages: {' '.join(absent)}", flush=True)
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["apt-get", "update", "-qq"],
                    ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *absent]):
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode != 0:
            print(done.stdout[-4000:])
            print("Next: mend the package problem above, then run the same command again")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
