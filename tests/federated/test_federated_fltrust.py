"""A root set at the portal: the formula of FLTrust, what each site's cosine does, the gate's own measurement, and runs over a grid in this process."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import federated_attacks as attacks
import numpy as np
import pytest
import torch
from federated_lab import Lab
from flwr.supercore.task_identity import TaskIdentity
from test_federated_gate import GOOD
from test_federated_guard import reply, started
from test_federated_tasks import make_faces

from federated.contract.run_plan import RunPlan
from federated.learning import fltrust, gate, guard, plan, root, task, weights
from federated.learning.bench.parts import memory as bench_memory
from federated.learning.bench.parts import rounds as bench_rounds
from federated.learning.bench.parts.datasets import Walkway
from federated.learning.client_app import app
from federated.learning.errors import PlanError
from federated.learning.rounds import RunFailed, RunRefused

ROOT = np.array([3.0, 4.0])


@pytest.fixture(autouse=True)
def identity():
    """Flower's messages ask who is writing them."""
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1


@pytest.fixture
def rooted(lab):
    lab.lay_root()
    return lab


# --- the formula


def test_the_trust_is_the_cosine_and_never_below_nothing():
    found, _ = fltrust.combine(np.array([[3.0, 4.0], [4.0, -3.0], [-3.0, -4.0], [0.0, 0.0]]), ROOT)
    assert found == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_long_updates_are_cut_to_the_roots():
    _, step = fltrust.combine(np.array([[300.0, 400.0], [30.0, 40.0]]), ROOT)
    assert step == pytest.approx(ROOT)


def test_short_updates_are_not_lengthened_though_the_portal_has_more_footage():
    _, step = fltrust.combine(np.array([[0.3, 0.4], [0.03, 0.04]]), ROOT)
    assert np.linalg.norm(step) < 0.5


def test_one_long_update_is_cut_to_the_sites_median():
    _, step = fltrust.combine(np.array([[0.3, 0.4], [0.3, 0.4], [3.0, 4.0]]), ROOT)
    assert step == pytest.approx([0.3, 0.4])


def test_the_mean_is_weighted_by_trust():
    _, step = fltrust.combine(np.array([[3.0, 4.0], [5.0, 0.0]]), ROOT)
    assert step == pytest.approx((1.0 * ROOT + 0.6 * np.array([5.0, 0.0])) / 1.6)


def test_without_any_trust_nothing_moves():
    found, step = fltrust.combine(np.array([[-3.0, -4.0]]), ROOT)
    assert found.sum() == 0
    assert step.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_most_of_the_sites_send_the_step_is_no_longer_than_the_roots(seed):
    rng = np.random.default_rng(seed)
    updates = np.concatenate([rng.normal(size=(2, 50)), rng.normal(size=(5, 50)) * 10.0 ** rng.uniform(-3, 12)])
    own = rng.normal(size=50)
    assert np.linalg.norm(fltrust.combine(updates, own)[1]) <= np.linalg.norm(own) * (1 + 1e-9)


def test_the_cosine_of_no_update_is_nothing():
    assert fltrust.cosine(np.zeros(2), ROOT) == 0.0


def test_an_update_is_one_vector_over_all_weights():
    start = {"a": np.ones((2, 2), np.float32), "b": np.array(1, np.int64)}
    assert fltrust.flat({"a": start["a"] * 3, "b": np.array(4, np.int64)}, start).tolist() == [2, 2, 2, 2, 3]


# --- the guard


def with_root(name="fltrust", value=1.0, **limits):
    strategy = started(name, **{"min_accepted": 2, **limits})
    strategy.root = {"w": np.full((2, 2), value, np.float32), "n": np.array(7, np.int64)}
    return strategy


def test_fltrust_moves_as_far_as_the_root_and_keeps_the_types():
    arrays, metrics = with_root().aggregate_train(1, [reply(1, 2.0), reply(2, 5.0)])
    assert arrays["w"].numpy().tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert (arrays["w"].numpy().dtype, arrays["n"].numpy().dtype) == (np.float32, np.int64)
    assert metrics["loss-after"] == 1.0


def test_how_many_samples_a_site_claims_does_not_matter_to_fltrust():
    few, many = (with_root().aggregate_train(1, [reply(1, 2.0), reply(2, 1.0, **{"num-examples": claim})])[0] for claim in (1, 99_999))
    assert (few["w"].numpy() == many["w"].numpy()).all()


def test_a_site_without_trust_is_left_out_by_name_with_its_cosine():
    strategy = with_root()
    strategy.aggregate_train(1, [reply(1), reply(2, 1.1), reply(3, -1.0)])
    assert [each.accepted for each in strategy.replies] == [True, True, False]
    assert strategy.replies[2].reason == "its update points away from the root set's (cosine -1.000)"


