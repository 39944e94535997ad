"""The guard over Flower's strategies, message by message."""

from __future__ import annotations

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from flwr.supercore.task_identity import TaskIdentity

from federated.learning import guard
from federated.learning.errors import PlanError

START = {"w": np.zeros((2, 2), np.float32), "n": np.array(7, np.int64)}


@pytest.fixture(autouse=True)
def identity():
    """Flower's messages ask who is writing them."""
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1


def reply(node: int, value: float = 1.0, **metrics) -> Message:
    arrays = {"w": np.full((2, 2), value, np.float32), "n": np.array(7, np.int64)}
    numbers = {"num-examples": 10, "loss-before": 2.0, "loss-after": 1.0, **metrics}
    records = {"arrays": ArrayRecord({name: Array(each) for name, each in arrays.items()}), "metrics": MetricRecord(numbers)}
    return message(node, RecordDict(records))


def message(node: int, content) -> Message:
    made = Message(content, reply_to=asked(node)) if isinstance(content, RecordDict | Error) else content
    made.metadata.__dict__["_src_node_id"] = node
    return made


def asked(node: int) -> Message:
    made = Message(RecordDict(), dst_node_id=node, message_type="train")
    made.metadata.__dict__.update(_message_id=str(node), _run_id=1, _src_node_id=1)
    return made


def started(name="fedavg", **limits) -> guard.Guard:
    strategy = guard.build(name, guard.Limits(**{"max_update_norm": 100.0, "min_accepted": 2 if name == "fedavg" else 3, **limits}), 9)
    record = ArrayRecord({name: Array(value) for name, value in START.items()})
    strategy.configure_train(1, record, ConfigRecord(), type("Grid", (), {"get_node_ids": lambda self: [1, 2, 3]})())
    return strategy


def weight_of(result) -> float:
    return float(result[0]["w"].numpy()[0, 0])


def test_fedavg_weighs_by_samples():
    assert weight_of(started().aggregate_train(1, [reply(1, 1.0), reply(2, 2.0, **{"num-examples": 30})])) == pytest.approx(1.75)


def test_the_types_of_the_weights_survive_the_mean():
    arrays, _ = started().aggregate_train(1, [reply(1), reply(2)])
    assert {name: value.numpy().dtype for name, value in arrays.items()} == {"w": np.float32, "n": np.int64}


def test_an_error_reply_keeps_the_sites_own_words():
    strategy = started()
    strategy.aggregate_train(1, [reply(1), reply(2), message(3, Error(1, "<class 'federated.learning.client_app.SiteFailed'>:<'no footage'>"))])
    assert [each.reason for each in strategy.replies] == ["", "", "no footage"]


def test_a_second_reply_of_the_same_site_does_not_count():
    strategy = started()
    assert weight_of(strategy.aggregate_train(1, [reply(1, 1.0), reply(2, 1.0), reply(1, 3.0)])) == pytest.approx(1.0)
    assert strategy.replies[2].reason == "a second reply in the same round"


def test_below_the_quorum_nothing_is_aggregated():
    assert started(min_accepted=3).aggregate_train(1, [reply(1), reply(2)]) == (None, None)


def test_no_reply_at_all_is_no_crash():
    assert started().aggregate_train(1, []) == (None, None)


def test_a_far_outlier_is_rejected_by_name():
    strategy = started()
    assert weight_of(strategy.aggregate_train(1, [reply(1), reply(2), reply(3, 30.0)])) == pytest.approx(1.0)
    assert [each.accepted for each in strategy.replies] == [True, True, False]


def test_a_long_update_is_shortened_to_three_times_the_middle():
    strategy = started()
    assert weight_of(strategy.aggregate_train(1, [reply(1), reply(2), reply(3, 6.0)])) == pytest.approx((1 + 1 + 3) / 3)
    assert strategy.replies[2].reason.startswith("update shortened from 12 to 6")


def test_of_two_sites_the_shorter_update_is_the_measure():
    assert weight_of(started().aggregate_train(1, [reply(1), reply(2, 50.0)])) == pytest.approx(2.0)


