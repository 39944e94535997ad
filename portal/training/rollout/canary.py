"""A canary: a version that runs at chosen cameras first. Start it, watch its figures, and take it back by itself when one leaves its limits."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.core import audit, events
from portal.core.periodic import for_each
from portal.core.secrets import refuse_secret
from portal.sites.models import Agent, Camera
from portal.training.events import CanaryTakenBack
from portal.training.models import Canary, CanaryCamera, ModelState, ModelVersion
from portal.training.permissions import require_at
from portal.training.rollout import canary_comparison, canary_figures, canary_limits

STARTABLE = (ModelState.CANDIDATE, ModelState.RETIRED, ModelState.ROLLED_BACK)


@transaction.atomic
def start(*, user: User, model_id: int, cameras: list[int]) -> Canary:
    """Let the agents of these cameras run the version; the others stay with the one before. Raises ValidationError with a sentence."""
    require_at(user, Camera.objects.filter(pk__in=set(cameras)))
    model = ModelVersion.objects.select_for_update().get(pk=model_id)
    if model.state not in STARTABLE:
        raise ValidationError(_("This version is at work already."))
    if ModelVersion.objects.filter(detector=model.detector, state=ModelState.CANARY).exists():
        raise ValidationError(_("Another version of this detector is a canary: publish it or take it back first."))
    if not model.here:
        raise ValidationError(_("The file of this model is missing in the media store."))
    watched = Agent.objects.filter(revoked=None).values_list("camera_id", flat=True)
    chosen = list(Camera.objects.filter(pk__in=set(cameras) & set(watched)).select_related("site"))
    if not chosen:
        raise ValidationError(_("Choose at least one camera that has an agent."))
    canary = Canary.objects.create(model=model, started_by=user)
    CanaryCamera.objects.bulk_create(CanaryCamera(canary=canary, camera=camera) for camera in chosen)
    model.state = ModelState.CANARY
    model.save(update_fields=["state"])
    data = {"detector": model.detector, "sha256": model.sha256, "cameras": [f"{camera.site.slug}/{camera.slug}" for camera in chosen]}
    audit.record(actor=user, verb="model.canary_started", subject=f"model:{model.pk}", data=data)
    return canary


@transaction.atomic
def take_back(*, user: User | str, canary_id: int, reason: str = "") -> Canary:
    """End the canary; its cameras return to the version before with their next heartbeat. `user` is "system" when a figure left its limits."""
    if isinstance(user, User):
        reason = refuse_secret(reason[:2000])
    canary = Canary.objects.select_for_update(of=("self",)).select_related("model").get(pk=canary_id)
    if isinstance(user, User):
        require_at(user, [row.camera for row in canary.cameras.select_related("camera")])
    if canary.ended is None:
        canary.model.state = ModelState.ROLLED_BACK
        canary.model.save(update_fields=["state"])
        _end(canary, ModelState.ROLLED_BACK, reason, automatic=not isinstance(user, User))
        events.publish(
            CanaryTakenBack(
                canary_id=canary.pk,
                model_id=canary.model_id,
                detector=canary.model.detector,
                sha256=canary.model.sha256,
                reason=reason,
                automatic=canary.automatic,
                actor=user,
            )
        )
    return canary


def succeed(*, model: ModelVersion) -> None:
    """Note that the canary is being published; call it inside the publishing transaction."""
    for canary in Canary.objects.select_for_update().filter(model=model, ended=None):
        _end(canary, ModelState.PUBLISHED, "")


def watch_all() -> list[Canary]:
    """Look at every canary; returns those that were taken back now. One that cannot be looked at is logged and stops no other."""
    return [canary for canary in for_each(Canary.objects.filter(ended=None).select_related("model"), watch) if canary is not None]


def watch(canary: Canary) -> Canary | None:
    """Note what its cameras report now, and take it back when a figure has left its limits; None when it goes on."""
    note_installed(canary)
    canary_comparison.record_counts(canary)
    reasons = canary_limits.reasons(canary_figures.limits_of(canary))
    return take_back(user="system", canary_id=canary.pk, reason="; ".join(reasons)) if reasons else None


def note_installed(canary: Canary) -> None:
    """Keep when each camera's agent first reported that it runs the version."""
    for row in canary.cameras.filter(installed=None):
        agents = Agent.objects.filter(camera=row.camera_id, revoked=None)
        if any(agent.heartbeat and agent.heartbeat.models.get(canary.model.detector) == canary.model.sha256 for agent in agents):
            CanaryCamera.objects.filter(pk=row.pk, installed=None).update(installed=timezone.now())


def _end(canary: Canary, outcome: str, reason: str, *, automatic: bool = False) -> None:
    canary_comparison.record_counts(canary)
    canary.ended, canary.outcome, canary.reason, canary.automatic = timezone.now(), outcome, reason[:2000], automatic
    canary.save(update_fields=["ended", "outcome", "reason", "automatic"])
