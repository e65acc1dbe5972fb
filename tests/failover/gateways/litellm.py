"""LiteLLM's proxy: one for all runs. Each slot's tiers are model groups of one deployment, named slot + model."""

from __future__ import annotations

import fcntl
import json
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
from typing import Any

from clients import CLIENTS, Client
from setup import cache_root
from world import Setup, tier_key

from gateways.gateway import FIRST_TOKEN_SECONDS, LLM_SECONDS, RETRIES, Gateway, Missing

VERSION = "1.106.12"
CONSTRAINTS = pathlib.Path(__file__).with_suffix(".txt")  # what it depends on
_FORMATS = ("chat", "claude")  # Responses uses the groups of chat
# Failures that pass are retried, time-outs are not: the next tier has to answer within the turn.
_ROUTER: dict[str, Any] = {
    "num_retries": RETRIES,
    "timeout": LLM_SECONDS,
    "stream_timeout": FIRST_TOKEN_SECONDS,
    # As a breaker of three failures that opens for 30 s; by itself LiteLLM has none for a group of one deployment.
    "allowed_fails": 2,
    "cooldown_time": 30,
    "retry_policy": {
        "TimeoutErrorRetries": 0, "BadRequestErrorRetries": 0, "ContentPolicyViolationErrorRetries": 0,
        "AuthenticationErrorRetries": 0, "RateLimitErrorRetries": RETRIES, "InternalServerErrorRetries": RETRIES,
    },
}  # fmt: skip


def _fallbacks(slot: str, models: dict[str, str]) -> dict[str, Any]:
    names = {tier: slot + model for tier, model in models.items()}
    return {
        "fallbacks": [{names["primary"]: [names["secondary"]]}],
        "context_window_fallbacks": [{names["primary"]: [names["larger"]]}],
        # Without any of these a refusal goes to `fallbacks`; without one for the first tier it is delivered.
        "content_policy_fallbacks": [{names["larger"]: [names["secondary"]]}],
    }


def _slot(number: int) -> str:
    return f"slot{number}-"


def _config(slots: list[dict[str, str]]) -> dict[str, Any]:
    models: list[dict[str, Any]] = []
    router: dict[str, Any] = {**_ROUTER}
    for number, urls in enumerate(slots):
        for kind in (CLIENTS[wire] for wire in _FORMATS):
            for tier, url in urls.items():
                parameters = {
                    "model": f"{kind.wire_format.lower()}/{kind.models[tier]}", "api_base": url + kind.prefix,
                    "api_key": tier_key(tier), "timeout": LLM_SECONDS, "stream_timeout": FIRST_TOKEN_SECONDS,
                }  # fmt: skip
                models.append({"model_name": _slot(number) + kind.models[tier], "litellm_params": parameters})
            for name, chain in _fallbacks(_slot(number), kind.models).items():
                router.setdefault(name, []).extend(chain)
    return {"model_list": models, "router_settings": router, "litellm_settings": {"telemetry": False}}


def _pip(folder: pathlib.Path, *arguments: str) -> None:
    command = [str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"needs a Python package index with litellm[proxy] {VERSION}:\n{done.stdout[-1500:]}")


def ensure() -> pathlib.Path:
    """The folder of a complete environment in the cache, made once."""
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"litellm-{VERSION}-python{sys.version_info.major}.{sys.version_info.minor}"
    with open(root / "litellm.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            print(f"comparison: getting LiteLLM into {folder}", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            _pip(folder, "--only-binary", ":all:", "-c", str(CONSTRAINTS), f"litellm[proxy]=={VERSION}")
            (folder / "complete").touch()
    return folder


class LiteLLM(Gateway):
    name = "LiteLLM"

    def __init__(self) -> None:
        super().__init__()
        self._key = f"sk-{secrets.token_hex(32)}"  # it starts with no weaker one

    def version(self) -> str:
        return f"litellm[proxy] {VERSION}"

    def settings(self) -> tuple[str, object]:
        where = "`router_settings` of its `config.yaml`; each tier is one deployment with the same time-outs"
        return where, {**_ROUTER, **_fallbacks("", CLIENTS["chat"].models)}

    def command(self, folder: pathlib.Path, slots: list[dict[str, str]]) -> tuple[list[str], dict[str, str]]:
        environment = ensure()
        config = folder / "litellm.yaml"
        config.write_text(json.dumps(_config(slots)), encoding="utf-8")  # JSON is YAML
        argv = [str(environment / "bin" / "litellm"), "--config", str(config)]
        argv += ["--host", "127.0.0.1", "--port", str(self.port)]
        return argv, {"LITELLM_MASTER_KEY": self._key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}

    def adapt(self, client: Client, setup: Setup, slot: int, urls: dict[str, str]) -> None:
        client.models = {tier: _slot(slot) + model for tier, model in client.models.items()}
        client.sdk = client.sdk.with_options(api_key=self._key)

    def model_of(self, name: str) -> str:
        return re.sub(r"^slot\d+-", "", name)
