"""Every change of a model version: permission, change, audit row and message in one transaction."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from federated.contract.model_outcome import OUTCOMES
from portal.accounts.models import User
from portal.core import audit
from portal.sites.models import Agent
from portal.training.models import ModelOutcome, ModelState, ModelVersion, Run
from portal.training.permissions import require_everywhere
from portal.training.rollout import budget, canary, documents


def keep_model(*, run: Run, content: bytes, card: dict[str, Any]) -> ModelVersion:
    """Store the result of a run as a signed candidate. Keeping the same bytes twice changes nothing."""
    document = documents.sign(detector=card["name"], version=card["version"], content=content, card=card)
    with transaction.atomic():
        fields = {
            "detector": document["detector"],
            "version": document["version"],
            "size": document["size"],
            "card": document["card"],
            "signature": document["signature"],
            "run": run,
            "parent": _current(card["name"]),
        }
        model, made = ModelVersion.objects.get_or_create(sha256=document["sha256"], defaults=fields)
        if made:
            audit.record(actor="system", verb="model.candidate", subject=f"model:{model.pk}", data={"run": run.pk, "sha256": model.sha256})
    return model


def publish(*, user: User, model_id: int) -> ModelVersion:
    """Let every agent run this version; the one that was published until now is retired."""
    require_everywhere(user)
    with transaction.atomic():
        model = ModelVersion.objects.select_for_update().get(pk=model_id)
        if model.state == ModelState.PUBLISHED:
            return model
        if not model.here:
            raise ValidationError(_("The file of this model is missing in the media store."))
        budget.check(model)
        before, was_canary = _current(model.detector), model.state == ModelState.CANARY
        if not was_canary and ModelVersion.objects.filter(detector=model.detector, state=ModelState.CANARY).exists():
            raise ValidationError(_("Another version of this detector is a canary: publish it or take it back first."))
        _replace(before, ModelState.RETIRED, model)
        canary.succeed(model=model)
        data = {"detector": model.detector, "sha256": model.sha256, "before": before and before.sha256, "canary": was_canary}
        audit.record(actor=user, verb="model.published", subject=f"model:{model.pk}", data=data)
    return model


def roll_back(*, user: User, detector: str) -> ModelVersion | None:
    """Take the published version away from the agents; the one published before it comes back, or the one shipped with the agents (None)."""
    require_everywhere(user)
    with transaction.atomic():
        current = _current(detector)
        if current is None:
            raise ValidationError(_("No version of this detector is published: the agents run the one they were shipped with."))
        earlier = ModelVersion.objects.select_for_update().filter(detector=detector, state=ModelState.RETIRED, published__lt=current.published)
        back = earlier.order_by("-published").first()
        _replace(current, ModelState.ROLLED_BACK, back)
        data = {"detector": detector, "sha256": current.sha256, "back_to": back and back.sha256}
        audit.record(actor=user, verb="model.rolled_back", subject=f"model:{current.pk}", data=data)
    return back


def record_outcome(*, agent: Agent, detector: str, sha256: str, outcome: str, reason: str = "", **measured: float | None) -> ModelOutcome:
    """Keep what became of a model it was asked to run; `measured`: ms and budget_ms of its self-test."""
    if outcome not in OUTCOMES:
        raise ValidationError(f"outcome must be one of {', '.join(OUTCOMES)}, not {outcome!r}")
    with transaction.atomic():
        row = ModelOutcome.objects.create(agent=agent, detector=detector[:40], sha256=sha256[:64], outcome=outcome, reason=reason[:2000], **measured)
        data = {"detector": detector, "sha256": sha256, "reason": reason[:500]}
        audit.record(
            actor=f"agent:{agent.pk}", verb=f"model.{outcome.replace(' ', '_')}", subject=f"camera:{agent.camera_id}", site=agent.camera.site.slug, data=data
        )
    return row


def _current(detector: str) -> ModelVersion | None:
    return ModelVersion.objects.select_for_update().filter(detector=detector, state=ModelState.PUBLISHED).first()


def _replace(before: ModelVersion | None, becomes: str, after: ModelVersion | None) -> None:
    if before:
        before.state = becomes
        before.save(update_fields=["state"])
    if after:
        after.state, after.published = ModelState.PUBLISHED, timezone.now()
        after.save(update_fields=["state", "published"])
