#!/usr/bin/env python3
"""Writes docs/reference/*.md, the reference of every field, from crds/*.yaml.

Usage: tools/gen_field_reference.py [--check]     --check writes nothing and exits 1 if a page differs.
"""

import difflib
import pathlib
import sys

try:
    import yaml
except ImportError:
    raise SystemExit("gen_field_reference: the Python module yaml is missing. Next: make deps") from None

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "reference"
ORDER = ["AgentReliabilityPolicy", "AgentSLO", "ErrorBudgetPolicy", "LLMFallbackChain", "AgentEnforcement", "ReliabilityOverride"]
DURATION = "(h|m|s|ms)"


def cell(text):
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def code(value):
    return f"`{value}`" if str(value) else "`\"\"`"


def type_of(schema):
    kind = schema["type"]
    if kind == "array":
        return f"list of {type_of(schema['items'])}"
    if kind == "object":
        return "object"
    if kind == "string" and DURATION in schema.get("pattern", ""):
        return "duration"
    if schema.get("format") == "date-time":
        return "time"
    return {"string": "string", "integer": "integer", "boolean": "boolean"}[kind]


def limits(schema):
    """What the schema itself enforces and the description need not repeat."""
    found = []
    if "enum" in schema:
        found.append("one of " + ", ".join(code(word) for word in schema["enum"]))
    if "minimum" in schema and "maximum" in schema:
        found.append(f"{schema['minimum']} to {schema['maximum']}")
    if schema["type"] == "array":
        low = schema.get("minItems", 0)
        found.append(f"{low} to {schema['maxItems']} entries")
        if keys := schema.get("x-kubernetes-list-map-keys"):
            found.append("unique by " + ", ".join(keys))
    if schema["type"] == "string" and "enum" not in schema and "maxLength" in schema and type_of(schema) == "string":
        found.append(f"at most {schema['maxLength']} characters")
    if "pattern" in schema and type_of(schema) == "string":
        found.append(f"pattern `{schema['pattern']}`")
    return "; ".join(found)


def rows(schema, path):
    """(path, schema, required) of everything below an object, depth first."""
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, child, name in schema.get("required", [])
        inner = child
        while inner["type"] == "array":
            inner, here = inner["items"], here + "[]"
        yield from rows(inner, here)


def field_table(schema):
    lines = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for path, child, required in rows(schema, ""):
        default = "required" if required else code(child["default"]) if child.get("default") not in (None, {}) else ""
        meaning = cell(child["description"])
        if extra := limits(child):
            meaning += f" *({cell(extra)})*"
        lines.append(f"| `{path}` | {type_of(child)} | {cell(default)} | {meaning} |")
    return lines


def rules(schema, path):
    for rule in schema.get("x-kubernetes-validations", []):
        where = path + rule.get("fieldPath", "")
        yield where, rule["message"]
    for name, child in schema.get("properties", {}).items():
        inner, here = child, f"{path}.{name}"
        if inner["type"] == "array":
            yield from rules({"x-kubernetes-validations": inner.get("x-kubernetes-validations", [])}, here)
        while inner["type"] == "array":
            inner, here = inner["items"], here + "[]"
        yield from rules(inner, here)


def page(crd):
    names = crd["spec"]["names"]
    version = crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    parts = schema["properties"]
    lines = [f"# {names['kind']}", "", " ".join(schema["description"].split()), "",
             f"`apiVersion: {crd['spec']['group']}/{version['name']}`, short name `{names['shortNames'][0]}`, namespaced. "
             f"The same text: `kubectl explain {names['singular']} --recursive`.", "",
             "## Columns of kubectl get", "", "| column | meaning |", "|---|---|"]
    for column in version["additionalPrinterColumns"]:
        wide = " (with `-o wide`)" if column.get("priority") else ""
        lines.append(f"| {column['name'].upper()} | {cell(column['description'])}{wide} |")
    for name in ("spec", "status"):
        lines += ["", f"## {name}", "", cell(parts[name]["description"]), ""] + field_table(parts[name])
    found = list(rules(parts["spec"], "spec"))
    if found:
        lines += ["", "## Rules", "", "Refused at admission, with this message:", "", "| field | message |", "|---|---|"]
        lines += [f"| `{where}` | {cell(message)} |" for where, message in found]
    return "\n".join(lines) + "\n"


def index(crds):
    lines = ["# Field reference", "", "Every field of every resource, made from `crds/*.yaml` by `make docs`; do not edit.", "",
             "| kind | short name | in one sentence |", "|---|---|---|"]
    for crd in crds:
        names = crd["spec"]["names"]
        text = " ".join(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"].split())
        lines.append(f"| [{names['kind']}]({names['singular']}.md) | `{names['shortNames'][0]}` | {cell(text.split('. ')[0].rstrip('.'))}. |")
    lines += ["", "Durations are written as `1h30m`, `15s` or `250ms`. Shares, budgets and burn rates are decimal strings such as `\"0.25\"`,",
              "because YAML numbers with a point are read differently by different tools."]
    return "\n".join(lines) + "\n"


def main():
    crds = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    crds.sort(key=lambda crd: ORDER.index(crd["spec"]["names"]["kind"]))
    wanted = {OUT / "README.md": index(crds)} | {OUT / f"{crd['spec']['names']['singular']}.md": page(crd) for crd in crds}
    check = "--check" in sys.argv[1:]
    differing = [path for path in OUT.glob("*.md") if path not in wanted]
    for path in differing:
        print(f"reference: {path.relative_to(ROOT)} belongs to no kind")
    for path, text in wanted.items():
        old = path.read_text() if path.exists() else ""
        if old == text:
            continue
        differing.append(path)
        if check:
            name = str(path.relative_to(ROOT))
            sys.stdout.writelines(list(difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, name))[:40])
        else:
            OUT.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"reference: wrote {path.relative_to(ROOT)}")
    if check and differing:
        print("reference: out of date. Next: make docs")
        return 1
    print("reference: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
