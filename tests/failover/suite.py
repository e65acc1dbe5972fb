"""The part of the suite that runs in the environment with the SDKs; see run.py."""

from __future__ import annotations

import argparse
import sys
import time

import plan
import registered
import report
from documents import SECTIONS
from runs import Result, Run, perform_all
from world import Setup

GROUPS = (*plan.POLICIES, "extra", "self-test", "direct")
IN_FULL = (*plan.POLICIES, "extra", "self-test")


def _runs(args: argparse.Namespace) -> list[Run]:
    known = registered.SECTIONS if args.registered else SECTIONS
    base = Setup(sections=tuple(s for s in known if s not in args.without))
    runs: list[Run] = []
    for group in args.group or IN_FULL:
        ids = registered.CASES[group] if args.registered else args.only
        if group == "extra":
            runs += plan.extra_runs(base, args.format, ids)
        elif group == "self-test":
            runs += plan.self_test_runs(base, ids)
        else:
            runs += plan.scenario_runs(group, base, args.format, ids)
    if args.modes:
        runs = [run for run in runs if any(mode in run.mode for mode in args.modes)]
    return runs


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="run.py")
    add_arguments(parser)
    args = parser.parse_args(argv)
    args.format = args.format or list(plan.FORMATS)
    runs = _runs(args)
    if not runs:
        print("failover: nothing to run")
        return 2
    began = time.monotonic()
    done = 0

    def progress(result: Result) -> None:
        nonlocal done
        done += 1
        if args.verbose:
            run = result.run
            print(f"{done}/{len(runs)} {run.group} {run.id} {run.mode}: {result.verdict}", flush=True)

    results = perform_all(runs, args.lanes, progress)
    fine = report.show(results, args.verbose)
    print(f"\n{len(runs)} runs in {time.monotonic() - began:.0f} s: {'as expected' if fine else 'NOT as expected'}")
    return 0 if fine else 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--group", action="append", choices=GROUPS, help=f"default: {', '.join(IN_FULL)}")
    parser.add_argument("--format", action="append", choices=plan.FORMATS)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="ids: S01,S04/chat,probes")
    parser.add_argument("--registered", action="store_true", help="the cases of registered.py instead of --only")
    parser.add_argument("--modes", action="append", help="substring of format/stream|plain/retries|no retries")
    parser.add_argument("--without", action="append", choices=SECTIONS, default=[], help="leave out a section")
    parser.add_argument("--lanes", type=int, default=24, help="runs at once; they mostly wait")
    parser.add_argument("--verbose", action="store_true")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
