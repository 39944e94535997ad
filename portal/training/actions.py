"""Every change of runs and models: permission, change, audit row and message in one transaction."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from federated.learning import task as tasks_of
from federated.learning.plan import PlanError, RunConfig, check
from portal.accounts.models import Role, User
from portal.accounts.permissions import require_role
from portal.core import audit, push
from portal.sites import nodes
from portal.sites.models import Agent
from portal.training import budget, canary, documents, resume, root_set, terms
from portal.training.models import ModelOutcome, ModelState, ModelVersion, Run, RunState

OUTCOMES = ("installed", "refused", "failed", "rolled back")
CHOSEN = tuple(field.name for field in dataclasses.fields(RunConfig) if field.name not in ("task", "base_model", "resume"))


def start_run(*, user: User, task: str, **plan: Any) -> Run:
    """Queue a run of a task. Raises ValidationError with a sentence when the plan cannot work."""
    require_role(user, None, Role.ADMINISTRATOR)
    return _queue(user, task, check_plan(task, plan))


def resume_run(*, user: User, run_id: int) -> Run:
    """Queue a run that goes on from the checkpoint of one that ended early. Raises ValidationError when there is none."""
    require_role(user, None, Role.ADMINISTRATOR)
    ended = Run.objects.get(pk=run_id)
    checkpoint = resume.resumable(ended)
    if checkpoint is None:
        raise ValidationError(_("This run left no checkpoint to go on from."))
    return _queue(user, ended.task, check_plan(ended.task, ended.plan), checkpoint.run)


def stop_run(*, user: User, run_id: int) -> Run:
    """Ask for the end of a run: a queued one ends now, a running one when the SuperLink has stopped it. Stopping an ended run changes nothing."""
    require_role(user, None, Role.ADMINISTRATOR)
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        if not run.over:
            _end(run, RunState.STOPPED, _("stopped by %(user)s") % {"user": user})
            audit.record(actor=user, verb="run.stopped", subject=f"run:{run.pk}")
            if run.flower_id:
                transaction.on_commit(lambda: _defer_stop(run))
    return run


def begin_run(*, run_id: int) -> Run | None:
    """Take a queued run to work; None when it was stopped meanwhile."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        if run.state != RunState.QUEUED:
            return None
        run.state, run.began = RunState.RUNNING, timezone.now()
        run.save(update_fields=["state", "began"])
        tell(run)
    return run


