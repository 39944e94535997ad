"""A desk tool that studies how robust a Neural ODE and its residual twin are on a sheet of handwritten digits: curves by budget and by tolerance.

Attacks need gradients, so this tool alone among those of the desk needs torch, and only when it is used: the portal's packages have it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from detectors import image
from detectors.adversarial.digits import find_digits
from detectors.adversarial.ode_words import CARD, WORDS
from detectors.errors import BadInput
from detectors.messages import Message
from detectors.registry import tool
from detectors.types import (
    Evidence,
    ModelCard,
    PictureEvidence,
    PlotEvidence,
    PlotSeries,
    Progress,
    Report,
    ReportField,
    ReportPart,
    TableEvidence,
    Verdict,
)

if TYPE_CHECKING:
    from detectors.attacks.tolerances import TolerancePlan
    from detectors.results.ode import MeasuredNet

MOST_DIGITS = 40
BUDGETS = (0.05, 0.1, 0.15, 0.2, 0.3)  # of full scale
STEPS, SHOWN, SEED = 8, 0.2, 0
CALIBRATED = 100.0  # best on the net's own validation digits (docs/results/ode.md)
ZOOM, ACROSS = 3, 8  # of the sheet that is shown
ODE, TWIN = "ode-0", "twin-0"
Named = dict[str, "MeasuredNet"]


@tool("ode-study", family="adversarial", media=("picture",), inputs=1, words=WORDS, card=CARD, weights="ode-digits-1")
class OdeStudy:
    """Curves of robustness and detection on the digits of one picture."""

    def __init__(self, opened: Path, card: ModelCard) -> None:
        self.card, self._opened = card, opened

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The study of one picture file. Raises BadInput with the reason."""
        progress(0.0, Message("ode-study-reading"))
        found = find_digits(image.read(paths[0]))
        if not found:
            verdict = Verdict(Message("ode-study-none"), None, None, "unsure", (Message("ode-study-how-to"),))
            return Report(verdict, models={self.card.name: self.card.sha256})
        if len(found) > MOST_DIGITS:
            raise BadInput(Message("ode-study-too-many", {"given": len(found), "most": MOST_DIGITS}))
        digits = np.stack([digit for digit, _place in found])
        measured = _measured(_nets(self._opened), digits, progress)
        parts = (ReportPart("study", Message("ode-study-part"), (ReportField("found", Message("ode-study-found"), len(digits)),)),)
        return Report(_verdict(measured, len(digits)), parts=parts, evidence=_evidence(measured, digits), models={self.card.name: self.card.sha256})


@functools.lru_cache(maxsize=1)
def _nets(path: Path) -> dict[str, Any]:
    """Both nets, in evaluation mode and without gradients of their weights. Raises BadInput without torch."""
    try:
        from detectors.train import ode
    except ImportError as error:
        raise BadInput(Message("ode-study-needs-torch")) from error
    stored = ode.load(path)
    return {name: stored[name] for name in (ODE, TWIN)}


def _plans(*, eot: bool) -> list[TolerancePlan]:
    from detectors.attacks.tolerances import TolerancePlan

    return [*(TolerancePlan("linf", budget, STEPS) for budget in BUDGETS), *([TolerancePlan("linf", SHOWN, STEPS, eot=True)] if eot else [])]


def _measured(nets: dict[str, Any], digits: np.ndarray, progress: Progress) -> Named:
    """Each net's answers on the digits untouched and attacked. What it reads in the untouched digit counts as right."""
    import torch

    from detectors.attacks import tolerances
    from detectors.results.ode import CLEAN, MeasuredNet
    from detectors.train.ode import tensor_of

    pictures, found = tensor_of(digits), {}
    steps, done = sum(len(_plans(eot=name == ODE)) for name in nets), 0
    for name, net in nets.items():
        with torch.no_grad():
            own = net(pictures).argmax(1)
        answers = {CLEAN: tolerances.answers(net, pictures, pictures, SEED)}
        for plan in _plans(eot=name == ODE):
            progress(0.05 + 0.9 * done / steps, Message(f"ode-study-attacking-{_kind(name)}", {"budget": plan.budget}))
            answers[plan.name] = tolerances.answers(net, tolerances.attack(net, plan, pictures, own, SEED), pictures, SEED + 1)
            done += 1
        found[name] = MeasuredNet(name, answers, {}, own.numpy(), own.numpy()[:0])
    return found


def _kind(name: str) -> str:
    return name.split("-")[0]


def _attack_words(plan: TolerancePlan) -> Message:
    return Message("ode-study-attack-eot" if plan.eot else "ode-study-attack", {"budget": plan.budget})


