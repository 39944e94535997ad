"""Calls that the SuperLink's door refused, kept as lines of a file until the portal has written them into its audit log."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

AGAIN_S = 3600.0  # a node that knocks every eight seconds is one refusal an hour, not four hundred
MOST = 10_000  # callers remembered; a scanner with more addresses than that starts the memory anew
FILE, TAKEN = "refusals.jsonl", "refusals.taken.jsonl"
KEY_HEADER = b"flwr-public-key"


class Refusals:
    """Written by the SuperLink. `folder` is its own; never raises: a full disk must not open the door or close it."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self.clock = folder / FILE, clock
        self._noted: dict[tuple[str, ...], float] = {}

    def note(self, scope: dict[str, Any], listener: str, status: int) -> None:
        """Keep one refused call: who, at which listener, for what, with which status; the same again within the hour is not kept."""
        address, path, key = _address(scope), str(scope.get("path", ""))[:200], caller_key(scope)
        mark = (listener, address, key, path)
        if self.clock() - self._noted.get(mark, float("-inf")) < AGAIN_S:
            return
        if len(self._noted) >= MOST:
            self._noted.clear()
        self._noted[mark] = self.clock()
        line = {"id": uuid.uuid4().hex, "t": time.time(), "listener": listener, "address": address, "path": path, "key": key, "status": status}
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError:
            self._noted.pop(mark)


def take(folder: Path) -> list[dict[str, Any]]:
    """What was refused since the last `settle`; the same again until then, so that nothing is lost when the reader is killed."""
    source, taken = folder / FILE, folder / TAKEN
    if not taken.exists():
        try:
            source.rename(taken)
        except FileNotFoundError:
            return []
    return [found for line in taken.read_text(errors="replace").splitlines() if (found := _read(line))]


def settle(folder: Path) -> None:
    """Forget what `take` gave."""
    (folder / TAKEN).unlink(missing_ok=True)


def digest_of(key: bytes) -> str:
    """How a node's key (PEM) is named in a refusal."""
    return hashlib.sha256(key.strip()).hexdigest()[:32]


def caller_key(scope: dict[str, Any]) -> str:
    """The digest of the key a caller shows, empty when it shows none; it proves nothing."""
    shown = dict(scope.get("headers") or ()).get(KEY_HEADER, b"")
    try:
        return digest_of(base64.b64decode(shown, validate=True)) if shown else ""
    except binascii.Error:
        return ""


def _address(scope: dict[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _read(line: str) -> dict[str, Any] | None:
    """A line that a power cut tore is left out."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"id", "listener", "path", "status"} <= set(found) else None
