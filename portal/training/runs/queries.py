"""Every read of runs."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet

from federated.learning import privacy
from federated.learning import task as tasks_of
from portal.accounts.models import User
from portal.core.numbers import whole
from portal.sites.models import Agent
from portal.training.models import Run, RunNode, RunState, Schedule
from portal.training.node_names import CameraNames
from portal.training.permissions import acting_sites, may_read, readable_sites
from portal.training.rollout.queries import model_state
from portal.training.runs import activity, plans, resume, root_set, terms, vote_comparison, words

MOST_SITES = 20  # from so many on every strategy works, or never will


def runs(user: User) -> QuerySet[Run]:
    """Every run the user may see, newest first, with its model and who started it."""
    found = Run.objects.select_related("started_by", "model")
    return found if may_read(user) else found.none()


def last_runs(user: User, limit: int = 20) -> list[Run]:
    """The newest runs for a list, with cameras in the reasons of those that failed."""
    found, names = list(runs(user)[:limit]), CameraNames(user)
    for run in found:
        run.reason, run.title = names.worded(run.reason), words.title(run.task)
    return found


def run_state(user: User, run_id: int | str) -> dict[str, Any] | None:
    """A run as its page shows it, as plain JSON; None when there is none or the user may not see it."""
    run = runs(user).filter(pk=whole(str(run_id))).first()
    if run is None:
        return None
    names = CameraNames(user)
    model, left = getattr(run, "model", None), resume.resumable(run)
    return {
        "id": run.pk,
        "task": run.task,
        "title": words.title(run.task),
        "strategy_title": words.title(run.plan.get("strategy", "")),
        "status": run.state,
        "label": str(run.get_state_display()),
        "reason": names.worded(run.reason),
        "note": run.note,
        "created": run.created.isoformat(),
        "began": run.began and run.began.isoformat(),
        "ended": run.ended and run.ended.isoformat(),
        "plan": run.plan,
        "over": run.over,
        "ahead": ahead(run),
        "by": str(run.started_by),
        "resumes": run.resumes_id,
        "checkpoint": left and left.round,
        "bytes_sent": run.bytes_sent,
        "bytes_received": run.bytes_received,
        "rounds": rounds(run, names),
        "gate": _gate(run, names),
        "three": vote_comparison.compare(run, names),
        "activity": activity.activity(run, names),
        "privacy": run.privacy,
        "model": model and model_state(model),
    }


def rounds(run: Run, names: CameraNames) -> list[dict[str, Any]]:
    """Every round that led to this run's weights, also those of the runs it goes on from; a round done again counts as it went last."""
    found: dict[int, dict[str, Any]] = {}
    sites = Prefetch("sites", RunNode.objects.select_related("camera__site"))
    for each in reversed(resume.chain(run)):
        for row in each.rounds.prefetch_related(sites):
            found[row.number] = {
                "run": each.pk,
                "number": row.number,
                "loss": row.loss,
                "seconds": row.seconds,
                "sites": [_reply(reply, names) for reply in row.sites.all()],
            }
    return [found[number] for number in sorted(found)]


def ahead(run: Run) -> int:
    """How many runs are done before this queued one."""
    if run.state != RunState.QUEUED:
        return 0
    return Run.objects.filter(state__in=(RunState.QUEUED, RunState.RUNNING), pk__lt=run.pk).count()


def nodes(user: User) -> list[dict[str, Any]]:
    """The agents of the reader's sites that can train: where they are, and how much data of each task they report to keep (numbers, never content)."""
    found = (
        Agent.objects.filter(revoked=None, camera__site__in=readable_sites(user)).select_related("camera__site").order_by("camera__site__name", "camera__name")
    )
    return [_node(agent) for agent in found]


def startable(user: User) -> list[dict[str, Any]]:
    """Those at the sites at which this user may start a run."""
    own = set(acting_sites(user).values_list("pk", flat=True))
    return [node for node in nodes(user) if node["agent"].camera.site_id in own]


def schedules(user: User) -> list[Schedule]:
    """The nightly runs; why one was not started names cameras, so only who may act at all of them reads it."""
    found, own = list(Schedule.objects.all()), set(acting_sites(user).values_list("pk", flat=True))
    for schedule in found:
        if any(camera.site_id not in own for camera in plans.cameras(schedule.plan.get("sites"))):
            schedule.note = ""
    return found


def foreign_nodes(user: User) -> int:
    """How many agents can train at sites of which this reader may name none."""
    return Agent.objects.filter(revoked=None).exclude(node_id="").exclude(camera__site__in=readable_sites(user)).count()


def choices(user: User) -> dict[str, Any]:
    """What the start form offers: the tasks, and for each task and number of sites that must answer every strategy with whether it works, and why (not)."""
    enrolled = list(Agent.objects.filter(revoked=None, camera__site__in=acting_sites(user)).exclude(node_id=""))
    sites = len(enrolled)
    tasks = [{**words.task(name), "root": root_set.present(name)} for name in tasks_of.names()]
    return {
        "sites": sites,
        "terms": {agent.node_id: terms.as_json(agent) for agent in enrolled},
        "costs": privacy.measured(),
        "tasks": tasks,
        "personal_ways": words.personal_ways(),
        "strategies": words.offered(sites, root=any(each["root"] for each in tasks)),
        "offers": {each["name"]: [words.offered(number, root=each["root"]) for number in range(min(sites, MOST_SITES) + 1)] for each in tasks},
    }


def _node(agent: Agent) -> dict[str, Any]:
    demands = terms.of(agent)
    refuses = [name for name in tasks_of.names() if demands.tasks and name not in demands.tasks]
    data = dict(agent.heartbeat.data) if agent.heartbeat else {}
    return {"agent": agent, "enrolled": bool(agent.node_id), "data": data, "refuses": refuses, "most_epsilon": demands.most_epsilon}


def _reply(reply: RunNode, names: CameraNames) -> dict[str, Any]:
    """What one camera did in a round; `name` is the camera's and `site` its site's, or `name` is the node's number where the camera is gone."""
    camera = names.of(reply.camera) if reply.camera else names.get(reply.node)
    return {
        "node": reply.node,
        "name": camera.name if camera else reply.node,
        "site": camera.site if camera else "",
        "status": reply.status,
        "reason": names.worded(reply.reason),
        "samples": reply.samples,
        "loss": reply.loss,
        "bytes_down": reply.bytes_down,
        "bytes_up": reply.bytes_up,
        "update_norm": reply.update_norm,
        "cosine": reply.cosine,
        "epsilon": reply.epsilon,
    }


def _gate(run: Run, names: CameraNames) -> dict[str, Any]:
    """What the gate found, with cameras in its sentences."""
    sentences = {name: [names.worded(str(each)) for each in run.gate[name] or ()] for name in ("reasons", "warnings") if name in run.gate}
    return {**run.gate, **sentences}
