"""Own weights of a node: made from the shared ones with the vote, better on held-back data or not used, never sent; and data that holds still for a run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from federated_live import make_footage

from federated.contract.run_plan import RunPlan
from federated.learning import alone, personal, progress, snapshot, task, weights
from federated.learning.errors import PlanError
from federated.learning.plan import check


def votes(lab):
    return {vote["node"]: vote for vote in lab.of("gate")[0]["votes"]}


@pytest.fixture
def apart(lab):
    """Each site has a line of its own: what is common suits nobody."""
    for seed, folder in enumerate(lab.folders):
        x = np.random.default_rng(seed).normal(size=(64, 1)).astype(np.float32)
        np.save(folder / "line.npy", np.hstack([x, (3 + seed) * x]))
    return lab


def test_with_own_weights_every_site_does_at_least_as_well_as_alone(apart):
    result = apart.run(rounds=8, min_sites=3).go()
    for vote in votes(apart).values():
        assert vote["own"] <= vote["after"]
        assert vote["own"] <= vote["alone"] + 0.005  # the gate's margin
    assert apart.of("gate")[0]["warnings"] == []  # what a camera would run is not worse than alone, though together is
    assert set(result.card["metrics"]["loss_own"]) == {str(node) for node in apart.nodes}
    middle = apart.folders[1]
    assert votes(apart)[str(apart.nodes[0])]["own"] < votes(apart)[str(apart.nodes[0])]["after"] / 100
    found = personal.find(apart.folders[0], "line", result.sha256)
    assert found.own_loss == pytest.approx(votes(apart)[str(apart.nodes[0])]["own"])
    assert (found.path.stat().st_mode & 0o777) == 0o600
    assert not (middle / snapshot.RUNS).exists()


def test_own_weights_that_are_no_better_are_not_kept(lab):
    result = lab.run(rounds=12).go()  # one line for all: nothing is left to learn
    assert all(vote["own"] == pytest.approx(vote["after"]) for vote in votes(lab).values())
    assert personal.find(lab.folders[0], "line", result.sha256) is None


def test_a_plan_may_do_without_them(apart):
    result = apart.run(rounds=4, min_sites=3, personal="none").go()
    assert all("own" not in vote for vote in votes(apart).values())
    assert personal.find(apart.folders[0], "line", result.sha256) is None
    with pytest.raises(PlanError, match="personal is one of"):
        check(RunPlan("line", personal="ditto"))


def test_only_the_last_layer_moves_when_the_plan_asks_for_it(tmp_path):
    todo = task.load("anomaly")
    samples, shared = todo.samples(make_footage(tmp_path, 1)), weights.of(todo.net(0))
    made = weights.of(personal.train(todo, shared, samples.train, epochs=1, lr=1e-3, seed=0, only_own_part=True))
    moved = {name for name in shared if not np.array_equal(shared[name], made[name])}
    assert moved == {"look.4.weight", "look.4.bias"}


def test_too_little_time_costs_the_own_weights_not_the_vote(apart, monkeypatch, capsys):
    monkeypatch.setattr(personal, "SHARE", -1.0)
    apart.run(rounds=2, min_sites=3).go()
    assert all("own" not in vote and vote["alone"] is not None for vote in votes(apart).values())
    assert "no own weights" in capsys.readouterr().out


def test_damaged_or_foreign_own_weights_do_not_count(apart):
    sha256 = apart.run(rounds=4, min_sites=3).go().sha256
    found = personal.find(apart.folders[0], "line", sha256)
    assert personal.find(apart.folders[0], "line", "0" * 64) is None
    found.path.write_bytes(b"garbage")
    assert personal.find(apart.folders[0], "line", sha256) is None
    personal.drop(apart.folders[0], "line", sha256)
    assert not list((apart.folders[0] / "personal" / "line").iterdir())


def test_of_versions_that_nobody_runs_only_the_newest_few_are_kept(apart):
    shas = []
    for seed in range(3):
        apart.events.clear()
        shas.append(apart.run(str(seed), rounds=2, min_sites=3, seed=seed).go().sha256)
    personal.prune(apart.folders[0], "line", {shas[0]}, spare=1)
    assert [personal.find(apart.folders[0], "line", each) is not None for each in shas] == [True, False, True]


def test_footage_kept_during_a_run_changes_none_of_its_numbers(lab):
    """The mean loss of the demo's first run rose from round to round: each round had measured on other, newer footage than the one before."""
    harder = np.array([[5.0, -40.0]] * 4, np.float32)

    def keep_more(reply):
        for folder in lab.folders if lab.of("round") else ():
            np.save(folder / "more.npy", np.vstack([np.load(folder / "line.npy"), harder]))
            (folder / "more.npy").replace(folder / "line.npy")
        return reply

    lab.grid.tamper[lab.nodes[-1]] = keep_more
    lab.run(rounds=3).go()
    losses = [event["loss"] for event in lab.of("round")]
    assert losses == sorted(losses, reverse=True)
    assert all(vote["after"] < vote["before"] for vote in votes(lab).values())


