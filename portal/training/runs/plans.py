"""The plan of a run: checked before it is kept, and as the federation takes it."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from federated.contract.run_plan import RunPlan
from federated.learning import task as tasks_of
from federated.learning.errors import PlanError
from federated.learning.plan import check
from portal.sites import nodes
from portal.sites.models import Agent, Camera
from portal.training.runs import root_set, terms

CHOSEN = tuple(field.name for field in dataclasses.fields(RunPlan) if field.name not in ("task", "base_model", "resume"))


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


def cameras(sites: Any) -> list[Camera]:
    """The cameras that a plan's `sites` (node numbers; none: every one enrolled for training) concern."""
    if sites:
        return list(nodes.cameras_of(map(str, sites)).values())
    return [agent.camera for agent in Agent.objects.filter(revoked=None).exclude(node_id="").select_related("camera")]


def config_of(task: str, plan: dict[str, Any], **more: Any) -> RunPlan:
    """A stored plan as the federation takes it."""
    sites = tuple(str(site) for site in plan.get("sites") or ())
    return RunPlan(task=task, **{**plan, "sites": sites}, **more)


def _check_sites(config: RunPlan) -> None:
    enrolled = set(Agent.objects.filter(revoked=None).exclude(node_id="").values_list("node_id", flat=True))
    if set(config.sites) - enrolled:
        raise ValidationError(_("A chosen camera is not enrolled for training any more."))
    _check_terms(config)
    if len(enrolled) < config.min_sites:
        raise ValidationError(
            _("%(need)d cameras must answer, but only %(have)d are enrolled for training.") % {"need": config.min_sites, "have": len(enrolled)}
        )


def _check_terms(config: RunPlan) -> None:
    """A chosen site that would refuse is told now, not in each round; of all sites so many must take part as have to answer."""
    asked = {"task": config.task, "privacy": config.privacy, "epsilon": config.epsilon}
    agents = Agent.objects.filter(revoked=None).exclude(node_id="").select_related("camera").order_by("camera__name", "pk")
    against = {agent.node_id: (agent, why) for agent in agents if (why := terms.of(agent).against(**asked))}
    if chosen := [against[site] for site in config.sites if site in against]:
        raise ValidationError(f"{chosen[0][0].camera.name}: {chosen[0][1]}")
    if against and not config.sites and len(agents) - len(against) < config.min_sites:
        agent, why = next(iter(against.values()))
        names = {"need": config.min_sites, "have": len(agents) - len(against), "camera": agent.camera.name, "why": why}
        raise ValidationError(_("%(need)d cameras must answer, but only %(have)d take part in such a run (%(camera)s: %(why)s).") % names)
