"""The check of what a person drew for a camera to watch for, and the words of its rules; the kinds themselves lie in `detectors/rules/`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.formats import localize
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from detectors.messages import Words
from detectors.rules import registry
from detectors.rules.numbers import RuleNumber, in_language
from detectors.rules.registry import RuleKind
from portal.core.secrets import refuse_secret
from portal.core.severity import Severity

MOST_SHAPES, MOST_POINTS = 40, 60


@dataclasses.dataclass(frozen=True, slots=True)
class Watching:
    """All that a camera watches for, as a page or a program sends it; checked."""

    masks: list[list[list[float]]]
    zones: dict[str, list[list[float]]]
    lines: dict[str, tuple[list[float], list[float]]]
    rules: list[dict[str, Any]]


def read(document: Any) -> Watching:
    """Check a whole document `{masks, zones, lines, rules}`. Raises ValidationError with one sentence for the first thing that is wrong."""
    if not isinstance(document, dict):
        raise ValidationError(_("The zones must come as an object with masks, zones, lines and rules."))
    zones = {_name(each): _polygon(each.get("polygon"), _name(each)) for each in _list(document, "zones")}
    lines = {_name(each): (_point(each.get("a"), _name(each)), _point(each.get("b"), _name(each))) for each in _list(document, "lines")}
    masks = [_polygon(each, _("Mask")) for each in _list(document, "masks", dict_items=False)]
    for what, named in (("zones", zones), ("lines", lines)):
        if len(named) != len(_list(document, what)):
            raise ValidationError(_("Two zones or two lines have the same name."))
    for name, (a, b) in lines.items():
        if math.dist(a, b) < 0.01:
            raise ValidationError(_("The line %(name)s is too short.") % {"name": name})
    rules = [_rule(each, zones, lines) for each in _list(document, "rules")]
    _check_companions(rules)
    return Watching(masks, zones, lines, rules)


def in_words(words: Words) -> str:
    """Words of a rule kind in the reader's language."""
    return in_language(words, get_language() or "en")


def label_of(kind: str) -> str:
    """A rule's name in the reader's language; a kind that this portal does not have by its own name."""
    found = registry.kinds().get(kind)
    return in_words(found.label) if found else kind.replace("_", " ")


def numbers_in_words(kind: str, parameters: dict[str, Any]) -> list[str]:
    """A rule's numbers as a list shows them; those that were left as they come and have no short words are left out."""
    found = registry.kinds().get(kind)
    numbers = {number.name: number for number in found.numbers} if found else {}
    shown = {name: value for name, value in parameters.items() if name not in numbers or numbers[name].short or value != numbers[name].default}
    return [_shown(name, value, numbers.get(name)) for name, value in shown.items()]


def _shown(name: str, value: Any, number: RuleNumber | None) -> str:
    if number is None:
        return f"{name} {localize(value)}"
    return in_words(number.short).format(value=localize(value)) if number.short else f"{in_words(number.label)}: {localize(value)}"


def _rule(data: dict[str, Any], zones: dict[str, Any], lines: dict[str, Any]) -> dict[str, Any]:
    kind = registry.kinds().get(str(data.get("kind")))
    if kind is None:
        raise ValidationError(_("There is no rule called %(kind)s.") % {"kind": str(data.get("kind"))[:40]})
    about = {"zone": zones, "line": lines}.get(kind.about)
    place = data.get(kind.about) if about is not None else None
    if about is not None and not (isinstance(place, str) and place in about):
        raise ValidationError(_("The rule “%(rule)s” names a zone or line that is not there.") % {"rule": in_words(kind.label)})
    numbers = {each.name: _number(data.get(each.name, each.default), each, kind) for each in kind.numbers}
    places = {about: place if kind.about == about else None for about in ("zone", "line")}
    return {"kind": kind.name, **places, "parameters": numbers, "severity": _severity(data.get("severity", kind.severity), kind)}


