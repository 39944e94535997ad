"""A run at the SuperLink: what it is started with, and what its events leave in the database."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from federated.contract.run_events import EndedEvent, GateEvent, ProgressEvent, ResultEvent, RoundEvent, RunEvent, WaitingEvent
from federated.contract.run_plan import RunPlan
from federated.learning import task
from portal.core import audit
from portal.sites import nodes
from portal.training.models import ModelState, ModelVersion, Run, RunNode, RunRound
from portal.training.rollout.actions import keep_model
from portal.training.runs import actions, plans, resume

GATE = ("passed", "reasons", "warnings", "votes", "onnx_difference", "root")  # of a gate's event: what a run keeps
LEFT_OUT = ("rejected", "failed")  # by the guard, or by itself: an allow-list without our bundle, a task that broke; "late" is no fault


def config_for(run: Run) -> RunPlan:
    """The stored plan, beginning from the published model when a run made it (its weights are then kept on the SuperLink's machine)."""
    base = ModelVersion.objects.filter(detector=task.load(run.task).detector, state=ModelState.PUBLISHED).first()
    weights = settings.HOME / "superlink" / "weights" / f"{base.sha256}.npz" if base else None
    left = resume.checkpoint_of(run.resumes) if run.resumes else None
    plan = {**run.plan, "sites": nodes.reachable(run.plan.get("sites") or ())}
    return plans.config_of(run.task, plan, base_model=str(weights) if weights and weights.exists() else None, resume=left and left.run.flower_id)


def store(run: Run, event: RunEvent) -> None:
    """Write one event of a run down, once."""
    with transaction.atomic():
        run.last_seq = max(run.last_seq, event.seq)
        match event:
            case RoundEvent():
                run.privacy = event.privacy.to_json() if event.privacy else run.privacy
                _store_round(run, event)
            case ProgressEvent():
                began = (event.t or timezone.now().timestamp()) - event.seconds
                run.note, fields = "", ("phase", "round", "rounds", "asked", "answered")
                run.progress = {"t": round(began, 1), **{name: value for name, value in event.to_json().items() if name in fields}}
            case WaitingEvent():
                run.note = f"{event.have} / {event.need}"
            case GateEvent():
                found = event.to_json()
                run.gate = {name: found[name] for name in GATE}
        run.save(update_fields=["last_seq", "note", "gate", "privacy", "progress"])
        match event:
            case ResultEvent():
                keep_model(run=run, content=Path(event.path).read_bytes(), card=event.card)
            case EndedEvent():
                Run.objects.filter(pk=run.pk).update(bytes_sent=event.bytes_sent, bytes_received=event.bytes_received)
                actions.end_run(run_id=run.pk, state=event.status, reason=event.reason)
        actions.announce(run)


def _store_round(run: Run, event: RoundEvent) -> None:
    run.note = ""
    row, _ = RunRound.objects.update_or_create(run=run, number=event.round, defaults={"loss": event.loss, "seconds": event.seconds})
    cameras = {node: agent.camera_id for node, agent in nodes.owners().items()}
    for outcome in event.sites:
        reply = {
            "camera_id": cameras.get(outcome.node),
            "status": outcome.status,
            "reason": outcome.reason,
            "samples": outcome.n,
            "loss": outcome.loss,
            "bytes_down": outcome.bytes_down,
            "bytes_up": outcome.bytes_up,
            "update_norm": outcome.update_norm,
            "cosine": outcome.cosine,
            "epsilon": outcome.epsilon,
        }
        found, fresh = RunNode.objects.update_or_create(round=row, node=outcome.node, defaults=reply)
        if fresh and found.status in LEFT_OUT:
            place = found.camera.site.slug if found.camera else ""
            data = {
                "node": outcome.node,
                "round": row.number,
                "status": found.status,
                "reason": found.reason[:500],
                "camera": found.camera.slug if found.camera else "",
            }
            audit.record(actor="system", verb="run.site_left_out", subject=f"run:{run.pk}", site=place, data=data)
