"""What the tool for machine-written posts shows: tables of accounts, posts and hidden characters, and posts with marks in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from detectors.messages import Message
from detectors.text.examined import ExaminedAccount, ExaminedPost
from detectors.text.hygiene import Removal
from detectors.text.machine import SURE, MachineText
from detectors.types import Evidence, MarkedTextEvidence, TableEvidence, TextSpan

MOST_ROWS, MOST_MARKED, MOST_SPANS, BEGINS = 200, 6, 10, 60
STANDS_OUT = 0.8  # deviations from no effect from which a word is marked
LONGEST_MARKED = 2000  # characters of a post that is shown
_TOKEN = re.compile(r"\S+")


def answer(probability: float | None) -> Message:
    """The words for a probability."""
    if probability is None:
        return Message("machine-text-cannot-say")
    return Message(f"machine-text-is-{ {'suspicious': 'machine', 'clear': 'person', 'unsure': 'unsure'}[band(probability)] }")


def band(probability: float) -> str:
    """The band of a verdict."""
    return "suspicious" if probability >= SURE else "clear" if probability <= 1 - SURE else "unsure"


def tables(examined: Sequence[ExaminedPost], accounts: Sequence[ExaminedAccount], machine: MachineText) -> list[Evidence]:
    """The tables there is something for."""
    found: list[Evidence] = []
    if any(each.name for each in accounts):
        found.append(_accounts(accounts, machine))
    columns = tuple(Message(f"machine-text-{name}") for name in ("row", "account", "begins", "probability", "answer"))
    rows = tuple(
        (each.post.row, each.post.account, _begin(each.clean.text), _percent(each.probability), each.outside or answer(each.probability))
        for each in examined[:MOST_ROWS]
    )
    found.append(TableEvidence("posts", Message("machine-text-table-posts", {"most": MOST_ROWS}), columns, rows))
    removals = [(each.post.row, removal) for each in examined for removal in each.clean.removals]
    if removals:
        columns = tuple(Message(f"machine-text-{name}") for name in ("row", "place", "found", "kind", "became"))
        rows = tuple((row, each.start + 1, each.name, Message(f"machine-text-{each.kind}"), each.put.strip("\n") or None) for row, each in removals[:MOST_ROWS])
        found.append(TableEvidence("hidden", Message("machine-text-table-hidden", {"most": MOST_ROWS}), columns, rows))
    return found


def marked(examined: Sequence[ExaminedPost], machine: MachineText) -> list[Evidence]:
    """The posts whose scores are furthest from undecided, with the words that moved them; and those with hidden characters, written out."""
    usable = [each for each in examined if each.probability is not None]
    furthest = sorted(usable, key=lambda each: -abs((each.probability or 0.5) - 0.5))[:MOST_MARKED]
    found: list[Evidence] = []
    for n, each in enumerate(furthest, 1):
        text = each.clean.text
        spans = moved_words(text, machine.characters_moved(text))
        found.append(MarkedTextEvidence(f"post-{n}", Message("machine-text-marked", {"row": each.post.row}), text, spans))
    disguised = [each for each in examined if each.clean.removals][:MOST_MARKED]
    for n, each in enumerate(disguised, 1):
        text, spans = written_out(each.post.text[:LONGEST_MARKED], [r for r in each.clean.removals if r.end <= LONGEST_MARKED])
        found.append(MarkedTextEvidence(f"hidden-{n}", Message("machine-text-shown", {"row": each.post.row}), text, spans))
    return found


def moved_words(text: str, moved: np.ndarray) -> tuple[TextSpan, ...]:
    """The words that moved the answer most, neighbours of one direction as one span, in the order of the text."""
    words = [(each.start(), each.end(), float(moved[each.start() : each.end()].sum())) for each in _TOKEN.finditer(text)]
    spread = float(np.sqrt(np.mean([value**2 for *_, value in words]))) if words else 0.0
    joined: list[tuple[int, int, float]] = []
    for start, end, value in words:
        if abs(value) <= STANDS_OUT * spread:
            continue
        if joined and (joined[-1][2] > 0) == (value > 0) and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end, joined[-1][2] + value)
        else:
            joined.append((start, end, value))
    strongest = sorted(joined, key=lambda each: -abs(each[2]))[:MOST_SPANS]
    words_for = {True: Message("machine-text-toward-machine"), False: Message("machine-text-toward-person")}
    return tuple(TextSpan(start, end, words_for[value > 0], round(value, 3)) for start, end, value in sorted(strongest))


def written_out(text: str, removals: Sequence[Removal]) -> tuple[str, tuple[TextSpan, ...]]:
    """The text with each hidden character written as its number, and a span over every character that was taken out or put right."""
    pieces, spans, size, at = [], [], 0, 0
    for each in (removal for removal in removals if removal.kind != "reversed"):
        if each.start < at:
            continue
        before = text[at : each.start]
        shown = each.found if each.put.strip() else "".join(f"⟦U+{ord(letter):04X}⟧" for letter in each.found)
        spans.append(TextSpan(size + len(before), size + len(before) + len(shown), Message(f"machine-text-{each.kind}")))
        pieces += [before, shown]
        size, at = size + len(before) + len(shown), each.end
    return "".join([*pieces, text[at:]]), tuple(spans)


def _accounts(accounts: Sequence[ExaminedAccount], machine: MachineText) -> TableEvidence:
    columns = tuple(Message(f"machine-text-{name}") for name in ("account", "examined", "probability", "answer", "wrongly"))
    rows = tuple(
        (each.name, len(each.posts), _percent(each.probability), answer(each.probability), _percent(machine.stage(len(each.posts)).false_alarms, 1))
        for each in accounts[:MOST_ROWS]
    )
    return TableEvidence("accounts", Message("machine-text-table-accounts"), columns, rows)


def _begin(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= BEGINS else f"{line[: BEGINS - 1]}…"


def _percent(value: float | None, digits: int = 0) -> Message | None:
    return None if value is None else Message("machine-text-percent" if not digits else "machine-text-percent-fine", {"share": value})
