"""`manage.py test`: install what the tests need, run all of them, and end with pytest's own summary."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from infra.bootstrap import progress
from infra.errors import InfraError

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ALONE = ("tests/test_architecture.py", "tests/e2e")  # prints figures; browsers and whole Specolas
SKIPPED_FOR_DATA = re.compile(r"^SKIPPED .*SPECOLA_DATA", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Run the tests. `--long` adds the long ones, `--data` makes a test skipped for lack of data a failure; the rest goes to pytest."""
    parser = argparse.ArgumentParser(prog="manage.py test", description=__doc__, epilog="Every other option goes to pytest.", allow_abbrev=False)
    parser.add_argument("--long", action="store_true", help="run long tests and benchmarks too")
    parser.add_argument("--data", action="store_true", help="fail when a test was skipped because the evaluation data is not there")
    options, rest = parser.parse_known_args(arguments)
    ensure_chromium()
    status, output = 0, ""
    for part in parts_of(rest):
        ended, said = run_pytest(pytest_arguments([*part, *rest], long=options.long))
        status, output = status or ended, output + said
    missing = SKIPPED_FOR_DATA.findall(output)
    if options.data and missing:
        print(f"--data: {len(missing)} kinds of tests were skipped because the evaluation data is not there (SPECOLA_DATA).", file=sys.stderr)
        return status or 1
    return status


def parts_of(rest: list[str]) -> list[list[str]]:
    """Everything runs in two parts: what shares nothing, a file at a time in as many processes as there are cores (at most four), and then what measures or
    needs the machine for itself. A caller who names files, or a number of processes, gets one run of exactly that.
    """
    named = any((ROOT / argument.split("::")[0]).exists() for argument in rest if not argument.startswith("-"))
    if named or any(argument.startswith(("-n", "--collect-only", "--lf", "--ff")) for argument in rest):
        return [[]]
    beside = [f"--ignore={place}" for place in ALONE]
    return [["-n", str(max(1, min(4, os.cpu_count() or 1))), "--dist", "loadfile", *beside], list(ALONE)]


def pytest_arguments(rest: list[str], *, long: bool) -> list[str]:
    """What pytest is given: reasons of skips always, long tests only when asked for, our own `-m` joined with the caller's."""
    rest, marks = list(rest), [] if long else ["not long"]
    if "-m" in rest:
        at = rest.index("-m")
        marks.append(f"({rest[at + 1]})")
        del rest[at : at + 2]
    return ["-rs", *(["-m", " and ".join(marks)] if marks else []), *rest]


def run_pytest(arguments: list[str]) -> tuple[int, str]:
    """Run pytest in a process of its own, showing what it says; returns its status and its output."""
    command = [sys.executable, "-m", "pytest", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    said = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as pytest:
        for line in pytest.stdout:
            print(line, end="", flush=True)
            said.append(line)
    return pytest.returncode, "".join(said)


def find_chromium() -> str | None:
    """A Chromium of the system."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def ensure_chromium() -> None:
    """Install Debian's Chromium when it is missing and we may. Raises InfraError with what to do when we may not."""
    if find_chromium():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise InfraError("The browser tests need Chromium: install the system's package (Debian: sudo apt-get install -y chromium) and start again.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with progress("install Chromium with apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode or not find_chromium():
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise InfraError(f"Chromium could not be installed ({said}): install it by hand (apt-get install -y chromium) and start again.")
