"""S01 to S16 against the SDKs alone, Portkey, LiteLLM and the sidecar, by hand; see README.md. Started by run.py.

A gateway that cannot be had is left out, and the page says why. All runs of one column are performed side by side,
the columns one after the other.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import pathlib
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
from world import Lane, Setup

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GATEWAYS: dict[str, type[Gateway]] = {"portkey": Portkey, "litellm": LiteLLM}
COLUMNS = ("direct", *GATEWAYS, "ours")
LANES = 16


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


def _column(name: str, runs: list[Run], args: argparse.Namespace) -> Column:
    if name not in GATEWAYS:
        results = perform_all(runs, args.lanes, _progress(len(runs), args.verbose))
        return Column("SDKs alone" if name == "direct" else "ours", results)
    gateway = GATEWAYS[name]()
    try:
        version = gateway.version()
        return Column(gateway.name, _through(gateway, runs, args.lanes, args.verbose), version, gateway.settings())
    except Missing as problem:
        print(f"comparison: {gateway.name}: {problem}", file=sys.stderr)
        return Column(gateway.name, [], gateway.name, missing=str(problem))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="run.py --comparison")
    parser.add_argument("--column", action="append", choices=COLUMNS, help="default: all")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="ids: S01,S04/chat")
    parser.add_argument("--lanes", type=int, default=LANES, help="runs at once; they mostly wait")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/comparison.md")
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
    text = comparison_page.text(columns, time.monotonic() - began)
    print(text)
    if args.write:
        comparison_page.write(ROOT / "docs" / "comparison.md", text)
    return 0 if all(column.results for column in columns) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
