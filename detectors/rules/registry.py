"""One decorator makes a class a rule kind; every file of this folder is found by itself."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from typing import Any

from detectors import rules as folder
from detectors.messages import Words
from detectors.rules.numbers import RuleNumber, check_words

ABOUT = ("zone", "line", "camera")
NOT_LIVE_FACE = "not_live_face"  # the rule that also has the agent look whether a face is live
TWICE = "same_person_twice"  # nor this: one name for two faces in one picture
RECOGNISED = "recognised"  # events that no rule makes: somebody of the staff list at a door; its data name the person
_kinds: dict[str, RuleKind] = {}
_discovered = False


@dataclasses.dataclass(frozen=True, slots=True)
class RuleKind:
    """What the decorator wrote down. `label` names the rule in forms, `event` what it makes in lists of alerts."""

    name: str
    build: type
    label: Words
    event: Words
    about: str  # "zone", "line" or "camera": what a rule of this kind is drawn for
    numbers: tuple[RuleNumber, ...]
    alert: bool  # whether its events want a person's eye; else they are counted
    person: str  # the key in an event's data that holds the id of somebody on the staff list; "": it names nobody
    mode: str  # the least legal mode in which it may work; from M1 on it needs faces
    order: int  # its place in forms and lists
    severity: int  # of its alerts, unless the rule's own is chosen: 1 low, 2 medium, 3 high
    placed: bool  # whether it means places or movements in the picture: then it says nothing while the camera looks elsewhere
    companion: bool  # whether it opens no door of its own: it works only in a zone where another rule compares faces
    help: Words | None  # what a person should read before ticking it

    @property
    def needs_faces(self) -> bool:
        """Whether it works only where faces are compared."""
        return self.mode != "M0"

    @property
    def compares_faces(self) -> bool:
        """Whether faces in its zone are compared with the staff list because of it."""
        return self.needs_faces and not self.companion

    def values(self, given: Mapping[str, Any]) -> dict[str, float]:
        """Every number of the kind, from what is given or by default. Raises ValueError for one outside its limits; what is no number of it is left out."""
        return {number.name: number.read(given.get(number.name, number.default)) for number in self.numbers}


def rule_kind(
    name: str,
    *,
    label: Words,
    about: str,
    event: Words | None = None,
    numbers: tuple[RuleNumber, ...] = (),
    alert: bool = True,
    person: str = "",
    mode: str = "M0",
    order: int = 100,
    severity: int = 2,
    placed: bool = True,
    companion: bool = False,
    help: Words | None = None,
) -> Callable[[type], type]:
    """Register a class as the rule kind `name`. Raises ValueError for two of one name, and for what no page could show."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or about not in ABOUT or mode not in ("M0", "M1") or severity not in (1, 2, 3):
        raise ValueError(f"the rule kind {name!r}: small letters, digits and _ only, about {', '.join(ABOUT)}, mode M0 or M1, severity 1 to 3")
    for words in (label, event or label, help or label):
        check_words(f"the rule kind {name!r}", words)

    def register(build: type) -> type:
        if name in _kinds and _kinds[name].build.__module__ != build.__module__:
            raise ValueError(f"two rule kinds are called {name!r}: {_kinds[name].build.__module__} and {build.__module__}")
        _kinds[name] = RuleKind(name, build, label, event or label, about, numbers, alert, person, mode, order, severity, placed, companion, help)
        return build

    return register


def kinds() -> dict[str, RuleKind]:
    """Every rule kind by name, in the order of forms and lists."""
    if not _discovered:
        discover()
    return {kind.name: kind for kind in sorted(_kinds.values(), key=lambda kind: (kind.order, kind.name))}


def discover() -> None:
    """Import every file of the folder; the decorators fill the table."""
    global _discovered
    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{module.name}")
    _discovered = True


def raises_alert(kind: str) -> bool:
    """Whether events of this kind want a person's eye; of a kind that this version has no rule for, they do."""
    return kind != RECOGNISED and (kind not in kinds() or kinds()[kind].alert)


def severity_of(kind: str) -> int:
    """How much an alert of this kind matters unless its rule says otherwise: 1 low, 2 medium, 3 high; medium for a kind that this version lacks."""
    return kinds()[kind].severity if kind in kinds() else 2


def naming() -> dict[str, str]:
    """The kinds of events that name somebody on the staff list: kind -> the key in their data that holds the person's id."""
    return {RECOGNISED: "person", TWICE: "person", **{kind.name: kind.person for kind in kinds().values() if kind.person}}


def withdraw(name: str) -> None:
    """Forget a kind: for those that come and go, as in a test."""
    _kinds.pop(name, None)
