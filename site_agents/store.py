"""Pictures and clips that wait to be sent: files named by their sha256, within a budget."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from detectors.files import PRIVATE, write_durably

SPARE = 20_000_000  # bytes of the disk that pictures leave free: events must go on
log = logging.getLogger("site_agents.store")

Victims = Callable[[], Iterable[str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Medium:
    """A JPEG or WebM. `score` and `t` are those of its event: they decide what is given up first."""

    content: bytes
    score: float
    t: float

    @property
    def sha256(self) -> str:
        """The name it goes by."""
        return hashlib.sha256(self.content).hexdigest()


class MediaStore:
    """The folder of waiting pictures; `bytes` is what they take."""

    def __init__(self, folder: Path, budget: int, spare: int = SPARE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.budget, self.spare = folder, budget, min(spare, shutil.disk_usage(folder).total // 10)
        self.bytes = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())

    def put(self, medium: Medium, victims: Victims) -> bool:
        """Write it, giving up others when there is no room. False when there is none even then; nothing half-written stays."""
        if self.has(medium.sha256):
            return True
        size = len(medium.content)
        if size > self.budget or not self._room(size, victims):
            return False
        try:
            write_durably(self.folder / medium.sha256, medium.content, mode=PRIVATE)
        except OSError as error:
            log.error("a picture cannot be kept: %s", error.strerror)
            return False
        self.bytes += size
        return True

    def has(self, sha256: str) -> bool:
        """Whether its file is here."""
        return (self.folder / sha256).is_file()

    def read(self, sha256: str) -> bytes | None:
        """Its content, None when it was given up meanwhile."""
        try:
            return (self.folder / sha256).read_bytes()
        except OSError:
            return None

    def remove(self, sha256: str) -> None:
        """Delete its file."""
        file = self.folder / sha256
        try:
            size = file.stat().st_size
            file.unlink()
            self.bytes -= size
        except FileNotFoundError:
            pass

    def make_room(self, size: int, victims: Victims) -> bool:
        """Give up pictures worth at least `size` bytes; False when there are none."""
        freed = 0
        for sha256 in victims():
            if freed >= size:
                break
            before = self.bytes
            self.remove(sha256)
            freed += before - self.bytes
        if freed:
            log.warning("gave up %d kB of waiting pictures to make room", freed // 1000)
        return freed > 0

    def oldest(self) -> list[str]:
        """The names of all files, those written first in front."""
        return sorted((file.name for file in self.folder.iterdir() if file.is_file()), key=lambda name: (self.folder / name).stat().st_mtime)

    def sweep(self, named: set[str]) -> None:
        """Delete files that no event names: a power cut came between file and event."""
        for file in self.folder.iterdir():
            if file.is_file() and file.name not in named:
                self.bytes -= file.stat().st_size
                file.unlink()

    def _room(self, size: int, victims: Victims) -> bool:
        over = self.bytes + size - self.budget
        lacking = size + self.spare - shutil.disk_usage(self.folder).free
        needed = max(over, lacking)
        if needed > 0:
            self.make_room(needed, victims)
        return self.bytes + size <= self.budget and shutil.disk_usage(self.folder).free >= size + self.spare
