"""What the cameras of a canary showed, next to their own time before and next to the cameras that stayed with the version before."""

from __future__ import annotations

import dataclasses
import datetime
import statistics

from django.db.models import QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.alerts import kinds
from portal.alerts.models import Alert, Event
from portal.core.periodic import for_each
from portal.sites.models import Agent
from portal.training.models import Canary, ModelOutcome, Sample
from portal.training.permissions import readable_sites
from portal.training.rollout import canary_comparison
from portal.training.rollout.canary_limits import Figures, Limit, limits

BEFORE = datetime.timedelta(hours=24)
FAILED = ("refused", "failed")
SHOWN = 24


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time of one camera."""

    camera: int
    since: datetime.datetime
    until: datetime.datetime

    @property
    def hours(self) -> float:
        """Its length; nothing when it ends before it begins."""
        return max(0.0, (self.until - self.since).total_seconds() / 3600)


def limits_of(canary: Canary) -> dict[str, Limit]:
    """Every figure of a canary within its limits."""
    return limits(before(canary), during(canary))


def before(canary: Canary) -> Figures:
    """The canary's cameras in the day before it began, as far back as their agents go."""
    return _figures([_day_before(row.camera_id, canary.began) for row in canary.cameras.all()])


def during(canary: Canary) -> Figures:
    """The canary's cameras since each of them has run the version."""
    until = canary.ended or timezone.now()
    found = _figures([Span(row.camera_id, row.installed, until) for row in canary.cameras.all() if row.installed])
    cameras = [row.camera_id for row in canary.cameras.all()]
    failed = ModelOutcome.objects.filter(agent__camera__in=cameras, sha256=canary.model.sha256, outcome__in=FAILED, t__gte=canary.began, t__lte=until)
    compared = canary_comparison.totals(canary)
    return dataclasses.replace(
        found,
        failures=failed.values("agent").distinct().count(),
        compared=compared["frames"],
        only_new=compared["only_new"],
        only_old=compared["only_old"],
    )


def others(canary: Canary) -> tuple[Figures, Figures]:
    """The cameras that are not the canary's: in the day before, and meanwhile."""
    cameras = Agent.objects.filter(revoked=None).exclude(camera__in=canary.cameras.values("camera")).values_list("camera_id", flat=True).distinct()
    until = canary.ended or timezone.now()
    return _figures([_day_before(each, canary.began) for each in cameras]), _figures([Span(each, canary.began, until) for each in cameras])


def alerts(canary: Canary, user: User) -> QuerySet[Alert]:
    """What the canary's cameras raised meanwhile, at the reader's sites, newest first; not what the house raised about itself."""
    until = canary.ended or timezone.now()
    found = Alert.objects.filter(camera__in=canary.cameras.values("camera"), camera__site__in=readable_sites(user), last_t__gte=canary.began, opened__lte=until)
    return found.exclude(kind__in=kinds.HOUSE).select_related("camera__site").order_by("-last_t")[:SHOWN]


def take_samples() -> int:
    """Keep one minute of every agent that called in it, and forget what is older than any canary looks at. Returns how many were kept."""
    now = timezone.now()
    present = Agent.objects.filter(revoked=None, last_seen__gt=now - datetime.timedelta(seconds=60))
    rows = for_each(present, _sample)
    Sample.objects.bulk_create(rows)
    longest = Canary.objects.filter(ended=None).order_by("began").values_list("began", flat=True).first() or now
    Sample.objects.filter(t__lt=longest - BEFORE - datetime.timedelta(hours=1)).delete()
    return len(rows)


def _sample(agent: Agent) -> Sample:
    if (heartbeat := agent.heartbeat) is None:
        return Sample(agent=agent)
    camera = heartbeat.camera
    latency_ms = sum(camera.stages_ms.values()) if camera.stages_ms else None
    return Sample(agent=agent, started=heartbeat.started, latency_ms=latency_ms, fps=camera.fps, dropped=camera.dropped)


def _day_before(camera: int, began: datetime.datetime) -> Span:
    """The day before, or as much of it as the camera has had an agent."""
    first = Agent.objects.filter(camera=camera).order_by("enrolled").values_list("enrolled", flat=True).first() or began
    return Span(camera, max(first, began - BEFORE), began)


def _figures(spans: list[Span]) -> Figures:
    alerting, restarts, latencies = 0, 0, list[float]()
    for span in spans:
        alerting += Event.objects.filter(camera=span.camera, t__gte=span.since, t__lt=span.until).exclude(kind__in=kinds.without_alert()).count()
        samples = list(Sample.objects.filter(agent__camera=span.camera, t__gte=span.since, t__lt=span.until).values_list("started", "latency_ms"))
        restarts += max(0, len({started for started, _ in samples if started is not None}) - 1)
        latencies += [ms for _, ms in samples if ms is not None]
    median = statistics.median(latencies) if latencies else None
    return Figures(sum(span.hours for span in spans), alerting, restarts, median, len(latencies))
