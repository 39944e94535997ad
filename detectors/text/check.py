"""Were these posts written by a machine? A desk tool for English posts: each post, each account by its posts together, what was hidden and what counted."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from detectors import posts
from detectors.messages import Message
from detectors.posts import ROLES, PostedText, Posts
from detectors.registry import tool
from detectors.reports import names_in
from detectors.text import domain, hygiene, measures, show, show_changes
from detectors.text.check_words import WORDS
from detectors.text.examined import ExaminedAccount, ExaminedPost
from detectors.text.machine import SURE, MachineText, TextFeatures
from detectors.types import Evidence, ModelCard, Progress, Report, ReportField, ReportPart, Verdict

AT_ONCE = 100  # posts between two steps of the progress
MOST_POSTS, MOST_SIGNALS = 5000, 6


@tool("machine-text", family="text", media=("text", "table"), inputs=1, weights="machine-text-1", words=WORDS, columns=True)
class MachineTextCheck:
    """Machine-written posts."""

    def __init__(self, opened: Path, card: ModelCard, columns: Mapping[str, str] | None = None) -> None:
        self.card, self.machine, self.columns = card, MachineText(opened), columns

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """Posts, accounts, hidden characters and what moved the answer. Raises BadInput for a file without a text."""
        progress(0.02, Message("machine-text-reading"))
        read = posts.read(paths[0], MOST_POSTS, self.columns)
        examined, found = self._examined(read.each(), progress)
        progress(0.9, Message("machine-text-explaining"))
        accounts = self._accounts(examined)
        plain = {each.name for each in accounts if each.posts and each.probability is None}
        examined = [_without_answer(each) if each.post.account in plain and not each.outside else each for each in examined]
        changed = show_changes.changed(accounts)
        evidence: list[Evidence] = show_changes.evidence(changed, self.machine) + show.tables(examined, accounts, self.machine)
        evidence += show.marked(examined, self.machine)
        verdict, parts = (
            self._verdict(examined, accounts, show_changes.reason(changed)),
            (_posts_part(examined, read, accounts), *_hidden_part(examined), *self._signals_part(found)),
        )
        return Report(
            verdict,
            parts=parts,
            evidence=tuple(evidence),
            models={self.card.name: self.card.sha256},
            names=names_in((verdict, parts, evidence), read.accounts.tolist()),
        )

    def accounts(self, given: Sequence[PostedText], progress: Progress) -> list[ExaminedAccount]:
        """Each account's probability by these posts, None where nothing can be said of it; the likeliest first."""
        return self._accounts(self._examined(given, progress)[0])

    def _examined(self, posts: Sequence[PostedText], progress: Progress) -> tuple[list[ExaminedPost], list[TextFeatures]]:
        examined, measured = [], []
        for at in range(0, len(posts), AT_ONCE):
            part = [self._cleaned(post) for post in posts[at : at + AT_ONCE]]
            found = self.machine.features([each.clean.text for each in part if not each.outside])
            part, found = self._without_unlike(part, found)
            scores = iter(self.machine.unseen_score(found).tolist())
            examined += [each if each.outside else self._scored(each, next(scores)) for each in part]
            measured.append(found)
            progress(0.05 + 0.8 * len(examined) / len(posts), Message("machine-text-scoring"))
        return examined, measured

    def _cleaned(self, post: PostedText) -> ExaminedPost:
        clean = hygiene.clean(post.text)
        limits = self.card.thresholds
        return ExaminedPost(post, clean, domain.outside(clean.text, least=limits["least_characters"], rate=limits["least_characters_error"]))

    def _without_unlike(self, part: list[ExaminedPost], found: TextFeatures) -> tuple[list[ExaminedPost], TextFeatures]:
        """Set aside the posts most of whose letter runs were never met: another language, or no language."""
        unlike = found.style[:, measures.names().index("new-letters")] > self.card.thresholds["new_letters"]
        flags = iter(unlike.tolist())
        part = [each if each.outside or not next(flags) else dataclasses.replace(each, outside=Message("text-unlike")) for each in part]
        return part, TextFeatures(found.decisions[~unlike], found.style[~unlike])

    def _scored(self, each: ExaminedPost, score: float) -> ExaminedPost:
        return dataclasses.replace(each, score=score, probability=self.machine.probability([score]))

    def _accounts(self, examined: Sequence[ExaminedPost]) -> list[ExaminedAccount]:
        """Accounts by falling probability; all posts as one where no account is named. Without a link, name or tag in any post there is no probability."""
        by_name: dict[str, list[ExaminedPost]] = {}
        for each in examined:
            by_name.setdefault(each.post.account, []).extend([each] if each.score is not None else [])
        found = []
        for name, own in by_name.items():
            usable = any(domain.has_habits(each.clean.text) for each in own)
            scores = [each.score for each in own if each.score is not None]
            found.append(ExaminedAccount(name, tuple(own), self.machine.probability(scores) if usable else None))
        return sorted(found, key=lambda each: (-1.0 if each.probability is None else -each.probability - 1, each.name))

    def _verdict(self, examined: Sequence[ExaminedPost], accounts: Sequence[ExaminedAccount], changed: tuple[Message, ...]) -> Verdict:
        usable = [each for each in accounts if each.probability is not None]
        reasons = _set_aside(examined) + _hidden_reason(examined)
        if not usable:
            return Verdict(Message("machine-text-cannot-say"), None, SURE, "unsure", (*_why(examined), *reasons, Message("machine-text-limits")))
        first = usable[0]
        probability = first.probability or 0.0
        stage = self.machine.stage(len(first.posts))
        errs = Message("machine-text-errs", {"count": stage.posts, "error": stage.error, "false_alarms": stage.false_alarms, "found": stage.found})
        if len(usable) > 1 or first.name:
            flagged = sum((each.probability or 0.0) >= SURE for each in usable)
            label, shown = Message("machine-text-accounts", {"count": flagged, "all": len(usable)}), ()
        else:
            label = show.answer(probability)
            code = "machine-text-one" if len(first.posts) == 1 else "machine-text-together"
            shown = (Message(code, {"count": len(first.posts), "probability": probability}),)
        return Verdict(label, probability, SURE, show.band(probability), (*shown, errs, *changed, *reasons, Message("machine-text-limits")))

    def _signals_part(self, measured: Sequence[TextFeatures]) -> tuple[ReportPart, ...]:
        """What moved the answers, on average over the posts, strongest first."""
        found = TextFeatures(np.concatenate([each.decisions for each in measured]), np.concatenate([each.style for each in measured]))
        if not len(found.style):
            return ()
        each = self.machine.style_moved(found, measures.signals())
        moved = {name: float(np.mean([post[name] for post in each])) for name in measures.SIGNALS}
        moved["letters"] = float(self.machine.tables_moved(found).mean())
        strongest = sorted(moved.items(), key=lambda signal: -abs(signal[1]))[:MOST_SIGNALS]
        fields = (ReportField(name, Message(f"machine-text-signal-{name}"), Message("machine-text-moved", {"moved": value})) for name, value in strongest)
        return (ReportPart("signals", Message("machine-text-signals"), tuple(fields)),)


