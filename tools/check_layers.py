#!/usr/bin/env python3
"""Checks that every #include follows the layers of docs/development.md.

Usage: tools/check_layers.py [ROOT]     exit 1 lists each include that points the wrong way.
"""

import pathlib
import re
import sys

from source_files import CPP, tracked

BASE = {"libs/base"}
KUBE = {"libs/kube/core", "libs/kube/client", "libs/kube/runtime"}
CONTROLLER = BASE | KUBE | {
    "libs/api", "libs/policy", "libs/sidecar_config", "libs/http", "libs/metrics",
    "controllers/pod_reports", "controllers/slo_evidence",
}

# Layer -> layers whose headers it may include (itself always).
ALLOWED = {
    "libs/base": set(),
    "libs/http": BASE,
    "libs/yaml": BASE,
    "libs/policy": BASE,
    "libs/net": BASE,
    "libs/metrics": BASE,
    "libs/api": BASE,
    "libs/sidecar_config": BASE | {"libs/policy"},
    "libs/kube/core": BASE,
    "libs/kube/client": BASE | {"libs/kube/core", "libs/http", "libs/yaml"},
    "libs/kube/runtime": BASE | {"libs/kube/core", "libs/kube/client"},
    "controllers/pod_reports": CONTROLLER,
    "controllers/slo_evidence": CONTROLLER,
    "controllers/agent_policy": CONTROLLER,
    "controllers/llm_fallback_chain": CONTROLLER | {"controllers/agent_policy"},
    "controllers/agent_slo": CONTROLLER,
    "controllers/enforcement": CONTROLLER,
    "operator": CONTROLLER | {
        "libs/yaml", "libs/net", "controllers/agent_policy", "controllers/llm_fallback_chain",
        "controllers/agent_slo", "controllers/enforcement",
    },
    "sidecar": BASE | {"libs/policy", "libs/sidecar_config", "libs/net", "libs/metrics"},
}

# Third-party header prefix -> path prefixes that may include it (tests may include anything).
THIRD_PARTY = {
    "cpprest/": ["libs/http/cpprest_transport.cc"],
    "pplx/": ["libs/http/cpprest_transport.cc"],
    "yaml-cpp/": ["libs/yaml/"],
    "spdlog/": ["libs/base/log.cc"],
    "boost/": ["libs/net/", "sidecar/", "libs/http/cpprest_transport.cc"],
    "ares": ["libs/net/dns_client.cc"],
    "prometheus/": ["libs/metrics/"],
    "nlohmann/": ["libs/api/", "libs/sidecar_config/", "libs/kube/", "libs/yaml/", "controllers/",
                  "operator/"],
    "simdjson": ["libs/api/", "libs/sidecar_config/", "libs/kube/", "sidecar/", "controllers/"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def layer_of(path):
    """The longest known layer that contains this path, or None."""
    best = None
    for layer in ALLOWED:
        if path.startswith(layer + "/") and (best is None or len(layer) > len(best)):
            best = layer
    return best


def violations(root):
    root = pathlib.Path(root)
    found = []
    for file in tracked(root):
        path = file.relative_to(root).as_posix()
        if file.suffix not in CPP or path.startswith(("tests/", "examples/")):
            continue
        text = file.read_text(encoding="utf-8")
        own = layer_of(path)
        if own is None:
            found.append(f"{path}: in no known layer; add its folder to tools/check_layers.py and docs/development.md")
            continue
        for match in INCLUDE.finditer(text):
            header = match.group(1)
            line = text.count("\n", 0, match.start()) + 1
            target = layer_of(header)
            if header.startswith("tests/"):
                found.append(f"{path}:{line}: production code includes {header}")
            elif target is not None and target != own and target not in ALLOWED[own]:
                found.append(f"{path}:{line}: {own} must not include {target} ({header})")
            for prefix, places in THIRD_PARTY.items():
                if header.startswith(prefix) and not any(path.startswith(p) for p in places):
                    found.append(f"{path}:{line}: <{header}> is only for {', '.join(places)}")
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = violations(root)
    print("\n".join(found) if found else "layers: every include points downwards")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
