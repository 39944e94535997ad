"""A run at the SuperLink: what it is started with, and what its events leave in the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from federated.contract.run_plan import RunPlan
from federated.learning import task
from portal.core import audit
from portal.sites import nodes
from portal.training.models import ModelState, ModelVersion, Run, RunNode, RunRound
from portal.training.rollout.actions import keep_model
from portal.training.runs import actions, plans, resume

LEFT_OUT = ("rejected", "failed")  # by the guard, or by itself: an allow-list without our bundle, a task that broke; "late" is no fault


def config_for(run: Run) -> RunPlan:
    """The stored plan, beginning from the published model when a run made it (its weights are then kept on the SuperLink's machine)."""
    base = ModelVersion.objects.filter(detector=task.load(run.task).detector, state=ModelState.PUBLISHED).first()
    weights = settings.HOME / "superlink" / "weights" / f"{base.sha256}.npz" if base else None
    left = resume.checkpoint_of(run.resumes) if run.resumes else None
    plan = {**run.plan, "sites": nodes.reachable(run.plan.get("sites") or ())}
    return plans.config_of(run.task, plan, base_model=str(weights) if weights and weights.exists() else None, resume=left and left.run.flower_id)


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
            keep_model(run=run, content=Path(event["path"]).read_bytes(), card=event["card"])
        if kind == "ended":
            Run.objects.filter(pk=run.pk).update(bytes_sent=event.get("bytes_sent") or 0, bytes_received=event.get("bytes_received") or 0)
            actions.end_run(run_id=run.pk, state=event["status"], reason=event.get("reason") or "")
        actions.announce(run)


def _store_round(run: Run, event: dict[str, Any]) -> None:
    run.note = ""
    row, _ = RunRound.objects.update_or_create(run=run, number=event["round"], defaults={"loss": event["loss"], "seconds": event["seconds"]})
    cameras = {node: agent.camera_id for node, agent in nodes.owners().items()}
    for site in event["sites"]:
        node = str(site["node"])
        reply = {
            "camera_id": cameras.get(node),
            "status": site["status"],
            "reason": site.get("reason") or "",
            "samples": site.get("n"),
            "loss": site.get("loss"),
            "bytes_down": site.get("bytes_down") or 0,
            "bytes_up": site.get("bytes_up") or 0,
            "update_norm": site.get("update_norm"),
            "cosine": site.get("cosine"),
            "epsilon": site.get("epsilon"),
        }
        found, fresh = RunNode.objects.update_or_create(round=row, node=node, defaults=reply)
        if fresh and found.status in LEFT_OUT:
            place = found.camera.site.slug if found.camera else ""
            data = {
                "node": node,
                "round": row.number,
                "status": found.status,
                "reason": found.reason[:500],
                "camera": found.camera.slug if found.camera else "",
            }
            audit.record(actor="system", verb="run.site_left_out", subject=f"run:{run.pk}", site=place, data=data)