def _verdict(measured: Named, count: int) -> Verdict:
    from detectors.attacks.tolerances import TolerancePlan
    from detectors.results.ode import FEW

    attack = TolerancePlan("linf", SHOWN, STEPS).name
    kept = {name: count - int(net.fooled(attack).sum()) for name, net in measured.items()}
    reasons = (
        Message("ode-study-kept", {"budget": SHOWN, "ode": kept[ODE], "twin": kept[TWIN], "count": count}),
        Message("ode-study-no-gain"),
        Message("ode-study-truth"),
        Message("ode-study-few", {"count": count, "few": FEW}),
        Message("ode-study-stronger", {"steps": STEPS}),
    )
    return Verdict(Message("ode-study-done", {"count": count}), None, None, "unsure", reasons)


def _evidence(measured: Named, digits: np.ndarray) -> tuple[Evidence, ...]:
    return _sheet(digits), _answers(measured), _by_budget(measured), _by_tolerance(measured[ODE]), _detection(measured)


def _sheet(digits: np.ndarray) -> PictureEvidence:
    """The digits in rows, dark on light, each with its number above it."""
    cell, head = digits.shape[1] * ZOOM, 22
    rows = math.ceil(len(digits) / ACROSS)
    sheet = np.full((rows * (cell + head), min(len(digits), ACROSS) * cell), 255, np.uint8)
    for n, digit in enumerate(digits):
        top, left = n // ACROSS * (cell + head), n % ACROSS * cell
        cv2.putText(sheet, str(n + 1), (left + 4, top + 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
        sheet[top + head : top + head + cell, left : left + cell] = 255 - cv2.resize(digit, (cell, cell), interpolation=cv2.INTER_NEAREST)
    return PictureEvidence("digits", Message("ode-study-sheet"), cv2.imencode(".png", sheet)[1].tobytes())


def _answers(measured: Named) -> TableEvidence:
    from detectors.adversarial.decoupled import probabilities
    from detectors.results.ode import CLEAN

    sure = probabilities(measured[ODE].test[CLEAN].own).max(1)
    columns = tuple(Message(f"ode-study-{name}") for name in ("number", "reads", "sure", "twin-reads"))
    rows = zip(measured[ODE].labels.tolist(), sure.tolist(), measured[TWIN].labels.tolist(), strict=True)
    return TableEvidence(
        "answers", Message("ode-study-answers"), columns, tuple((n, ode, round(share, 3), twin) for n, (ode, share, twin) in enumerate(rows, 1))
    )


def _by_budget(measured: Named) -> PlotEvidence:
    names = {plan.budget: plan.name for plan in _plans(eot=False)}
    series = [
        PlotSeries(Message(f"ode-study-{_kind(name)}"), (0.0, *names), (1.0, *(_kept(net, attack) for attack in names.values())))
        for name, net in measured.items()
    ]
    return PlotEvidence("by-budget", Message("ode-study-by-budget"), Message("ode-study-budget"), Message("ode-study-share"), tuple(series))


def _by_tolerance(net: MeasuredNet) -> PlotEvidence:
    from detectors.attacks.tolerances import GRID
    from detectors.results.ode import CLEAN

    wanted = {CLEAN: Message("ode-study-untouched")}
    wanted |= {plan.name: _attack_words(plan) for plan in _plans(eot=True) if plan.budget in (BUDGETS[1], SHOWN)}
    axis = tuple(math.log10(tolerance) for tolerance in GRID)
    series = tuple(PlotSeries(words, axis, tuple(_kept(net, attack, at) for at in range(len(GRID)))) for attack, words in wanted.items())
    return PlotEvidence("by-tolerance", Message("ode-study-by-tolerance"), Message("ode-study-tolerance"), Message("ode-study-share"), series)


def _kept(net: MeasuredNet, attack: str, at: int | None = None) -> float:
    answers = net.test[attack]
    return float(((answers.own if at is None else answers.grid[at]).argmax(1) == net.labels).mean())


def _detection(measured: Named) -> TableEvidence:
    from detectors.attacks.tolerances import GRID
    from detectors.results import ode

    ways: dict[Message, Callable[..., np.ndarray]] = {
        Message("ode-study-fixed", {"at": ode.FIXED}): ode.decoupled_at(GRID.index(ode.FIXED)),
        Message("ode-study-calibrated", {"at": CALIBRATED}): ode.decoupled_at(GRID.index(CALIBRATED)),
        Message("ode-study-vote"): ode.voted,
        Message("ode-study-unsure"): ode.unsure,
        Message("ode-study-resaved"): ode.resaved,
    }
    rows = []
    for name, net in measured.items():
        for plan in _plans(eot=name == ODE):
            own = [None if name == TWIN and n < 3 else net.detection([plan.name], way) for n, way in enumerate(ways.values())]
            shown = [Message("ode-study-figure", each) if each and each["value"] is not None else None for each in own]
            rows.append((Message(f"ode-study-{_kind(name)}"), _attack_words(plan), int(net.fooled(plan.name).sum()), *shown))
    columns = (*(Message(f"ode-study-{each}") for each in ("net", "by", "changed")), *ways)
    return TableEvidence("detection", Message("ode-study-detection"), columns, tuple(rows))