def _check_companions(rules: list[dict[str, Any]]) -> None:
    """A rule that opens no door of its own is no use where no face is compared, and must not seem to be one."""
    kinds = registry.kinds()
    doors = {rule["zone"] for rule in rules if kinds[rule["kind"]].compares_faces}
    for rule in rules:
        if kinds[rule["kind"]].companion and rule["zone"] not in doors:
            others = " / ".join(in_words(kind.label) for kind in kinds.values() if kind.compares_faces)
            words = _("“%(rule)s” does nothing in the zone %(zone)s, because no faces are compared there. Untick it, or tick there as well: %(others)s.")
            raise ValidationError(words % {"rule": label_of(rule["kind"]), "zone": rule["zone"], "others": others})


def _severity(value: Any, kind: RuleKind) -> int:
    if type(value) is not int or value not in Severity.values:
        raise ValidationError(_("%(rule)s: the severity is 1 (low), 2 (medium) or 3 (high).") % {"rule": in_words(kind.label)})
    return value


def _number(value: Any, number: RuleNumber, kind: RuleKind) -> float:
    try:
        return number.read(value)
    except ValueError as error:
        texts = {"rule": in_words(kind.label), "number": in_words(number.label), "least": number.least, "most": number.most}
        raise ValidationError(_("%(rule)s, %(number)s: a number from %(least)s to %(most)s.") % texts) from error


def _list(document: dict[str, Any], name: str, *, dict_items: bool = True) -> list[Any]:
    found = document.get(name, [])
    if not isinstance(found, list) or len(found) > MOST_SHAPES * 4 or (dict_items and not all(isinstance(each, dict) for each in found)):
        raise ValidationError(_("%(name)s must be a list of at most %(n)d.") % {"name": name, "n": MOST_SHAPES * 4})
    return found


def _name(shape: dict[str, Any]) -> str:
    name = shape.get("name")
    if not isinstance(name, str) or not name.strip() or len(name.strip()) > 60 or "\x00" in name:
        raise ValidationError(_("Every zone and line needs a name of at most 60 letters."))
    return refuse_secret(name.strip())


def _polygon(points: Any, name: str) -> list[list[float]]:
    if not isinstance(points, list) or not 3 <= len(points) <= MOST_POINTS:
        raise ValidationError(_("%(name)s needs at least three points and at most %(n)d.") % {"name": name, "n": MOST_POINTS})
    polygon = [_point(point, name) for point in points]
    if (found := crossing(polygon)) is not None:
        corners = dict(zip("abcd", found, strict=True))
        words = _("%(name)s crosses itself: the edge between corners %(a)d and %(b)d cuts the one between %(c)d and %(d)d. Drag one of these corners across.")
        raise ValidationError(words % {"name": name, **corners})
    if _area(polygon) < 1e-4:
        raise ValidationError(_("%(name)s has no area: pull its points apart.") % {"name": name})
    return polygon


def crossing(polygon: Sequence[Sequence[float]]) -> tuple[int, int, int, int] | None:
    """The corners, counted from 1, of the first two edges that cross each other; None when the outline is simple."""
    n = len(polygon)
    for i in range(n):
        for j in range(i + 2, n - (i == 0)):  # neighbours share a corner
            a, b, c, d = polygon[i], polygon[i + 1], polygon[j], polygon[(j + 1) % n]
            if _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0:
                return i + 1, i + 2, j + 1, (j + 1) % n + 1
    return None


def _side(p: Sequence[float], q: Sequence[float], r: Sequence[float]) -> int:
    turn = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    return (turn > 1e-12) - (turn < -1e-12)


def _area(polygon: list[list[float]]) -> float:
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def _point(point: Any, name: str) -> list[float]:
    if not isinstance(point, list | tuple) or len(point) != 2 or not all(type(each) in (int, float) and 0 <= each <= 1 for each in point):
        raise ValidationError(_("%(name)s has a point outside the picture.") % {"name": name})
    return [round(float(each), 5) for each in point]
