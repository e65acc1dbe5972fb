"""Images that hold one static program and nothing else, written directly as archives (no builder needed)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from . import binaries
from .layout import ClusterError
from .node import PAUSE_IMAGE

PAUSE_SOURCE = Path(__file__).resolve().parents[3] / "images" / "pause" / "pause.c"
COREDNS_IMAGE = "localhost/coredns:module"


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    archive.addfile(info, io.BytesIO(data))


def write_archive(target: Path, tag: str, program: Path, entrypoint: str) -> None:
    """A docker archive with one layer that holds `program` as `entrypoint`; equal input gives equal bytes."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, entrypoint.lstrip("/"), program.read_bytes(), 0o755)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux", "config": {"Entrypoint": [entrypoint], "User": "65532:65532", "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}, "history": [{"created_by": "scratch"}],
    }, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": [f"{digest}.tar"]}]).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    with tarfile.open(scratch, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "manifest.json", manifest)
        _add(archive, config_name, config)
        _add(archive, f"{digest}.tar", layer.getvalue())
    os.replace(scratch, target)


def pause_image() -> Path:
    """The container that holds a pod's namespaces."""
    key = hashlib.sha256(PAUSE_SOURCE.read_bytes()).hexdigest()[:12]
    target = binaries.cache_root() / "images" / f"pause-{key}.tar"
    if not target.exists():
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            raise ClusterError("no C compiler for the pause image: install gcc and libc6-dev")
        target.parent.mkdir(parents=True, exist_ok=True)
        program = target.with_name(f".pause.{os.getpid()}")
        done = subprocess.run([compiler, "-Os", "-static", "-Wall", "-Werror", "-s", "-o", str(program),
                               str(PAUSE_SOURCE)], capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(f"cannot compile {PAUSE_SOURCE}:\n{done.stderr}")
        write_archive(target, PAUSE_IMAGE, program, "/pause")
        program.unlink()
    return target


def coredns_image() -> Path:
    program = binaries.program("coredns")
    target = binaries.cache_root() / "images" / f"{program.parent.name}.tar"
    if not target.exists():
        write_archive(target, COREDNS_IMAGE, program, "/coredns")
    return target
