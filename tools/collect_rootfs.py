#!/usr/bin/env python3
"""Collects a file tree with one binary and all that it needs to run: the content of an image.

Usage: tools/collect_rootfs.py BINARY OUT
Takes the shared libraries that ldd names, the CA bundle and a user database with one non-root user.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# getaddrinfo loads these at run time, so ldd does not name them.
NAME_SERVICE = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"]


def libraries(binary):
    listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True).stdout
    if "not found" in listed:
        raise SystemExit(f"{binary}: a library is missing:\n{listed}")
    found = re.findall(r"(?:=> )?(/\S+) \(0x", listed)
    folder = next((pathlib.Path(path).parent for path in found if "libc.so" in path), None)
    if folder is not None:
        found += [str(folder / name) for name in NAME_SERVICE if (folder / name).exists()]
    return sorted(set(found))


def put(source, root, target=None):
    place = root / (target or source).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
    shutil.copymode(source, place)
    return place


def main():
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    binary, root = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if not binary.exists():
        print(f"{binary} is missing. Next: make build")
        return 1
    shutil.rmtree(root, ignore_errors=True)
    placed = put(str(binary), root, f"/usr/bin/{binary.name}")
    subprocess.run(["strip", str(placed)], check=False)
    for library in libraries(binary):
        put(library, root)
    put(CA_BUNDLE, root)
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text("nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n", encoding="utf-8")
    (root / "etc/group").write_text("nonroot:x:65532:\n", encoding="utf-8")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n", encoding="utf-8")
    (root / "tmp").mkdir(mode=0o1777)
    os.chmod(root / "tmp", 0o1777)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    print(f"{binary.name}: {size / 1e6:.1f} MB unpacked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
