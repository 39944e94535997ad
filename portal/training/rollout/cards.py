"""A version's card as a regulator would ask for it: data, sites, strategy, privacy, what changed at each site with an interval, and how to verify it all."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from federated.learning.privacy import COVERS, UNITS
from federated.trust.signing import public_text, sign_document
from portal.accounts.models import User
from portal.sites.config import portal_key
from portal.sites.nodes import cameras_of
from portal.training.models import ModelVersion
from portal.training.node_names import CameraNames, place
from portal.training.permissions import readable_sites
from portal.training.rollout import budget, documents

# Student's t, 97.5 %, for 1 to 30 degrees of freedom; beyond, the last one is a little too wide, which is the safe side.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
T += (2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
FEW = 5  # sites below which an interval says little
PRIVATE = ("privacy", "epsilon", "delta", "clip", "noise", "secure", "secagg", "dp")
SETTINGS = {
    "rounds": _("Rounds"),
    "local_epochs": _("Local epochs"),
    "min_sites": _("Cameras that must answer"),
    "deadline_s": _("Deadline of a round (s)"),
}
OTHERS = {"onnx_difference": _("Largest difference between ONNX and torch")}
SHOWN_ELSEWHERE = ("strategy", "sites", "rounds", "local_epochs", "parent", "run")


@dataclasses.dataclass(frozen=True, slots=True)
class Vote:
    """What one site measured on its own held-back data: a loss, smaller is better."""

    place: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """Below nought: better."""
        return self.after - self.before


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
    """The mean of the sites' changes with its 95 % t-interval; no interval with one site."""

    n: int
    mean: float
    low: float | None
    high: float | None

    @property
    def few(self) -> bool:
        """Whether so few sites have voted that the interval says little."""
        return self.n < FEW


def interval(changes: list[float]) -> Interval | None:
    """Mean and 95 % t-interval of the sites' changes; None when nobody has voted."""
    n = len(changes)
    if not n:
        return None
    mean = statistics.fmean(changes)
    if n == 1:
        return Interval(1, mean, None, None)
    half = T[min(n - 1, len(T)) - 1] * statistics.stdev(changes) / math.sqrt(n)
    return Interval(n, mean, mean - half, mean + half)


def votes(model: ModelVersion, names: CameraNames) -> list[Vote]:
    """Each site's vote, by place; from the run's gate, else from the card."""
    metrics = _dict(model.card, "metrics")
    before, after = _dict(metrics, "loss_before"), _dict(metrics, "loss_after")
    losses = {str(node): (before.get(node), after[node]) for node in after}
    if model.run:
        losses |= {str(each.get("node")): (each.get("before"), each.get("after")) for each in _list(model.run.gate, "votes") if isinstance(each, dict)}
    found = [Vote(str(names.get(node) or node), *pair) for node, pair in losses.items() if all(map(_finite, pair))]
    return sorted(found, key=lambda vote: vote.place)


def card(model: ModelVersion, user: User) -> dict[str, Any]:
    """Everything the page shows to this reader."""
    names = CameraNames(user)
    metrics, plan, found = _dict(model.card, "metrics"), model.run.plan if model.run else {}, votes(model, names)
    samples = {str(node): count for node, count in _dict(metrics, "samples").items()}
    return {
        "samples": sorted((str(names.get(node) or node), count) for node, count in samples.items()),
        "total": sum(count for count in samples.values() if _finite(count)),
        "strategy": metrics.get("strategy") or plan.get("strategy"),
        "privacy": _privacy(metrics, plan),
        "settings": [(label, plan[name]) for name, label in SETTINGS.items() if name in plan],
        "votes": found,
        "interval": interval([vote.change for vote in found]),
        "others": [(OTHERS.get(name, name), _plain(value)) for name, value in metrics.items() if _other(name, value)],
        "thresholds": _dict(model.card, "thresholds"),
        "preprocessing": _dict(model.card, "preprocessing"),
        "measured": budget.measured(model, user),
        "public": public_text(portal_key()),
    }


def document(model: ModelVersion, user: User) -> dict[str, Any]:
    """The document as it is downloaded, signed anew with `cameras` (node number to "site / camera"): agents get it without, for they have no use for names."""
    metrics = _dict(model.card, "metrics")
    nodes = {str(node) for each in metrics.values() if isinstance(each, dict) for node in each}
    return sign_document({**documents.of(model), "cameras": _places(sorted(nodes), user)}, portal_key())


def _other(name: str, value: Any) -> bool:
    """Whether a figure of the card stands nowhere else on the page."""
    return not isinstance(value, dict | list) and name not in SHOWN_ELSEWHERE and not name.startswith(PRIVATE)


def _plain(value: Any) -> Any:
    """A number as people read it."""
    return f"{value:.3g}" if isinstance(value, float) else value


def _places(nodes: Iterable[str], user: User) -> dict[str, str]:
    """Where the nodes of this reader's sites stand, as far as an agent has or had this number."""
    own, found = set(readable_sites(user).values_list("pk", flat=True)), cameras_of(nodes)
    return {number: place(camera) for number, camera in found.items() if camera.site_id in own}


def _dict(parent: Any, name: str) -> dict[str, Any]:
    found = parent.get(name) if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def _list(parent: Any, name: str) -> list[Any]:
    found = parent.get(name) if isinstance(parent, dict) else None
    return found if isinstance(found, list) else []


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _privacy(metrics: dict[str, Any], plan: dict[str, Any]) -> list[tuple[str, Any]]:
    """What was promised and spent, one row a number; what the plan asked for where the run wrote nothing down."""
    statement = metrics.get("privacy")
    if isinstance(statement, dict):
        # Cards written before said "one site" where the unit has always been one camera's node, so the words are those of the kind, never the stored ones.
        true_words = {"unit": _(UNITS[statement["kind"]]), "covers": _(COVERS)} if statement.get("kind") in UNITS else {}
        return [(name, true_words.get(name, value)) for name, value in statement.items() if value not in (None, "", 0)]
    asked = plan if plan.get("privacy", "none") != "none" else {}
    return [(name, value) for name, value in {**asked, **metrics}.items() if value not in (None, "", 0) and name.startswith(PRIVATE)]
