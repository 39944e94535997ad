"""What a file is, judged by its content: whether a tool can read it is decided here, once for command line, portal and worker."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Sequence
from pathlib import Path

from detectors import image
from detectors.errors import BadInput
from detectors.messages import Message, declare
from detectors.types import MEDIA

HEAD = 4096  # bytes that decide
MAX_TEXT_BYTES = 20 * 1024 * 1024
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
AUDIO_BRANDS = (b"M4A ", b"M4B ")
# What a browser's file picker offers for each medium; the content decides all the same.
ACCEPT = {
    "picture": ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/heic", "image/heif", "image/avif", ".heic", ".heif", ".avif"),
    "video": ("video/webm", "video/mp4", "video/quicktime", "video/x-matroska", "video/x-msvideo", "video/ogg", "video/mpeg"),
    "audio": ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/webm"),
    "text": ("text/plain", ".txt", ".md"),
    "table": ("text/csv", "text/tab-separated-values", "application/json", ".csv", ".tsv", ".json", ".jsonl"),
}

declare(
    {
        "inputs-count": {
            "en": ("this tool takes {count} file, not {given}", "this tool takes {count} files, not {given}"),
            "it": ("questo strumento prende {count} file, non {given}", "questo strumento prende {count} file, non {given}"),
        },
        "inputs-media": {
            "en": "{name} is of another kind than this tool reads ({media})",
            "it": "{name} è di un tipo diverso da quelli che questo strumento legge ({media})",
        },
        "text-too-large": {"en": "the text is too large: at most {most} MB are read", "it": "il testo è troppo grande: se ne leggono al massimo {most} MB"},
        "text-not-utf8": {
            "en": "line {line}: this is no text in UTF-8 (nor in UTF-16 with its mark). Save the file as UTF-8.",
            "it": "riga {line}: questo non è un testo in UTF-8 (né in UTF-16 con il suo segno). Salvare il file come UTF-8.",
        },
    }
)


def media_of(path: Path | str) -> frozenset[str]:
    """Which of MEDIA the file may be, by its first bytes (a WebM may be video or sound, a text may be a table); empty when none. Raises BadInput."""
    head = image.read_head(path, HEAD)
    if head[:4] == b"\x1a\x45\xdf\xa3" or head[:4] == b"OggS":
        return frozenset({"video", "audio"})
    if head[4:8] == b"ftyp" and not _is_picture(head):
        return frozenset({"audio"} if head[8:12] in AUDIO_BRANDS else {"video", "audio"})
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return frozenset({"video"} if head[8:12] == b"AVI " else {"audio"})
    if head[:4] in (b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"):
        return frozenset({"video"})
    if head[:4] == b"fLaC" or head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] in (b"\xfb", b"\xf3", b"\xf2")):
        return frozenset({"audio"})
    if not _is_picture(head):
        return frozenset({"text", "table"}) if _is_text(head) else frozenset()
    return frozenset({"picture"}) | (frozenset({"text", "table"}) if head[:2] == b"BM" and _is_text(head) else frozenset())


def read_text(path: Path | str) -> str:
    """A text file in UTF-8, with or without a byte order mark, or in UTF-16 with one. Raises BadInput."""
    if image.size_on_disk(path) > MAX_TEXT_BYTES:
        raise BadInput(Message("text-too-large", {"most": MAX_TEXT_BYTES // 2**20}))
    content = Path(path).read_bytes()
    try:
        return content.decode("utf-16" if content.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(Message("text-not-utf8", {"line": content.count(b"\n", 0, error.start) + 1})) from error


def check(paths: Sequence[Path | str], media: Sequence[str], count: int) -> tuple[str, ...]:
    """The sha256 of each input. Raises BadInput when there are more or fewer than `count`, one is missing, empty, or of none of these media."""
    if isinstance(paths, str | Path):
        raise TypeError("a tool takes a sequence of paths, also for one file")
    if len(paths) != count:
        raise BadInput(Message("inputs-count", {"count": count, "given": len(paths)}))
    for path in paths:
        if not image.size_on_disk(path) and Path(path).is_file():  # of a pipe nobody knows the size before the end
            raise BadInput(Message("file-empty"))
        if not media_of(path) & set(media):
            raise BadInput(Message("not-a-picture") if tuple(media) == ("picture",) else _another(path, media))
    return tuple(_sha256(Path(path)) for path in paths)


def _another(path: Path | str, media: Sequence[str]) -> Message:
    return Message("inputs-media", {"name": Path(path).name, "media": ", ".join(each for each in MEDIA if each in media)})


def _is_picture(head: bytes) -> bool:
    try:
        return bool(image.kind_of(head))
    except BadInput:
        return False


def _is_text(head: bytes) -> bool:
    """Whether these bytes begin a text in UTF-8, or in UTF-16 with its mark: the last character may be cut."""
    try:
        text = codecs.getincrementaldecoder("utf-16" if head.startswith(UTF_16) else "utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(each < " " and each not in "\t\n\r\f" for each in text)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
