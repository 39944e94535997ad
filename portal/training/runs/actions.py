"""Every change of a run: permission, change, audit row and message in one transaction."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.core import audit, events, jobs, push
from portal.training.events import RunEnded
from portal.training.models import Run, RunState
from portal.training.permissions import require_at
from portal.training.runs import plans, resume
from portal.training.runs.plans import check_plan

follow_run, stop_flower_run = jobs.named("training.follow_run"), jobs.named("training.stop_flower_run")


def start_run(*, user: User, task: str, **plan: Any) -> Run:
    """Queue a run of a task. Raises ValidationError with a sentence when the plan cannot work."""
    require_at(user, plans.cameras(plan.get("sites")))
    return _queue(user, task, check_plan(task, plan))


def resume_run(*, user: User, run_id: int) -> Run:
    """Queue a run that goes on from the checkpoint of one that ended early. Raises ValidationError when there is none."""
    ended = Run.objects.get(pk=run_id)
    require_at(user, plans.cameras(ended.plan.get("sites")))
    checkpoint = resume.resumable(ended)
    if checkpoint is None:
        raise ValidationError(_("This run left no checkpoint to go on from."))
    return _queue(user, ended.task, check_plan(ended.task, ended.plan), checkpoint.run)


def stop_run(*, user: User, run_id: int) -> Run:
    """Ask for the end of a run: a queued one ends now, a running one when the SuperLink has stopped it. Stopping an ended run changes nothing."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        require_at(user, plans.cameras(run.plan.get("sites")))
        if not run.over:
            _end(run, RunState.STOPPED, _("stopped by %(user)s") % {"user": user}, actor=user)
            if run.flower_id:
                transaction.on_commit(lambda: stop_flower_run.defer(run_id=run.pk))
    return run


def begin_run(*, run_id: int) -> Run | None:
    """Take a queued run to work; None when it was stopped meanwhile."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        if run.state != RunState.QUEUED:
            return None
        run.state, run.began = RunState.RUNNING, timezone.now()
        run.save(update_fields=["state", "began"])
        announce(run)
    return run


def end_run(*, run_id: int, state: str, reason: str = "") -> Run:
    """Write down how a run ended. The first end stands: a stopped run stays stopped."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        if not run.over:
            _end(run, state, reason, actor="system")
    return run


def announce(run: Run) -> None:
    """Let the browsers that look at this run read it again, once the change is committed."""
    transaction.on_commit(lambda: push_run(run.pk))


def push_run(run_id: int) -> None:
    """Let them read it again now."""
    push.send(f"run-{run_id}", {"id": run_id})


def _queue(user: User, task: str, plan: dict[str, Any], resumes: Run | None = None) -> Run:
    with transaction.atomic():
        run = Run.objects.create(task=task, plan=plan, started_by=user, resumes=resumes)
        data = {"task": task, **plan, **({"resumes": resumes.pk} if resumes else {})}
        audit.record(actor=user, verb="run.resumed" if resumes else "run.started", subject=f"run:{run.pk}", data=data)
        follow_run.defer(run_id=run.pk)
        announce(run)
    return run


def _end(run: Run, state: str, reason: str, *, actor: User | str) -> None:
    run.state, run.reason, run.ended, run.note = state, reason, timezone.now(), ""
    run.save(update_fields=["state", "reason", "ended", "note"])
    events.publish(RunEnded(run_id=run.pk, task=run.task, state=state, reason=reason, actor=actor))
