"""A file written so that a power cut leaves the old one or the new one. Standard library only: the bootstrap uses it before anything is installed.

The other parts have `detectors/files.py`; infra imports nothing of theirs, and they nothing of infra's.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_durably(path: Path, content: str, *, mode: int = 0o666) -> None:
    """Write under another name, flush, rename, flush the folder. Raises OSError; the old file then stays. `mode` is cut by the umask."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
