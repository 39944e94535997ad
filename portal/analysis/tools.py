"""The desk's tools as the registry of the detectors lists them, in the reader's language: form, checks, API and help text all read this."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from detectors import registry, worded
from detectors.errors import UnknownDetector
from detectors.inputs import ACCEPT, MAX_TEXT_BYTES
from detectors.registry import ToolEntry

# medium -> (title of the group in the form, what of it is read)
MEDIA = {
    "picture": (noop("Pictures"), noop("a picture (JPEG, PNG, WebP, GIF, BMP, HEIC or AVIF)")),
    "video": (noop("Videos"), noop("a video (WebM, MP4, Matroska, AVI, Ogg or MPEG)")),
    "audio": (noop("Sounds"), noop("a sound (WAV, FLAC, Ogg, MP3 or MP4)")),
    "text": (noop("Texts"), noop("a text (UTF-8)")),
    "table": (noop("Tables"), noop("a table (CSV or TSV in UTF-8)")),
}
MB = 2**20


@dataclasses.dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as the form offers it. `accept`: what a file picker shows; `needs`: how many files of which kinds, as a sentence."""

    name: str
    title: str
    about: str
    needs: str
    accept: str
    inputs: int
    media: tuple[str, ...]
    examiners: bool

    @property
    def reads_text(self) -> bool:
        """Whether its input may be pasted."""
        return "text" in self.media


@dataclasses.dataclass(frozen=True, slots=True)
class ToolGroup:
    """Tools that read the same."""

    title: str
    tools: list[OfferedTool]


def offered() -> list[OfferedTool]:
    """Every tool, sorted by title."""
    return sorted((_offered(entry) for entry in registry.tools()), key=lambda each: each.title)


def groups(*, reading: set[str] | None = None) -> list[ToolGroup]:
    """The tools by what they read, in the order of MEDIA; only those that read one of the media `reading`, where it is given."""
    order, found = list(MEDIA), {}
    wanted = [each for each in offered() if reading is None or reading & set(each.media)]
    for each in sorted(wanted, key=lambda each: ([order.index(medium) for medium in each.media], each.inputs, each.title)):
        found.setdefault(" · ".join(_(MEDIA[medium][0]) for medium in each.media), []).append(each)
    return [ToolGroup(title, tools) for title, tools in found.items()]


def entry_of(name: str) -> ToolEntry | None:
    """The tool's entry; None when there is no such tool (any more)."""
    try:
        return registry.tool_entry(name)
    except UnknownDetector:
        return None


def title_of(name: str) -> str:
    """The tool's title; of a tool that is gone, its name."""
    entry = entry_of(name)
    return worded(entry.title, get_language() or "en") if entry else name.replace("-", " ").capitalize()


def largest(media: Sequence[str]) -> int:
    """Bytes that a file of these media may have at the most."""
    limits = {"picture": 50 * MB, "text": MAX_TEXT_BYTES, "table": MAX_TEXT_BYTES}
    return max(min(limits.get(each, settings.UPLOAD_LARGEST), settings.UPLOAD_LARGEST) for each in media)


def kinds_of(media: Sequence[str]) -> str:
    """What is read of these media, as words."""
    return _(" or ").join(_(MEDIA[medium][1]) for medium in media)


def _offered(entry: ToolEntry) -> OfferedTool:
    language = get_language() or "en"
    values = {"n": entry.inputs, "kinds": kinds_of(entry.media), "mb": largest(entry.media) // MB}
    needs = ngettext("One file: %(kinds)s, at most %(mb)d MB.", "%(n)d files, each %(kinds)s, at most %(mb)d MB.", entry.inputs) % values
    return OfferedTool(
        name=entry.name,
        title=worded(entry.title, language),
        about=worded(entry.about, language),
        needs=needs,
        accept=",".join(each for medium in entry.media for each in ACCEPT[medium]),
        inputs=entry.inputs,
        media=tuple(entry.media),
        examiners=entry.examiners,
    )