def end_run(*, run_id: int, state: str, reason: str = "") -> Run:
    """Write down how a run ended. The first end stands: a stopped run stays stopped."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        if not run.over:
            _end(run, state, reason)
            audit.record(actor="system", verb=f"run.{state}", subject=f"run:{run.pk}", data={"reason": reason})
    return run


def publish(*, user: User, model_id: int) -> ModelVersion:
    """Let every agent run this version; the one that was published until now is retired."""
    require_role(user, None, Role.ADMINISTRATOR)
    with transaction.atomic():
        model = ModelVersion.objects.select_for_update().get(pk=model_id)
        if model.state == ModelState.PUBLISHED:
            return model
        if not model.here:
            raise ValidationError(_("The file of this model is missing in the media store."))
        budget.check(model)
        before, tried = _current(model.detector), model.state == ModelState.CANARY
        if not tried and ModelVersion.objects.filter(detector=model.detector, state=ModelState.CANARY).exists():
            raise ValidationError(_("Another version of this detector is on trial: publish it or take it back first."))
        _replace(before, ModelState.RETIRED, model)
        canary.succeed(model=model)
        data = {"detector": model.detector, "sha256": model.sha256, "before": before and before.sha256, "canary": tried}
        audit.record(actor=user, verb="model.published", subject=f"model:{model.pk}", data=data)
    return model


def roll_back(*, user: User, detector: str) -> ModelVersion | None:
    """Take the published version away from the agents; the one published before it comes back, or the one shipped with the agents (None)."""
    require_role(user, None, Role.ADMINISTRATOR)
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


def record_outcome(*, agent: Agent, detector: str, sha256: str, outcome: str, reason: str = "", **measured: float) -> ModelOutcome:
    """Keep what an agent says of a model it was asked to run; `measured`: ms and budget_ms of its self-test."""
    if outcome not in OUTCOMES:
        raise ValidationError(f"outcome must be one of {', '.join(OUTCOMES)}, not {outcome!r}")
    with transaction.atomic():
        row = ModelOutcome.objects.create(agent=agent, detector=detector[:40], sha256=sha256[:64], outcome=outcome, reason=reason[:2000], **measured)
        data = {"detector": detector, "sha256": sha256, "reason": reason[:500]}
        audit.record(
            actor=f"agent:{agent.pk}", verb=f"model.{outcome.replace(' ', '_')}", subject=f"camera:{agent.camera_id}", site=agent.camera.site.slug, data=data
        )
        push.send_on_commit("models", {"id": row.pk})
    return row


def keep_model(*, run: Run, content: bytes, card: dict[str, Any]) -> ModelVersion:
    """Store the result of a run as a signed candidate. Keeping the same bytes twice changes nothing."""
    document = documents.sign(detector=card["name"], version=card["version"], content=content, card=card)
    with transaction.atomic():
        fields = {name: document[name] for name in ("detector", "version", "size", "card", "signature")}
        model, made = ModelVersion.objects.get_or_create(sha256=document["sha256"], defaults={**fields, "run": run, "parent": _current(card["name"])})
        if made:
            audit.record(actor="system", verb="model.candidate", subject=f"model:{model.pk}", data={"run": run.pk, "sha256": model.sha256})
            tell(run)
    return model


def tell(run: Run) -> None:
    """Tell the browsers that look at this run."""
    push.send_on_commit(f"run-{run.pk}", {"id": run.pk})


def check_plan(task: str, plan: dict[str, Any]) -> dict[str, Any]:
    """The whole plan with every default, as it is kept. Raises ValidationError with a sentence when it cannot work."""
    if task not in tasks_of.names():
        raise ValidationError(_("There is no task %(task)s.") % {"task": task})
    if unknown := sorted(set(plan) - set(CHOSEN)):
        raise ValidationError(_("Unknown setting %(name)s.") % {"name": unknown[0]})
    try:
        config = config_of(task, plan)
        config = dataclasses.replace(config, sites=tuple(nodes.present(config.sites)))
        check(config, root=root_set.present(task))
    except (PlanError, TypeError, ValueError) as error:
        raise ValidationError(str(error)) from error
    _check_sites(config)
    return {name: value for name, value in dataclasses.asdict(config).items() if name in CHOSEN}


def config_of(task: str, plan: dict[str, Any], **more: Any) -> RunConfig:
    """A stored plan as the federation takes it."""
    sites = tuple(str(site) for site in plan.get("sites") or ())
    return RunConfig(task=task, **{**plan, "sites": sites}, **more)


def _check_sites(config: RunConfig) -> None:
    enrolled = set(Agent.objects.filter(revoked=None).exclude(node_id="").values_list("node_id", flat=True))
    if set(config.sites) - enrolled:
        raise ValidationError(_("A chosen site is not enrolled for training any more."))
    _check_terms(config)
    if len(enrolled) < config.min_sites:
        raise ValidationError(_("%(need)d sites must answer, but only %(have)d are enrolled for training.") % {"need": config.min_sites, "have": len(enrolled)})


def _check_terms(config: RunConfig) -> None:
    """A chosen site that would refuse is told now, not in each round; of all sites so many must take part as have to answer."""
    asked = {"task": config.task, "privacy": config.privacy, "epsilon": config.epsilon}
    agents = Agent.objects.filter(revoked=None).exclude(node_id="").select_related("camera").order_by("camera__name", "pk")
    against = {agent.node_id: (agent, why) for agent in agents if (why := terms.of(agent).against(**asked))}
    if chosen := [against[site] for site in config.sites if site in against]:
        raise ValidationError(f"{chosen[0][0].camera.name}: {chosen[0][1]}")
    if against and not config.sites and len(agents) - len(against) < config.min_sites:
        agent, why = next(iter(against.values()))
        names = {"need": config.min_sites, "have": len(agents) - len(against), "camera": agent.camera.name, "why": why}
        raise ValidationError(_("%(need)d sites must answer, but only %(have)d take part in such a run (%(camera)s: %(why)s).") % names)


def _queue(user: User, task: str, plan: dict[str, Any], resumes: Run | None = None) -> Run:
    with transaction.atomic():
        run = Run.objects.create(task=task, plan=plan, started_by=user, resumes=resumes)
        data = {"task": task, **plan, **({"resumes": resumes.pk} if resumes else {})}
        audit.record(actor=user, verb="run.resumed" if resumes else "run.started", subject=f"run:{run.pk}", data=data)
        _defer(run)
        tell(run)
    return run


def _end(run: Run, state: str, reason: str) -> None:
    run.state, run.reason, run.ended, run.note = state, reason, timezone.now(), ""
    run.save(update_fields=["state", "reason", "ended", "note"])
    tell(run)


def _current(detector: str) -> ModelVersion | None:
    return ModelVersion.objects.select_for_update().filter(detector=detector, state=ModelState.PUBLISHED).first()


def _replace(before: ModelVersion | None, becomes: str, after: ModelVersion | None) -> None:
    if before:
        before.state = becomes
        before.save(update_fields=["state"])
    if after:
        after.state, after.published = ModelState.PUBLISHED, timezone.now()
        after.save(update_fields=["state", "published"])
    push.send_on_commit("models", {"id": after.pk if after else None})


def _defer(run: Run) -> None:
    from portal.training.tasks import follow_run

    follow_run.defer(run_id=run.pk)


def _defer_stop(run: Run) -> None:
    from portal.training.tasks import stop_flower_run

    stop_flower_run.defer(run_id=run.pk)
