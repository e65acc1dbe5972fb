"""Which runs a command asks for, and what is expected of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from extras import EXTRAS, Extra
from runs import FORMATS, Run
from scenarios import BY_ID, SCENARIOS, Scenario
from verdict import Verdict
from world import Setup
from wrong import CRASH, WRONG, WRONG_EXTRAS, Wrong

SDK_RETRIES = (0, 2)  # off, and both SDKs' default
# What each policy says about a stream that fails after its first token.
POLICIES = {"goal": "RestartIfOnlyText", "cross": "RestartIfOnlyText", "default": "Error"}
# Of `cross`: those in which a fallback is asked.
CROSS = ("S02", "S04", "S06", "S07", "S08", "S09", "S12", "S14", "S16")
SAFE_BY_DEFAULT = ("S08", "S09", "S14")


# The SDKs alone, with their retries; every other scenario is safe. A Responses stream without the end of its body is an
# error to the SDK even though all of the answer is there.
DIRECT = {"S01": Verdict.PASS, "S03": Verdict.PASS, "S05": Verdict.PASS, "S07": Verdict.PARTIAL,
          "S11": Verdict.PASS, "S13": Verdict.PASS}  # fmt: skip


def expected(run: Run) -> Verdict:
    if run.group == "direct":
        unseen = (run.id, run.setup.format) == ("S11", "responses")
        return Verdict.SAFE if unseen else DIRECT.get(run.id, Verdict.SAFE)
    return Verdict.SAFE if run.group == "default" and run.id in SAFE_BY_DEFAULT else Verdict.PASS


def as_expected(run: Run, verdict: Verdict) -> bool:
    if run.group == "self-test":
        return verdict is not Verdict.PASS
    return verdict is expected(run)


def _formats_of(policy: str, scenario: Scenario, formats: Sequence[str]) -> list[str]:
    if policy == "cross":
        return list(formats) if scenario.id in CROSS else []
    return [f for f in formats if f != "responses" or scenario.responses]


def _wanted(ids: Sequence[str], case: str, wire: str) -> bool:
    """`ids` are of cases, or of one format of a case: S08, S08/chat. None at all means every one."""
    return not ids or case in ids or f"{case}/{wire}" in ids


def _run(group: str, scenario: Scenario, setup: Setup) -> Run:
    return Run(
        group, scenario.id, scenario.title, setup, scenario.faults, scenario.drive, scenario.judge,
        scenario.about_seconds,
    )  # fmt: skip


def scenario_runs(policy: str, base: Setup, formats: Sequence[str], ids: Sequence[str]) -> list[Run]:
    """Every combination of format, streaming and SDK retries, under one of POLICIES or `direct`."""
    runs = []
    for scenario in SCENARIOS:
        settings = dict(scenario.settings)
        if policy in POLICIES:
            settings["on_mid_stream_failure"] = POLICIES[policy]
        for wire in _formats_of(policy, scenario, formats):
            if not _wanted(ids, scenario.id, wire):
                continue
            for stream in scenario.streams:
                for retries in SDK_RETRIES:
                    if policy in ("direct", "cross") and not retries:
                        continue  # direct: nothing at all is left to rescue a call; cross: goal shows the rest
                    setup = replace(
                        base, format=wire, stream=stream, sdk_retries=retries, cross=policy == "cross",
                        settings=settings,
                    )  # fmt: skip
                    runs.append(_run(policy, scenario, replace(setup, direct=policy == "direct")))
    return runs


def _extra_run(group: str, extra: Extra, base: Setup) -> Run:
    setup = replace(
        base, sdk_retries=extra.sdk_retries, cross=extra.cross, settings={**extra.settings, **base.settings}
    )
    return Run(group, extra.id, extra.title, setup, extra.faults, extra.drive, extra.judge, extra.about_seconds)


def extra_runs(base: Setup, formats: Sequence[str], ids: Sequence[str]) -> list[Run]:
    return [
        _extra_run("extra", extra, replace(base, format=wire, stream=stream))
        for extra in EXTRAS
        for wire in extra.formats
        if wire in formats and _wanted(ids, extra.id, wire)
        for stream in extra.streams
    ]


def _wrong_extra(extra: Extra, wrong: Wrong, base: Setup) -> Run:
    extra = replace(
        extra, title=f"{extra.title}: {wrong.what}", cross=extra.cross and not wrong.same_format,
        faults=wrong.faults or extra.faults, drive=wrong.drive or extra.drive,
    )  # fmt: skip
    wire = base.format if base.format in extra.formats else extra.formats[0]
    setup = replace(base, format=wire, stream=extra.streams[-1], settings=wrong.settings, forgets=wrong.forgets)
    return _extra_run("self-test", extra, setup)


def self_test_runs(base: Setup, ids: Sequence[str]) -> list[Run]:
    """Each scenario once with a policy that is wrong for it, and what else must be seen: none may pass."""
    runs = []
    for scenario_id, wrong in WRONG.items():
        if not _wanted(ids, scenario_id, base.format):
            continue
        scenario = BY_ID[scenario_id]
        settings = {**scenario.settings, "on_mid_stream_failure": POLICIES["goal"], **wrong.settings}
        stream = scenario.streams[-1]
        setup = replace(base, stream=stream, sdk_retries=wrong.sdk_retries, settings=settings)
        title = f"{scenario.title}: {wrong.what}"
        runs.append(replace(_run("self-test", scenario, setup), title=title))
        if scenario_id in CROSS:
            across = replace(setup, format="claude", cross=True)
            runs.append(replace(_run("self-test", scenario, across), title=title))
    for extra in EXTRAS:
        if extra.id in WRONG_EXTRAS and _wanted(ids, extra.id, base.format):
            runs.append(_wrong_extra(extra, WRONG_EXTRAS[extra.id], base))
    if _wanted(ids, CRASH.id, base.format):
        runs.append(_extra_run("self-test", CRASH, base))
    return runs


__all__ = ["FORMATS", "POLICIES", "as_expected", "expected", "extra_runs", "scenario_runs", "self_test_runs"]
