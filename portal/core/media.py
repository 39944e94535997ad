"""Pictures, clips, uploads and models: files named by their sha256, written whole or not at all, and deleted when nobody needs them any more.

Who still needs a file? Each app registers one function for its own rows (`hold`), and only `release` deletes: what no app holds. Against somebody who begins
to need the file at that very moment: `put` and `claim` take an advisory lock of PostgreSQL for the rest of their transaction, shared, and `release` takes the
same lock alone. So either the new holder has committed and `release` sees its row, or the file is gone before `put` looks, and `put` writes it again.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from detectors.files import PART, PRIVATE, flush_folder, write_durably

Holder = Callable[[set[str]], set[str]]
UNHELD_KEPT = datetime.timedelta(days=7)  # a file that no row names; longer than any transaction, short enough for a privacy notice
STRIPES = 64  # locks for all files: an event batch claims hundreds of them, and PostgreSQL's table of locks is small
LOCK = 0x4D454449  # the first half of their names
_SHA256 = re.compile(r"[0-9a-f]{64}")
holders: dict[str, Holder] = {}


def put(content: bytes) -> str:
    """Keep the bytes and return their sha256 (hex). Keeping the same bytes twice is harmless. Call it in the transaction of the row that names the file."""
    sha256 = hashlib.sha256(content).hexdigest()
    claim([sha256])
    target = path(sha256)
    try:
        os.utime(target)  # its age begins anew: `sweep` leaves what somebody begins to need
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durably(target, content, mode=PRIVATE)
    return sha256


def adopt(file: Path, sha256: str) -> None:
    """Keep a file of the store's own disk, written and fsync'd, under its known sha256: a second name for it, no copy; the first stays the caller's."""
    claim([sha256])
    target = path(sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.link(file, target)
    os.utime(target)  # as in `put`; the first name may be an upload of long ago
    flush_folder(target.parent)


def take_in(file: Path) -> str:
    """Keep a file of the store's own disk, hashed now, and return its sha256; the file itself stays the caller's."""
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        os.fsync(opened.fileno())
    adopt(file, sha256)
    return sha256


def path(sha256: str) -> Path:
    """Where the file with this sha256 lies, or would lie. Raises ValueError when the text is no sha256."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"not a sha256: {sha256!r}")
    return settings.MEDIA_FOLDER / sha256[:2] / sha256


def hold(name: str, holds: Holder) -> None:
    """Let an app answer which of these files (sha256) its rows name; call it in AppConfig.ready. `name`: of what it keeps, such as "cases"."""
    if holders.setdefault(name, holds) is not holds:
        raise ValueError(f"two apps hold files as {name!r}")


def held(names: Iterable[str], by: str = "") -> set[str]:
    """Those of these files that some app still needs, or the one holder `by`. Raises KeyError when nobody holds files under that name."""
    asked = set(names)
    asking = [holders[by]] if by else list(holders.values())
    return set().union(*(holds(asked) for holds in asking)) if asked else set()


def claim(names: Iterable[str]) -> None:
    """Call it before writing rows that name files which may be here already: until the transaction ends, `release` waits. Outside one it does nothing."""
    stripes = sorted({_stripe(name) for name in names})
    if stripes and connection.in_atomic_block:
        with connection.cursor() as cursor:  # one question for a whole batch of events
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, stripe) FROM unnest(%s::int[]) AS stripe", [LOCK, stripes])


def release(names: Iterable[str]) -> int:
    """Delete those of these files that nobody holds; how many were here and are gone. Call it after the transaction that let them go."""
    stripes: dict[int, set[str]] = {}
    for name in names:
        stripes.setdefault(_stripe(name), set()).add(name)
    gone = 0
    for stripe, part in sorted(stripes.items()):
        with transaction.atomic(durable=True):  # one lock at a time, until the files are gone
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, stripe])
            for name in part - held(part):
                gone += exists(name)
                path(name).unlink(missing_ok=True)
    return gone


def sweep(older_than: datetime.timedelta = UNHELD_KEPT) -> int:
    """Delete the files that nobody holds and that were last written or kept so long ago; how many.

    `release` runs after the transaction that let its files go. A process killed in between, or a transaction rolled back after `put`, leaves a file
    that no row names and nobody would ask for again. What is younger may belong to a transaction that has not committed.
    """
    before = time.time() - older_than.total_seconds()
    gone = 0
    for folder in sorted(settings.MEDIA_FOLDER.glob("[0-9a-f][0-9a-f]")):
        names = set()
        for file in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # released meanwhile
                if file.stat().st_mtime >= before:
                    continue
                if _SHA256.fullmatch(file.name):
                    names.add(file.name)
                elif file.name.startswith(".") and file.name.endswith(PART):  # of a writer that was killed
                    file.unlink()
                    gone += 1
        gone += release(names - held(names))
    return gone


def exists(sha256: str | None) -> bool:
    """True when the file is here."""
    return bool(sha256) and path(sha256).exists()


def _stripe(sha256: str) -> int:
    return int(sha256[:4], 16) % STRIPES
