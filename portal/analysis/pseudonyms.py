"""Pseudonyms of accounts in what leaves the house: the same name of the same case is always the same word, and without the installation's key no name can be
tried against it. Post texts are searched too: @mentions, addresses of e-mail, accounts' names, and links into services where a link names its author.

What it cannot do: the name of a person who has no account among the posts stays where a post writes it, and whoever has a post's words can look for them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MENTION = r"(?<![\w.@/])@\w[\w.-]*\w(?:@[\w-]+(?:\.[\w-]+)+)?|(?<![\w.@/])@\w"  # the second half as services of a federation write it: @anna@example.social
MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
# Where the address of a post or page names who wrote it: only the service's name stays.
SERVICES = "x|twitter|facebook|fb|instagram|threads|tiktok|youtube|t|telegram|vk|linkedin|reddit|bsky|mastodon|truthsocial|gettr|medium|substack"
LINK = rf"(?P<service>(?:https?://)?(?:[\w-]+\.)*(?:{SERVICES})\.(?:com|me|net|social|app|co|be|org|it|ru|us))/[^\s<>\"']*"
NAME = r"\w+(?:[.-]\w+)*"
PASSAGE = re.compile(rf"(?P<link>{LINK})|(?P<mail>{MAIL})|(?P<mention>{MENTION})|(?P<name>{NAME})", re.IGNORECASE)
PART = re.compile(r"\w+")
SHORTEST, SHORTEST_NUMBER = 3, 5  # characters from which a name is looked for inside texts: "la" and 2026 are words and years
LENGTH = 12  # hexadecimal figures: two of 100,000 accounts share a pseudonym with a chance of one in 50,000


class Edit(NamedTuple):
    """Characters `start` to `end` of a text, and what stands there instead."""

    start: int
    end: int
    put: str


class Pseudonyms:
    """The pseudonyms of one case. `names` are those of its accounts, as they were posted."""

    def __init__(self, key: str, case: int, names: Iterable[str]) -> None:
        self._key, self._case = key.encode(), case
        self.names = {_plain(name) for name in names if _plain(name)}
        sought = {name for name in self.names if len(name) >= (SHORTEST_NUMBER if name.isdecimal() else SHORTEST)}
        self._words = {name for name in sought if re.fullmatch(NAME, name)}
        spaced = sorted((re.escape(name) for name in sought - self._words), key=len, reverse=True)
        self._spaced = re.compile(rf"(?<!\w)(?:{'|'.join(spaced)})(?!\w)", re.IGNORECASE) if spaced else None

    def of(self, name: str) -> str:
        """The pseudonym of an account's name; small and capital letters and a leading @ are one."""
        content = f"specola pseudonym\n{self._case}\n{_plain(name)}".encode()
        return f"account-{hmac.new(self._key, content, hashlib.sha256).hexdigest()[:LENGTH]}"

    def text(self, text: str) -> str:
        """A text with every name in it replaced."""
        if _plain(text) in self.names:
            return self.of(text)
        found, at = [], 0
        for edit in self.edits(text):
            found += [text[at : edit.start], edit.put]
            at = edit.end
        return "".join([*found, text[at:]])

    def marked(self, text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
        """The same of a text with marked passages, which stay at their words; one that ends inside a name covers all of it."""
        edits = self.edits(text)

        def moved(place: int, end: bool) -> int:
            shift = 0
            for edit in edits:
                if edit.end <= place:
                    shift += len(edit.put) - (edit.end - edit.start)
                elif edit.start < place:
                    return edit.start + shift + (len(edit.put) if end else 0)
            return place + shift

        replaced, at = [], 0
        for edit in edits:
            replaced += [text[at : edit.start], edit.put]
            at = edit.end
        return "".join([*replaced, text[at:]]), [(moved(start, False), moved(end, True)) for start, end in spans]

    def edits(self, text: str) -> list[Edit]:
        """What is replaced in a text, in its order and without overlaps."""
        spaced = [Edit(*found.span(), self.of(found.group())) for found in self._spaced.finditer(text)] if self._spaced else []
        edits = list(spaced)
        for found in PASSAGE.finditer(text):
            if not any(edit.start < found.end() and found.start() < edit.end for edit in spaced):
                edits += self._edits(found)
        return sorted(edits)

    def _edits(self, found: re.Match[str]) -> list[Edit]:
        start, end = found.span()
        if found["link"]:
            return [Edit(start, end, f"{found['service']}/…")]
        if found["mail"]:
            return [Edit(start, end, self.of(found["mail"]))]
        if found["mention"]:
            return [Edit(start, end, f"@{self.of(found['mention'])}")]
        if _plain(found["name"]) in self._words:
            return [Edit(start, end, self.of(found["name"]))]
        parts = PART.finditer(found["name"])
        return [Edit(start + each.start(), start + each.end(), self.of(each.group())) for each in parts if _plain(each.group()) in self._words]


def _plain(name: str) -> str:
    return name.strip().lstrip("@").casefold()
