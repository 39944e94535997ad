"""The worker's part: give a run to the SuperLink, follow it, keep what it ends in."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.db import transaction
from procrastinate.contrib.django import app

from federated.learning import control, task
from portal.accounts.models import User
from portal.core import audit
from portal.sites import nodes
from portal.training import actions, beside, canary, nightly, refused, resume, root_set, trial
from portal.training.models import ModelState, ModelVersion, Run, RunNode, RunRound, RunState

LEFT_OUT = ("rejected", "failed")  # by the guard, or by itself: an allow-list without our bundle, a task that broke; "late" is no fault


@app.task(name="training.follow_run", queue="training", lock="training")
def follow_run(run_id: int) -> None:
    """Start a queued run, or go on following one that a killed worker left; runs go one after the other."""
    run = actions.begin_run(run_id=run_id) or Run.objects.filter(pk=run_id, state=RunState.RUNNING).first()
    if run is None:
        return
    try:
        if not run.flower_id:
            run.flower_id = control.start_run(_config(run))
            run.save(update_fields=["flower_id"])
        for event in control.events(run.flower_id, after=run.last_seq):
            store(run, event)
    except (control.FederationError, control.PlanError, OSError) as error:
        actions.end_run(run_id=run.pk, state=RunState.FAILED, reason=str(error))


@app.task(name="training.stop_flower_run", queue="default")
def stop_flower_run(run_id: int) -> None:
    """Carry out a stop that an administrator asked for."""
    control.stop_run(Run.objects.get(pk=run_id).flower_id)


@app.periodic(cron="* * * * *")
@app.task(name="training.watch_canaries", queue="default", queueing_lock="training.watch_canaries")
def watch_canaries(timestamp: int) -> None:
    """Every minute: keep how each agent is, and take back a version on trial that has left its bands."""
    trial.take_samples()
    canary.judge_all()


@app.periodic(cron="* * * * *")
@app.task(name="training.audit_refusals", queue="default", queueing_lock="training.audit_refusals")
def audit_refusals(timestamp: int) -> None:
    """Every minute: whom the SuperLink's door refused goes into the audit log."""
    refused.write_down()


@app.periodic(cron="41 4 * * *")
@app.task(name="training.forget_pictures", queue="default", queueing_lock="training.forget_pictures")
def forget_pictures(timestamp: int) -> None:
    """Every night: delete the pictures of trials that are long over."""
    beside.forget_old()


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


def store(run: Run, event: dict[str, Any]) -> None:
    """Write one event of a run down, once."""
    with transaction.atomic():
        run.last_seq = max(run.last_seq, int(event.get("seq", 0)))
        kind = event["kind"]
        run.privacy = event.get("privacy") or run.privacy
        if kind == "round":
            _store_round(run, event)
        elif kind == "waiting":
            run.note = f"{event['have']} / {event['need']}"
        elif kind == "gate":
            run.gate = {name: event.get(name) for name in ("passed", "reasons", "warnings", "votes", "onnx_difference", "root")}
        run.save(update_fields=["last_seq", "note", "gate", "privacy"])
        if kind == "result":
            actions.keep_model(run=run, content=Path(event["path"]).read_bytes(), card=event["card"])
        if kind == "ended":
            Run.objects.filter(pk=run.pk).update(bytes_sent=event.get("bytes_sent") or 0, bytes_received=event.get("bytes_received") or 0)
            actions.end_run(run_id=run.pk, state=event["status"], reason=event.get("reason") or "")
        actions.tell(run)


def _store_round(run: Run, event: dict[str, Any]) -> None:
    run.note = ""
    row, _ = RunRound.objects.update_or_create(run=run, number=event["round"], defaults={"loss": event["loss"], "seconds": event["seconds"]})
    cameras = {node: agent.camera_id for node, agent in nodes.owners().items()}
    for site in event["sites"]:
        node = str(site["node"])
        told = {"status": site["status"], "reason": site.get("reason") or "", "samples": site.get("n"), "loss": site.get("loss")}
        moved = {"bytes_down": site.get("bytes_down") or 0, "bytes_up": site.get("bytes_up") or 0}
        judged = {"update_norm": site.get("update_norm"), "cosine": site.get("cosine"), "epsilon": site.get("epsilon")}
        found, fresh = RunNode.objects.update_or_create(round=row, node=node, defaults={**told, **moved, **judged, "camera_id": cameras.get(node)})
        if fresh and found.status in LEFT_OUT:
            place = found.camera.site.slug if found.camera else ""
            data = {"node": node, "round": row.number, "status": found.status, "reason": found.reason[:500]}
            audit.record(actor="system", verb="run.site_left_out", subject=f"run:{run.pk}", site=place, data=data)


def _config(run: Run) -> control.RunConfig:
    """The stored plan, beginning from the published model when a run made it (its weights are then kept on the SuperLink's machine)."""
    base = ModelVersion.objects.filter(detector=task.load(run.task).detector, state=ModelState.PUBLISHED).first()
    weights = settings.HOME / "superlink" / "weights" / f"{base.sha256}.npz" if base else None
    left = resume.checkpoint_of(run.resumes) if run.resumes else None
    plan = {**run.plan, "sites": nodes.reachable(run.plan.get("sites") or ())}
    return actions.config_of(run.task, plan, base_model=str(weights) if weights and weights.exists() else None, resume=left and left.run.flower_id)
