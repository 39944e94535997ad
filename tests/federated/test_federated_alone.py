"""The third number: what each site reaches alone, asked for with the vote, bounded in time, and never a danger to the run."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from federated_lab import Line
from federated_live import make_footage
from flwr.app import RecordDict

from federated.contract.run_plan import RunPlan
from federated.learning import alone, task, weights
from federated.learning.rounds import RunFailed

PLAN = RunPlan("line", 3, 2, deadline_s=100)


def votes(lab):
    return {vote["node"]: vote for vote in lab.of("gate")[0]["votes"]}


def answered(tmp_path, name="anomaly", *, clock=None, **config):
    """What a site with small footage answers, for a plan of two rounds."""
    todo = task.load(name)
    samples = todo.samples(make_footage(tmp_path, 1))
    asked = alone.question(RunPlan(name, 2, 1, deadline_s=600), todo.learning_rate) | config
    return alone.answer(todo, weights.of(todo.net(0)), samples, asked, **({"clock": clock} if clock else {}))


def test_each_site_says_three_numbers(lab):
    lab.run(rounds=3).go()
    assert len(votes(lab)) == 3
    for vote in votes(lab).values():
        assert vote["alone"] < vote["before"]
        assert vote["after"] < vote["before"]


def test_the_card_keeps_them(lab):
    card = lab.run().go().card
    assert card["metrics"]["loss_alone"] == {node: vote["alone"] for node, vote in votes(lab).items()}
    assert card["metrics"]["warnings"] == []
    assert json.dumps(card)


def test_alone_means_as_many_passes_from_the_same_start(lab):
    run = lab.run(rounds=3, local_epochs=2, seed=5)
    run.go()
    todo, net = Line(), Line().net(5)
    samples = todo.samples(lab.folders[0])
    for number in (1, 2, 3):
        todo.fit(net, samples.train, epochs=2, lr=0.1, seed=5 + number)
    assert votes(lab)[str(lab.nodes[0])]["alone"] == pytest.approx(todo.metric(net, samples.held_back), rel=1e-5)


def test_on_small_footage_alone_is_better_than_nothing(tmp_path):
    found = answered(tmp_path)
    assert set(found) == {"loss-before", "loss-alone"}
    assert found["loss-alone"] < found["loss-before"]


def test_a_slow_site_leaves_its_number_out_but_votes(lab, monkeypatch):
    monkeypatch.setattr(alone, "SHARE", 0.0)
    result = lab.run().go()
    assert [vote["alone"] for vote in votes(lab).values()] == [None, None, None]
    assert result.card["metrics"]["loss_alone"] == {}


def test_a_site_that_sees_that_it_will_be_late_stops_after_its_first_round(tmp_path, capsys):
    clock = itertools.count(0.0, 0.001)
    found = answered(tmp_path, clock=lambda: next(clock), **{"rounds": 500, "alone-s": 0.05})
    assert set(found) == {"loss-before"}
    assert "would take" in capsys.readouterr().out


def test_time_is_also_up_in_the_middle_of_a_round(tmp_path, capsys):
    clock = itertools.chain([0.0], itertools.repeat(1000.0))
    found = answered(tmp_path, clock=lambda: next(clock))
    assert set(found) == {"loss-before"}
    assert "in the middle of a round" in capsys.readouterr().out


def test_trouble_with_training_alone_does_not_cost_the_vote(tmp_path, monkeypatch):
    monkeypatch.setattr(type(task.load("anomaly")), "fit", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("out of memory")))
    assert set(answered(tmp_path)) == {"loss-before"}


def test_a_plan_may_do_without(lab):
    lab.run(compare=False).go()
    assert [vote["alone"] for vote in votes(lab).values()] == [None, None, None]
    assert alone.question(RunPlan("line", compare=False), 0.1) == {}


def test_the_time_is_a_share_of_the_deadline():
    assert alone.question(PLAN, 0.25) == {"alone-s": 50.0, "rounds": 3, "epochs": 2, "lr": 0.25, "seed": 0}


def test_a_number_that_is_none_is_not_kept(lab):
    def lie(reply):
        if not reply.has_error() and "loss-alone" in (numbers := next(iter(reply.content.metric_records.values()))):
            numbers["loss-alone"] = float("nan")
        return reply

    lab.grid.tamper[lab.nodes[1]] = lie
    lab.run().go()
    assert [vote["alone"] is None for vote in votes(lab).values()] == [False, True, False]


def test_a_resumed_run_compares_over_all_its_rounds(lab):
    lab.run("whole", rounds=4).go()
    whole = votes(lab)
    present = lab.grid.get_node_ids
    lab.events.clear()
    lab.grid.get_node_ids = lambda: present() if len(lab.of("round")) < 2 else []
    with pytest.raises(RunFailed):
        lab.run("cut", rounds=4).go()
    lab.grid.get_node_ids = present
    lab.events.clear()
    lab.run("more", rounds=4, resume="cut").go()
    assert {node: vote["alone"] for node, vote in votes(lab).items()} == pytest.approx({node: vote["alone"] for node, vote in whole.items()})


def test_a_site_that_came_late_is_compared_with_the_starting_weights(lab):
    present = lab.grid.get_node_ids
    lab.grid.get_node_ids = lambda: present() if len(lab.of("round")) > 1 else present()[:2]
    lab.run(rounds=3).go()
    late = votes(lab)[str(lab.nodes[2])]
    start = Line().metric(Line().net(0), Line().samples(lab.folders[2]).held_back)
    assert late["before"] == pytest.approx(start, rel=1e-5)


def test_most_sites_better_off_alone_is_told_not_refused(lab):
    for seed, folder in enumerate(lab.folders):  # each site has a line of its own, and none is the mean's but one
        x = np.random.default_rng(seed).normal(size=(64, 1)).astype(np.float32)
        np.save(folder / "line.npy", np.hstack([x, (3 + seed) * x]))
    lab.run(rounds=8, min_sites=3, personal="none").go()
    gate = lab.of("gate")[0]
    assert gate["passed"]
    assert "together is worse than alone on the held-back data of" in gate["warnings"][0]


@pytest.mark.parametrize(
    ("together", "lone", "warns"),
    [
        ({"1": 1.0, "2": 1.0}, {"1": 0.5, "2": 0.5}, True),
        ({"1": 1.0, "2": 1.0}, {"1": 0.5, "2": 2.0}, False),  # half is not most
        ({"1": 1.0, "2": 1.0}, {"1": 0.99, "2": 0.99}, False),  # within the gate's margin
        ({"1": 1.0, "2": 1.0}, {}, False),
        ({"1": -1.0, "2": -1.0, "3": 0.0}, {"1": -2.0, "2": -2.0, "3": 1.0}, True),  # losses may be negative
    ],
)
def test_the_warning_is_about_most_sites_and_more_than_noise(together, lone, warns):
    assert bool(alone.warning(together, lone)) is warns


def test_what_a_site_made_of_the_first_weights_is_not_trained_again(lab, monkeypatch):
    fits = []
    plain = Line.fit
    monkeypatch.setattr(Line, "fit", lambda self, net, samples, **how: fits.append(how["seed"]) or plain(self, net, samples, **how))
    lab.run(rounds=3, seed=5).go()
    assert sorted(fits) == sorted([6] * 3 + [7, 8] * 3 * 2 + [9] * 3)  # once in round 1, twice in the others (together, alone), its own


@pytest.mark.parametrize("other", [{"epochs": 3}, {"lr": 0.5}, {"seed": 9}])
def test_what_was_made_in_another_way_is_not_taken_for_it(other):
    state, asked = RecordDict(), alone.question(PLAN, 0.25)
    alone.keep(state, {"w": np.ones(2, np.float32)}, {"epochs": 2, "lr": 0.25, "seed": 1})
    assert alone.kept(state, asked)["w"].tolist() == [1.0, 1.0]
    assert alone.kept(state, asked | other) is None
    assert alone.kept(RecordDict(), asked) is None


def test_what_is_trained_another_way_is_not_taken_for_it(lab):
    lab.run(strategy="fedprox", rounds=1).go()
    assert [alone.FIRST in context.state for context in lab.grid.contexts.values()] == [False] * 3