def _without_answer(each: ExaminedPost) -> ExaminedPost:
    return dataclasses.replace(each, outside=Message("text-plain"), score=None, probability=None)


def _posts_part(examined: Sequence[ExaminedPost], read: Posts, accounts: Sequence[ExaminedAccount]) -> ReportPart:
    fields = [
        ReportField("read-as", Message("machine-text-read-as"), Message(f"machine-text-how-{read.form}")),
        ReportField("given", Message("machine-text-given"), len(examined)),
        ReportField("examined", Message("machine-text-examined"), sum(each.outside is None for each in examined)),
    ]
    if named := sum(bool(each.name) for each in accounts):
        fields.append(ReportField("accounts", Message("machine-text-named-accounts"), named))
    fields += [ReportField(f"column-{role}", Message(f"posts-column-{role}"), read.columns.get(role)) for role in (ROLES if read.head else ())]
    fields += [ReportField("columns", Message("posts-columns"), read.head)] if read.head else []
    if read.dropped:
        fields.append(ReportField("dropped", Message("posts-dropped"), read.dropped))
    return ReportPart("posts", Message("machine-text-posts"), tuple(fields))


def _hidden_part(examined: Sequence[ExaminedPost]) -> tuple[ReportPart, ...]:
    counted = Counter(removal.kind for each in examined for removal in each.clean.removals)
    if not counted:
        return ()
    fields = tuple(ReportField(kind, Message(f"machine-text-{kind}"), counted[kind]) for kind in hygiene.KINDS if counted[kind])
    return (ReportPart("hidden", Message("machine-text-hidden"), fields),)


def _set_aside(examined: Sequence[ExaminedPost]) -> tuple[Message, ...]:
    count = sum(each.outside is not None for each in examined)
    return (Message("machine-text-set-aside", {"count": count}),) if count and len(examined) > 1 else ()


def _why(examined: Sequence[ExaminedPost]) -> tuple[Message, ...]:
    """The reasons for which nothing can be said, each once, the frequent ones first; at most four."""
    reasons = {each.outside.code: each.outside for each in examined if each.outside}
    counted = Counter(each.outside.code for each in examined if each.outside)
    return tuple(reasons[code] for code, _ in counted.most_common(4))


def _hidden_reason(examined: Sequence[ExaminedPost]) -> tuple[Message, ...]:
    """How many characters were hidden or disguised; unusual spaces are typed by many keyboards and do not count."""
    count = sum(removal.kind != "space" for each in examined for removal in each.clean.removals)
    return (Message("machine-text-hidden-found", {"count": count}),) if count else ()