def test_when_nobody_is_trusted_the_round_does_not_count():
    strategy = with_root()
    assert strategy.aggregate_train(1, [reply(1, -1.0), reply(2, -2.0), reply(3, -1.5)]) == (None, None)
    assert all("cosine" in each.reason for each in strategy.replies)


def distance_to(value):
    """A loss that is smallest at this weight."""
    return lambda arrays: float(np.abs(arrays["w"] - value).mean())


def test_fltrust_leaves_out_who_makes_the_mean_worse_on_the_root_set_though_it_points_the_same_way():
    strategy = with_root(value=3.0)
    strategy.measure = distance_to(1.0)
    strategy.aggregate_train(1, [reply(1, 0.9), reply(2, 1.2), reply(3, 2.5)])
    assert [each.accepted for each in strategy.replies] == [True, True, False]
    assert strategy.replies[2].reason == "without it the result does better on the root set (loss 0.1 with it, 0.025 without; cosine 1.000)"


def test_who_is_worse_by_itself_but_good_for_the_mean_stays():
    def loss(arrays):
        return float(np.linalg.norm(arrays["w"] - 1))

    start, one, other = ({"w": np.array(values)} for values in ((0.0, 0.0), (2.0, -0.5), (-0.5, 2.0)))
    assert min(loss(one), loss(other)) > loss(start)
    assert list(fltrust.Trial(start, {"w": np.ones(2)}, loss).harmful([one, other], 1)) == []


def test_nobody_is_left_out_that_the_quorum_needs():
    strategy = with_root(value=3.0, min_accepted=3)
    strategy.measure = distance_to(1.0)
    strategy.aggregate_train(1, [reply(1, 0.9), reply(2, 1.2), reply(3, 2.5)])
    assert [each.accepted for each in strategy.replies] == [True, True, True]


def test_less_than_a_tenth_of_what_the_portal_gains_is_no_reason():
    assert fltrust.CLEARLY == 0.1
    trial = fltrust.Trial({"w": np.zeros(1)}, {"w": np.ones(1)}, lambda arrays: 100 * abs(float(arrays["w"][0]) - 1))
    updates = [{"w": np.array([value])} for value in (1.0, 1.0, 0.75)]  # without the last: 0 instead of 8.3, of 100
    assert list(trial.harmful(updates, 1)) == []
    assert [at for at, *_ in trial.harmful([*updates[:2], {"w": np.array([0.5])}], 1)] == [2]


def test_the_other_strategies_only_look_at_the_direction():
    strategy = with_root("fedavg")
    strategy.measure = distance_to(1.0)
    strategy.aggregate_train(1, [reply(1, 0.9), reply(2, 1.2), reply(3, 2.5)])
    assert all(each.accepted for each in strategy.replies)


def test_a_loss_that_is_no_number_is_worse():
    strategy = with_root(value=3.0)
    strategy.measure = lambda arrays: float("nan") if arrays["w"].max() > 1.05 else 1.0
    strategy.aggregate_train(1, [reply(1), reply(2, 1.1), reply(3, 4.0)])
    assert [each.accepted for each in strategy.replies] == [True, True, False]


def test_most_of_the_sites_may_lie():
    arrays, _ = with_root().aggregate_train(1, [reply(1), reply(2, 1.2), *(reply(node, -1.0) for node in range(3, 9))])
    assert arrays["w"].numpy()[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["fedavg", "median", "trimmed-mean"])
def test_every_strategy_reports_the_cosine_and_leaves_out_who_turns_against_the_root(name):
    strategy = with_root(name, min_accepted=3)
    strategy.aggregate_train(1, [reply(1), reply(2, 1.1), reply(3, 1.2), reply(4, -1.0)])
    assert [each.cosine for each in strategy.replies] == pytest.approx([1.0, 1.0, 1.0, -1.0])
    assert [each.accepted for each in strategy.replies] == [True, True, True, False]


def test_a_site_that_merely_learns_something_else_is_only_without_trust(monkeypatch):
    monkeypatch.setattr(fltrust, "cosine", lambda update, own: guard.AGAINST / 2)
    for name, accepted in (("fedavg", True), ("fltrust", False)):
        strategy = with_root(name)
        strategy.aggregate_train(1, [reply(1), reply(2)])
        assert strategy.replies[0].accepted is accepted


def test_without_a_root_set_there_is_no_cosine_and_no_fltrust():
    strategy = started()
    strategy.aggregate_train(1, [reply(1), reply(2)])
    assert strategy.replies[0].cosine is None
    with pytest.raises(ValueError, match="no root set"):
        started("fltrust", min_accepted=2).aggregate_train(1, [reply(1), reply(2)])


# --- the plan


