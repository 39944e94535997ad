"""Characters that hide or disguise what a post says: taken out or put right for scoring, each with its place, so that it can be shown.

Left alone: joiners inside emoji and in scripts that need them, letters of other scripts in texts of those scripts, marks that are style (… “ ” ™ ½).
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterator

from detectors.text.confusables import CLOSE, IDENTICAL, STYLED

KINDS = ("soft-hyphen", "zero-width", "direction", "reversed", "homoglyph", "styled-letter", "stacked-mark", "variation", "control", "space")
SOFT_HYPHEN, JOINER, NON_JOINER = "\u00ad", "\u200d", "\u200c"
ZERO_WIDTH = frozenset("\u200b\u2060\ufeff\u180e\u034f\u115f\u1160\u3164\uffa0\u2061\u2062\u2063\u2064" + JOINER + NON_JOINER)
DIRECTION = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
OVERRIDE, POP = "\u202e", "\u202c"  # right-to-left override: what follows is shown backwards, up to the pop or the line's end
BLACK_FLAG = "\U0001f3f4"  # tags after it spell the flag of a region
MOST_MARKS = 2  # combining marks on one letter that some language writes
_LINE_ENDS = {"\r\n": "\n", "\r": "\n", "\u2028": "\n", "\u2029": "\n", "\x85": "\n"}
_KEPT_COMPATIBLE = frozenset("ªº™℠№…")


@dataclasses.dataclass(frozen=True, slots=True)
class Removal:
    """Characters `start` to `end` (exclusive) of the text as it came were `found` and became `put` ("" when they were taken out)."""

    start: int
    end: int
    kind: str
    found: str
    put: str

    @property
    def name(self) -> str:
        """The first character as Unicode names it: "U+200B ZERO WIDTH SPACE"."""
        return f"U+{ord(self.found[0]):04X} {unicodedata.name(self.found[0], '')}".strip()


@dataclasses.dataclass(frozen=True, slots=True)
class CleanText:
    """`text` for scoring; `origin[i]` is where its character i stood in the text as it came, `removals` what was changed, in order."""

    text: str
    origin: tuple[int, ...]
    removals: tuple[Removal, ...]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters start to end (exclusive) of the clean text stood: the smallest stretch of the text as it came that holds them."""
        places = self.origin[start:end]
        return min(places), max(places) + 1


def clean(text: str) -> CleanText:
    """Take out what is not seen, put right what is disguised. A clean text stays as it is, and cleaning twice changes nothing more."""
    pieces, removals = _without_hidden(text)
    pieces = _composed(pieces, removals)
    pieces = _put_right(pieces, removals)
    removals.sort(key=lambda each: (each.start, each.end))
    return CleanText("".join(letter for letter, _ in pieces), tuple(at for letter, at in pieces for _ in letter), tuple(removals))


Piece = tuple[str, int]  # one character (or what became of it) and where it stood


def _without_hidden(text: str) -> tuple[list[Piece], list[Removal]]:
    kept: list[Piece] = []
    removals: list[Removal] = []
    override: int | None = None  # how many pieces stood before an override began
    at = 0
    while at < len(text):
        letter = text[at : at + 2] if text.startswith("\r\n", at) else text[at]
        kind, put = _hidden(text, at, letter)
        if letter == OVERRIDE:
            override = _turned(kept, removals, text, override)  # a second one ends the first
            override = len(kept)
        elif override is not None and (letter == POP or put == "\n" or letter == "\n"):
            override = _turned(kept, removals, text, override)
        if kind:
            removals.append(Removal(at, at + len(letter), kind, letter, put))
        kept += [(each, at) for each in (put if kind else letter)]
        at += len(letter)
    _turned(kept, removals, text, override)
    return kept, removals


def _turned(kept: list[Piece], removals: list[Removal], text: str, since: int | None) -> None:
    """Turn the pieces since an override round into the order in which they are seen."""
    if since is not None and len(kept) - since > 1:
        start, end = kept[since][1], kept[-1][1] + 1
        kept[since:] = kept[since:][::-1]
        removals.append(Removal(start, end, "reversed", text[start:end], "".join(letter for letter, _ in kept[since:])))


def _hidden(text: str, at: int, letter: str) -> tuple[str, str]:
    """What kind of hidden character this is, and what takes its place; ("", "") when it is none."""
    before, after, code = text[at - 1 : at], text[at + 1 : at + 2], ord(letter[0])
    if letter in _LINE_ENDS:
        return ("", "") if letter == "\n" else ("space", _LINE_ENDS[letter])
    if letter == SOFT_HYPHEN:
        return "soft-hyphen", ""
    if letter in ZERO_WIDTH:
        return ("", "") if _joins(letter, before, after) else ("zero-width", "")
    if letter in DIRECTION:
        return "direction", ""
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return ("", "") if code >= 0xFE0E and code <= 0xFE0F and before and _is_symbol(before) else ("variation", "")
    if 0xE0000 <= code <= 0xE007F:
        return ("", "") if _after_flag(text, at) else ("zero-width", "")
    if unicodedata.category(letter) == "Cc" and letter not in "\n\t":
        return "control", ""
    if unicodedata.category(letter) == "Zs" and letter != " ":
        return "space", " "
    return "", ""


def _joins(letter: str, before: str, after: str) -> bool:
    """Whether a joiner has work to do: between the parts of an emoji, or between letters of a script that is written with joiners."""
    if letter not in (JOINER, NON_JOINER) or not before or not after:
        return False
    emoji = letter == JOINER and (_is_symbol(before) or before == "\ufe0f") and _is_symbol(after)
    return emoji or (_needs_joiners(before) and (_needs_joiners(after) or after.isspace()))


