"""Look for what must be gone: every file under the home folder, byte by byte, for a person's id and templates."""

from __future__ import annotations

import dataclasses
import mmap
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

PIECE = 32  # bytes of a template looked for at its beginning, middle and end: a page's edge may cut one of them


@dataclasses.dataclass(frozen=True, slots=True)
class Pattern:
    """Bytes to look for, and what they are in words."""

    name: str
    content: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
    """Where a pattern was found: file below the home folder, first offset, and whether it is the audit log's own line."""

    file: str
    offset: int
    pattern: str
    audit: bool = False


@dataclasses.dataclass(slots=True)
class Residue:
    """What a look at every file found; `unread` are files that could not be opened."""

    files: int = 0
    bytes: int = 0
    hits: list[Hit] = dataclasses.field(default_factory=list)
    unread: list[str] = dataclasses.field(default_factory=list)

    @property
    def left(self) -> list[Hit]:
        """What must not be there."""
        return [hit for hit in self.hits if not hit.audit]


def patterns_of(uid: uuid.UUID, vectors: Sequence[np.ndarray] = ()) -> list[Pattern]:
    """The id as text and as 16 bytes, and each template's float32 in both byte orders. `vectors` are 1-D."""
    texts = {str(uid): "id", str(uid).upper(): "id in capitals", uid.hex: "id without dashes", uid.hex.upper(): "id in capitals without dashes"}
    found = [Pattern(name, text.encode()) for text, name in texts.items()]
    found.append(Pattern("id as 16 bytes", uid.bytes))
    for number, vector in enumerate(vectors, 1):
        for order, name in (("<f4", "little-endian"), (">f4", "big-endian")):
            content = np.asarray(vector).astype(order).tobytes()
            starts = (0, len(content) // 2, len(content) - PIECE)
            found += [Pattern(f"template {number}, {name}, from byte {start}", content[start : start + PIECE]) for start in starts]
        found.append(Pattern(f"template {number} as text", ",".join(f"{value:.9g}" for value in np.asarray(vector, np.float32)[:3]).encode()))
    return found


def residue(uid: uuid.UUID, patterns: Sequence[Pattern], home: Path, audit_files: Sequence[str] = ()) -> Residue:
    """Look through every file under `home`. Only `person:<id>`, in the audit table's files (paths below `home`) or in the log of writes to it, is expected.

    A file that vanishes meanwhile is gone and no residue; one that cannot be read is said in `unread`.
    """
    found, own = Residue(), f"person:{uid}".encode()
    for path in _files(home):
        name = str(path.relative_to(home))
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                found.files, found.bytes = found.files + 1, found.bytes + size
                if size:
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                        may_name = name in audit_files or "pg_wal" in path.parts
                        found.hits += _hits(content, name, patterns, own if may_name else b"")
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            found.unread.append(f"{name}: {error}")
    return found


def _files(home: Path) -> Iterator[Path]:
    for folder, _folders, names in os.walk(home):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _hits(content: mmap.mmap, name: str, patterns: Sequence[Pattern], own: bytes) -> Iterator[Hit]:
    """The first place of each pattern that is no audit line, else the first audit line."""
    for pattern in patterns:
        at, audit = -1, None
        while (at := content.find(pattern.content, at + 1)) >= 0:
            before = len(own) - len(pattern.content)
            if own and own.endswith(pattern.content) and content[max(at - before, 0) : at + len(pattern.content)] == own:
                audit = audit or Hit(name, at, pattern.name, audit=True)
                continue
            yield Hit(name, at, pattern.name)
            break
        else:
            if audit:
                yield audit
