"""How often a door gives a stranger a name, measured on that very door: strangers counted by its agent, recognitions verified by two people."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detectors.errors import BadInput
from detectors.faces import identify
from detectors.rules import registry
from federated.contract.heartbeat import DoorStatus
from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.accounts.queries import sites_of
from portal.core import audit
from portal.core.periodic import for_each
from portal.people.models import DoorDay, Person, Recognition, RecognitionVerdict
from portal.sites import actions, rules
from portal.sites.models import Agent, Camera, LegalMode, Site

PERIOD = datetime.timedelta(days=30)
KEPT = datetime.timedelta(days=90)
BINS = 200  # of the agent's histogram, from -1 to 1
NEEDED = 300  # scores of strangers below which no threshold is chosen
WANTED = 0.01  # share of strangers that may get a name


@dataclasses.dataclass(frozen=True, slots=True)
class DoorMeasurement:
    """One door over the last 30 days. `rate` is the share of strangers who got a name, `low` to `high` its 95 % interval; None before anything was verified.

    `strangers` are visits called unknown; of `recognitions`, `verified` ones have a verdict, `wrong` of them the wrong one.
    """

    camera: Camera
    people: int
    strangers: int
    recognitions: int
    verified: int
    wrong: int
    scores: np.ndarray
    threshold: float | None
    own: float

    @property
    def counted(self) -> int:
        """Strangers the rate is about: unknown visits, in the share in which recognitions were verified, and those who got a name."""
        return round(self.strangers * self.verified / self.recognitions) + self.wrong if self.recognitions else self.strangers

    @property
    def rate(self) -> float | None:
        """The measured false match rate of the door."""
        return self.wrong / self.counted if self.counted and (self.verified or not self.recognitions) else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Clopper and Pearson (1934)."""
        return identify.rate_interval(self.wrong, self.counted) if self.rate is not None else None

    @property
    def needed(self) -> int:
        """Scores of strangers that a threshold of the door's own asks for."""
        return NEEDED

    @property
    def missing(self) -> int:
        """Recognitions that must be verified first: without them nobody knows which of the high scores were strangers'."""
        return self.recognitions - self.verified


def count(now: datetime.datetime | None = None) -> int:
    """Add to today's counts what the doors' agents counted since the last look; returns how many doors said anything."""
    now = now or timezone.now()
    agents = Agent.objects.filter(revoked=None, camera__legal_mode=LegalMode.M1, last_seen__gt=now - datetime.timedelta(minutes=2)).select_related("camera")
    return sum(for_each(agents, lambda agent: _add(agent, timezone.localdate(now))))


def forget_old() -> None:
    """Counts older than 90 days tell nothing of a door that has changed since."""
    DoorDay.objects.filter(day__lt=timezone.localdate() - KEPT).delete()


def measured(user: User) -> list[DoorMeasurement]:
    """Every restricted door of the reader's sites."""
    cameras = Camera.objects.filter(site__in=sites_of(user, Role.MANAGER), legal_mode=LegalMode.M1).select_related("site").order_by("site__name", "name")
    return [measure(camera) for camera in cameras]


def measure(camera: Camera, now: datetime.datetime | None = None) -> DoorMeasurement:
    """One door. Scores count for the list's size of today only: a longer list makes other scores."""
    since = (now or timezone.now()) - PERIOD
    days = list(DoorDay.objects.filter(camera=camera, day__gte=since.date()))
    verdicts = list(Recognition.objects.filter(camera=camera, started__gte=since).values_list("verdict", "score"))
    wrong = [score for verdict, score in verdicts if verdict == RecognitionVerdict.WRONG]
    verified = sum(verdict in (RecognitionVerdict.RIGHT, RecognitionVerdict.WRONG) for verdict, _score in verdicts)
    door = _door(Agent.objects.filter(camera=camera, revoked=None).order_by("-enrolled").first())
    people = door.people if door else days[0].people if days else 0
    below = [_scores(day.scores) for day in days if day.people == people]
    scores = np.concatenate([*below, np.asarray(wrong, float)]) if below or wrong else np.zeros(0)
    threshold = door.threshold if door else None
    own = max((float(rule.parameters.get("threshold") or 0) for rule in camera.rules.filter(enabled=True, kind__in=_face_rules())), default=0.0)
    strangers = sum(day.strangers for day in days)
    return DoorMeasurement(camera, people, strangers, len(verdicts), verified, len(wrong), scores, threshold, own)


