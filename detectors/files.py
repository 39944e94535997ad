"""Files that survive a power cut: written under another name, flushed, renamed, and the folder flushed.

Every part that keeps state on a disk writes it through this module, so it lies on the lowest floor. (infra imports nothing of ours and has `infra/files.py`.)
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PART = ".part"  # ends the name of a file that is not whole yet; it begins with a dot
PRIVATE = 0o600  # the mode of a secret: its owner's alone
# What numpy raises for an .npz that is empty, cut or overwritten; these errors share no base class.
BAD_ARCHIVE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile)
NO_FOLDER_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)  # a file system that cannot flush a folder has nothing to lose there


@contextlib.contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends: a power cut leaves the old one or the new one, whole.

    `mode` is exact; without it the umask decides. When the block or the disk fails, the old file stays and nothing else is left. Raises OSError
    that names `path`.
    """
    with _part(path, mode) as part:
        with _named(path), part.open("r+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _named(path):
            part.replace(path)
            flush_folder(path.parent)


def write_durably(path: Path, content: bytes | str, *, mode: int | None = None) -> None:
    """Write a whole file (text as UTF-8) so that a power cut leaves the old one or the new one. Raises OSError that names `path`; the old file then stays."""
    with replacing(path, mode=mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def create_durably(path: Path, content: bytes | str, *, mode: int = PRIVATE) -> bool:
    """Write a file that must not replace another, such as a key; False when one was there first, which then counts. Raises OSError that names `path`."""
    with _part(path, mode) as part:
        try:
            with _named(path):
                with part.open("r+b") as file:
                    file.write(content.encode() if isinstance(content, str) else content)
                    file.flush()
                    os.fsync(file.fileno())
                _link(part, path)
                flush_folder(path.parent)
        except FileExistsError:
            return False
    return True


def move_durably(source: Path, target: Path) -> None:
    """Rename a file that is whole and flushed already. Raises OSError (FileNotFoundError when there is no source)."""
    source.replace(target)
    flush_folder(target.parent)
    if source.parent != target.parent:
        flush_folder(source.parent)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder as durable as the files are."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_FOLDER_FLUSH:
            raise
    finally:
        os.close(handle)


def set_aside(path: Path, moment: float) -> Path:
    """Rename a damaged file to `<name>.damaged-<Unix seconds>`, for a person to look at; where it lies now. Raises OSError."""
    aside = path.with_name(f"{path.name}.damaged-{int(moment)}")
    move_durably(path, aside)
    return aside


def sweep(folder: Path) -> None:
    """Delete what a killed writer has left half done in `folder`. Only for a folder in which nobody writes at this moment."""
    for part in folder.glob(f".*{PART}"):
        part.unlink(missing_ok=True)


def _link(part: Path, path: Path) -> None:
    """A second name, which unlike a rename fails when it is taken; a file system that knows no second names (exFAT of a memory card) gets a rename."""
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        part.replace(path)


@contextlib.contextmanager
def _part(path: Path, mode: int | None) -> Iterator[Path]:
    """An empty file beside `path`, gone at the end unless it was renamed. It has its mode before there is anything in it to read."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}{PART}")
    try:
        with _named(path):
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else PRIVATE)
            try:
                if mode is not None:
                    os.fchmod(handle, mode)
            finally:
                os.close(handle)
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """A full disk names no file, a missing folder names the part: the file that was wanted is what a person knows."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename == str(path):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
