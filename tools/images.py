#!/usr/bin/env python3
"""Builds the operator, sidecar and example images to build/images/*.tar; `make images` compiles first.

Usage: tools/images.py [operator] [sidecar] [examples]     (default: all)
The tags are localhost/agent-reliability-NAME:dev. What did not change is not built again.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What the project promises; a library that slips in shows up here and not in the user's pods.
LIMIT_MB = {"operator": 60, "sidecar": 30}


def build(name):
    out = ROOT / "build" / "images" / f"{name}.tar"
    command = [sys.executable, str(ROOT / "tools" / "build_image.py"), "--out", str(out),
               "--tag", f"localhost/agent-reliability-{name}:dev"]
    if name == "examples":
        command += ["--containerfile", str(ROOT / "examples" / "Containerfile"),
                    "--input", "requirements.txt", "--input", "simulator", "--input", "refunds/agent"]
    else:
        binary = ROOT / "build" / "release" / name / f"agent-reliability-{name}"
        if not binary.exists():
            raise SystemExit(f"images: {binary} is missing: run make build first")
        tree = ROOT / "build" / "image" / name
        subprocess.run([sys.executable, str(ROOT / "tools" / "collect_rootfs.py"), str(binary), str(tree)], check=True)
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6
        if size > LIMIT_MB[name]:
            raise SystemExit(f"images: {name} is {size:.1f} MB unpacked, at most {LIMIT_MB[name]} MB")
        command += ["--containerfile", str(ROOT / "Containerfile"), "--target", name, "--build-arg", "STAGE=prebuilt",
                    "--input", f"build/image/{name}"]
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def main():
    names = sys.argv[1:] or ["operator", "sidecar", "examples"]
    if not set(names) <= {"operator", "sidecar", "examples"}:
        print(__doc__)
        return 2
    os.chdir(ROOT)
    for name in names:
        build(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