def test_fltrust_without_a_root_set_is_refused_with_what_to_do():
    with pytest.raises(PlanError, match="fltrust needs a root set of the task anomaly at the portal: an administrator adds one"):
        plan.check(RunPlan("anomaly", strategy="fltrust"))
    plan.check(RunPlan("anomaly", strategy="fltrust"), root=True)


def test_the_form_closes_fltrust_without_a_root_set():
    without, having = ({each["name"]: each for each in plan.offered(3, root=given)}["fltrust"] for given in (False, True))
    assert (without["works"], without["why"]) == (False, "needs a root set of this task at the portal")
    assert (having["works"], having["why"]) == (True, plan.STRATEGIES["fltrust"].promise)


def test_one_site_is_too_few_whatever_lies_at_the_portal():
    assert {each["name"]: each["why"] for each in plan.offered(1, root=True)}["fltrust"] == "needs at least 2 nodes that must answer"


def test_a_recommended_strategy_can_work_with_and_without_a_root_set():
    for sites in range(2, 12):
        for given in (False, True):
            plan.check(RunPlan("anomaly", strategy=plan.recommended(sites, root=given), min_sites=sites), root=given)


# --- the root set on disk


def test_a_root_set_is_there_when_a_file_of_it_is(tmp_path):
    assert not root.present("line", tmp_path)
    root.folder("line", tmp_path).mkdir(parents=True)
    assert not root.present("line", tmp_path)
    (root.folder("line", tmp_path) / "line.npy").write_bytes(b"x")
    assert root.present("line", tmp_path)


def test_the_home_folder_is_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SPECOLA_HOME", str(tmp_path))
    assert root.folder("line") == tmp_path / "superlink" / "root" / "line"


def test_the_root_trains_and_measures_as_a_site_does(rooted):
    own, todo = root.load(task.load("line"), rooted.root), task.load("line")
    start = weights.of(todo.net(0))
    after = own.update(start, epochs=3, lr=0.1, seed=1)
    assert own.loss(after) < own.loss(start)
    assert len(own.samples.train) == 56


# --- the gate


@pytest.mark.parametrize(
    ("before", "after", "passes"), [(1.0, 0.5, True), (1.0, 1.01, True), (1.0, 1.1, False), (-1.0, -0.9, False), (1.0, float("nan"), False)]
)
def test_the_candidate_must_not_be_worse_on_the_root_set(before, after, passes):
    reasons = gate.judge(dataclasses.replace(GOOD, root=(before, after)))
    assert (reasons == []) is passes
    assert passes or reasons[0].startswith("worse than before on the portal's own root set: loss ")


# --- runs


def test_a_run_by_trust_learns_what_the_sites_know(rooted):
    result = rooted.run(rounds=8, strategy="fltrust").go()
    found = weights.read(rooted.root / "superlink/weights" / f"{result.sha256}.npz")
    assert float(found["weight"][0, 0]) == pytest.approx(3.0, abs=0.1)


def test_honest_sites_are_in_with_their_cosines(rooted):
    rooted.run(strategy="fltrust").go()
    for number in (0, 1):
        rows = [rooted.row(node, number) for node in rooted.nodes]
        assert [row["status"] for row in rows] == ["accepted"] * 3
        assert all(0.9 < row["cosine"] <= 1.0 for row in rows)


def test_without_a_root_set_the_rows_have_no_cosine_and_the_gate_no_root(lab):
    card = lab.run(rounds=1).go().card
    assert lab.row(lab.nodes[0])["cosine"] is None
    assert lab.of("gate")[0]["root"] is None
    assert card["metrics"]["root"] is None


def test_the_gate_event_and_the_card_say_how_the_result_does_at_the_portal(rooted):
    card = rooted.run(rounds=2).go().card
    event = rooted.of("gate")[0]["root"]
    assert event["after"] < event["before"]
    assert card["metrics"]["root"] == event
    assert card["data"].endswith("which never left them; measured against a root set at the portal")
    assert json.loads((rooted.root / "superlink/runs/1/card.json").read_text())["metrics"]["root"] == event


def test_the_gate_refuses_what_is_worse_at_the_portal(lab, monkeypatch):
    monkeypatch.setattr(guard.Guard, "least_cosine", -2.0)  # the guard would have stopped it before
    lab.lay_root(slope=-1.0)
    with pytest.raises(RunRefused, match="worse than before on the portal's own root set"):
        lab.run(rounds=2, min_sites=3).go()
    assert lab.of("gate")[0]["root"]["after"] > lab.of("gate")[0]["root"]["before"]


