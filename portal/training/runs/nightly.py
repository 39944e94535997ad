"""One task, each night: started when enough agents are idle and on mains power, given up when the night is over."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.alerts import kinds
from portal.alerts.models import Event
from portal.core import audit
from portal.core.periodic import for_each
from portal.sites import nodes, state
from portal.sites.models import Agent
from portal.training.models import Run, RunState, Schedule
from portal.training.permissions import require_at
from portal.training.runs import actions, terms
from portal.training.runs.plans import cameras, check_plan

PATIENCE_H = 5  # from the hour on: later it would not be night any more
CALM = datetime.timedelta(minutes=10)  # without an event that wants an eye
HOURS = range(24)


@transaction.atomic
def save(*, user: User, task: str, hour: int, enabled: bool, **plan: Any) -> Schedule:
    """Set the nightly run of a task. Raises ValidationError with a sentence when the plan cannot work."""
    require_at(user, cameras(plan.get("sites")))
    if hour not in HOURS:
        raise ValidationError(_("The hour must lie between 0 and 23."))
    chosen = check_plan(task, plan)
    if (before := Schedule.objects.filter(task=task).first()) is not None:
        require_at(user, cameras(before.plan.get("sites")))
    fields = {"plan": chosen, "hour": hour, "enabled": enabled, "by": user, "note": ""}
    schedule, _made = Schedule.objects.update_or_create(task=task, defaults=fields)
    audit.record(actor=user, verb="run.scheduled", subject=f"schedule:{schedule.pk}", data={"task": task, "hour": hour, "enabled": enabled, **chosen})
    return schedule


def start_due(now: datetime.datetime | None = None) -> list[Run]:
    """Start what this night asks for; returns the runs that were queued."""
    here = timezone.localtime(now)

    def start(schedule: Schedule) -> list[Run]:
        due = _late(schedule, here) <= PATIENCE_H and schedule.night != _night(schedule, here) and not _busy()
        return try_night(schedule.pk, here) if due else []

    return list(itertools.chain.from_iterable(for_each(Schedule.objects.filter(enabled=True), start)))


def idle(agents: list[Agent]) -> list[Agent]:
    """Those that may train now: live, nobody in view, nothing to report for a while, not on battery."""
    now = timezone.now()
    eventful = set(
        Event.objects.filter(camera__in=[agent.camera_id for agent in agents], t__gt=now - CALM, demo=False)
        .exclude(kind__in=kinds.without_alert())
        .values_list("camera", flat=True)
    )
    return [agent for agent in agents if agent.camera_id not in eventful and _calm(agent, now)]


@transaction.atomic
def try_night(pk: int, here: datetime.datetime) -> list[Run]:
    """Start the schedule's run if enough agents are idle; otherwise its note says what was missing."""
    schedule = Schedule.objects.select_for_update(of=("self",)).select_related("by").get(pk=pk)
    enrolled = Agent.objects.filter(revoked=None).exclude(node_id="")
    chosen = nodes.present(schedule.plan.get("sites") or ()) or [agent.node_id for agent in enrolled]
    asked = {"task": schedule.task, "privacy": schedule.plan.get("privacy", "none"), "epsilon": schedule.plan.get("epsilon", 0.0)}
    ready = [agent.node_id for agent in idle(list(enrolled)) if agent.node_id in chosen and not terms.of(agent).against(**asked)]
    least = int(schedule.plan["min_sites"])
    try:
        if len(ready) < least:
            raise ValidationError(_("%(have)d of the %(need)d cameras needed were idle and on mains power.") % {"have": len(ready), "need": least})
        run = actions.start_run(user=schedule.by, task=schedule.task, **{**schedule.plan, "sites": ready})
    except (ValidationError, PermissionDenied) as error:
        return _wait(schedule, here, " ".join(getattr(error, "messages", [str(error)])))
    schedule.night, schedule.note = _night(schedule, here), ""
    schedule.save(update_fields=["night", "note"])
    return [run]


def _wait(schedule: Schedule, here: datetime.datetime, why: str) -> list[Run]:
    """Try again until the night is over, then give it up with a row."""
    schedule.note = why[:300]
    if _late(schedule, here) == PATIENCE_H:
        schedule.night = _night(schedule, here)
        audit.record(actor="system", verb="run.night_skipped", subject=f"schedule:{schedule.pk}", data={"task": schedule.task, "reason": why})
    schedule.save(update_fields=["night", "note"])
    return []


def _late(schedule: Schedule, here: datetime.datetime) -> int:
    """Full hours since the last time the schedule's hour struck."""
    return (here.hour - schedule.hour) % 24


def _night(schedule: Schedule, here: datetime.datetime) -> datetime.date:
    """The day on which that was."""
    return (here - datetime.timedelta(hours=_late(schedule, here))).date()


def _busy() -> bool:
    return Run.objects.filter(state__in=(RunState.QUEUED, RunState.RUNNING)).exists()


def _calm(agent: Agent, now: datetime.datetime) -> bool:
    found = state.of(agent, now)
    return found.name == "live" and not found.people and not (agent.heartbeat and agent.heartbeat.mains is False)
