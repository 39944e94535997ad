"""How an agent's certificate stands, as the inventory shows it."""

from __future__ import annotations

import dataclasses
import datetime

from django.utils.translation import gettext_lazy as _

from federated.trust.signing import fingerprint
from portal.sites.models import Agent
from portal.sites.worded import Worded

OVERDUE = 1 / 5  # of its life left: the agent renews it between a third and a quarter
WORDS = {
    "none": (_("no certificate yet"), "is-warning"),
    "good": (_("renews by itself"), "is-ok"),
    "asked": (_("new keys asked for"), ""),
    "overdue": (_("overdue: the agent has not renewed it"), "is-warning"),
    "expired": (_("expired: enrol again"), "is-alarm"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Standing(Worded):
    """The state of a certificate ("none", "good", "asked", "overdue", "expired"), its end, and the short name of the agent's key."""

    words = WORDS
    not_after: datetime.datetime | None
    key: str


def of(agent: Agent, now: datetime.datetime) -> Standing:
    """How this agent's certificate stands now."""
    return Standing(_name(agent, now), agent.certificate_not_after, fingerprint(agent.public_key))


def _name(agent: Agent, now: datetime.datetime) -> str:
    end, begin = agent.certificate_not_after, agent.certificate_issued
    if end is None or begin is None:
        return "asked" if agent.renew_asked else "none"
    if end <= now:
        return "expired"
    if agent.renew_asked:
        return "asked"
    return "overdue" if end - now < OVERDUE * (end - begin) else "good"