def test_no_update_is_longer_than_the_task_allows():
    assert weight_of(started(max_update_norm=1.0).aggregate_train(1, [reply(1, 4.0), reply(2, 4.0)])) == pytest.approx(0.5)


def test_sites_that_changed_nothing_do_not_make_the_others_outliers():
    strategy = started()
    strategy.aggregate_train(1, [reply(1, 0.0), reply(2, 0.0), reply(3, 1.0)])
    assert all(each.accepted for each in strategy.replies)


@pytest.mark.parametrize("claim", [0, -1, 100_001, float("inf"), float("nan"), [5]])
def test_an_unbelievable_number_of_samples_is_rejected(claim):
    strategy = started()
    strategy.aggregate_train(1, [reply(1), reply(2), reply(3, **{"num-examples": claim})])
    assert strategy.replies[2].accepted is False


def test_extra_numbers_of_one_site_do_not_end_the_round():
    strategy = started()
    assert weight_of(strategy.aggregate_train(1, [reply(1), reply(2, surprise=1.0)])) == pytest.approx(1.0)


def test_the_trimmed_mean_trims_even_three_sites():
    assert weight_of(started("trimmed-mean").aggregate_train(1, [reply(1, 1.0), reply(2, 1.2), reply(3, -2.0)])) == pytest.approx(1.0)


@pytest.mark.parametrize(("sites", "cut"), [(3, 1), (4, 1), (9, 1), (10, 2), (50, 10)])
def test_the_trimmed_mean_cuts_a_fifth_and_at_least_one(sites, cut):
    strategy = started("trimmed-mean")
    strategy.prepare(sites)
    assert int(strategy.beta * sites) == cut
    assert strategy.beta < 0.5


def test_the_median_takes_the_middle():
    assert weight_of(started("median").aggregate_train(1, [reply(1, 1.0), reply(2, 1.2), reply(3, -2.0)])) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["trimmed-mean", "median"])
def test_a_strategy_that_cannot_work_with_so_few_is_refused(name):
    with pytest.raises(PlanError):
        guard.build(name, guard.Limits(1.0, 2), 2)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_one_site_sends_the_mean_stays_within_three_updates(seed):
    rng = np.random.default_rng(seed)
    wild = float(rng.normal() * 10 ** rng.uniform(-3, 30))
    result = started().aggregate_train(1, [reply(1, 1.0), reply(2, 1.1), reply(3, 0.9), reply(4, wild)])
    assert abs(weight_of(result)) < 3.0


@pytest.mark.parametrize(("name", "sites"), [("krum", 5), ("krum", 6), ("bulyan", 7), ("bulyan", 8)])
def test_one_site_that_lies_far_from_the_others_does_not_move_krum_or_bulyan(name, sites):
    strategy = started(name, min_accepted=sites)
    found = strategy.aggregate_train(1, [*(reply(n, 1.0 + 0.01 * n) for n in range(1, sites)), reply(99, -5.0)])
    assert weight_of(found) == pytest.approx(1.0 + 0.01 * sites / 2, abs=0.05)


def test_fedprox_tells_the_sites_how_strongly_they_are_held():
    strategy = guard.build("fedprox", guard.Limits(100.0, 2), 3)
    record = ArrayRecord({name: Array(value) for name, value in START.items()})
    (message, *_rest) = strategy.configure_train(1, record, ConfigRecord(), type("Grid", (), {"get_node_ids": lambda self: [1, 2, 3]})())
    assert message.content.config_records["config"]["proximal-mu"] == guard.PROXIMAL


def test_fedadam_moves_each_weight_by_a_small_step():
    moved = weight_of(started("fedadam", min_accepted=2).aggregate_train(1, [reply(1, 1.0), reply(2, 1.0)]))
    assert 0 < moved < 10 * guard.SERVER_STEP


def test_a_reply_of_an_earlier_round_is_no_training():
    strategy = started(min_accepted=2)
    strategy.aggregate_train(1, [reply(1), reply(2, 1.1), reply(3, 1.2)])
    strategy.aggregate_train(2, [reply(1), reply(2, 1.3), reply(3, 1.4)])
    assert {each.node: each.reason for each in strategy.replies if not each.accepted} == {1: "it sent a reply of an earlier round again"}
