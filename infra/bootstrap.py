"""Make the virtual environment and fill it from the locks; standard library only, because nothing else is there yet."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.errors import BootstrapError
from infra.files import write_durably
from infra.owner import die_with_parent

STAMP = "specola-installed.json"
TORCH = "torch.txt"
# What each installation is made of, in order; the first of its alternatives that is already complete is enough.
INSTALLATIONS = {
    "agent": [["agent.lock"], ["portal.lock", TORCH]],
    "train": [["train.lock", TORCH], ["portal.lock", TORCH]],
    "portal": [["portal.lock", TORCH]],
    "test": [["portal.lock", TORCH, "test.lock"]],
}
PIP = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--only-binary", ":all:", "--progress-bar", "off"]
REASONS = [
    ("No space left", "the disk is full: free about 3 GB and start again"),
    ("DO NOT MATCH THE HASHES", "a downloaded file is not the one the lock names: start again, and if it stays so, tell us"),
    ("Permission denied", "the folder cannot be written: check who owns it"),
    ("Read-only file system", "the folder is read-only: clone Specola to a place you can write to"),
    ("No matching distribution", "a package was not found for this machine: check the connection to the package registry and start again"),
    ("", "a download broke off or the package registry does not answer: check the connection and start again"),
]


@dataclass(frozen=True)
class Step:
    """One thing to do: what to call it, and what does it."""

    title: str
    act: Callable[[Callable[[str], None]], None]


def ensure_environment(root: Path, installation: str, argv: list[str]) -> None:
    """Return inside a virtual environment that holds the installation; otherwise make it and run `argv` again inside it (this call never returns then).

    Raises BootstrapError with one sentence when that cannot be done.
    """
    venv = root / ".venv"
    if not is_complete(root, installation):
        try:
            with only_one(root / ".venv.lock"):
                install(root, installation)
        except OSError as error:
            raise BootstrapError(f"The installation into {venv} failed: {error.strerror or error}.") from error
    if Path(sys.prefix).resolve() != venv.resolve():
        python = str(python_in(venv))
        sys.stdout.flush()
        os.execv(python, [python, *argv])


def is_complete(root: Path, installation: str) -> bool:
    """Whether the virtual environment holds one of the installation's alternatives, from the locks as they are now."""
    stamp = read_stamp(root)
    return python_in(root / ".venv").exists() and any(all(stamp.get(part) == digest(root, part) for part in parts) for parts in INSTALLATIONS[installation])


def install(root: Path, installation: str) -> None:
    """Make the virtual environment if it is not sound, then install what is missing, showing each step; safe to interrupt and repeat."""
    if is_complete(root, installation):
        return
    venv, started = root / ".venv", time.monotonic()
    fresh = not is_sound(venv)
    steps = [Step("make the virtual environment", lambda _: make_environment(venv))] if fresh else []
    stamp = {} if fresh else read_stamp(root)
    for part in INSTALLATIONS[installation][0]:
        if stamp.get(part) != digest(root, part):
            steps.append(Step(f"install {part}", lambda show, part=part: _install_part(root, part, show)))
    for number, step in enumerate(steps, 1):
        with progress(f"[{number}/{len(steps)}] {step.title}") as show:
            step.act(show)
    if fresh or "seconds" not in read_stamp(root):
        _write_stamp(root, {"seconds": round(time.monotonic() - started, 1)})


