"""What Prometheus may read: runs, rounds, nodes, canaries and agents, as numbers in its text format."""

from __future__ import annotations

import datetime
import hmac
import secrets
from collections.abc import Iterable

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from detectors.files import create_durably
from portal.accounts.models import Role, User
from portal.sites.models import Agent
from portal.training.models import Canary, ModelOutcome, ModelState, ModelVersion, Run, RunNode, RunRound, RunState
from portal.training.permissions import acting_sites

PRESENT = datetime.timedelta(seconds=12)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus; with the token, or for an administrator who looks."""
    if not may_read(request):
        raise PermissionDenied
    reader = request.user if request.user.is_authenticated else None
    return HttpResponse(text(reader), content_type="text/plain; version=0.0.4; charset=utf-8")


def text(reader: User | None = None) -> str:
    """Every figure with its help line; a person (None: the program with the token) gets the cameras of the own sites by name, the others as one sum."""
    lines: list[str] = []
    for name, kind, meaning, rows in _figures(reader):
        lines += [f"# HELP specola_{name} {meaning}", f"# TYPE specola_{name} {kind}"]
        lines += [f"specola_{name}{_labels(labels)} {value:g}" for labels, value in rows]
    return "\n".join(lines) + "\n"


def may_read(request: HttpRequest) -> bool:
    """An administrator, or whoever holds the token of `secrets/metrics.token`."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if request.user.is_authenticated:
        return request.user.has_role(Role.ADMINISTRATOR)
    return bool(given) and hmac.compare_digest(given.encode(), token().encode())


def token() -> str:
    """Made on first use."""
    path = settings.HOME / "secrets" / "metrics.token"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_durably(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def _figures(reader: User | None) -> Iterable[tuple[str, str, str, list[tuple[dict[str, str], float]]]]:
    runs = dict(Run.objects.order_by().values_list("state").annotate(n=Count("pk")))
    sites = dict(RunNode.objects.order_by().values_list("status").annotate(n=Count("pk")))
    moved = RunNode.objects.aggregate(down=Sum("bytes_down"), up=Sum("bytes_up"))
    last = RunRound.objects.select_related("run").order_by("-pk").first()
    versions = dict(ModelVersion.objects.order_by().values_list("state").annotate(n=Count("pk")))
    outcomes = dict(ModelOutcome.objects.order_by().values_list("outcome").annotate(n=Count("pk")))
    agents = Agent.objects.filter(revoked=None)
    present = agents.filter(last_seen__gt=timezone.now() - PRESENT)
    yield "runs", "gauge", "Federated runs by state.", [({"state": name}, runs.get(name, 0)) for name in RunState.values]
    yield "round_sites_total", "counter", "Replies of sites by what became of them.", [({"status": name}, n) for name, n in sorted(sites.items())]
    yield "round_bytes_total", "counter", "Bytes of weights.", [({"direction": name}, moved[name] or 0) for name in ("down", "up")]
    if last:
        yield "last_round_seconds", "gauge", "Seconds of the newest round.", [({"task": last.run.task}, last.seconds)]
    if last and last.loss is not None:
        yield "last_round_loss", "gauge", "Mean loss of the newest round.", [({"task": last.run.task}, last.loss)]
    yield "models", "gauge", "Versions by state.", [({"state": name}, versions.get(name, 0)) for name in ModelState.values]
    yield "model_outcomes_total", "counter", "What became of models at agents.", [({"outcome": name}, n) for name, n in sorted(outcomes.items())]
    yield "trials_taken_back_total", "counter", "Canaries that left their limits.", [({}, Canary.objects.filter(automatic=True).count())]
    yield "agents", "gauge", "Agents in use.", [({}, agents.count())]
    yield "agents_heard", "gauge", "Agents heard within 12 s.", [({}, present.count())]
    yield "agents_enrolled_for_training", "gauge", "Agents whose SuperNode is registered.", [({}, agents.exclude(node_id="").count())]
    yield "frames_dropped_total", "counter", "Frames an agent had no time for since it began.", _dropped_frames(agents, reader)


def _dropped_frames(agents: QuerySet[Agent], reader: User | None) -> list[tuple[dict[str, str], float]]:
    own = None if reader is None else set(acting_sites(reader).values_list("pk", flat=True))
    rows = list(agents.select_related("camera__site"))
    named = [each for each in rows if own is None or each.camera.site_id in own]
    found = [({"site": each.camera.site.slug, "camera": each.camera.slug}, _dropped(each)) for each in named]
    if len(rows) > len(named):
        found.append(({"site": "", "camera": ""}, sum(_dropped(each) for each in rows if each not in named)))
    return found


def _dropped(agent: Agent) -> float:
    return (agent.heartbeat and agent.heartbeat.camera.dropped) or 0


def _labels(labels: dict[str, str]) -> str:
    quoted = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{quoted}}}" if quoted else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
