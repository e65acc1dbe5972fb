"""The tables: scenario × format × mode, the summary, and why something is not as expected."""

from __future__ import annotations

from collections.abc import Sequence

from plan import as_expected, expected
from runs import FORMATS, Result
from verdict import Verdict, worst

_COLUMN = 17


def _cells(results: Sequence[Result]) -> dict[tuple[str, bool], list[Result]]:
    cells: dict[tuple[str, bool], list[Result]] = {}
    for result in sorted(results, key=lambda r: r.run.setup.sdk_retries):
        setup = result.run.setup
        cells.setdefault((setup.format, setup.stream), []).append(result)
    return cells


def _cell(results: Sequence[Result]) -> str:
    """One verdict for both settings of the SDK's retries if they agree, else `off|on`; and the longer time."""
    verdicts = list(dict.fromkeys(str(r.verdict) for r in results))
    return f"{'|'.join(verdicts)} {max(r.seconds for r in results):.1f}"


def table(results: Sequence[Result]) -> list[str]:
    """Rows of one group: verdict and seconds per format, plain and streamed."""
    columns = [
        (wire, stream)
        for wire in FORMATS
        for stream in (False, True)
        if any((r.run.setup.format, r.run.setup.stream) == (wire, stream) for r in results)
    ]
    rows = list(dict.fromkeys((r.run.id, r.run.title) for r in results))
    width = max(len(f"{row_id} {title}") for row_id, title in rows)
    heads = [f"{wire} {'stream' if stream else 'plain'}" for wire, stream in columns]
    lines = [" ".join([" " * width, *(h.ljust(_COLUMN) for h in heads)]).rstrip()]
    for row_id, title in rows:
        cells = _cells([r for r in results if r.run.id == row_id and r.run.title == title])
        shown = [_cell(cells[column]) if column in cells else "-" for column in columns]
        lines.append(" ".join([f"{row_id} {title}".ljust(width), *(s.ljust(_COLUMN) for s in shown)]).rstrip())
    return lines


def summary(group: str, results: Sequence[Result]) -> list[str]:
    """How many scenarios got which verdict, every combination counted at its worst; per format and over all."""
    lines = []
    for name in ("all", *FORMATS):
        chosen = [r for r in results if name in ("all", r.run.setup.format)]
        if not chosen or (name == "all" and len({r.run.setup.format for r in results}) == 1):
            continue
        ids = dict.fromkeys(r.run.id for r in chosen)
        counted = [worst([r.verdict for r in chosen if r.run.id == scenario]) for scenario in ids]
        numbers = ", ".join(f"{counted.count(v)} {v}" for v in Verdict)
        lines.append(f"{group}, {name}: {len(counted)} cases: {numbers}")
    return lines


def surprises(results: Sequence[Result], verbose: bool) -> list[str]:
    """Every run that is not as expected, with its reasons; with `verbose` all of them and the sidecar's output."""
    lines = []
    for result in results:
        fits = as_expected(result.run, result.verdict)
        if fits and not verbose:
            continue
        run = result.run
        wanted = "no pass" if run.group == "self-test" else str(expected(run))
        lines.append(f"{run.group} {run.id} {run.mode}: {result.verdict}, expected {wanted}, {result.seconds:.1f} s")
        lines += [f"    {reason}" for reason in result.reasons]
        if not fits and verbose:
            lines += [f"    | {line}" for line in result.sidecar_output[-40:]]
    return lines


def show(results: Sequence[Result], verbose: bool) -> bool:
    """Prints everything; True if all is as expected."""
    for group in dict.fromkeys(r.run.group for r in results):
        chosen = [r for r in results if r.run.group == group]
        print(f"\n--- {group}: verdict and seconds; SDK retries off and on (off|on where they differ) ---")
        print("\n".join(table(chosen)))
        print("\n".join(summary(group, chosen)))
    if text := surprises(results, verbose):
        print("\n--- every run ---" if verbose else "\n--- not as expected ---")
        print("\n".join(text))
    return all(as_expected(r.run, r.verdict) for r in results)
