"""What a camera can watch for: each kind of rule, what it is about, its numbers, and the check of what a person drew."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

MOST_SHAPES, MOST_POINTS = 40, 60


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """One parameter of a rule, with its unit and limits."""

    name: str
    label: Any
    default: float
    least: float
    most: float
    step: float


@dataclasses.dataclass(frozen=True, slots=True)
class RuleKind:
    """A kind of rule: `about` is "zone", "line" or "camera"; `mode` the least legal mode in which an agent carries it out."""

    kind: str
    label: Any
    about: str
    numbers: tuple[Number, ...] = ()
    mode: str = "M0"


AFTER, PAUSE = pgettext_lazy("rule", "after seconds"), pgettext_lazy("rule", "pause in seconds")
SCORE, LIKENESS = pgettext_lazy("rule", "from score"), pgettext_lazy("rule", "likeness needed (0: by the list)")
GAP, STRANGERS = pgettext_lazy("rule", "seconds apart"), pgettext_lazy("rule", "strangers taken for staff, %")
COOLDOWN = Number("cooldown_s", PAUSE, 10, 0, 3600, 1)
HOURS = (
    Number("open_from", pgettext_lazy("rule", "open to all from hour"), 0, 0, 24, 0.25),
    Number("open_to", pgettext_lazy("rule", "to hour (the same: never open)"), 0, 0, 24, 0.25),
    Number("open_days", pgettext_lazy("rule", "on so many days from Monday"), 7, 0, 7, 1),
)
SURE = (Number("fpir", STRANGERS, 1, 0.01, 20, 0.01), Number("threshold", LIKENESS, 0, 0, 0.99, 0.001))
KINDS = {
    each.kind: each
    for each in (
        RuleKind("person_in_zone", gettext_lazy("Person in the zone"), "zone", (Number("min_s", AFTER, 1, 0, 3600, 0.5), COOLDOWN)),
        RuleKind("loitering", gettext_lazy("Somebody stays"), "zone", (Number("min_s", AFTER, 30, 1, 7200, 1),)),
        RuleKind("object_left", gettext_lazy("Object left behind"), "zone", (Number("min_s", AFTER, 30, 1, 7200, 1),)),
        RuleKind("unknown_person", gettext_lazy("Unknown person (mode M1)"), "zone", (Number("min_s", AFTER, 2, 0, 600, 0.5), *HOURS, *SURE, COOLDOWN), "M1"),
        RuleKind("tailgating", gettext_lazy("Stranger behind somebody known (mode M1)"), "zone", (Number("gap_s", GAP, 4, 0, 60, 0.5), *SURE, COOLDOWN), "M1"),
        RuleKind("line_crossed", gettext_lazy("Count people who cross, both ways"), "line"),
        RuleKind("anomaly", gettext_lazy("Unusual movement"), "camera", (Number("threshold", SCORE, 0.5, 0.05, 1, 0.01), COOLDOWN)),
        RuleKind("camera_stale", gettext_lazy("No picture from the camera"), "camera", (Number("min_s", AFTER, 5, 1, 3600, 1),)),
        RuleKind("camera_tampered", gettext_lazy("Camera covered, blurred or turned away"), "camera"),
    )
}


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
    return Watching(masks, zones, lines, [_rule(each, zones, lines) for each in _list(document, "rules")])


def _rule(data: dict[str, Any], zones: dict[str, Any], lines: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS.get(str(data.get("kind")))
    if kind is None:
        raise ValidationError(_("There is no rule called %(kind)s.") % {"kind": str(data.get("kind"))[:40]})
    about = {"zone": zones, "line": lines}.get(kind.about)
    place = data.get(kind.about) if about is not None else None
    if about is not None and place not in about:
        raise ValidationError(_("The rule “%(rule)s” names a zone or line that is not there.") % {"rule": kind.label})
    numbers = {each.name: _number(data.get(each.name, each.default), each, kind) for each in kind.numbers}
    return {"kind": kind.kind, "zone": place if kind.about == "zone" else None, "line": place if kind.about == "line" else None, "parameters": numbers}


def _number(value: Any, number: Number, kind: RuleKind) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not number.least <= value <= number.most:
        told = {"rule": kind.label, "number": number.label, "least": number.least, "most": number.most}
        raise ValidationError(_("%(rule)s, %(number)s: a number from %(least)s to %(most)s.") % told)
    return value


def _list(document: dict[str, Any], name: str, *, dict_items: bool = True) -> list[Any]:
    found = document.get(name, [])
    if not isinstance(found, list) or len(found) > MOST_SHAPES * 4 or (dict_items and not all(isinstance(each, dict) for each in found)):
        raise ValidationError(_("%(name)s must be a list of at most %(n)d.") % {"name": name, "n": MOST_SHAPES * 4})
    return found


def _name(shape: dict[str, Any]) -> str:
    name = shape.get("name")
    if not isinstance(name, str) or not name.strip() or len(name.strip()) > 60 or "\x00" in name:
        raise ValidationError(_("Every zone and line needs a name of at most 60 letters."))
    return name.strip()


def _polygon(points: Any, name: str) -> list[list[float]]:
    if not isinstance(points, list) or not 3 <= len(points) <= MOST_POINTS:
        raise ValidationError(_("%(name)s needs at least three points and at most %(n)d.") % {"name": name, "n": MOST_POINTS})
    polygon = [_point(point, name) for point in points]
    if _area(polygon) < 1e-4:
        raise ValidationError(_("%(name)s has no area: pull its points apart.") % {"name": name})
    return polygon


def _area(polygon: list[list[float]]) -> float:
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def _point(point: Any, name: str) -> list[float]:
    if not isinstance(point, list | tuple) or len(point) != 2 or not all(type(each) in (int, float) and 0 <= each <= 1 for each in point):
        raise ValidationError(_("%(name)s has a point outside the picture.") % {"name": name})
    return [round(float(each), 5) for each in point]
