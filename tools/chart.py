#!/usr/bin/env python3
"""Makes what the chart and the plain manifests derive: the chart's CRD templates from crds/, deploy/manifests.yaml from
the chart (needs helm).

Usage: tools/chart.py [--check]     --check writes nothing and exits 1 if a file differs.
"""

import difflib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHART = ROOT / "charts" / "agent-reliability-operator"
MANIFESTS = ROOT / "deploy" / "manifests.yaml"
NAMESPACE = "agent-reliability-system"
HEADER = f"""\
# Plain manifests, rendered from the Helm chart by tools/chart.py; change the chart, then run: make chart
#
#   kubectl apply --server-side -f deploy/manifests.yaml
#
# Before you delete them, give every held agent back (Helm does this by itself):
#
#   kubectl exec -n {NAMESPACE} deployment/agent-reliability-operator -- \\
#     /usr/bin/agent-reliability-operator release-all --namespace={NAMESPACE}
#
# Deleting the CustomResourceDefinitions deletes all your policies and SLOs.
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def crd_template(text):
    """The CRD as it is, but optional, kept at uninstall, and labelled like the rest."""
    comment, body = re.match(r"((?:#[^\n]*\n)*)(.*)", text.replace("{{", '{{ "{{" }}'), re.S).groups()
    body, count = re.subn(r"^(metadata:\n  name: \S+\n)", r"""\1  labels:
    {{- include "operator.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
""", body, count=1, flags=re.M)
    if count != 1:
        raise SystemExit("chart: a CRD does not begin its metadata with the name")
    return f"{comment}# Made from crds/ by tools/chart.py: do not edit.\n{{{{- if .Values.crds.enabled }}}}\n{body}{{{{- end }}}}\n"


def crd_templates():
    return {CHART / "templates" / "crds" / path.name: crd_template(path.read_text())
            for path in sorted((ROOT / "crds").glob("*.yaml"))}


def find_helm():
    """Helm of the test cluster's tools, or None: another version might render otherwise."""
    sys.path.insert(0, str(ROOT / "tests" / "cluster"))
    from realcluster import binaries
    try:
        return str(binaries.program("helm"))
    except binaries.BuildError:
        return None


def manifests(helm):
    done = subprocess.run(
        [helm, "template", "agent-reliability", str(CHART), "--namespace", NAMESPACE, "--no-hooks", "--kube-version", "1.36.0"],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"chart: helm template failed\n{done.stderr}")
    return HEADER + done.stdout


def main():
    check = "--check" in sys.argv[1:]
    wanted = crd_templates()
    folder = CHART / "templates" / "crds"
    stale = [path for path in folder.glob("*") if path not in wanted]
    differing = 0
    def settle(path, text):
        nonlocal differing
        old = path.read_text() if path.exists() else ""
        if old == text:
            return
        differing += 1
        if check:
            name = str(path.relative_to(ROOT))
            sys.stdout.writelines(list(difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, name))[:40])
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"chart: wrote {path.relative_to(ROOT)}")
    for path, text in wanted.items():
        settle(path, text)
    for path in stale:
        differing += 1
        print(f"chart: {path.relative_to(ROOT)} has no CRD in crds/")
        if not check:
            path.unlink()
    helm = find_helm()
    if helm and not (check and differing):
        settle(MANIFESTS, manifests(helm))
    elif not helm:
        print("chart: no helm here, so deploy/manifests.yaml was not looked at. Next: tests/cluster/cluster.py tools helm")
    if check and differing:
        print("chart: out of date. Next: make chart")
        return 1
    print("chart: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
