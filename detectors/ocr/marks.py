"""Lines that are there and yet no part of what a picture has to say: another script, nothing sure, marks of origin, a screen's clock, small print."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

REASONS = ("script", "unsure", "mark", "small")
UNREAD = ("script", "unsure")
DOMAINS = "com|net|org|co|tv|me|info|it|eu"
MARK = re.compile(
    rf"""^\W*(?:
        (?:https?://|www\.)?[\w.&-]+\.(?:{DOMAINS})(?:/\S*)?   # a web address
        | @\w+                                                  # an account
        | (?:mon|tue|wed|thu|fri|sat|sun)?\w*\s*\d{{1,2}}:\d{{2}}\s*(?:[ap]m)?.{{0,14}}  # a screen's clock
        | \d{{1,3}}\s?%                                         # its battery
        | \d{{0,3}}                                             # a number of a list or a scale, or no letter at all
    )\W*$""",
    re.IGNORECASE | re.VERBOSE,
)


class SeenLine(Protocol):
    """What is to be seen of a line here."""

    text: str
    chance: float

    @property
    def length(self) -> float: ...

    @property
    def height(self) -> float: ...


def left_out(lines: Sequence[SeenLine], thresholds: Mapping[str, float]) -> list[str]:
    """For each line why it is no part of the text, one of REASONS, or "".

    "script": hardly a character for its length (the net is silent on letters it was not taught); "unsure": below the chance of `line`; "mark"; "small": few
    words in letters much smaller than those of most of the text.
    """
    reasons = [_alone(line, thresholds) for line in lines]
    main = _main_height([line for line, reason in zip(lines, reasons, strict=True) if not reason])
    return [reason or ("small" if _is_small(line, main, thresholds) else "") for line, reason in zip(lines, reasons, strict=True)]


def _alone(line: SeenLine, thresholds: Mapping[str, float]) -> str:
    letters = sum(not letter.isspace() for letter in line.text)
    sure = bool(letters) and line.chance >= thresholds["line"]
    if letters < thresholds["letters" if sure else "letters_unsure"] * line.length / line.height:
        return "script"
    if not sure:
        return "unsure"
    return "mark" if MARK.match(line.text) else ""


def _is_small(line: SeenLine, main: float, thresholds: Mapping[str, float]) -> bool:
    return line.height < thresholds["small"] * main and len(line.text.split()) <= thresholds["small_words"]


def _main_height(lines: Sequence[SeenLine]) -> float:
    """The height of the letters in the middle of the text, by their height; 0 without text."""
    left = sum(len(line.text) for line in lines) / 2
    for line in sorted(lines, key=lambda each: each.height):
        left -= len(line.text)
        if left <= 0:
            return line.height
    return 0.0
