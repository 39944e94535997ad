"""Every read of model versions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.urls import reverse

from portal.accounts.models import User
from portal.sites.models import Agent, Camera
from portal.training.models import ModelOutcome, ModelState, ModelVersion
from portal.training.permissions import acting_sites, may_read, readable_sites
from portal.training.rollout import documents


def held(names: set[str]) -> set[str]:
    """Those of these files (sha256) that are a model's."""
    return set(ModelVersion.objects.filter(sha256__in=names).values_list("sha256", flat=True))


def model_state(model: ModelVersion) -> dict[str, Any]:
    """A version as plain JSON, without its card."""
    return {
        "id": model.pk,
        "detector": model.detector,
        "version": model.version,
        "sha256": model.sha256,
        "size": model.size,
        "state": model.state,
        "label": str(model.get_state_display()),
        "url": reverse("training:models") + f"#model-{model.pk}",
    }


def models_by_detector(user: User) -> dict[str, list[ModelVersion]]:
    """The registry: every detector's versions, newest first."""
    found: dict[str, list[ModelVersion]] = {}
    if may_read(user):
        for model in ModelVersion.objects.select_related("run", "parent").prefetch_related("canaries"):
            found.setdefault(model.detector, []).append(model)
    return found


def running_models(user: User) -> dict[str, list[Agent]]:
    """Which agents of the reader's sites reported in their last heartbeat that they run which weights, by sha256."""
    found: dict[str, list[Agent]] = {}
    for agent in Agent.objects.filter(revoked=None, camera__site__in=readable_sites(user)).select_related("camera__site"):
        for sha256 in set(agent.heartbeat.models.values()) if agent.heartbeat else ():
            found.setdefault(sha256, []).append(agent)
    return found


def watched_cameras(user: User) -> QuerySet[Camera]:
    """Cameras with an agent at sites at which the user may act: where a canary can run."""
    return (
        Camera.objects.filter(agents__revoked=None, agents__isnull=False, site__in=acting_sites(user))
        .select_related("site")
        .order_by("site__name", "name")
        .distinct()
    )


def last_outcomes(user: User, limit: int = 20) -> QuerySet[ModelOutcome]:
    """What last became of models at agents of the reader's sites that they were asked to run."""
    return ModelOutcome.objects.filter(agent__camera__site__in=readable_sites(user)).select_related("agent__camera__site")[:limit]


def desired_versions(cameras: Collection[Camera]) -> dict[int, dict[str, str]]:
    """detector -> sha256 of what each of these cameras' agents should run, by the camera's number: the published versions, and a canary where it is tried."""
    published = dict(ModelVersion.objects.filter(state=ModelState.PUBLISHED).values_list("detector", "sha256"))
    wanted = {camera.pk: dict(published) for camera in cameras}
    canaries = ModelVersion.objects.filter(state=ModelState.CANARY, canaries__ended=None, canaries__cameras__camera__in=cameras)
    for pk, detector, sha256 in canaries.values_list("canaries__cameras__camera_id", "detector", "sha256"):
        wanted[pk][detector] = sha256
    return wanted


def desired_models(camera: Camera) -> list[dict[str, Any]]:
    """The signed documents of the models this camera's agent should run: every detector's published version, or the canary at this camera."""
    canary = models.Q(state=ModelState.CANARY, canaries__ended=None, canaries__cameras__camera=camera)
    found = ModelVersion.objects.filter(models.Q(state=ModelState.PUBLISHED) | canary)
    wanted = {model.detector: model for model in sorted(found, key=lambda model: model.state == ModelState.CANARY)}
    return [documents.of_canary(model) if model.state == ModelState.CANARY else documents.of(model) for model in wanted.values()]
