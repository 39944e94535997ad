"""The worker's part: give a run to the SuperLink, follow it, keep what it ends in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from procrastinate.contrib.django import app

from federated import control, task
from portal.sites.models import Agent
from portal.training import actions
from portal.training.models import ModelState, ModelVersion, Run, RunNode, RunRound, RunState


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


def store(run: Run, event: dict[str, Any]) -> None:
    """Write one event of a run down, once."""
    with transaction.atomic():
        run.last_seq = max(run.last_seq, int(event.get("seq", 0)))
        kind = event["kind"]
        if kind == "round":
            _store_round(run, event)
        elif kind == "waiting":
            run.note = f"{event['have']} / {event['need']}"
        elif kind == "gate":
            run.gate = {name: event.get(name) for name in ("passed", "reasons", "votes", "onnx_difference")}
        run.save(update_fields=["last_seq", "note", "gate"])
        if kind == "result":
            actions.keep_model(run=run, content=Path(event["path"]).read_bytes(), card=event["card"])
        if kind == "ended":
            actions.end_run(run_id=run.pk, state=event["status"], reason=event.get("reason") or "")
        actions.tell(run)


def _store_round(run: Run, event: dict[str, Any]) -> None:
    run.note = ""
    row, _ = RunRound.objects.update_or_create(run=run, number=event["round"], defaults={"loss": event["loss"], "seconds": event["seconds"]})
    cameras = dict(Agent.objects.exclude(node_id="").values_list("node_id", "camera_id"))
    for site in event["sites"]:
        node = str(site["node"])
        told = {"status": site["status"], "reason": site.get("reason") or "", "samples": site.get("n"), "loss": site.get("loss")}
        moved = {"bytes_down": site.get("bytes_down") or 0, "bytes_up": site.get("bytes_up") or 0, "update_norm": site.get("update_norm")}
        RunNode.objects.update_or_create(round=row, node=node, defaults={**told, **moved, "camera_id": cameras.get(node)})


def _config(run: Run) -> control.RunConfig:
    """The stored plan, beginning from the published model when a run made it (its weights are then kept on the SuperLink's machine)."""
    base = ModelVersion.objects.filter(detector=task.load(run.task).detector, state=ModelState.PUBLISHED).first()
    weights = settings.HOME / "superlink" / "weights" / f"{base.sha256}.npz" if base else None
    return control.RunConfig(task=run.task, **run.plan, base_model=str(weights) if weights and weights.exists() else None)
