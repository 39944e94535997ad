"""Every read of runs and models."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse

from federated import plan as plans
from federated import task as tasks_of
from portal.accounts.models import Role, User
from portal.sites.models import Agent, Camera
from portal.training import documents
from portal.training.models import ModelOutcome, ModelState, ModelVersion, Run, RunNode, RunRound

READERS = (Role.ADMINISTRATOR, Role.MANAGER)


def may_read(user: User) -> bool:
    """Whether the user may look at runs and models: they are not of one site, so a role at any site will do."""
    return user.is_authenticated and any(user.has_role(role) for role in READERS)


def runs(user: User) -> QuerySet[Run]:
    """Every run the user may see, newest first, with its model and who started it."""
    found = Run.objects.select_related("started_by", "model")
    return found if may_read(user) else found.none()


def run_state(user: User, run_id: int | str) -> dict[str, Any] | None:
    """A run as its page shows it, as plain JSON; None when there is none or the user may not see it."""
    if not str(run_id).isdecimal():
        return None
    sites = Prefetch("sites", RunNode.objects.select_related("camera__site"))
    run = runs(user).prefetch_related(Prefetch("rounds", RunRound.objects.prefetch_related(sites))).filter(pk=int(run_id)).first()
    if run is None:
        return None
    model = getattr(run, "model", None)
    times = {name: value and value.isoformat() for name, value in (("created", run.created), ("began", run.began), ("ended", run.ended))}
    told = {"id": run.pk, "task": run.task, "status": run.state, "label": str(run.get_state_display()), "reason": run.reason, "note": run.note}
    return {
        **told,
        **times,
        "plan": run.plan,
        "over": run.over,
        "by": str(run.started_by),
        "rounds": [_round(row) for row in run.rounds.all()],
        "gate": run.gate,
        "model": model and model_state(model),
    }


def model_state(model: ModelVersion) -> dict[str, Any]:
    """A version as plain JSON, without its card."""
    named = {"id": model.pk, "detector": model.detector, "version": model.version, "sha256": model.sha256, "size": model.size}
    return {**named, "state": model.state, "label": str(model.get_state_display()), "url": reverse("training:models") + f"#model-{model.pk}"}


def models_by_detector(user: User) -> dict[str, list[ModelVersion]]:
    """The registry: every detector's versions, newest first."""
    found: dict[str, list[ModelVersion]] = {}
    if may_read(user):
        for model in ModelVersion.objects.select_related("run", "parent"):
            found.setdefault(model.detector, []).append(model)
    return found


def running_models() -> dict[str, list[Agent]]:
    """Which agents said in their last heartbeat that they run which weights, by sha256."""
    found: dict[str, list[Agent]] = {}
    for agent in Agent.objects.filter(revoked=None).select_related("camera__site"):
        for sha256 in dict(agent.health.get("models") or {}).values():
            found.setdefault(str(sha256), []).append(agent)
    return found


def last_outcomes(limit: int = 20) -> QuerySet[ModelOutcome]:
    """What agents last said of models they were asked to run."""
    return ModelOutcome.objects.select_related("agent__camera__site")[:limit]


def desired_models(camera: Camera) -> list[dict[str, Any]]:
    """The signed documents of the models this camera's agent should run: every detector's published version."""
    return [documents.of(model) for model in ModelVersion.objects.filter(state=ModelState.PUBLISHED)]


def nodes() -> list[dict[str, Any]]:
    """The agents that can train: where they are, and how much data of each task they said they keep (numbers, never content)."""
    found = Agent.objects.filter(revoked=None).select_related("camera__site").order_by("camera__site__name", "camera__name")
    return [{"agent": agent, "enrolled": bool(agent.node_id), "data": dict(agent.health.get("data") or {})} for agent in found]


def choices() -> dict[str, Any]:
    """What the start form offers: the tasks, and each strategy with whether it can work with the enrolled sites, and why not."""
    sites = Agent.objects.filter(revoked=None).exclude(node_id="").count()
    tasks = [{"name": name, "needs": tasks_of.load(name).needs} for name in tasks_of.names()]
    return {"sites": sites, "tasks": tasks, "strategies": plans.offered(sites)}


def _round(row: RunRound) -> dict[str, Any]:
    return {"number": row.number, "loss": row.loss, "seconds": row.seconds, "sites": [_site(site) for site in row.sites.all()]}


def _site(site: RunNode) -> dict[str, Any]:
    told = {name: getattr(site, name) for name in ("node", "status", "reason", "samples", "loss", "bytes_down", "bytes_up", "update_norm")}
    place = {"name": site.camera.name, "site": site.camera.site.name} if site.camera else {"name": site.node, "site": ""}
    return {**told, **place}
