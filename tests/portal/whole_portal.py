"""A site with one of everything, and every address and action of the portal, found by themselves: what tests about all of them need."""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.urls import get_resolver
from django.urls.resolvers import RoutePattern, URLPattern, URLResolver
from django.utils import timezone

import portal
from portal.accounts.models import User
from portal.alerts.models import Alert
from portal.analysis.models import Case, Upload
from portal.core.models import AuditFinding
from portal.facts.models import Fact, FactVersion
from portal.people.models import LegalBasis, Person, Recognition
from portal.sites.machines import MachineView
from portal.sites.models import Agent, Camera, Site, SourceTest
from portal.training.models import Canary, CanaryCamera, Disagreement, ModelVersion, Run, RunNode, RunRound, RunState, Schedule
from tests.portal.portal_scene import person

MARK = "Zaffiro"  # stands in every name of the site, and nowhere else
NODE = "9001"
SKIPPED = (".migrations", ".management", "portal.asgi", "portal.settings")


@dataclasses.dataclass(slots=True)
class Everything:
    """One object of each kind at one site."""

    site: Site
    camera: Camera
    agent: Agent
    user: User
    alert: Alert
    person: Person
    recognition: Recognition
    case: Case
    upload: Upload
    run: Run
    model: ModelVersion
    canary: Canary
    disagreement: Disagreement
    finding: AuditFinding
    source_test: SourceTest
    fact: Fact
    fact_version: FactVersion


def everything(slug: str = "a-place") -> Everything:
    """A site with one of everything."""
    site = Site.objects.create(slug=slug, name=f"Parco {MARK}", place=f"Via {MARK} 1")
    camera = Camera.objects.create(site=site, slug="gate", name=f"Porta {MARK}", kind="door", legal_mode="M1", note=f"{MARK} note")
    agent = Agent.objects.create(camera=camera, public_key=f"{slug}-key", node_id=NODE, last_seen=timezone.now())
    keeper = person(f"keeper@{slug}.example", "manager", site)
    User.objects.filter(pk=keeper.pk).update(name="Ada Keeper")
    now = timezone.now()
    at = {"camera": camera, "kind": "person_in_zone"}
    alert = Alert.objects.create(**at, **_needed(Alert, {*at}, now))
    staff = Person.objects.create(
        site=site, name=f"{MARK} Rossi", legal_basis=LegalBasis.values[0], document="A/1", owner=keeper, expires=now + datetime.timedelta(days=5)
    )
    visit = {"visit": "v1", "started": now, "net": "x", "gallery_version": 1, "people": 1, "score": 0.9, "threshold": 0.4, "frames": 3}
    recognition = Recognition.objects.create(camera=camera, person=staff, **visit)
    case = Case.objects.create(title=f"{MARK} case", site=site, tool="faces", opened_by=keeper)
    upload = Upload.objects.create(user=keeper, name=f"{MARK}.png", size=10, expires=now + datetime.timedelta(hours=2))
    gate = {"votes": [{"node": NODE, "before": 1.0, "alone": 0.9, "after": 0.8}], "reasons": [f"worse at node {NODE}"]}
    run = Run.objects.create(
        task="anomaly", plan={"rounds": 1, "sites": [NODE]}, started_by=keeper, gate=gate, state=RunState.FAILED, reason=f"node {NODE} left"
    )
    row = RunNode(round=RunRound.objects.create(run=run, number=1, seconds=1), node=NODE, camera=camera, status="accepted", reason=f"node {NODE} was late")
    row.save()
    card = {"name": "anomaly", "version": "1", "metrics": {"samples": {NODE: 5}, "loss_before": {NODE: 1.0}, "loss_after": {NODE: 0.8}}}
    kept = {"detector": "anomaly", "version": "1", "sha256": "c" * 64, "size": 5, "signature": "x", "card": card}
    model = ModelVersion.objects.create(**kept, run=run)
    canary = Canary.objects.create(model=model, started_by=keeper)
    tried = CanaryCamera.objects.create(canary=canary, camera=camera)
    disagreement = Disagreement.objects.create(row=tried, t=now, old_score=0.1, new_score=0.9, threshold=0.5, snapshot="d" * 64)
    Schedule.objects.create(task="anomaly", plan={"sites": [NODE], "min_sites": 1}, by=keeper, note=f"Porta {MARK}: not idle")
    finding = AuditFinding.objects.create(seq=1, expected="e" * 64, agent=str(agent.pk), site="b-place")
    test = SourceTest.objects.create(agent=agent, address="rtsp://127.0.0.1/x")
    fact = Fact.objects.create(key=f"fact-of-{slug}")
    source = {"author": "A", "title": "B", "year": "1987", "where": "C"}
    stated = {"kind": "place", "name_en": "Cloister", "name_it": "Chiostro", "statement_en": "It is old.", "statement_it": "È antico.", "sources": [source]}
    proposed = FactVersion.objects.create(fact=fact, number=1, author=keeper, **stated)
    return Everything(site, camera, agent, keeper, alert, staff, recognition, case, upload, run, model, canary, disagreement, finding, test, fact, proposed)


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """One address: its name, its path with parameters in it, and the view's parameters with their kinds ("int", "slug", "uuid", "str", or a regex)."""

    name: str
    pattern: str
    parameters: dict[str, str]
    machine: bool = False  # only an agent with its key may call it

    def path(self, values: dict[str, Any]) -> str:
        """The path with these values in place of the parameters."""
        plain = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), self.pattern)
        return "/" + plain


