"""`manage.py doctor`: look for what could go wrong on this machine; every line is ok, or a problem and what to do."""

from __future__ import annotations

import argparse
import ctypes.util
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from infra import postgres, programs, state, valkey
from infra.errors import InfraError
from infra.testing import find_chromium

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = {"flwr": "1.41.0", "torch": "2.13.0", "numpy": "2.", "opencv-python": "5.", "uvicorn": "0.49"}
NEEDED_MEMORY, NEEDED_DISK = 3 * 1024**3, 1024**3


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, and what to do if not."""

    what: str
    ok: bool
    detail: str
    cure: str = ""


def main(arguments: list[str]) -> int:
    """Print every finding; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="manage.py doctor", description=__doc__)
    parser.add_argument("--home", help="the home folder that was given to `up`")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = findings(state.home_folder(ROOT, options.home), options.port)
    if options.json:
        print(json.dumps([asdict(finding) for finding in found]))
    for finding in [] if options.json else found:
        print(f"{'ok      ' if finding.ok else 'problem '} {finding.what}: {finding.detail}" + (f"\n         -> {finding.cure}" if not finding.ok else ""))
    return 0 if all(finding.ok for finding in found) else 1


def findings(home: Path, port: int) -> list[Finding]:
    """Everything that is looked at, in the order in which it would go wrong."""
    looks: list[Callable[[], Finding]] = [
        python,
        versions,
        lambda: disk(home),
        memory,
        lambda: folder(home),
        lambda: portal_port(home, port),
        opencv_library,
        lambda: database(home),
        lambda: store(home),
        weights,
        chromium,
    ]
    return [look() for look in looks]


def python() -> Finding:
    return Finding("Python", sys.version_info[:2] == (3, 11), sys.version.split()[0], "run manage.py with Python 3.11")


def versions() -> Finding:
    """The versions that must not drift: a loose pin walks flwr back without a word."""
    wrong = [f"{name} {_version(name)} instead of {wanted}*" for name, wanted in VERSIONS.items() if not _version(name).startswith(wanted)]
    return Finding("packages", not wrong, ", ".join(wrong or [f"{name} {_version(name)}" for name in VERSIONS]), "remove .venv and start again")


def disk(home: Path) -> Finding:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    return Finding("disk", free > NEEDED_DISK, f"{free / 1024**3:.1f} GB free in {there}", "free some space, or choose another folder with --home")


def memory() -> Finding:
    free = psutil.virtual_memory().available
    return Finding("memory", free > NEEDED_MEMORY, f"{free / 1024**3:.1f} GB available", "the demo needs about 3 GB: close something, or start with --no-demo")


def folder(home: Path) -> Finding:
    try:
        state.prepare_home(home)
    except InfraError as error:
        return Finding("home folder", False, str(error), "choose another folder with --home")
    return Finding("home folder", True, str(home))


def portal_port(home: Path, port: int) -> Finding:
    if state.is_held(home):
        return Finding("port", True, f"Specola is running at {state.read(home).get('address')}")
    try:
        programs.check_port("127.0.0.1", port)
    except InfraError as error:
        return Finding("port", False, str(error), "choose another with --port")
    return Finding("port", True, f"{port} is free")


def opencv_library() -> Finding:
    found = ctypes.util.find_library("GL") is not None or sys.platform != "linux"
    works = found or subprocess.run([sys.executable, "-c", "import cv2"], capture_output=True, check=False).returncode == 0
    return Finding("OpenCV", works, "loads" if works else "libGL.so.1 is missing", "install the system's libGL (Debian: apt-get install libgl1)")


def database(home: Path) -> Finding:
    external = os.environ.get("DATABASE_URL")
    try:
        if external:
            postgres.check_external(external)
        detail = "DATABASE_URL answers" if external else str(postgres.cluster_in(home).binaries)
    except InfraError as error:
        return Finding("PostgreSQL", False, str(error), "set DATABASE_URL, or remove .venv and start again")
    return Finding("PostgreSQL", True, detail)


def store(home: Path) -> Finding:
    external = os.environ.get("REDIS_URL")
    if external:
        return Finding("Valkey", valkey.answers(external), "REDIS_URL", "start the server that REDIS_URL names, or unset it")
    try:
        return Finding("Valkey", True, str(valkey.store_in(home).binary))
    except InfraError as error:
        return Finding("Valkey", False, str(error), "set REDIS_URL, or remove .venv and start again")


def weights() -> Finding:
    code = "from detectors import weights; weights.fetch_all(lambda *_: None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    detail = "all there and verified" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no word"])[-1]
    return Finding("weights", done.returncode == 0, detail, "check the connection and run `python3 manage.py up`, which fetches them")


def chromium() -> Finding:
    found, driver = find_chromium(), importlib.util.find_spec("playwright") is not None
    detail = f"{found or 'no Chromium'}, playwright {'is' if driver else 'is not'} installed"
    return Finding("browser tests", True, f"{detail} (only `manage.py test` needs them, and installs them)")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
