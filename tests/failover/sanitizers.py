"""What a sanitizer says about the sidecar of a run: into files of the run's folder, however the process ends."""

from __future__ import annotations

import pathlib

from processes import ROOT

_NAME = "sanitizer-report"
EXIT_CODE = 86  # of a process that reported something


def environment(folder: pathlib.Path) -> dict[str, str]:
    """For the sidecar; without meaning to a binary that was built without sanitizers."""
    common = f"log_path={folder / _NAME}:exitcode={EXIT_CODE}"
    return {
        "ASAN_OPTIONS": f"{common}:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
        "LSAN_OPTIONS": f"exitcode={EXIT_CODE}",
        "UBSAN_OPTIONS": f"{common}:print_stacktrace=1",
        "TSAN_OPTIONS": f"{common}:second_deadlock_stack=1:suppressions={ROOT / 'tests' / 'tsan.supp'}",
    }


def reports(folder: pathlib.Path) -> list[str]:
    """The text of each report, oldest first; one file for each process that made one."""
    files = sorted(folder.glob(f"{_NAME}.*"), key=lambda file: file.stat().st_mtime)
    return [file.read_text(encoding="utf-8", errors="replace") for file in files]


def headline(report: str) -> str:
    """Its first line that says what was found."""
    lines = [line.strip() for line in report.splitlines()]
    return next((line for line in lines if "Sanitizer" in line or "runtime error" in line), "an empty report")
