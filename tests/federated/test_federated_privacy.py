"""The accountant against numbers from elsewhere, plans that promise too much, and central privacy on the grid in this process."""

from __future__ import annotations

import json
import math
from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, RecordDict

from federated.contract.run_plan import RunPlan
from federated.learning import central, guard, plan, privacy, task, weights
from federated.learning.bench import attacks
from federated.learning.errors import PlanError
from federated.learning.privacy import Steps
from federated.learning.rounds import RunFailed, save

DELTA = 1e-5
PHI = NormalDist().cdf
CENTRAL = {"privacy": "central", "epsilon": 8.0}
STRATEGIES = sorted(set(plan.STRATEGIES) - set(privacy.MEANS))


def delta_of(epsilon: float, sigma: float) -> float:
    """The exact delta of one Gaussian of sensitivity 1 (Balle and Wang 2018, theorem 8)."""
    return PHI(1 / (2 * sigma) - epsilon * sigma) - math.exp(epsilon) * PHI(-1 / (2 * sigma) - epsilon * sigma)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 3.0])
def test_one_gaussian_has_the_epsilon_of_the_theorem(sigma):
    assert delta_of(privacy.central_epsilon([sigma], DELTA), sigma) == pytest.approx(DELTA, rel=1e-3)


def test_the_noise_for_some_rounds_spends_what_is_wanted_and_no_more():
    sigma = privacy.central_sigma(4.0, DELTA, 5)
    assert privacy.central_epsilon([sigma] * 5, DELTA) == pytest.approx(4.0, rel=1e-6)
    assert privacy.central_epsilon([sigma] * 4, DELTA) < 4.0
    assert privacy.central_epsilon([], DELTA) == 0


def test_more_rounds_less_epsilon_or_delta_all_need_more_noise():
    base = privacy.central_sigma(4.0, DELTA, 3)
    assert min(privacy.central_sigma(4.0, DELTA, 6), privacy.central_sigma(1.0, DELTA, 3), privacy.central_sigma(4.0, 1e-7, 3)) > base


def test_rounds_done_before_count():
    first = privacy.central_sigma(8.0, DELTA, 3)
    assert privacy.central_sigma(8.0, DELTA, 2, [first]) == pytest.approx(first)
    more = privacy.central_sigma(8.0, DELTA, 9, [first])
    assert privacy.central_epsilon([first] + [more] * 9, DELTA) == pytest.approx(8.0)
    with pytest.raises(PlanError, match="have spent epsilon 8"):
        privacy.central_sigma(8.0, DELTA, 1, [first] * 3)


def test_steps_with_every_sample_are_plain_gaussians():
    assert privacy.local_epsilon([Steps(1.0, 2.0, 4)], DELTA) == pytest.approx(privacy.central_epsilon([1.0], DELTA), rel=0.01)


