"""S01 to S16 against the SDKs alone, Portkey, LiteLLM and the sidecar, by hand; see README.md. Started by run.py.

A gateway that cannot be had is left out, and the page says why. All runs of one column are performed side by side,
the columns one after the other.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import itertools
import os
import pathlib
import platform
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable

import comparison_page
import plan
from comparison_page import Column
from gateways.gateway import Gateway, GatewayLane, Missing
from gateways.litellm import LiteLLM
from gateways.portkey import Portkey
from runs import Result, Run, perform_all
from scenarios import SCENARIOS
from verdict import Verdict
from world import Lane, Setup

GATEWAYS: dict[str, type[Gateway]] = {"portkey": Portkey, "litellm": LiteLLM}
COLUMNS = ("direct", *GATEWAYS, "ours")
LANES = 16
_REASON_CHARACTERS = 150


def _progress(total: int, verbose: bool) -> Callable[[Result], None]:
    numbers = itertools.count(1)

    def show(result: Result) -> None:
        number, run = next(numbers), result.run
        if verbose:
            what = f"{number}/{total} {run.group} {run.id} {run.mode}"
            print(f"{what}: {result.verdict} {result.seconds:.1f} s", flush=True)
            print("".join(f"    {reason}\n" for reason in result.reasons), end="", flush=True)

    return show


def _through(gateway: Gateway, runs: list[Run], lanes: int, verbose: bool) -> list[Result]:
    """Every lane's upstreams listen before the gateway starts: its configuration names them."""
    made = [GatewayLane(gateway, number) for number in range(min(lanes, len(runs)))]
    left, lock = list(made), threading.Lock()

    def take() -> Lane:
        with lock:
            return left.pop()

    try:
        with tempfile.TemporaryDirectory(prefix="comparison-") as folder:
            try:
                gateway.start(pathlib.Path(folder), [slot for lane in made for slot in lane.slots()])
                results = perform_all(runs, len(made), _progress(len(runs), verbose), take)
                if gateway.died():
                    raise Missing(f"{gateway.name} ended by itself:\n" + "\n".join(list(gateway.lines)[-5:]))
                return results
            finally:
                gateway.stop()
    finally:
        for lane in made:
            lane.close()


def _reason(result: Result) -> str:
    """The first check that failed, else what became of the call, without what differs from run to run."""
    if result.verdict is Verdict.PASS:
        return ""
    reasons = [" ".join(reason.split()) for reason in result.reasons]
    checks = [reason.partition(": ")[2] for reason in reasons if reason.startswith(("required", "advisory"))]
    text = "; ".join(dict.fromkeys(checks or reasons[-1:]))
    if any(reason in ("hang", "cut answer shown as a success") for reason in reasons):
        text = f"{reasons[0]}; {reasons[-1]}"
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text).replace("|", "/").replace("`", "'").replace("<", "&lt;")
    return text if len(text) <= _REASON_CHARACTERS else text[:_REASON_CHARACTERS].rsplit(" ", 1)[0] + " …"


def _measured(name: str, results: list[Result], **more: object) -> Column:
    rows = [
        {
            "id": r.run.id, "format": r.run.setup.format, "stream": r.run.setup.stream,
            "retries": r.run.setup.sdk_retries, "verdict": str(r.verdict), "reason": _reason(r),
        }
        for r in results
    ]  # fmt: skip
    return {"name": name, "version": "", "settings": None, "missing": "", **more, "results": rows}


def _column(name: str, runs: list[Run], args: argparse.Namespace) -> Column:
    if name not in GATEWAYS:
        results = perform_all(runs, args.lanes, _progress(len(runs), args.verbose))
        return _measured("SDKs alone" if name == "direct" else "ours", results)
    gateway = GATEWAYS[name]()
    try:
        version = gateway.version()
        results = _through(gateway, runs, args.lanes, args.verbose)
        return _measured(gateway.name, results, version=version, settings=gateway.settings())
    except Missing as problem:
        print(f"comparison: {gateway.name}: {problem}", file=sys.stderr)
        return _measured(gateway.name, [], version=gateway.name, missing=str(problem))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="run.py --comparison")
    parser.add_argument("--column", action="append", choices=COLUMNS, help="default: all")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="ids: S01,S04/chat")
    parser.add_argument("--lanes", type=int, default=LANES, help="runs at once; they mostly wait")
    parser.add_argument("--write", action="store_true", help="to comparison.json and docs/comparison.md")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args(argv)
    if args.write and (args.column or args.only):
        parser.error("--write needs the whole run")
    began = time.monotonic()
    make = functools.partial(plan.scenario_runs, base=Setup(), formats=plan.FORMATS, ids=args.only)
    columns = []
    for name in args.column or COLUMNS:
        runs = make({"ours": "goal"}.get(name, name))
        print(f"comparison: {name}: {len(runs)} runs", flush=True)
        columns.append(_column(name, runs, args))
    measured = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "seconds": round(time.monotonic() - began),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "python": platform.python_version(),
        "sdks": {name: importlib.metadata.version(name) for name in ("openai", "anthropic")},
        "scenarios": [[scenario.id, scenario.title] for scenario in SCENARIOS],
        "columns": columns,
    }
    print(comparison_page.text(measured))
    if args.write:
        comparison_page.RESULTS.write_text(comparison_page.dumped(measured), encoding="utf-8")
        comparison_page.write()
    return 0 if all(column["results"] for column in columns) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
