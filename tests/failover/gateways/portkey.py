"""Portkey's open-source gateway: it keeps nothing between calls; each call brings its config in a header."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import peers  # of the bench: where Portkey is
from clients import Client
from documents import DEFAULT_SETTINGS
from world import Setup, tier_key

from gateways.gateway import FIRST_TOKEN_SECONDS, RETRIES, Gateway, Missing

_RETRIED = [429, 500, 502, 503, 504, 529]
# A time-out is Portkey's 408: the next tier is asked, the silent one not again. With 400 in the list the fallbacks
# would also be sent prompts that are too long (S12) and refused ones (S13).
_STRATEGY = {"mode": "fallback", "on_status_codes": [408, *_RETRIED]}


def _target(provider: str, url: str, model: str, key: str) -> dict[str, Any]:
    return {
        "provider": provider, "custom_host": f"{url}/v1", "api_key": key, "override_params": {"model": model},
        "request_timeout": FIRST_TOKEN_SECONDS * 1000,  # to the head of the answer
        "retry": {"attempts": RETRIES, "on_status_codes": _RETRIED, "use_retry_after_header": True},
    }  # fmt: skip


class Portkey(Gateway):
    name = "Portkey"

    def version(self) -> str:
        server = peers.PORTKEY["overrides"]["@hono/node-server"]
        return f"{peers.version('portkey')} with @hono/node-server {server}"

    def settings(self) -> tuple[str, object]:
        target = _target("PROVIDER", "UPSTREAM", "MODEL", "KEY")
        others = "the second tier alike; in S12 a third, which takes longer prompts"
        return "`x-portkey-config` of every call", {"strategy": _STRATEGY, "targets": [target, others]}

    def command(self, folder: pathlib.Path, slots: list[dict[str, str]]) -> tuple[list[str], dict[str, str]]:
        try:
            argv, env = peers.get("portkey")
        except peers.Missing as problem:
            raise Missing(str(problem)) from problem
        return [*argv, f"--port={self.port}", "--headless"], env

    def adapt(self, client: Client, setup: Setup, slot: int, urls: dict[str, str]) -> None:
        provider = client.wire_format.lower()
        tiers = setup.settings.get("tiers", DEFAULT_SETTINGS["tiers"])
        targets = [_target(provider, urls[tier], client.models[tier], tier_key(tier)) for tier in tiers]
        config = json.dumps({"strategy": _STRATEGY, "targets": targets}, separators=(",", ":"))
        client.sdk = client.sdk.with_options(default_headers={"x-portkey-config": config})
