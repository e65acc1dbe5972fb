#!/usr/bin/env python3
"""Builds an image from a Containerfile to an archive, without a container engine and without a registry.

  tools/build_image.py --containerfile F --tag localhost/x:y --out x.tar [--target T] [--build-arg K=V ...]
                       [--context DIR] [--input PATH ...]
  tools/build_image.py --base-only --out base.tar       the Debian base alone (localhost/debian-base:12)

It needs root, buildah and mmdebstrap. A Containerfile's BASE argument is a Debian 12 made here once with
mmdebstrap from this machine's apt sources. Nothing is done if no input changed since the archive was made.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time

import debian_base


class ImageError(Exception):
    """An image could not be built; the message says why."""


def cache_root() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base) / "agent-reliability"


def buildah(*arguments: str, quiet: bool = False) -> str:
    """Runs buildah on a storage of our own; its output is shown only if it fails."""
    storage = cache_root() / "buildah"
    command = ["buildah", "--storage-driver", "vfs", "--root", str(storage / "root"),
               "--runroot", str(storage / "run"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "BUILDAH_ISOLATION": "chroot"})
    if done.returncode != 0 and not quiet:
        raise ImageError(f"buildah {arguments[0]} failed:\n{(done.stdout + done.stderr)[-6000:]}")
    return done.stdout


def context_files(context: pathlib.Path, inputs: list[str]) -> list[pathlib.Path]:
    """The files below the context that the build may see: of `inputs`, else what git would track, else all."""
    if inputs:
        roots = [context / name for name in inputs]
        if missing := [str(root) for root in roots if not root.exists()]:
            raise ImageError(f"missing input: {', '.join(missing)}")
    else:
        listed = subprocess.run(["git", "-C", str(context), "ls-files", "-z", "-co", "--exclude-standard"],
                                capture_output=True, text=True, check=False)
        roots = ([context / name for name in listed.stdout.split("\0") if name] if listed.returncode == 0
                 else [context])
    files: set[pathlib.Path] = set()
    for root in roots:
        if root.is_dir() and not root.is_symlink():
            files.update(path for path in root.rglob("*") if path.is_symlink() or path.is_file())
        elif root.is_symlink() or root.is_file():
            files.add(root)
    return sorted(files)


def inputs_key(options: argparse.Namespace, files: list[pathlib.Path], base: pathlib.Path | None) -> str:
    """A hash of everything that decides the image."""
    digest = hashlib.sha256()
    facts = [options.tag, options.target or "", *sorted(options.build_arg), str(base.name if base else "")]
    digest.update(json.dumps(facts).encode())
    digest.update(options.containerfile.read_bytes())
    for path in files:
        mode = path.lstat().st_mode
        content = os.readlink(path).encode() if stat.S_ISLNK(mode) else path.read_bytes()
        digest.update(f"{path.relative_to(options.context)}\0{mode:o}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def stage(context: pathlib.Path, files: list[pathlib.Path], target: pathlib.Path) -> None:
    """Copies exactly the hashed files, so that the image cannot depend on anything else."""
    for path in files:
        copy = target / path.relative_to(context)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy, follow_symlinks=False)


def import_base(archive: pathlib.Path) -> str:
    """The base image's name in our storage, loaded from its archive unless it is there."""
    name = debian_base.tag(archive)
    if not buildah("images", "-q", name, quiet=True).strip():
        buildah("pull", "--quiet", f"docker-archive:{archive}")
    return name


def unpacked_bytes(archive: pathlib.Path) -> int:
    total = 0
    with tarfile.open(archive) as outer:
        for layer in json.load(outer.extractfile("manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                total += sum(member.size for member in inner if member.isfile())
    return total


def build(options: argparse.Namespace) -> None:
    text = options.containerfile.read_text(encoding="utf-8")
    wants_base = re.search(r"^ARG\s+BASE\b", text, re.M) and not any(a.startswith("BASE=") for a in options.build_arg)
    base = debian_base.archive(cache_root()) if wants_base else None
    files = context_files(options.context, options.input)
    key, record = inputs_key(options, files, base), options.out.with_name(options.out.name + ".inputs")
    if options.out.exists() and record.exists() and record.read_text() == key:
        print(f"{options.tag}: unchanged")
        return
    began = time.monotonic()
    print(f"{options.tag}: building ...", flush=True)
    record.unlink(missing_ok=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    buildah("rm", "--all", quiet=True)  # what a killed build left
    arguments = [f"--build-arg={value}" for value in options.build_arg]
    if base:
        arguments.append(f"--build-arg=BASE={import_base(base)}")
    if options.target:
        arguments.append(f"--target={options.target}")
    # This machine's trusted authorities during RUN, so that package installers work behind a TLS proxy; not kept.
    if os.path.isdir("/etc/ssl/certs"):
        arguments.append("--volume=/etc/ssl/certs:/etc/ssl/certs:ro")
    with tempfile.TemporaryDirectory(prefix="image-context-") as folder:
        stage(options.context, files, pathlib.Path(folder))
        buildah("bud", "--pull-never", "--format=docker", f"--file={options.containerfile}", f"--tag={options.tag}",
                *arguments, folder)
    scratch = options.out.with_name(f".{options.out.name}.part")
    scratch.unlink(missing_ok=True)
    buildah("push", "--quiet", options.tag, f"docker-archive:{scratch}:{options.tag}")
    buildah("rmi", "--force", options.tag)
    os.replace(scratch, options.out)
    record.write_text(key)
    print(f"{options.tag}: {options.out}, {unpacked_bytes(options.out) / 1e6:.1f} MB unpacked, "
          f"{time.monotonic() - began:.0f} s")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containerfile", type=pathlib.Path)
    parser.add_argument("--target", help="stage to build (default: the last)")
    parser.add_argument("--tag")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="docker archive to write")
    parser.add_argument("--build-arg", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--context", type=pathlib.Path, help="default: the Containerfile's folder")
    parser.add_argument("--input", action="append", default=[], metavar="PATH",
                        help="file or folder of the context that the build uses (default: all that git would track)")
    parser.add_argument("--base-only", action="store_true", help="write only the Debian base")
    options = parser.parse_args()
    if not options.base_only and not (options.containerfile and options.tag):
        parser.error("--containerfile and --tag are needed")
    return options


def main() -> int:
    options = parse()
    if os.geteuid() != 0:
        raise ImageError("building images needs root (or use Docker: docker build -f Containerfile .)")
    if missing := [name for name in ("buildah", "mmdebstrap") if not shutil.which(name)]:
        raise ImageError(f"missing Debian packages: apt-get install {' '.join(missing)}")
    cache_root().mkdir(parents=True, exist_ok=True)
    with open(cache_root() / "images.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one build at a time: they share the storage
        if options.base_only:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(debian_base.archive(cache_root()), options.out)
            return 0
        options.containerfile = options.containerfile.resolve()
        options.context = (options.context or options.containerfile.parent).resolve()
        options.out = options.out.absolute()
        build(options)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ImageError, debian_base.BaseError) as error:
        print(f"build_image: {error}", file=sys.stderr)
        sys.exit(1)