def test_the_example_of_tensorflow_privacy_stays_below_its_looser_bound():
    """60 epochs of MNIST, batches of 256, noise 1.1: its table says 3.01 by Renyi accounting; the tight value is 2.38."""
    assert privacy.local_epsilon([Steps(256 / 60_000, 1.1, 60 * 60_000 // 256)], DELTA) == pytest.approx(2.38, rel=0.02)


def test_the_noise_for_local_steps_is_hardly_more_than_needed():
    sigma = privacy.local_sigma(4.0, DELTA, 0.125, 24)
    assert privacy.local_epsilon([Steps(0.125, sigma, 24)], DELTA) <= 4.0 < privacy.local_epsilon([Steps(0.125, sigma * 0.98, 24)], DELTA)


def test_local_steps_done_before_count():
    sigma = privacy.local_sigma(4.0, DELTA, 0.25, 8)
    assert privacy.local_sigma(4.0, DELTA, 0.25, 4, [Steps(0.25, sigma, 4)]) == sigma
    again = privacy.local_sigma(4.0, DELTA, 0.25, 4, [Steps(0.25, sigma, 4), Steps(0.25, sigma, 2)])  # half a round was cut off and is done again
    assert again > sigma
    assert privacy.local_epsilon([Steps(0.25, sigma, 6), Steps(0.25, again, 4)], DELTA) <= 4.0
    with pytest.raises(PlanError, match="have spent"):
        privacy.local_sigma(4.0, DELTA, 0.25, 1, [Steps(0.25, sigma, 9)])


BAD = [
    ({"privacy": "magic"}, "unknown kind of privacy"),
    ({"epsilon": 4.0}, "promises nothing"),
    ({"privacy": "central"}, "epsilon must lie between 0.1 and 50"),
    ({"privacy": "local", "epsilon": 51.0}, "epsilon must lie between"),
    ({"privacy": "local", "epsilon": math.nan}, "epsilon must lie between"),
    ({"privacy": "local", "epsilon": True}, "epsilon must lie between"),
    ({**CENTRAL, "delta": 0.0}, "delta must lie between"),
    ({**CENTRAL, "delta": 0.1}, "delta must lie between"),
    ({**CENTRAL, "delta": 0.01, "min_sites": 100}, "below 1 / 100"),
    ({**CENTRAL, "clip": -1.0}, "clip must lie between"),
    ({**CENTRAL, "clip": math.inf}, "clip must lie between"),
    ({"task": "face_adapter", "privacy": "local", "epsilon": 4.0}, "cannot train with local privacy: its loss tells the faces"),
]


@pytest.mark.parametrize(("bad", "problem"), BAD)
def test_a_promise_that_cannot_be_kept_is_refused_with_a_sentence(bad, problem):
    with pytest.raises(PlanError, match=problem):
        plan.check(RunPlan(**{"task": "anomaly", **bad}))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_central_privacy_wants_a_plain_mean(strategy):
    with pytest.raises(PlanError, match=f"choose fedavg or fedprox. With {strategy}"):
        plan.check(RunPlan("anomaly", strategy=strategy, min_sites=7, **CENTRAL), root=True)


@pytest.mark.parametrize("strategy", sorted(plan.STRATEGIES))
def test_local_privacy_goes_with_every_strategy(strategy):
    plan.check(RunPlan("anomaly", strategy=strategy, min_sites=7, privacy="local", epsilon=4.0), root=True)


def test_a_private_plan_survives_the_way_to_the_sites():
    config = RunPlan("anomaly", privacy="central", epsilon=4.0, delta=1e-6, clip=0.5)
    assert plan.from_run_config(plan.to_run_config(config)) == config


def test_a_task_that_gives_no_loss_for_each_sample_is_refused():
    class Bare:
        name = detector = needs = "bare"

    task.REGISTRY["bare"] = Bare
    try:
        assert "no loss for each single sample" in privacy.why_not_local("bare")
    finally:
        del task.REGISTRY["bare"]


def made(asked: int, sigma: float = 0.0, clip: float = 1.0, size: int = 2) -> central.Bounded:
    strategy = central.build("fedavg", guard.Limits(5.0, 2), central.Noise(sigma, clip, np.random.default_rng(0)))
    strategy.start, strategy.asked = {"w": np.zeros(size, np.float32), "n": np.array([7])}, asked
    return strategy


def update(*values: float) -> SimpleNamespace:
    arrays = {"w": Array(np.array(values, np.float32)), "n": Array(np.array([9]))}
    return SimpleNamespace(content=RecordDict({"arrays": ArrayRecord(arrays)}))


def mean_of(strategy: central.Bounded, *updates: SimpleNamespace) -> np.ndarray:
    return central.NoisyMean.aggregate_train(strategy, 1, updates)[0]["w"].numpy()


def test_every_site_asked_counts_the_same_and_a_silent_one_as_unchanged():
    assert mean_of(made(4), update(1, 0), update(0, 0.5)) == pytest.approx([0.25, 0.125])


def test_the_noise_of_the_mean_has_the_stated_standard_deviation():
    found = mean_of(made(4, sigma=3.0, clip=0.2, size=200_000))
    assert found.std() == pytest.approx(3.0 * 0.2 / 4, rel=0.01)  # the standard error is 0.16 %
    assert abs(found.mean()) < 0.002


def test_numbers_that_are_not_learned_stay_as_they_were():
    arrays, _ = central.NoisyMean.aggregate_train(made(2, sigma=5.0), 1, [update(0, 0), update(0, 0)])
    assert arrays["n"].numpy().tolist() == [7]


def test_two_rounds_draw_other_noise():
    strategy = made(2, sigma=1.0)
    strategy.noise = central.Noise(1.0, 1.0)
    assert not np.array_equal(mean_of(strategy), mean_of(strategy))


def test_no_site_moves_the_model_by_more_than_its_share(lab, monkeypatch):
    monkeypatch.setattr(privacy, "central_sigma", lambda *_: 1e-9)
    lab.grid.tamper[lab.nodes[0]] = attacks.REPLIES["x100"]()
    run = lab.run(rounds=1, clip=0.1, **CENTRAL)
    progress = run.begin()
    run.round(1, run.strategy(progress), progress)
    assert 0 < weights.norm(progress.arrays, progress.start) <= 0.1 + 1e-6
    assert all("shortened" in row["reason"] for row in lab.of("round")[0]["sites"])


@pytest.mark.parametrize("strategy", privacy.MEANS)
def test_a_central_run_tells_what_it_has_spent(lab, strategy):
    card = lab.run(rounds=2, strategy=strategy, clip=2.0, **CENTRAL).go().card
    statement = card["metrics"]["privacy"]
    assert (statement["kind"], statement["unit"]) == ("central", "one camera (its node)")
    assert (statement["epsilon"], statement["delta"], statement["clip"]) == (pytest.approx(8.0), DELTA, 2.0)
    assert [event["privacy"]["epsilon"] for event in lab.of("round")] == pytest.approx([5.28, 8.0], abs=0.1)
    assert statement["sigma"] == pytest.approx(privacy.central_sigma(8.0, DELTA, 2), abs=1e-3)


def test_a_run_without_privacy_says_so_and_its_rounds_say_nothing(lab):
    assert lab.run().go().card["metrics"]["privacy"] == "none beyond keeping the data at the nodes"
    assert "privacy" not in lab.of("round")[0]


def test_two_sites_are_enough_and_one_that_sends_poison_is_still_named(lab):
    lab.grid.tamper[lab.nodes[2]] = attacks.REPLIES["nan"]()
    run = lab.run(rounds=1, **CENTRAL)
    progress = run.begin()
    run.round(1, run.strategy(progress), progress)
    assert [lab.row(node)["status"] for node in lab.nodes] == ["accepted", "accepted", "rejected"]


def cut_after_one(lab, **asked):
    """A run whose process died after its first of three rounds."""
    run = lab.run("1", rounds=3, **asked)
    run.folder.mkdir(parents=True)
    progress = run.begin()
    run.round(1, run.strategy(progress), progress)
    save(progress, run.folder)


def test_a_resumed_run_counts_the_rounds_before(lab):
    cut_after_one(lab, clip=2.0, **CENTRAL)
    lab.run("2", rounds=3, resume="1", clip=2.0, **CENTRAL).go()
    spent = [event["privacy"]["epsilon"] for event in lab.of("round")]
    assert spent == sorted(spent)
    assert (len(spent), spent[-1]) == (3, pytest.approx(8.0))


def test_a_run_that_has_spent_everything_is_not_stretched(lab):
    lab.run("1", rounds=2, clip=2.0, **CENTRAL).go()
    with pytest.raises(RunFailed, match="have spent epsilon 8"):
        lab.run("2", rounds=3, resume="1", clip=2.0, **CENTRAL).go()


def test_a_run_that_only_lacks_its_vote_spends_nothing_more(lab):
    lab.run("1", rounds=1, clip=2.0, **CENTRAL).go()
    card = lab.run("2", rounds=1, resume="1", clip=2.0, **CENTRAL).go().card
    assert card["metrics"]["privacy"]["epsilon"] == pytest.approx(8.0)
    assert len(lab.of("round")) == 1


@pytest.mark.parametrize(("before", "after"), [({}, CENTRAL), (CENTRAL, {})])
def test_rounds_in_the_clear_cannot_be_made_private_afterwards(lab, before, after):
    cut_after_one(lab, clip=2.0, **before)
    with pytest.raises(RunFailed, match="start a new run"):
        lab.run("2", rounds=3, resume="1", clip=2.0, **after).go()


def test_what_a_page_shows_of_the_cost_was_measured_and_says_how():
    for record in privacy.measured():
        assert record["command"].startswith("python -m federated bench privacy")
        assert {row["kind"] for row in record["rows"]} == {"untrained", "none", "central", "local"}
        assert all(row["low"] <= row["value"] <= row["high"] for row in record["rows"])
        assert json.dumps(record)


# Whom the promise is for: one camera's node. A heritage site has several, and is promised less.


def test_the_unit_of_every_kind_is_one_camera_never_a_site():
    assert set(privacy.UNITS) == set(privacy.KINDS) - {"none"}
    assert all("one camera (its node)" in unit and "site" not in unit for unit in privacy.UNITS.values())
    assert "A heritage site with several cameras is as many units" in privacy.COVERS


def test_the_recorded_figures_name_the_same_units():
    recorded = {(row["kind"], row["unit"]) for each in privacy.measured() for row in each["rows"] if "unit" in row}
    assert recorded == set(privacy.UNITS.items())


@pytest.mark.parametrize("plan_of", [{"strategy": "median", "min_sites": 3}, {"delta": 0.01, "min_sites": 200}])
def test_a_refused_plan_speaks_of_cameras(plan_of):
    with pytest.raises(PlanError, match="one camera") as refusal:
        plan.check(RunPlan("anomaly", **{**CENTRAL, **plan_of}))
    assert "site" not in str(refusal.value)
