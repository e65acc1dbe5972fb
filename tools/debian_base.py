"""A minimal Debian 12 as an image archive, made once per machine with mmdebstrap; BASE of the Containerfiles."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import tarfile
import tempfile

SUITE = "bookworm"
NAME = "localhost/debian-base"
# ca-certificates: package installers in later steps need it.
OPTIONS = [
    "--variant=minbase", "--include=ca-certificates", '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    # mmdebstrap copies these from the machine; a container gets its own.
    '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
]


class BaseError(Exception):
    """The base could not be made; the message says why."""


def _one_line(text: str) -> list[tuple[str, str, str]]:
    found = []
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if words[:1] != ["deb"]:
            continue
        if len(words) > 1 and words[1].startswith("["):
            while words and not words[1].endswith("]"):
                del words[1]
            del words[1]
        if len(words) >= 4:
            found.append((words[1], words[2], " ".join(words[3:])))
    return found


def _stanzas(text: str) -> list[tuple[str, str, str]]:
    found = []
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in "\n".join(lines).split("\n\n"):
        fields = {}
        for line in stanza.splitlines():
            key, colon, value = line.partition(":")
            if colon and not line.startswith(" "):
                fields[key.strip().lower()] = value.split()
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
            found += [(uri, suite, " ".join(fields.get("components", []))) for uri in fields.get("uris", [])
                      for suite in fields.get("suites", [])]
    return found


def machine_sources(root: pathlib.Path = pathlib.Path("/etc/apt")) -> list[tuple[str, str, str]]:
    """(URI, suite, components) of the machine's own Debian 12 archives; third-party ones are left out."""
    found = []
    for path in [root / "sources.list", *sorted((root / "sources.list.d").glob("*"))]:
        if path.suffix == ".list" and path.is_file():
            found += _one_line(path.read_text(encoding="utf-8"))
        elif path.suffix == ".sources" and path.is_file():
            found += _stanzas(path.read_text(encoding="utf-8"))
    ours = [entry for entry in found if entry[1] == SUITE or entry[1].startswith(f"{SUITE}-")]
    if not any(entry[1] == SUITE for entry in ours):
        raise BaseError(f"{root} names no archive of Debian {SUITE}. Next: add one to {root / 'sources.list'}")
    return ours


def _key(sources: list[tuple[str, str, str]]) -> str:
    return hashlib.sha256(json.dumps([OPTIONS, sources]).encode()).hexdigest()[:12]


def tag(archive: pathlib.Path) -> str:
    return f"{NAME}:{archive.stem.rpartition('-')[2]}"


def _write_archive(rootfs: pathlib.Path, target: pathlib.Path, name: str) -> None:
    digest = hashlib.sha256()
    with open(rootfs, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    layer = digest.hexdigest()
    config = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux", "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                                  "Cmd": ["bash"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created_by": "mmdebstrap"}],
    }).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": [f"{layer}.tar"]}]).encode()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for file_name, data in (("manifest.json", manifest), (config_name, config)):
            path = pathlib.Path(folder, file_name)
            path.write_bytes(data)
            archive.add(path, file_name)
        archive.add(rootfs, f"{layer}.tar")


def archive(cache: pathlib.Path) -> pathlib.Path:
    """Path of the base's docker archive, made if it is not in the cache yet (some 40 s)."""
    sources = machine_sources()
    target = cache / "images" / f"debian-base-{_key(sources)}.tar"
    if target.exists():
        return target
    print("making a Debian 12 base image with mmdebstrap ...", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"deb {uri} {suite} {components}\n" for uri, suite, components in sources)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".base-") as folder:
        rootfs, scratch = pathlib.Path(folder, "rootfs.tar"), pathlib.Path(folder, "image.tar")
        done = subprocess.run(["mmdebstrap", "--mode=root", *OPTIONS, SUITE, str(rootfs), "-"], input=lines, text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise BaseError(f"mmdebstrap failed:\n{done.stderr[-4000:]}")
        _write_archive(rootfs, scratch, tag(target))
        os.replace(scratch, target)
    return target
