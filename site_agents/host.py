"""The process and the folder that an agent runs in: one core, a heap that gives back what it does not use, and nobody else on the same folder."""

from __future__ import annotations

import ctypes
import fcntl
from pathlib import Path
from typing import IO

import cv2

from federated.learning import process
from site_agents.errors import FolderInUse

MALLOC = {-8: 1, -3: 8_000_000, -1: 16_000_000}  # mallopt(3): one heap for all threads, large pieces go back to the system; 60 MB less at a door


def prepare_process() -> None:
    """One camera, one core: libraries must not start a thread for each core, nor the heap keep what it has no use for. Its rank is what `nice` says."""
    process.rank_session()
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    if set_malloc := getattr(ctypes.CDLL(None), "mallopt", None):  # musl has none
        for option, value in MALLOC.items():
            set_malloc(option, value)


def only_one(folder: Path) -> IO[str]:
    """Hold the folder's lock. Raises FolderInUse when another agent runs on it."""
    lock = (folder / "run.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise FolderInUse(f"another agent is running in {folder}") from error
    return lock
