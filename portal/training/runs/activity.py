"""What a run is doing now: which cameras work on what, for how long, and an estimate of the time that is left."""

from __future__ import annotations

import statistics
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.sites.models import Agent
from portal.sites.nodes import owners
from portal.training.models import Run, RunRound, RunState
from portal.training.node_names import CameraNames


def activity(run: Run, names: CameraNames) -> dict[str, Any] | None:
    """The round or vote that goes on, a row for each camera that was asked, seconds so far and left; None when nothing goes on."""
    found = run.progress
    if run.state != RunState.RUNNING or not found:
        return None
    agents = owners(found["asked"])
    answered = set(found["answered"])
    nodes = [_row(node, node in answered, agents.get(node), names, run) for node in found["asked"]]
    seconds = max(0.0, timezone.now().timestamp() - found["t"])
    return {
        "phase": found["phase"],
        "round": found["round"],
        "since": found["t"],
        "nodes": nodes,
        "left": _left(run, seconds),
        "title": _("The cameras vote: each measures the result, trains its own weights, and trains alone for the comparison")
        if found["phase"] == "vote"
        else _("Round %(n)d of %(all)d: the cameras train") % {"n": found["round"], "all": found["rounds"]},
    }


def _row(node: str, answered: bool, agent: Agent | None, names: CameraNames, run: Run) -> dict[str, Any]:
    camera = names.of(agent.camera) if agent else names.get(node)
    heartbeat = agent.heartbeat if agent else None
    step = heartbeat.training_step if heartbeat else None
    if answered:
        state, share = _("has answered"), 1.0
    elif step is None or step.run != run.flower_id:
        state, share = _("fetching the weights, or sending its answer"), 0.0
    else:
        words = {
            "training": _("training"),
            "own": _("training its own weights"),
            "alone": _("training alone, for the comparison"),
            "measuring": _("measuring on held-back footage"),
        }
        share = step.step / step.of if step.of else 0.0
        state = _("%(what)s: step %(n)d of %(all)d") % {"what": words[step.phase], "n": step.step, "all": step.of} if step.of else words[step.phase]
    return {"node": node, "name": camera.name if camera else node, "state": state, "share": round(share, 3), "answered": answered}


def _left(run: Run, seconds: float) -> int | None:
    """Seconds to the end: rounds take what this run's took, or before the first what those of the last such run took; so does the vote. None: no idea yet."""
    rounds = list(run.rounds.values_list("seconds", flat=True))
    before = Run.objects.filter(task=run.task, state=RunState.COMPLETED, ended__isnull=False, began__isnull=False).exclude(pk=run.pk).first()
    earlier = list(RunRound.objects.filter(run=before).values_list("seconds", flat=True)) if before else []
    if not (rounds or earlier):
        return None
    one = statistics.median(rounds or earlier)
    vote = 2 * one * max(1, run.plan.get("rounds", 1) - 1) if run.plan.get("compare") or run.plan.get("personal", "none") != "none" else one
    if before and earlier and before.plan.get("rounds") == run.plan.get("rounds"):
        vote = max(one, (before.ended - before.began).total_seconds() - sum(earlier))  # type: ignore[operator]
    if run.progress["phase"] == "vote":
        return round(max(0.0, vote - seconds))
    return round(max(0.0, one - seconds) + one * max(0, run.progress["rounds"] - run.progress["round"]) + vote)