def recalibrate(*, user: User, camera: Camera) -> float:
    """Give the door a threshold from its own strangers, for 1 % of them; returns it. Raises ValidationError that says what is missing."""
    require_role(user, camera.site, Role.MANAGER)
    found = measure(camera)
    if found.missing:
        words = _("%(n)s recognitions of this door are not verified yet: without them nobody knows which of the high scores were strangers'.")
        raise ValidationError(words % {"n": found.missing})
    if len(found.scores) < NEEDED:
        raise ValidationError(_("%(have)s of at least %(need)s strangers' scores: too few to promise a rate.") % {"have": len(found.scores), "need": NEEDED})
    try:
        threshold, interval = identify.calibrate(found.scores, fpir=WANTED)
    except BadInput as error:
        raise ValidationError(str(error)) from error
    threshold = round(min(0.99, max(0.001, threshold)), 3)
    with transaction.atomic():
        _write(user, camera, threshold)
        data = {"threshold": threshold, "scores": len(found.scores), "fpir": WANTED, "interval": [round(each, 5) for each in interval]}
        audit.record(actor=user, verb="door.recalibrated", subject=f"camera:{camera.pk}", site=camera.site.slug, data=data)
    return threshold


def by_list(*, user: User, camera: Camera) -> None:
    """Back to the threshold that follows from the length of the staff list and the size of the faces."""
    require_role(user, camera.site, Role.MANAGER)
    with transaction.atomic():
        _write(user, camera, 0)
        audit.record(actor=user, verb="door.recalibrated", subject=f"camera:{camera.pk}", site=camera.site.slug, data={"threshold": 0, "by": "list"})


def _write(user: User, camera: Camera, threshold: float) -> None:
    watching = actions.watching_of(camera)
    changed = [{**rule, "threshold": threshold} if rule["kind"] in _face_rules() else rule for rule in watching["rules"]]
    if not any(rule["kind"] in _face_rules() for rule in watching["rules"]):
        raise ValidationError(_("This door has no rule about faces: draw one on the camera's page."))
    actions.save_watching(user=user, camera_id=camera.pk, watching=rules.read({**watching, "rules": changed}))


def _add(agent: Agent, day: datetime.date) -> bool:
    door = _door(agent)
    if door is None:
        return False
    scores = {name: count_ for name, count_ in door.scores.items() if int(name) < BINS}
    now = {"agent": str(agent.pk), "strangers": door.visits.get("unknown", 0), "scores": scores}
    with transaction.atomic():
        Camera.objects.select_for_update(no_key=True).get(pk=agent.camera_id)
        before = DoorDay.objects.filter(camera=agent.camera).order_by("-day", "-pk").first()
        row, _made = DoorDay.objects.get_or_create(camera=agent.camera, day=day, people=door.people)
        earlier = before.last if before and before.last.get("agent") == now["agent"] else {}
        row.strangers += _more(now["strangers"], earlier.get("strangers", 0))
        # a list of another length starts a new histogram at the agent; so does a restart, and then there are fewer than before
        counted = earlier.get("scores", {}) if before and before.people == row.people else {}
        anew = sum(scores.values()) < sum(counted.values())
        for name, count_ in scores.items():
            row.scores[name] = row.scores.get(name, 0) + (count_ if anew else _more(count_, counted.get(name, 0)))
        row.last = now
        row.save()
    return True


def _more(now: int, before: int) -> int:
    return now - before if now >= before else now


def _door(agent: Agent | None) -> DoorStatus | None:
    """What the agent's heartbeat reported of its door."""
    return agent.heartbeat.door if agent and agent.heartbeat else None


def _scores(histogram: dict[str, int]) -> np.ndarray:
    """The middles of the bins, as often as they were counted."""
    names = sorted(int(name) for name in histogram)
    return np.repeat([(name + 0.5) / BINS * 2 - 1 for name in names], [histogram[str(name)] for name in names])


def _face_rules() -> list[str]:
    return [kind.name for kind in registry.kinds().values() if any(number.name == "threshold" for number in kind.numbers) and kind.needs_faces]


def face_log_of(camera: Camera) -> dict[str, int]:
    """The face log's `rows` of this door, and how many people of the staff list are enrolled for it and `only` for it."""
    here = Person.objects.filter(revoked=None, doors=camera)
    only = sum(set(person.doors.values_list("pk", flat=True)) <= {camera.pk} for person in here)
    return {"rows": Recognition.objects.filter(camera=camera).count(), "only": only}


def leave_door(camera: Camera) -> None:
    """Nobody is enrolled for this door any more. Who was enrolled for it alone must not come to be enrolled for every door: the caller asks `face_log_of`."""
    Person.doors.through.objects.filter(camera=camera).delete()


def records_of_site(site: Site) -> dict[str, int]:
    """People on the site's staff list, revoked ones too as long as they are kept, and rows of its face log."""
    return {"staff": Person.objects.filter(site=site).count(), "face_log": Recognition.objects.filter(camera__site=site).count()}
