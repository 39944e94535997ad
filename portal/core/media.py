"""Pictures, clips, uploads and models: files named by their sha256, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

_SHA256 = re.compile(r"[0-9a-f]{64}")
_holders: list[Callable[[str], bool]] = []


def put(content: bytes) -> str:
    """Keep the bytes and return their sha256 (hex). Keeping the same bytes twice is harmless."""
    sha256 = hashlib.sha256(content).hexdigest()
    target = path(sha256)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return sha256


def adopt(file: Path, sha256: str) -> None:
    """Keep a file of the store's own disk, written and fsync'd, under its known sha256: a second name for it, no copy; the first stays the caller's."""
    target = path(sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.link(file, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def path(sha256: str) -> Path:
    """Where the file with this sha256 lies, or would lie. Raises ValueError when the text is no sha256."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a sha256: {sha256!r}")
    return settings.MEDIA_FOLDER / sha256[:2] / sha256


def hold(holds: Callable[[str], bool]) -> None:
    """Let an app say which files it still needs: `forget` leaves them."""
    if holds not in _holders:
        _holders.append(holds)


def forget(sha256: str) -> bool:
    """Delete the file unless an app still needs it; whether it was here and is gone now. Call it after the transaction that let it go."""
    there = exists(sha256)
    if not there or any(holds(sha256) for holds in _holders):
        return False
    path(sha256).unlink(missing_ok=True)
    return True


def exists(sha256: str | None) -> bool:
    """True when the file is here."""
    return bool(sha256) and path(sha256).exists()
