"""A canary and the version before it on the same frames, as agents report them: counts from heartbeats, pictures of where they disagree."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from federated.contract.heartbeat import CanaryStatus
from portal.accounts.models import User
from portal.core import audit, media
from portal.sites.models import Agent
from portal.training.models import Canary, CanaryCamera, Compared, Disagreement
from portal.training.permissions import readable_sites

MOST_A_CAMERA, MOST_A_CANARY = 60, 300  # pictures: an agent keeps 40 for each of its starts
KEPT = datetime.timedelta(days=90)  # after the canary's end
COUNTED = ("both", "neither", "only_new", "only_old", "skipped")


class NoCanary(Exception):
    """The agent reports on a version that is no canary at its camera."""


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """What became of a picture that an agent reported. `full`: this canary takes no more."""

    fresh: bool = False
    full: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class CameraComparison:
    """One camera's two versions, summed over the starts of its agent; milliseconds are means over the frames compared."""

    camera: Any
    frames: int
    both: int
    neither: int
    only_new: int
    only_old: int
    skipped: int
    old_ms: float | None
    new_ms: float | None
    pictures: int
    ended: str

    @property
    def agree(self) -> float | None:
        """Share of the frames at which both agree; None before there are any."""
        return (self.both + self.neither) / self.frames if self.frames else None

    @property
    def agree_percent(self) -> float | None:
        """The same in percent, for people."""
        return None if self.agree is None else 100 * self.agree


def record_disagreement(*, agent: Agent, detector: str, sha256: str, snapshot: str, t: float, **scores: float) -> Taken:
    """Keep one disagreement that an agent reports; its picture follows by itself. Reporting it twice changes nothing. Raises NoCanary."""
    with transaction.atomic():
        found = CanaryCamera.objects.filter(camera=agent.camera_id, canary__ended=None, canary__model__detector=detector, canary__model__sha256=sha256)
        row = found.select_related("canary").first()
        if row is None:
            raise NoCanary(f"{detector} {sha256[:12]} is no canary at this camera")
        canary = Canary.objects.select_for_update().get(pk=row.canary_id)  # two agents must not fill the last place at once
        if row.disagreements.filter(snapshot=snapshot).exists():
            return Taken()
        if row.disagreements.count() >= MOST_A_CAMERA or Disagreement.objects.filter(row__canary=canary).count() >= MOST_A_CANARY:
            return Taken(full=True)
        media.claim([snapshot])
        Disagreement.objects.create(row=row, snapshot=snapshot, t=datetime.datetime.fromtimestamp(t, datetime.UTC), **scores)
    return Taken(fresh=True)


def record_counts(canary: Canary) -> None:
    """Keep what the last heartbeat of each camera's agents reports of this canary; call it every minute, and once more when it ends."""
    for row in canary.cameras.all():
        for agent in Agent.objects.filter(camera=row.camera_id, revoked=None):
            if (status := _reported(agent, canary)) is not None:
                counts = {name: getattr(status, name) for name in (*COUNTED, "old_ms", "new_ms", "before", "ended")}
                Compared.objects.update_or_create(row=row, agent=agent, began=status.began, defaults=counts)


def by_camera(canary: Canary, user: User | None = None) -> list[CameraComparison]:
    """The table: a row for each of the canary's cameras at the reader's sites (None: everywhere)."""
    found = canary.cameras.select_related("camera__site").prefetch_related("compared").annotate(pictures=Count("disagreements"))
    if user is not None:
        found = found.filter(camera__site__in=readable_sites(user))
    return [_row(each) for each in found]


def totals(canary: Canary) -> dict[str, int]:
    """Frames compared at all cameras, and those at which only one of the two raised an alarm."""
    found = Compared.objects.filter(row__canary=canary).aggregate(**{name: Sum(name) for name in COUNTED})
    sums = {name: found[name] or 0 for name in COUNTED}
    return {"frames": sum(sums[name] for name in COUNTED if name != "skipped"), "only_new": sums["only_new"], "only_old": sums["only_old"]}


def pictures(canary: Canary, user: User) -> QuerySet[Disagreement]:
    """What the two disagreed on, at the reader's sites, newest first."""
    found = Disagreement.objects.filter(row__canary=canary, row__camera__site__in=readable_sites(user))
    return found.select_related("row__camera__site").order_by("-t", "-pk")


def picture_of(user: User, canary: int, pk: int) -> Disagreement | None:
    """One of them, if the reader may see it and its picture is here."""
    found = Disagreement.objects.filter(pk=pk, row__canary=canary, row__camera__site__in=readable_sites(user)).first()
    return found if found is not None and found.here else None


def forget_old_pictures(now: datetime.datetime | None = None) -> int:
    """Delete the pictures of canaries that ended more than 90 days ago; returns how many. The counts stay."""
    with transaction.atomic():
        old = Disagreement.objects.filter(row__canary__ended__lt=(now or timezone.now()) - KEPT)
        names = set(old.values_list("snapshot", flat=True))
        gone = old.delete()[0]
        if gone:
            audit.record(actor="system", verb="model.trial_pictures_forgotten", subject="trials", data={"count": gone, "days": KEPT.days})
    media.release(names)
    return gone


def held(names: set[str]) -> set[str]:
    """Those of these files (sha256) that a canary still shows."""
    return set(Disagreement.objects.filter(snapshot__in=names).values_list("snapshot", flat=True))


def _row(row: CanaryCamera) -> CameraComparison:
    starts = list(row.compared.all())
    counts = {name: sum(getattr(each, name) for each in starts) for name in COUNTED}
    frames = sum(each.frames for each in starts)
    means = {name: sum(getattr(each, name) * each.frames for each in starts) / frames if frames else None for name in ("old_ms", "new_ms")}
    ended = max(starts, key=lambda each: each.began).ended if starts else ""
    return CameraComparison(row.camera, frames, **counts, **means, pictures=row.pictures, ended=ended)


def _reported(agent: Agent, canary: Canary) -> CanaryStatus | None:
    """What the agent's last heartbeat reports of this very version."""
    found = agent.heartbeat.trials.get(canary.model.detector) if agent.heartbeat else None
    return found if found is not None and found.sha256 == canary.model.sha256 else None
