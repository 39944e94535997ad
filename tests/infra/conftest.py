"""Rooms for the tests of infra: short home folders, small disks, and programs that behave badly on purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra import services


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder with a path short enough for sockets; what runs from it is stopped afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="specola-infra-"))
    yield folder
    if (folder / "postgres").exists() or (folder / "valkey").exists():
        services.stop_services(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mount() -> Iterator[Callable[..., Path]]:
    """Mount a small disk: `mount(size="1m")`, `mount("ro")`."""
    mounted = []

    def make(*options: str, size: str = "1m") -> Path:
        folder = Path(tempfile.mkdtemp(prefix="specola-disk-"))
        command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk needs root")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()
