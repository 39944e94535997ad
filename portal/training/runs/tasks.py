"""The worker's part: give a run to the SuperLink, follow it, keep what it ends in."""

from __future__ import annotations

import contextlib
from pathlib import Path

from django.core.files import File
from procrastinate.contrib.django import app

from federated.learning import control
from federated.learning.errors import PlanError
from portal.accounts.models import User
from portal.training.models import Run, RunState
from portal.training.runs import actions, following, nightly, refused, root_set


@app.task(name="training.follow_run", queue="training", lock="training")
def follow_run(run_id: int) -> None:
    """Start a queued run, or go on following one that a killed worker left; runs go one after the other."""
    run = actions.begin_run(run_id=run_id) or Run.objects.filter(pk=run_id, state=RunState.RUNNING).first()
    if run is None:
        return
    try:
        if not run.flower_id:
            run.flower_id = control.start_run(following.config_for(run))
            run.save(update_fields=["flower_id"])
        for event in control.events(run.flower_id, after=run.last_seq):
            following.store(run, event)
    except (control.FederationError, PlanError, OSError) as error:
        actions.end_run(run_id=run.pk, state=RunState.FAILED, reason=str(error))


@app.task(name="training.stop_flower_run", queue="default")
def stop_flower_run(run_id: int) -> None:
    """Carry out a stop that an administrator asked for."""
    control.stop_run(Run.objects.get(pk=run_id).flower_id)


@app.periodic(cron="* * * * *")
@app.task(name="training.audit_refusals", queue="default", queueing_lock="training.audit_refusals")
def audit_refusals(timestamp: int) -> None:
    """Every minute: whom the SuperLink's door refused goes into the audit log."""
    refused.write_down()


@app.periodic(cron="*/5 * * * *")
@app.task(name="training.start_nightly", queue="default", queueing_lock="training.start_nightly")
def start_nightly(timestamp: int) -> None:
    """Every five minutes: start the nightly runs that are due, when enough agents are idle."""
    nightly.start_due()


@app.task(name="training.make_root_set", queue="default")
def make_root_set(by: int, clips: list[str]) -> None:
    """Make the root set of clips on this machine, in somebody's name, unless there is one."""
    if not root_set.present("anomaly"):
        with contextlib.ExitStack() as opened:
            files = [File(opened.enter_context(Path(clip).open("rb")), name=Path(clip).name) for clip in clips]
            root_set.replace(user=User.objects.get(pk=by), task="anomaly", files=files)
