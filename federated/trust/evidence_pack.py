"""The layout of an evidence pack (a ZIP that holds one BagIt bag, RFC 8493), and a reader that takes nothing on trust: no path, no size, no double name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from detectors.messages import Message
from federated.trust import signing

KIND = "specola evidence pack"  # names itself in the seal, so that no other signed document can be shown as one
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
DECLARATION, INFO, MANIFEST, TAG_MANIFEST = "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"
SEAL, STAMP = "seal.json", "time-stamp.tsr"
DATA = "data/"
CASE, INPUTS = "data/case.json", "data/inputs/"
ROWS, CHAIN = "data/custody/rows.jsonl", "data/custody/chain.txt"
REQUESTED, UNAVAILABLE, NOT_WANTED = "requested", "unavailable", "none"  # what the seal says of a time stamp
OFFLINE_MOST = 64 * 2**30  # bytes of all files together, unpacked: of the command
LARGEST_TEXT = 16 * 2**20  # bytes of a file that is read whole: manifests, rows, chain
LARGEST_SEAL, LARGEST_ROW = 2 * 2**20, 2**18  # bytes that are parsed as JSON at once
MOST_CHAINED = 200_000  # rows of the audit log between a case's first and its export whose hashes come along
MOST_FILES = 10_000
PIECE = 2**20
_START = b"PK\x03\x04"


class PackRefused(Exception):
    """Nothing that can be checked as a pack; `message` says why."""

    def __init__(self, code: str, **params: str | int | float) -> None:
        super().__init__(code)
        self.message = Message(f"pack-{code}", params)


class Damaged(Exception):
    """A file of the ZIP whose bytes cannot be read as they were written."""


@dataclasses.dataclass(frozen=True, slots=True)
class Pack:
    """An open pack: its files by their path below the bag's own folder."""

    archive: zipfile.ZipFile
    files: Mapping[str, zipfile.ZipInfo]

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of a file. Raises Damaged."""
        try:
            with self.archive.open(self.files[path]) as file:
                while piece := file.read(PIECE):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise Damaged(path) from error

    def sha256(self, path: str) -> str:
        """The hash of a file; "" of one that is damaged."""
        digest = hashlib.sha256()
        try:
            for piece in self.pieces(path):
                digest.update(piece)
        except Damaged:
            return ""
        return digest.hexdigest()

    def read(self, path: str) -> bytes:
        """A small file, whole; b"" when it is missing or damaged. Raises PackRefused when it is too large for what it is."""
        if path not in self.files:
            return b""
        if self.files[path].file_size > LARGEST_TEXT:
            raise PackRefused("too-large", name=path, megabytes=LARGEST_TEXT // 2**20)
        try:
            return b"".join(self.pieces(path))
        except Damaged:
            return b""


def row_hash(previous: str, t: str, actor: str, verb: str, subject: str, site: str, data: Any) -> str:
    """SHA-256 (hex) of a row of the audit log: its content and its predecessor's hash; `t` as ISO 8601."""
    return hashlib.sha256(json.dumps([previous, t, actor, verb, subject, site, data], sort_keys=True, default=str).encode()).hexdigest()


def manifest(hashes: Mapping[str, str]) -> bytes:
    """A manifest of these files, as RFC 8493 writes it, sorted by path."""
    return "".join(f"{hashes[path]}  {_encoded(path)}\n" for path in sorted(hashes)).encode()


def read_manifest(content: bytes) -> dict[str, str] | None:
    """Path to hash; None when it is no manifest or names a file twice."""
    found: dict[str, str] = {}
    try:
        for line in content.decode().splitlines():
            sha256, _, path = line.partition("  ")
            path = path.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
            if len(sha256) != 64 or not path or path in found:
                return None
            found[path] = sha256.lower()
    except UnicodeDecodeError:
        return None
    return found or None


def seal_document(content: bytes) -> dict[str, Any] | None:
    """The signed document of a pack, not verified yet; None when these bytes are none."""
    try:
        found = json.loads(content) if len(content) <= LARGEST_SEAL else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("kind") != KIND or not isinstance(found.get("custody"), dict):
        return None
    try:
        signing.canonical(found)
    except (ValueError, TypeError, RecursionError):
        return None
    return found


def open_pack(file: Path | IO[bytes], *, most: int = OFFLINE_MOST) -> Pack:
    """Look at the ZIP's own list of files, not at their content. Raises PackRefused: no ZIP, cut off, an unsafe path, a double name, more than `most` bytes."""
    opened: IO[bytes] = file.open("rb") if isinstance(file, Path) else file
    start = opened.read(4)
    opened.seek(0)
    try:
        archive = zipfile.ZipFile(opened)
        entries = archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, OSError, EOFError, NotImplementedError, MemoryError) as error:
        raise PackRefused("cut-off" if start == _START else "no-zip") from error
    if len(entries) > MOST_FILES:
        raise PackRefused("too-many", count=len(entries), most=MOST_FILES)
    files = [each for each in entries if not each.is_dir()]
    if sum(each.file_size for each in files) > most:
        raise PackRefused("bomb", megabytes=most // 2**20)
    _refuse_unsafe(files)
    _refuse_overlaps(files)
    bases = {each.filename.partition("/")[0] for each in files}
    found = {each.filename.partition("/")[2]: each for each in files}
    if len(bases) != 1 or "" in found or not {DECLARATION, MANIFEST, SEAL} & set(found):
        raise PackRefused("no-pack")
    return Pack(archive, found)


def _refuse_unsafe(files: list[zipfile.ZipInfo]) -> None:
    met: set[str] = set()
    for each in files:
        name = each.orig_filename
        if (
            not name.isprintable()
            or name.startswith("/")
            or "\\" in name
            or "\0" in name
            or ":" in name.partition("/")[0]
            or {"..", ".", ""} & set(name.split("/"))
        ):
            raise PackRefused("unsafe-name", name=name.encode("ascii", "backslashreplace").decode()[:200])
        if stat.S_ISLNK(each.external_attr >> 16):
            raise PackRefused("link", name=name[:200])
        if each.flag_bits & 1:
            raise PackRefused("encrypted", name=name[:200])
        if name.casefold() in met:
            raise PackRefused("double-name", name=name[:200])
        met.add(name.casefold())


def _refuse_overlaps(files: list[zipfile.ZipInfo]) -> None:
    """Entries that share bytes are a bomb's; bytes before the first entry belong to another file that hides here."""
    end = 0
    for each in sorted(files, key=lambda each: each.header_offset):
        if each.header_offset < end:
            raise PackRefused("overlap", name=each.filename[:200])
        if end == 0 and each.header_offset:
            raise PackRefused("polyglot")
        end = each.header_offset + 30 + len(each.orig_filename.encode()) + each.compress_size


def _encoded(path: str) -> str:
    return path.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
