"""`manage.py test`: install what the tests need, run all of them, give what depends on a busy machine a second chance, end with a summary in pytest's words."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.bootstrap import progress
from infra.errors import InfraError
from infra.flaky import WINDOW, FlakyHistory
from infra.pytest_record import RECORD

ROOT = Path(__file__).resolve().parent.parent
SYSTEM_PYTHON = ("/usr/bin/python3", "-I")
GSTREAMER = ("gir1.2-gst-rtsp-server-1.0", "python3-gi", *(f"gstreamer1.0-plugins-{name}" for name in ("base", "good", "bad", "ugly")))
PARTS_THERE = """
import gi
for name in ("Gst", "GstRtsp", "GstRtspServer"): gi.require_version(name, "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ("x264enc", "x265enc", "rtph264pay", "rtph265pay", "videotestsrc", "alawenc", "rtppcmapay")))
"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ALONE = ("tests/test_architecture.py", "tests/e2e")  # prints figures; browsers and whole Specolas
SKIPPED_FOR_DATA = re.compile(r"^SKIPPED .*SPECOLA_DATA", re.MULTILINE)
SLOWEST = 10
MOST_AGAIN = 8  # so many failures are no flakiness: then nothing gets a second chance
LIMIT_MIN = 20  # on two idle cores
FAILED, NONE_FOUND = 1, 5  # exit statuses of pytest


@dataclass(frozen=True)
class SuitePart:
    """A piece of the run with a pytest of its own: what a person reads, and what pytest is given."""

    title: str
    arguments: list[str]


@dataclass
class SuiteOutcome:
    """What one pytest, or all of them together, came to. `tests`: name -> {"outcome", "seconds", "again"} of `infra.pytest_record`."""

    status: int
    output: str
    seconds: float
    root: Path = ROOT
    tests: dict[str, dict[str, Any]] = field(default_factory=dict)

    def failed(self) -> list[str]:
        """The names of the tests that failed, and of the files that could not be imported."""
        return [name for name, test in self.tests.items() if test["outcome"] == "failed"]


def main(arguments: list[str]) -> int:
    """Run the tests. `--long` adds the long ones, `--data` makes a test skipped for lack of data a failure; the rest goes to pytest."""
    parser = argparse.ArgumentParser(prog="manage.py test", description=__doc__, epilog="Every other option goes to pytest.", allow_abbrev=False)
    parser.add_argument("--long", action="store_true", help="run long tests and benchmarks too")
    parser.add_argument("--data", action="store_true", help="fail when a test was skipped because the evaluation data is not there")
    options, rest = parser.parse_known_args(arguments)
    ensure_system_packages()
    history, parts, began = FlakyHistory.read(ROOT), parts_of(rest, long=options.long), time.monotonic()
    print(announcement(parts, history), flush=True)
    outcomes = [run_pytest(pytest_arguments([*part.arguments, *rest], long=options.long)) for part in parts]
    flaky = [name for outcome in outcomes for name in second_chances(outcome, rest)]
    repeated = history.add(flaky, {part.title: outcome.seconds for part, outcome in zip(parts, outcomes, strict=True) if part.title and outcome.tests})
    status = status_of(outcomes, flaky) or (FAILED if repeated else 0)
    missing = sum(len(SKIPPED_FOR_DATA.findall(outcome.output)) for outcome in outcomes)
    if options.data and missing:
        print(f"--data: {missing} kinds of tests were skipped because the evaluation data is not there (SPECOLA_DATA).", file=sys.stderr)
        status = status or FAILED
    tests = {name: test for outcome in outcomes for name, test in outcome.tests.items()}
    if tests:
        print(closing_words(tests, flaky, repeated, history.path, time.monotonic() - began), flush=True)
    return status


def parts_of(rest: list[str], *, long: bool = False) -> list[SuitePart]:
    """Everything runs in two parts: what shares nothing, a file at a time in as many processes as there are cores (at most four), and then what measures or
    needs the machine for itself. A caller who names files, or a number of processes, gets one run of exactly that.
    """
    named = any((ROOT / argument.split("::")[0]).exists() for argument in rest if not argument.startswith("-"))
    if named or any(argument.startswith(("-n", "--collect-only", "--lf", "--ff")) for argument in rest):
        return [SuitePart("", [])]
    processes, more = max(1, min(4, os.cpu_count() or 1)), ", the long ones too" if long else ""
    shared = ["-n", str(processes), "--dist", "loadfile", *(f"--ignore={place}" for place in ALONE)]
    return [
        SuitePart(f"what shares nothing, in {processes} processes{more}", shared),
        SuitePart(f"what needs the machine for itself ({', '.join(ALONE)}){more}", list(ALONE)),
    ]


def announcement(parts: list[SuitePart], history: FlakyHistory) -> str:
    """Which parts will run, and how long each took last time."""
    if not parts[0].title:
        return "manage.py test: exactly what was named, in one part"
    lines = [f"manage.py test: {len(parts)} parts, one after the other"]
    for number, part in enumerate(parts, 1):
        seconds = history.seconds.get(part.title)
        lines.append(f"  {number}. {part.title}: " + (f"{seconds / 60:.1f} min last time" if seconds else "not timed here yet"))
    return "\n".join(lines)


def pytest_arguments(rest: list[str], *, long: bool) -> list[str]:
    """What pytest is given: reasons of failures and skips always, long tests only when asked for, our own `-m` joined with the caller's."""
    rest, marks = list(rest), [] if long else ["not long"]
    if "-m" in rest:
        at = rest.index("-m")
        marks.append(f"({rest[at + 1]})")
        del rest[at : at + 2]
    return ["-rfEs", *(["-m", " and ".join(marks)] if marks else []), *rest]


def run_pytest(arguments: list[str]) -> SuiteOutcome:
    """Run pytest in a process of its own, showing its output as it comes."""
    began, output = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="specola-record-") as folder:
        record = Path(folder) / "record.json"
        command = [sys.executable, "-m", "pytest", "-p", "infra.pytest_record", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", RECORD: str(record)}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as pytest:
            for line in pytest.stdout:
                print(line, end="", flush=True)
                output.append(line)
        recorded = json.loads(record.read_text()) if record.exists() else {"root": ROOT, "tests": {}}
    return SuiteOutcome(pytest.returncode, "".join(output), time.monotonic() - began, Path(recorded["root"]), recorded["tests"])


def second_chances(outcome: SuiteOutcome, rest: list[str]) -> list[str]:
    """Run what failed and may have failed of a busy machine once more, alone. Returns the tests that passed then."""
    again: dict[str, list[str]] = {}
    for name in outcome.failed():
        if outcome.tests[name]["again"]:
            again.setdefault(outcome.tests[name]["again"], []).append(name)
    if not again or len(again) > MOST_AGAIN:
        return []
    options = [argument for argument in rest if not (ROOT / argument.split("::")[0]).exists()]
    flaky = []
    for place, names in again.items():
        print(f"\nonce more, alone: {place}", flush=True)
        if run_pytest([*options, "-n0", str(outcome.root / place)]).status == 0:
            flaky += names
    return flaky


def status_of(outcomes: Iterable[SuiteOutcome], flaky: list[str]) -> int:
    """pytest's exit status for all parts together: a part whose every failure was only flaky is well, one that found no test does not count beside others."""
    statuses = [0 if each.status == FAILED and (failed := each.failed()) and set(failed) <= set(flaky) else each.status for each in outcomes]
    return next((status for status in statuses if status not in (0, NONE_FOUND)), 0 if 0 in statuses else NONE_FOUND)


def closing_words(tests: dict[str, dict[str, Any]], flaky: list[str], repeated: list[str], kept: Path, seconds: float) -> str:
    """The slowest tests, the flaky ones, and last of all one line in the form of pytest's summary, over all parts: what CI counts."""
    slowest = sorted(tests, key=lambda name: tests[name]["seconds"], reverse=True)[:SLOWEST]
    lines = ["", f"The {len(slowest)} slowest tests:", *(f"{tests[name]['seconds']:8.1f} s  {name}" for name in slowest)]
    if seconds > LIMIT_MIN * 60:
        lines += ["", f"This took {seconds / 60:.0f} min; on two idle cores it must stay under {LIMIT_MIN} (load now {os.getloadavg()[0]:.1f})."]
    failed = [name for name, test in tests.items() if test["outcome"] == "failed" and name not in flaky]
    if failed:  # what CI keeps is the end of the output: the names belong there
        lines += ["", "failed:", *(f"  {name}" for name in failed)]
    if flaky:
        lines += ["", f"flaky: failed, and passed when run once more alone (kept in {kept}):"]
        lines += [f"  {name}" + (f"  -- for the second time within {WINDOW} runs: that is a failure" if name in repeated else "") for name in flaky]
    counts = Counter("passed" if name in flaky else test["outcome"] for name, test in tests.items())
    counts["flaky"] = len(flaky)
    summary = ", ".join(f"{counts[kind]} {kind}" for kind in ("failed", "passed", "skipped", "xfailed", "flaky") if counts[kind])
    return "\n".join([*lines, "", f"===== {summary} in {seconds:.2f}s ====="])


def find_chromium() -> str | None:
    """A Chromium of the system."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def gstreamer_problem() -> str:
    """What to do when GStreamer's RTSP server or one of its parts is not there; "" when all are. Debian packages it for the system's own Python."""
    with contextlib.suppress(OSError):
        if subprocess.run([*SYSTEM_PYTHON, "-c", PARTS_THERE], capture_output=True, check=False).returncode == 0:
            return ""
    return f"The tests of camera streams need GStreamer's RTSP server: sudo apt-get install -y {' '.join(GSTREAMER)}"


def ensure_system_packages() -> None:
    """Install Debian's packages that tests need when they are missing and we may. Raises InfraError with what to do when we may not."""
    missing = ([] if find_chromium() else ["chromium"]) + (list(GSTREAMER) if gstreamer_problem() else [])
    if not missing:
        return
    by_hand = f"sudo apt-get install -y {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise InfraError(f"The tests need packages of the system (Chromium for browsers, GStreamer for camera streams): {by_hand}, and start again.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with progress(f"install {', '.join(missing)} with apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *missing]):
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode or not find_chromium() or gstreamer_problem():
        last_line = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise InfraError(f"Packages of the system could not be installed ({last_line}): install them by hand ({by_hand}) and start again.")