def addresses() -> list[Address]:
    """Every address of the portal."""
    return list(_walk(get_resolver(), "", ""))


def values_at(address: Address, found: Everything) -> dict[str, Any]:
    """The parameters of an address, for the objects of this site. Raises KeyError for one that this file does not know: teach it here."""
    return {name: _value(address, name, kind, found) for name, kind in address.parameters.items()}


def actions() -> dict[str, Callable[..., Any]]:
    """Every function of the portal that changes something in a person's name: it takes `user` or `actor` by keyword, a User."""
    found = {}
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if any(part in module.name for part in SKIPPED):
            continue
        for name, each in vars(importlib.import_module(module.name)).items():
            if inspect.isfunction(each) and each.__module__ == module.name and not name.startswith("_") and _in_a_name(each):
                found[f"{module.name.removeprefix('portal.')}.{name}"] = each
    return found


def _in_a_name(function: Callable[..., Any]) -> bool:
    keywords = [each for each in inspect.signature(function).parameters.values() if each.kind is each.KEYWORD_ONLY]
    return any(each.name in ("user", "actor") and "User" in str(each.annotation) for each in keywords)


def _walk(resolver: URLResolver, before: str, space: str) -> Iterator[Address]:
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from _walk(each, before + str(each.pattern), f"{space}{each.namespace}:" if each.namespace else space)
        elif isinstance(each, URLPattern):
            yield _address(each, before, space)


def _address(found: URLPattern, before: str, space: str) -> Address:
    view = getattr(found.callback, "cls", object)
    machine = issubclass(view, MachineView) or getattr(view, "machine", False)
    if isinstance(found.pattern, RoutePattern):
        pattern = before + str(found.pattern)
        return Address(f"{space}{found.name or ''}", pattern, {name: kind or "str" for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", pattern)}, machine)
    groups = dict(re.findall(r"\(\?P<(\w+)>([^)]*)\)", str(found.pattern)))
    plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", str(found.pattern)).strip("^$").replace("\\", "")
    return Address(f"{space}{found.name or ''}", before + plain, groups, machine)


def _value(address: Address, name: str, kind: str, found: Everything) -> Any:
    if "|" in kind:
        return kind.split("|")[0]
    fixed = {"site": found.site.slug, "slug": found.site.slug, "camera": found.camera.slug, "uid": found.person.uid, "token": "x" * 43, "detector": "anomaly"}
    fixed |= {"sha256": "0" * 64, "name": "heat", "picture": found.disagreement.pk, "number": 1}
    if name in fixed:
        return fixed[name]
    if name != "pk":
        raise KeyError(f"{name} of {address.pattern}: teach tests/portal/whole_portal.py what it is")
    objects = {
        r"users/": found.user,
        r"sites/": found.source_test,
        r"agents/<int": found.camera,
        r"agents/<uuid": found.agent,
        r"alerts/": found.alert,
        r"people/log": found.recognition,
        r"people/doors": found.camera,
        r"(training/)?runs/": found.run,
        r"(training/)?models/": found.model,
        r"(training/trials|canaries)/": found.canary,
        r"(desk|cases)/": found.case,
        r"uploads/": found.upload,
        r"audit/findings/": found.finding,
        r"facts/versions": found.fact_version,
        r"facts/": found.fact,
        r"account/second-factors/": found.finding,
    }
    path = address.pattern.removeprefix("api/v1/")
    return next(each.pk for start, each in objects.items() if re.match(start, path))


def _needed(model: type, given: set[str], now: datetime.datetime) -> dict[str, Any]:
    """Times that a model needs and this file need not know by name."""
    fields = [each for each in model._meta.concrete_fields if each.get_internal_type() == "DateTimeField" and not each.null and not each.has_default()]
    return {each.name: now for each in fields if each.name not in given and not getattr(each, "auto_now_add", False)}
