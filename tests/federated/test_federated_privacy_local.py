"""Local privacy: a site trains with noise, counts what it has spent, and keeps to its own terms."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest

from federated.contract.run_plan import RunPlan
from federated.learning import alone, dpsgd, privacy, task, terms
from federated.learning.bench import privacy as bench
from federated.learning.client_app import app
from federated.learning.dpsgd import LEDGER, Ledger, PrivacySpent
from federated.learning.local import LocalGrid
from federated.learning.plan import to_run_config
from federated.learning.privacy import Steps
from federated.learning.rounds import RunFailed
from federated.learning.terms import NotAgreed, Terms

LOCAL = {"privacy": "local", "epsilon": 8.0}
FITTED = {"epochs": 1, "lr": 0.1, "seed": 1, "server-round": 1}


def private(lab, run_id="1", **asked):
    """A run whose sites know its plan, as Flower tells it to them."""
    run = lab.run(run_id, **{"rounds": 2, **LOCAL, **asked})
    lab.grid = run.grid = LocalGrid(app, lab.folders, to_run_config(run.plan), int(run_id))
    return run


def test_a_local_run_trains_and_tells_what_each_site_has_spent(lab):
    statement = private(lab).go().card["metrics"]["privacy"]
    assert (statement["kind"], statement["unit"], statement["clip"]) == ("local", "one training sample of one camera (its node)", 1.0)
    assert 7.5 < statement["epsilon"] <= 8.0
    assert statement["sigma"] > 0.3
    first, last = (lab.row(lab.nodes[0], number)["epsilon"] for number in (0, 1))
    assert 0 < first < last == pytest.approx(statement["epsilon"], abs=1e-3)
    assert lab.row(lab.nodes[0], 1)["loss"] < lab.row(lab.nodes[0], 0)["loss_before"]


def test_weights_trained_with_noise_are_not_taken_for_those_of_a_site_alone(lab):
    private(lab, rounds=1).go()
    assert [alone.FIRST in context.state for context in lab.grid.contexts.values()] == [False] * 3


@pytest.mark.parametrize("strategy", ["median", "fedprox"])
def test_it_goes_with_other_strategies(lab, strategy):
    assert private(lab, strategy=strategy, min_sites=3, rounds=1).go().card["metrics"]["privacy"]["epsilon"] <= 8.0


def test_the_run_tells_the_largest_epsilon_of_its_sites(lab):
    np.save(lab.folders[1] / "line.npy", np.load(lab.folders[1] / "line.npy")[:40])
    private(lab, rounds=1).go()
    spent = [lab.row(node)["epsilon"] for node in lab.nodes]
    assert lab.of("round")[0]["privacy"]["epsilon"] == pytest.approx(max(spent), abs=1e-3)


def test_a_resumed_run_counts_what_sites_spent_before_also_in_a_round_that_was_lost(lab):
    run = private(lab, rounds=3)
    run.grid.get_node_ids = lambda: lab.nodes if len(lab.of("round")) < 1 else []
    with pytest.raises(RunFailed):
        run.go()
    for folder in lab.folders:  # a second round was trained, but the run died before its checkpoint
        Ledger(folder, "1", None).add(Ledger(folder, "1", None).steps[0])
    private(lab, "2", rounds=3, resume="1").go()
    spent = [event["privacy"]["epsilon"] for event in lab.of("round")]
    assert spent == sorted(spent)
    assert 7.0 < spent[-1] <= 8.0
    assert len(Ledger(lab.folders[0], "2", "1").steps) == 4


def test_a_spent_site_is_left_out_with_the_reason(lab):
    sigma = privacy.local_sigma(8.0, 1e-5, 0.25, 8)
    Ledger(lab.folders[0], "1", None).add(Steps(0.25, sigma, 20))
    private(lab, rounds=1).go()
    assert lab.row(lab.nodes[0])["status"] == "failed"
    assert "have spent epsilon 8" in lab.row(lab.nodes[0])["reason"]


def fitted(folder, **asked):
    todo = task.load("line")
    samples = todo.samples(folder).train
    plan = to_run_config(RunPlan("line", **{"rounds": 1, **LOCAL, **asked}))
    return dpsgd.fit(todo, todo.net(0), samples, FITTED, folder=folder, run="5", plan=plan)


def test_steps_are_counted_before_they_are_made(lab, monkeypatch):
    monkeypatch.setattr(task.load("line").__class__, "sample_losses", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fitted(lab.folders[0])
    assert Ledger(lab.folders[0], "5", None).steps == [Steps(0.25, pytest.approx(1, abs=1), 4)]


def test_a_delta_too_large_for_the_samples_is_refused(lab):
    np.save(lab.folders[0] / "line.npy", np.zeros((500, 2), np.float32))
    with pytest.raises(PrivacySpent, match="one in their number"):
        fitted(lab.folders[0], delta=0.01)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"5": {"steps": [[1]]}}', '{"5": 3}'])
def test_a_damaged_list_of_what_was_spent_lets_nothing_train(lab, content):
    (lab.folders[0] / LEDGER).parent.mkdir(exist_ok=True)
    (lab.folders[0] / LEDGER).write_text(content)
    with pytest.raises(PrivacySpent, match="nobody can say what is left"):
        fitted(lab.folders[0])


def test_a_ledger_that_points_at_itself_ends(tmp_path):
    for run, before in (("1", "2"), ("2", "1")):
        Ledger(tmp_path, run, before).add(Steps(0.5, 1.0, 1))
    assert len(Ledger(tmp_path, "1", None).steps) == 2


def test_another_run_begins_at_nothing(tmp_path):
    Ledger(tmp_path, "1", None).add(Steps(0.5, 1.0, 1))
    assert Ledger(tmp_path, "2", None).steps == []
    assert Ledger(tmp_path, "3", "1").steps == [Steps(0.5, 1.0, 1)]


# The terms of a site.


@pytest.mark.parametrize(
    ("demands", "asked", "why"),
    [
        (Terms(), {}, ""),
        (Terms(("anomaly",)), {}, ""),
        (Terms(("anomaly",)), {"task": "face_adapter"}, "this camera takes part in anomaly only"),
        (Terms(most_epsilon=4.0), {"privacy": "local", "epsilon": 4.0}, ""),
        (Terms(most_epsilon=4.0), {"privacy": "local", "epsilon": 4.1}, "local differential privacy of epsilon <= 4 only"),
        (Terms(most_epsilon=4.0), {"privacy": "central", "epsilon": 1.0}, "local differential privacy"),
        (Terms(most_epsilon=4.0), {}, "local differential privacy"),
        (Terms(most_epsilon=4.0), {"privacy": "local", "epsilon": 0.0}, "local differential privacy"),
    ],
)
def test_a_site_says_why_it_does_not_take_part(demands, asked, why):
    found = demands.against(**{"task": "anomaly", "privacy": "none", "epsilon": 0.0, **asked})
    assert why in found
    assert bool(why) == bool(found)


def test_terms_are_read_as_they_were_written(tmp_path):
    terms.write(tmp_path, Terms(("anomaly", "face_adapter"), 2.5))
    assert terms.read(tmp_path) == Terms(("anomaly", "face_adapter"), 2.5)
    assert terms.read(tmp_path / "nowhere") == Terms()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"tasks": 3, "most_epsilon": 1}', '{"tasks": [], "most_epsilon": null}'])
def test_damaged_terms_let_nothing_train(tmp_path, content):
    terms.write(tmp_path, Terms())
    (tmp_path / terms.FILE).write_text(content)
    with pytest.raises(NotAgreed, match="cannot be read"):
        terms.check(tmp_path, {"task": "anomaly"})


def test_a_site_that_does_not_take_part_is_left_out_with_the_reason(lab):
    terms.write(lab.folders[0], Terms(("anomaly",)))
    terms.write(lab.folders[1], Terms(most_epsilon=4.0))
    lab.run(rounds=1, min_sites=1, strategy="fedavg")
    with pytest.raises(RunFailed, match="1 of 3 nodes accepted"):
        lab.run(rounds=1).go()
    assert [lab.row(node)["status"] for node in lab.nodes] == ["failed", "failed", "accepted"]
    assert lab.row(lab.nodes[0])["reason"] == "this camera takes part in anomaly only"
    assert lab.row(lab.nodes[1])["reason"] == "this camera trains with local differential privacy of epsilon <= 4 only"


def test_a_site_that_demands_privacy_gets_it(lab):
    terms.write(lab.folders[1], Terms(most_epsilon=8.0))
    private(lab, rounds=1).go()
    assert lab.row(lab.nodes[1])["status"] == "accepted"


# The bench.


class Ruler:
    """The toy task's lines, judged by how near the slope is."""

    metric = "nearness"

    def __init__(self, folders):
        self.folders = folders

    def deal(self, root, sites, seed):
        return self.folders[:sites]

    def judge(self, net):
        return [-abs(net.weight.item() - 3.0)]


def test_the_bench_puts_each_kind_and_epsilon_beside_none(lab, monkeypatch):
    monkeypatch.setattr(bench.datasets, "of", lambda *_: Ruler(lab.folders))
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    asked = parser.parse_args(["--task", "line", "--data", "lines", "--sites", "2", "--seeds", "2", "--rounds", "1", "--epsilons", "8"])
    found = bench.run(asked)
    rows = {row["kind"]: row for row in found["rows"]}
    assert list(rows) == ["untrained", "none", "central", "local"]
    assert rows["none"]["value"] > rows["untrained"]["value"]
    assert rows["local"]["epsilon"] <= 8.0
    assert rows["central"]["low"] <= rows["central"]["value"] <= rows["central"]["high"]
    assert json.loads(json.dumps(found)) == found


def test_a_bench_of_one_site_is_refused():
    with pytest.raises(task.TaskError, match="at least 2 sites"):
        bench.run(argparse.Namespace(sites=1, seeds=1))
