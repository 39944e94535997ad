"""What the floors below say of strategies and tasks, in the reader's language: they know no Django, so their English sentences are the catalogue's keys."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from federated.learning import plan, privacy
from federated.learning import task as tasks_of


def offered(sites: int, *, root: bool) -> list[dict[str, Any]]:
    """`federated.learning.plan.offered`, with each `why` translated."""
    return [{**each, "why": _why(each, sites)} for each in plan.offered(sites, root=root)]


def task(name: str) -> dict[str, str]:
    """A task's name, what it needs, and why it cannot be trained with local privacy (empty when it can)."""
    closed = privacy.why_not_local(name)
    return {"name": name, "needs": _(tasks_of.load(name).needs), "not_private": closed and _(closed)}


def _why(each: dict[str, Any], sites: int) -> str:
    strategy = plan.STRATEGIES[each["name"]]
    if each["works"]:
        return _(strategy.promise)
    return (
        _("needs at least %(n)d cameras that must answer") % {"n": strategy.least}
        if sites < strategy.least
        else _("needs a root set of this task at the portal")
    )