def test_a_new_run_sees_the_new_footage(lab):
    lab.run("1").go()
    before = votes(lab)
    for folder in lab.folders:
        np.save(folder / "line.npy", np.load(folder / "line.npy")[:32])
    lab.events.clear()
    lab.run("2").go()
    assert votes(lab) != before
    assert lab.of("round")[0]["sites"][0]["n"] == 24


def test_a_round_is_followed_while_it_goes_on(lab):
    lab.grid.silent.add(lab.nodes[2])
    lab.run(rounds=1, deadline_s=20).go()
    first, *later = [event for event in lab.of("progress") if event["phase"] == "round"]
    assert first["answered"] == []
    assert sorted(first["asked"]) == [str(node) for node in lab.nodes]
    assert sorted(later[-1]["answered"]) == [str(node) for node in lab.nodes[:2]]
    assert later[-1]["seconds"] > first["seconds"]
    assert lab.of("progress")[-1]["phase"] == "vote"


def test_what_was_written_this_very_moment_is_read(tmp_path, monkeypatch):
    """Rounded to hundredths the time lay up to 5 ms ahead, and what lies ahead was taken for nothing."""
    monkeypatch.setattr(progress.time, "time", lambda: 1000.006)
    (tmp_path / "training").mkdir()
    progress.ProgressWriter(tmp_path, "anomaly", "7").begin(progress.TRAIN)
    assert progress.read(tmp_path).phase == "training"
    monkeypatch.setattr(progress.time, "time", lambda: 1000.006 + progress.STALE_S + 1)
    assert progress.read(tmp_path) is None


def test_a_node_writes_what_it_is_doing_and_removes_it_afterwards(tmp_path):
    todo, seen = task.load("anomaly"), []
    folder = make_footage(tmp_path, 1)
    samples, net = todo.samples(folder), todo.net(0)
    with progress.reported(folder, todo, "7") as writer:
        writer.begin(progress.TRAIN, todo.steps(samples.train))
        seen.append(progress.read(folder))
        writer.count(net)
        todo.fit(net, samples.train, epochs=1, lr=1e-3, seed=0)
        writer.begin(progress.ALONE, 4)
        seen.append(progress.read(folder))
    assert progress.read(folder) is None
    assert [(each.phase, each.run) for each in seen] == [("training", "7"), ("alone", "7")]
    assert seen[0].of == todo.steps(samples.train)


def test_what_nobody_writes_any_more_is_not_progress(tmp_path):
    (tmp_path / "training").mkdir()
    found = progress.NodeProgress("anomaly", "1", "training", 1, 2, 1_000_000_000.0)
    (tmp_path / progress.FILE).write_text(str(dataclasses.asdict(found)).replace("'", '"'))
    assert progress.read(tmp_path) is None


def test_the_question_is_bounded():
    asked = personal.question(RunPlan("line", 500, 2, deadline_s=100), 0.1, "a" * 64)
    assert asked["own-passes"] == personal.MOST_PASSES
    assert asked["own-s"] + alone.question(RunPlan("line", deadline_s=100), 0.1)["alone-s"] < 100
