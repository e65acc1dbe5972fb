#!/usr/bin/env python3
"""docs/comparison.md says what comparison.json holds, of the scenarios and versions that this repository has.

Plain Python, without SDKs, gateways or network.
"""

from __future__ import annotations

import ast
import copy
import itertools
import pathlib
import re
import sys
import unittest

import comparison_page as page

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests" / "bench"))
import peers  # noqa: E402  (of the bench: which Portkey)

AGAIN = "measure again: make comparison"


def _assigned(path: str, name: str) -> ast.expr:
    """The value that a module gives to a name; modules that need SDKs are read, not imported."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.value
    raise AssertionError(f"{path} has no {name}")


def _pin(path: str, package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==([^\s\\]+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise AssertionError(f"{path} does not pin {package}")
    return found[1]


class Comparison(unittest.TestCase):
    def setUp(self) -> None:
        self.measured = page.load()
        self.columns = {column["name"]: column for column in self.measured["columns"]}

    def test_the_page_is_that_of_the_results(self) -> None:
        written = page.PAGE.read_text(encoding="utf-8")
        self.assertEqual(written.count(page.BEGIN), 1)
        self.assertEqual(written.count(page.END), 1)
        fresh = page.page(written, page.text(self.measured))
        self.assertEqual(written, fresh, "write it anew: python3 tests/failover/comparison_page.py")

    def test_every_verdict_and_version_reaches_the_page(self) -> None:
        """So that no edit of the results, nor one of the page, goes unseen."""
        shown = page.text(self.measured)
        for column, scenario in itertools.product(self.columns, [s for s, _ in self.measured["scenarios"]]):
            changed = copy.deepcopy(self.measured)
            results = next(c for c in changed["columns"] if c["name"] == column)["results"]
            result = next(r for r in results if r["id"] == scenario)
            result["verdict"] = "safe" if result["verdict"] == "fail" else "fail"
            self.assertNotEqual(page.text(changed), shown, f"{column} {scenario}")
        for change in ({"python": "0"}, {"sdks": {}}, {"date": "never"}):
            self.assertNotEqual(page.text({**self.measured, **change}), shown, change)

    def test_versions_are_the_pinned_ones(self) -> None:
        sdks = {name: _pin("tests/interop/requirements.txt", name) for name in ("openai", "anthropic")}
        self.assertEqual(self.measured["sdks"], sdks, AGAIN)
        gateway, server = peers.PORTKEY["dependencies"], peers.PORTKEY["overrides"]
        portkey = f"@portkey-ai/gateway {gateway['@portkey-ai/gateway']} with @hono/node-server {server['@hono/node-server']}"
        self.assertEqual(self.columns["Portkey"]["version"], portkey, AGAIN)
        litellm = ast.literal_eval(_assigned("tests/failover/gateways/litellm.py", "VERSION"))
        self.assertEqual(self.columns["LiteLLM"]["version"], f"litellm[proxy] {litellm}", AGAIN)
        self.assertEqual(_pin("tests/failover/gateways/litellm.txt", "litellm"), litellm)
        notes = page.PAGE.read_text(encoding="utf-8").partition(page.END)[2]
        self.assertIn(f"LiteLLM is {litellm} because", notes)

    def test_scenarios_are_those_of_the_suite(self) -> None:
        listed = _assigned("tests/failover/scenarios.py", "SCENARIOS")
        assert isinstance(listed, ast.Tuple)
        here = [[ast.literal_eval(argument) for argument in call.args[:2]] for call in listed.elts]
        self.assertEqual(self.measured["scenarios"], here, AGAIN)

    def test_every_column_has_every_run(self) -> None:
        self.assertEqual(list(self.columns), ["SDKs alone", "Portkey", "LiteLLM", "ours"])
        runs = {
            name: [(r["id"], r["format"], r["stream"], r["retries"]) for r in column["results"]]
            for name, column in self.columns.items()
        }
        for name, made in runs.items():
            self.assertEqual(len(set(made)), len(made), name)
        self.assertEqual(set(runs["Portkey"]), set(runs["ours"]))
        self.assertEqual(set(runs["LiteLLM"]), set(runs["ours"]))
        # Without their own retries nothing at all would be left to the SDKs.
        self.assertEqual(set(runs["SDKs alone"]), {run for run in runs["ours"] if run[3]})
        self.assertEqual({run[0] for run in runs["ours"]}, {scenario for scenario, _ in self.measured["scenarios"]})

    def test_ours_is_what_the_suite_expects_of_the_goal_policy(self) -> None:
        self.assertEqual({r["verdict"] for r in self.columns["ours"]["results"]}, {"pass"})


if __name__ == "__main__":
    unittest.main()
