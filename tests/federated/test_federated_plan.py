"""Plans that can work and plans that cannot, and the bundle that carries them."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from federated.contract.run_plan import RunPlan
from federated.learning import fab, plan
from federated.learning.errors import PlanError

BAD = [
    {"rounds": 0},
    {"rounds": 501},
    {"rounds": True},
    {"rounds": "3"},
    {"local_epochs": 0},
    {"min_sites": 0},
    {"deadline_s": 0},
    {"deadline_s": math.nan},
    {"wait_s": -1},
    {"wait_s": math.inf},
    {"learning_rate": -0.1},
    {"learning_rate": 2.0},
    {"learning_rate": math.nan},
    {"strategy": "magic"},
    {"strategy": "trimmed-mean", "min_sites": 2},
    {"strategy": "median", "min_sites": 2},
    {"min_sites": 1},
    {"sites": ("1",), "min_sites": 2},
    {"sites": ("1", "1"), "min_sites": 2},
    {"sites": ("1", "x")},
    {"base_model": "/nowhere/model.onnx"},
]


@pytest.mark.parametrize("change", BAD, ids=str)
def test_a_plan_that_cannot_work_is_refused_before_it_starts(change):
    with pytest.raises(PlanError):
        plan.check(RunPlan("anomaly", **change))


def test_the_reason_is_a_sentence_for_a_person():
    with pytest.raises(PlanError, match="trimmed-mean needs at least 3 nodes to do what it promises, not 2"):
        plan.check(RunPlan("anomaly", strategy="trimmed-mean", min_sites=2))


def test_the_default_plan_works():
    plan.check(RunPlan("anomaly"))


MEANS, MIDDLES = {"fedavg", "fedprox", "fedadam"}, {"trimmed-mean", "median"}
ALL = set(plan.STRATEGIES) - {"fltrust"}  # without a root set


@pytest.mark.parametrize(("sites", "working"), [(1, set()), (2, MEANS), (4, {*MEANS, *MIDDLES}), (5, {*MEANS, *MIDDLES, "krum"}), (100, ALL)])
def test_the_form_offers_what_can_work_and_explains_the_rest(sites, working):
    offered = plan.offered(sites)
    assert {each["name"] for each in offered if each["works"]} == working
    assert all(each["why"] for each in offered)


@pytest.mark.parametrize(
    "config",
    [
        RunPlan("anomaly"),
        RunPlan("x", rounds=7, local_epochs=2, strategy="median", min_sites=4, sites=("18446744073709551615", "2"), deadline_s=5.5),
        RunPlan("x", wait_s=0, learning_rate=0.01, seed=9, base_model="/a b/c.onnx", resume="17"),
    ],
    ids=lambda config: config.task,
)
def test_a_plan_survives_the_journey_as_flat_configuration(config):
    assert plan.from_run_config(plan.to_run_config(config)) == config


def test_the_journey_carries_every_setting():
    assert len(plan.to_run_config(RunPlan("anomaly"))) == len(dataclasses.fields(RunPlan))


def test_an_unknown_setting_is_an_error_that_names_it():
    with pytest.raises(PlanError, match="colour"):
        plan.from_run_config({"task": "anomaly", "colour": "red"})


def test_the_bundle_is_small_and_holds_no_code():
    names = zipfile.ZipFile(io.BytesIO(fab.build())).namelist()
    assert names == ["pyproject.toml", ".info/CONTENT"]
    assert len(fab.build()) < 1500


def test_the_bundle_is_the_same_in_every_process():
    code = "from federated.learning import fab; print(fab.digest())"
    root = Path(__file__).parents[2]
    digests = {subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)}
    assert digests == {fab.digest()} == {hashlib.sha256(fab.build()).hexdigest()}


def test_flower_accepts_the_bundle_and_reads_our_defaults_in_it():
    from flwr.common.config import get_fab_config

    config = get_fab_config(fab.build())
    assert config["project"]["version"] == fab.version()
    assert config["tool"]["flwr"]["app"]["config"] == plan.to_run_config(RunPlan("anomaly"))


def test_the_components_of_the_bundle_exist():
    from federated.learning import client_app, server_app

    assert "federated.learning.server_app:app" in fab.project()
    assert "federated.learning.client_app:app" in fab.project()
    assert client_app.app
    assert server_app.app


def test_bulyan_over_four_sites_is_refused_with_the_number_it_needs():
    with pytest.raises(PlanError, match="bulyan needs at least 7 nodes"):
        plan.check(RunPlan("anomaly", strategy="bulyan", min_sites=4))


@pytest.mark.parametrize(
    ("sites", "strategy", "liars"), [(5, "krum", 1), (4, "krum", 0), (7, "bulyan", 1), (11, "bulyan", 2), (5, "median", 2), (9, "fedavg", 0)]
)
def test_how_many_may_lie_is_what_the_authors_prove(sites, strategy, liars):
    assert plan.liars(sites, strategy) == liars


def test_what_is_recommended_can_work():
    for sites in range(2, 12):
        plan.check_strategy(plan.recommended(sites), sites)