def make_environment(venv: Path) -> None:
    """A fresh virtual environment with pip; what was half there goes first."""
    shutil.rmtree(venv, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
    if done.returncode:
        output = done.stdout + done.stderr
        cure = "install the package python3.11-venv and start again" if "ensurepip" in output else reason_for(output)
        raise BootstrapError(f"The virtual environment {venv} could not be made: {cure}.")


def is_sound(venv: Path) -> bool:
    """Whether the virtual environment's own Python runs, is 3.11 and has pip."""
    test = "import sys, pip; sys.exit(sys.version_info[:2] != (3, 11))"
    with contextlib.suppress(OSError):
        return subprocess.run([python_in(venv), "-c", test], capture_output=True, check=False).returncode == 0
    return False


def sweep_halves(packages: Path) -> list[str]:
    """Remove what a killed pip left half installed, so that pip installs it again: pip writes RECORD last and parks old files under `~`."""
    halves = [folder for folder in packages.glob("*.dist-info") if not (folder / "RECORD").exists()]
    halves += [folder for folder in packages.glob("~*") if folder.is_dir()]
    for folder in halves:
        shutil.rmtree(folder, ignore_errors=True)
    return [folder.name for folder in halves]


def python_in(venv: Path) -> Path:
    return venv / "bin" / "python"


def digest(root: Path, part: str) -> str:
    """The sha256 of a requirements file. Raises BootstrapError when the clone lacks it."""
    try:
        return hashlib.sha256((root / "requirements" / part).read_bytes()).hexdigest()
    except OSError as error:
        raise BootstrapError(f"requirements/{part} is missing: the clone is incomplete, clone Specola again.") from error


def read_stamp(root: Path) -> dict[str, str]:
    """What is installed: requirements file -> sha256; empty when unknown."""
    try:
        return dict(json.loads((root / ".venv" / STAMP).read_text()))
    except (OSError, ValueError, TypeError):
        return {}


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[str], None]]:
    """One line that says what is happening and, at the end, how long it took; a terminal sees it move."""
    started, moving = time.monotonic(), sys.stderr.isatty()

    def show(detail: str) -> None:
        if moving:
            print(f"\r\033[K{title} … {time.monotonic() - started:.0f} s  {detail[:80]}", end="", file=sys.stderr, flush=True)

    show("")
    if not moving:
        print(f"{title} …", file=sys.stderr, flush=True)
    try:
        yield show
    except BaseException:
        print(("\r\033[K" if moving else "") + f"{title} … failed", file=sys.stderr, flush=True)
        raise
    print(("\r\033[K" if moving else "") + f"{title} … {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def _install_part(root: Path, part: str, show: Callable[[str], None]) -> None:
    venv = root / ".venv"
    for packages in venv.glob("lib/python3*/site-packages"):
        sweep_halves(packages)
    target, log = root / "requirements" / part, venv / f"install-{part}.log"
    hashes = ["--require-hashes"] if part.endswith(".lock") else []
    total = sum("==" in line and not line.startswith((" ", "#")) for line in target.read_text().splitlines())
    index = os.environ.get("SPECOLA_TORCH_INDEX")
    source = ["--index-url", index] if index and part == TORCH else []
    command = [str(python_in(venv)), *PIP, *hashes, *source, "-r", str(target)]
    end = functools.partial(die_with_parent, signal.SIGTERM)  # a pip that outlived us would meet the next one
    with log.open("w") as kept, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root, preexec_fn=end) as pip:
        try:
            for count, line in _counted(pip.stdout, kept):
                show(f"{count} of {total}: {line}")
        except BaseException:
            pip.terminate()
            raise
    if pip.returncode:
        raise BootstrapError(f"{part} could not be installed: {reason_for(log.read_text())} (pip's words: {log}).")
    _write_stamp(root, {part: digest(root, part)})


def _counted(lines: Iterator[str], kept: object) -> Iterator[tuple[int, str]]:
    count = 0
    for line in lines:
        kept.write(line)
        kept.flush()
        count += line.startswith(("Collecting", "Requirement already"))
        yield count, line.strip()


def reason_for(output: str) -> str:
    return next(reason for sign, reason in REASONS if sign in output)


def _write_stamp(root: Path, parts: dict[str, object]) -> None:
    path = root / ".venv" / STAMP
    write_durably(path, json.dumps(read_stamp(root) | parts))


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock; a second installation says that it waits."""
    try:
        lock = path.open("a+")
    except OSError as error:
        raise BootstrapError(f"{path.parent} cannot be written ({error.strerror}): clone Specola to a place you can write to.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another installation is running in this folder: waiting for it …", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