def _is_symbol(letter: str) -> bool:
    return unicodedata.category(letter) in ("So", "Sk", "Sm") or letter in "#*0123456789©®‼⁉"


def _needs_joiners(letter: str) -> bool:
    code = ord(letter)
    return 0x0600 <= code <= 0x08FF or 0x0900 <= code <= 0x0DFF or 0x1000 <= code <= 0x109F or 0x1780 <= code <= 0x18AF or 0xFB50 <= code <= 0xFEFC


def _after_flag(text: str, at: int) -> bool:
    while at > 0 and 0xE0000 <= ord(text[at]) <= 0xE007F:
        at -= 1
    return text[at] == BLACK_FLAG


def _composed(pieces: list[Piece], removals: list[Removal]) -> list[Piece]:
    """Letters and their marks as one character where there is one; marks piled on a letter are taken out."""
    composed: list[Piece] = []
    for cluster in _clusters(pieces):
        letters = "".join(letter for letter, _ in cluster)
        whole = unicodedata.normalize("NFC", letters)
        marks = len(cluster) - 1
        if marks > MOST_MARKS or (marks and len(whole) > 1 and letters[0].isascii() and letters[0].isalpha()):
            first = cluster[1][1]
            removals.append(Removal(first, cluster[-1][1] + 1, "stacked-mark", letters[1:], ""))
            composed.append(cluster[0])
        elif len(whole) < len(letters):
            composed += [(letter, cluster[min(n, marks)][1]) for n, letter in enumerate(whole)]
        else:
            composed += cluster
    return composed


def _clusters(pieces: list[Piece]) -> Iterator[list[Piece]]:
    cluster: list[Piece] = []
    for piece in pieces:
        is_mark = unicodedata.combining(piece[0]) or (unicodedata.category(piece[0]) in ("Mn", "Me") and not 0xFE00 <= ord(piece[0]) <= 0xFE0F)
        if cluster and not is_mark:
            yield cluster
            cluster = []
        cluster.append(piece)
    if cluster:
        yield cluster


def _put_right(pieces: list[Piece], removals: list[Removal]) -> list[Piece]:
    """Styled letters as plain ones, letters of other scripts in Latin words as the Latin ones they pass for."""
    plain: list[Piece] = []
    for letter, at in pieces:
        put = _plain(letter)
        if put != letter:
            removals.append(Removal(at, at + 1, "styled-letter", letter, put))
        plain.append((put, at))
    words = [(start, end, [letter for letter, _ in plain[start:end]]) for start, end in _words(plain)] if _is_latin_text(plain) else []
    is_disguised = any(_is_mixed(letters) for *_, letters in words)
    for start, end, letters in words:
        table = _table_for(letters, is_disguised)
        for n in range(start, end):
            letter, at = plain[n]
            if letter in table:
                removals.append(Removal(at, at + 1, "homoglyph", letter, table[letter]))
                plain[n] = (table[letter], at)
    return plain


def _plain(letter: str) -> str:
    """A letter or digit in another dress (fullwidth, mathematical, circled, small capital, ligature) as the plain one; anything else as it is."""
    if letter.isascii() or letter in _KEPT_COMPATIBLE:
        return letter
    if letter in STYLED:
        return STYLED[letter]
    put = unicodedata.normalize("NFKC", letter)
    is_ligature = 0xFB00 <= ord(letter) <= 0xFB06
    is_fullwidth = 0xFF01 <= ord(letter) <= 0xFF5E
    is_styled = len(put) == 1 and put.isascii() and put.isalnum() and not _is_number_form(letter)
    return put if put != letter and (is_ligature or is_fullwidth or is_styled) else letter


def _is_number_form(letter: str) -> bool:
    """Superscript, subscript and circled digits are notation, not a disguise."""
    return unicodedata.category(letter) == "No"


def _is_latin(letter: str) -> bool:
    return letter.isalpha() and unicodedata.name(letter, "").startswith("LATIN")


def _is_latin_text(pieces: list[Piece]) -> bool:
    """Whether most of the letters that pass for nothing else are Latin."""
    latin = sum(_is_latin(letter[0]) for letter, _ in pieces)
    other = sum(letter[0].isalpha() and not _is_latin(letter[0]) and letter not in CLOSE for letter, _ in pieces)
    return latin > 2 * other


def _words(pieces: list[Piece]) -> Iterator[tuple[int, int]]:
    start = None
    for n, (letter, _) in enumerate([*pieces, (" ", 0)]):
        if letter.isalpha() and start is None:
            start = n
        elif not letter.isalpha() and start is not None:
            yield start, n
            start = None


def _is_mixed(letters: list[str]) -> bool:
    """Whether Latin letters and ones that pass for Latin stand in one word."""
    foreign = [letter for letter in letters if not _is_latin(letter[0])]
    return 0 < len(foreign) < len(letters) and all(letter in CLOSE for letter in foreign)


def _table_for(letters: list[str], is_disguised: bool) -> dict[str, str]:
    """What may be put right in a word of a Latin text: in a word that is partly Latin whatever passes for Latin, in another one only if all of it is
    identical to Latin; a single letter only where other words are mixed, for it may be a symbol."""
    if _is_mixed(letters):
        return CLOSE
    return IDENTICAL if (len(letters) > 1 or is_disguised) and all(letter in IDENTICAL for letter in letters) else {}