@pytest.mark.parametrize("attack", ["nan", "hundredfold", "flipped", "wrong_shape", "empty"])
def test_two_bad_sites_of_four_do_no_harm_where_there_is_trust(tmp_path, attack):
    lab = Lab(tmp_path, 4)
    lab.lay_root()
    for node in lab.nodes[:2]:
        lab.grid.tamper[node] = getattr(attacks, attack)
    result = lab.run(rounds=8, strategy="fltrust").go()
    found = weights.read(lab.root / "superlink/weights" / f"{result.sha256}.npz")
    assert float(found["weight"][0, 0]) == pytest.approx(3.0, abs=0.2)


def test_a_site_that_learns_the_opposite_is_left_out(rooted):
    x = np.random.default_rng(5).normal(size=(64, 1)).astype(np.float32)
    np.save(rooted.folders[1] / "line.npy", np.hstack([x, -3.0 * x]))
    rooted.run(rounds=1, strategy="fltrust").go()
    assert [rooted.row(node)["status"] for node in rooted.nodes] == ["accepted", "rejected", "accepted"]
    assert "cosine -" in rooted.row(rooted.nodes[1])["reason"]


def test_when_all_turn_away_the_run_ends_with_every_sites_reason(rooted):
    rooted.lay_root(slope=-30.0)
    with pytest.raises(RunFailed, match=r"0 of 3 nodes accepted, 2 are needed .*100 rejected: its update points away"):
        rooted.run(strategy="fltrust").go()


def test_fltrust_without_a_root_set_does_not_begin(lab):
    with pytest.raises(RunFailed, match="fltrust needs a root set of the task line"):
        lab.run(strategy="fltrust").go()


def test_a_root_set_that_cannot_be_read_stops_every_run_with_the_reason(rooted):
    (rooted.root / "superlink/root/line/line.npy").rename(rooted.root / "superlink/root/line/other.npy")
    with pytest.raises(RunFailed, match=r"the root set at the portal cannot be used: no line\.npy"):
        rooted.run().go()


def test_a_resumed_run_is_measured_against_the_root_too(rooted):
    rooted.run("1", rounds=1, strategy="fltrust").go()
    rooted.run("2", rounds=2, strategy="fltrust", resume="1").go()
    assert rooted.row(rooted.nodes[0], 1)["cosine"] > 0.9


# --- on faces, with the bench's own grid


@pytest.fixture
def faces(tmp_path):
    return [make_faces(tmp_path / str(site), site) for site in range(5)]


def test_with_real_nets_honest_sites_pass_and_a_flipped_one_does_not(faces):
    played = bench_rounds.play(RunPlan("face_adapter", 2, 1, "fltrust", 2), faces[:4], tamper={0: attacks.flipped}, root=faces[4])
    assert played.net is not None, played.reason
    assert all(row["status"] == "accepted" for rows in played.rounds for row in rows[1:])


def test_the_memory_of_a_bench_changes_nothing(faces):
    memory, config = bench_memory.Memory(), RunPlan("face_adapter", 2, 1, "fltrust", 2)
    plain, first, again = (bench_rounds.play(config, faces[:3], root=faces[4], memory=each) for each in (None, memory, memory))
    names = {weights.digest(weights.of(played.net)) for played in (plain, first, again)}
    assert len(names) == 1


def test_the_memory_asks_each_site_once_for_the_same(faces):
    asked = []
    memory = bench_memory.Memory()
    counting = memory.app(lambda message, context: asked.append(context.node_id) or app(message, context))
    for _ in range(2):
        grid = bench_rounds.LocalGrid(counting, faces[:2], plan.to_run_config(RunPlan("face_adapter")))
        _ask(grid, task.load("face_adapter").net(0))
    assert asked == [100, 101]


def _ask(grid, net: torch.nn.Module) -> None:
    from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

    record = ArrayRecord({name: Array(value) for name, value in weights.of(net).items()})
    content = RecordDict({"arrays": record, "config": ConfigRecord({"epochs": 1, "lr": 0.01, "seed": 0})})
    assert len(grid.send_and_receive([Message(content, node, "train") for node in grid.get_node_ids()])) == 2


def test_the_walkways_root_clips_are_at_no_site(tmp_path, monkeypatch):
    dataset = Walkway.__new__(Walkway)
    dataset.normal = [SimpleNamespace(name=str(n), frames=np.zeros((3, 4, 4), np.uint8)) for n in range(8)]
    dataset.small = {clip.name: np.full((3, 4, 4), int(clip.name), np.uint8) for clip in dataset.normal}
    folder = dataset.keep_back(tmp_path / "root", 3)
    kept = {int(np.load(file)["frames"][0, 0, 0]) for file in Path(folder).rglob("*.npz")}
    assert len(kept) == 3
    assert kept.isdisjoint(int(clip.name) for clip in dataset.normal)
    assert dataset.keep_back(tmp_path / "none", 0) is None
