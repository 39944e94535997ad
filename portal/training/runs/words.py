"""What the floors below say of strategies and tasks, in the reader's language: they know no Django, so their English sentences are the catalogue's keys."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _n

from federated.learning import plan, privacy
from federated.learning import task as tasks_of

TITLES = {
    "anomaly": _n("What is unusual in the picture"),
    "face_adapter": _n("Recognising small faces at the doors"),
    "object_head": _n("Which alerts are false alarms"),
    "fedavg": _n("Plain mean of the cameras"),
    "trimmed-mean": _n("Mean without the extremes"),
    "median": _n("Middle value of the cameras"),
    "krum": _n("Mean of those nearest to each other"),
    "bulyan": _n("Nearest to each other, then the middle"),
    "fedprox": _n("Plain mean, cameras held near it"),
    "fedadam": _n("Many small steps"),
    "fltrust": _n("Trust by the portal's own footage"),
    "fine-tune": _n("Each camera goes on with its own footage"),
    "last-layer": _n("Each camera fits its last layer"),
    "none": _n("The same for every camera"),
}


def title(name: str) -> str:
    """What a task, strategy or way is called in plain words; a name that has none stands for itself."""
    return str(_(TITLES[name])) if name in TITLES else name


def personal_ways() -> list[dict[str, str]]:
    """What may become of the shared weights at a camera, best first."""
    return [{"name": name, "title": title(name), "why": _(why)} for name, why in plan.PERSONAL.items()]


def offered(sites: int, *, root: bool) -> list[dict[str, Any]]:
    """`federated.learning.plan.offered`, with each `why` translated."""
    return [{**each, "title": title(each["name"]), "why": _why(each, sites)} for each in plan.offered(sites, root=root)]


def task(name: str) -> dict[str, str]:
    """A task's name, what it needs, and why it cannot be trained with local privacy (empty when it can)."""
    closed = privacy.why_not_local(name)
    return {"name": name, "title": title(name), "needs": _(tasks_of.load(name).needs), "not_private": closed and _(closed)}


def _why(each: dict[str, Any], sites: int) -> str:
    strategy = plan.STRATEGIES[each["name"]]
    if each["works"]:
        return _(strategy.promise)
    return (
        _("needs at least %(n)d cameras that must answer") % {"n": strategy.least}
        if sites < strategy.least
        else _("needs a root set of this task at the portal")
    )
