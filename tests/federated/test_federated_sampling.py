"""Partial participation: who takes part in a round is drawn by the seed, and never fewer than the quorum."""

from __future__ import annotations

import collections

import pytest

from federated.contract.run_plan import RunPlan
from federated.learning import plan
from federated.learning.errors import PlanError
from federated.learning.plan import from_run_config, to_run_config
from federated.learning.sampling import sampled

NODES = list(range(1000, 1100))


def test_the_same_seed_draws_the_same_sites():
    assert sampled(NODES, 0.1, 2, 7, 3) == sampled(list(reversed(NODES)), 0.1, 2, 7, 3)
    assert len(sampled(NODES, 0.1, 2, 7, 3)) == 10


def test_another_round_and_another_seed_draw_others():
    assert sampled(NODES, 0.1, 2, 7, 3) != sampled(NODES, 0.1, 2, 7, 4)
    assert sampled(NODES, 0.1, 2, 7, 3) != sampled(NODES, 0.1, 2, 8, 3)


def test_every_site_has_its_turn():
    turns = collections.Counter(node for number in range(200) for node in sampled(NODES, 0.1, 2, 0, number))
    assert set(turns) == set(NODES)
    assert max(turns.values()) < 45  # of 200, 20 expected


@pytest.mark.parametrize(("share", "least", "count"), [(1.0, 2, 100), (0.2, 2, 20), (0.01, 5, 5), (0.011, 1, 2), (0.07, 1, 7), (0.1, 200, 100)])
def test_the_share_is_rounded_up_and_the_quorum_respected(share, least, count):
    found = sampled(NODES, share, least, 0, 1)
    assert len(found) == len(set(found)) == count


def test_nobody_there_is_nobody_drawn():
    assert sampled([], 0.5, 2, 0, 1) == []


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan"), True, float("inf")])
def test_a_share_that_means_nothing_is_refused(share):
    with pytest.raises(PlanError, match="share"):
        plan.check(RunPlan("anomaly", share=share))


@pytest.mark.parametrize("compare", [1, "yes", None])
def test_compare_is_true_or_false(compare):
    with pytest.raises(PlanError, match="compare"):
        plan.check(RunPlan("anomaly", compare=compare))


def test_both_settings_travel_with_the_plan():
    config = RunPlan("anomaly", share=0.25, compare=False)
    assert from_run_config(to_run_config(config)) == config


def test_a_round_asks_a_share_and_the_vote_everybody(big_lab):
    big_lab.run(rounds=4, share=0.4).go()
    assert [len(event["sites"]) for event in big_lab.of("round")] == [2, 2, 2, 2]
    assert len({row["node"] for event in big_lab.of("round") for row in event["sites"]}) > 2
    votes = big_lab.of("gate")[0]["votes"]
    assert len(votes) == 5
    assert all(vote["before"] > vote["after"] for vote in votes)


def test_a_share_below_the_quorum_asks_the_quorum(big_lab):
    big_lab.run(rounds=1, share=0.01, min_sites=3, strategy="median").go()
    assert len(big_lab.of("round")[0]["sites"]) == 3


def test_a_late_site_of_the_sample_does_not_end_the_run_while_the_quorum_holds(big_lab):
    drawn = sampled(big_lab.nodes, 0.6, 2, 0, 1)
    big_lab.grid.silent = {drawn[0]}
    big_lab.run(rounds=1, share=0.6).go()
    assert sorted(row["status"] for row in big_lab.of("round")[0]["sites"]) == ["accepted", "accepted", "late"]


def test_a_sampled_run_without_comparison_still_knows_where_each_site_began(big_lab):
    big_lab.run(rounds=2, share=0.4, compare=False).go()
    assert all(vote["before"] is not None and vote["alone"] is None for vote in big_lab.of("gate")[0]["votes"])
