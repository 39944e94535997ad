"""The two ends of a run as Flower calls them, and the grid that joins them in one process."""

from __future__ import annotations

import json

import numpy as np
import pytest
from federated_lab import SLOPE
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict

from federated.contract import run_events
from federated.contract.run_plan import RunPlan
from federated.learning import control, server_app, weights
from federated.learning.client_app import SiteFailed, app
from federated.learning.errors import PlanError
from federated.learning.plan import to_run_config
from federated.learning.rounds import RunFailed
from federated.learning.task import UnknownTask

NET = {"weight": np.zeros((1, 1), np.float32), "bias": np.zeros(1, np.float32)}
SETTINGS = {"epochs": 1, "lr": 0.1, "seed": 1}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SPECOLA_HOME", str(tmp_path))
    return tmp_path


def start(lab, **plan) -> None:
    config = to_run_config(RunPlan(**{"task": "line", "rounds": 1, "wait_s": 0.0, **plan}))
    server_app.app(lab.grid, Context(7, 0, {}, RecordDict(), config))


def metrics(text: str) -> list[dict]:
    return [json.loads(line.removeprefix(control.METRIC)) for line in text.splitlines() if line.startswith(control.METRIC)]


def ask(lab, kind: str = "train", arrays=NET, task: str = "line", **settings) -> Message:
    record = ArrayRecord({name: Array(value) for name, value in arrays.items()})
    content = RecordDict({"arrays": record, "config": ConfigRecord({**SETTINGS, **settings})})
    message = Message(content, lab.nodes[0], kind)
    message.metadata.__dict__.update(_message_id="1", _run_id=1, _src_node_id=1)
    context = lab.grid.contexts[lab.nodes[0]]
    context.run_config["task"] = task
    return app(message, context)


def numbers(reply: Message) -> dict:
    return dict(reply.content.metric_records["metrics"])


def test_the_server_end_writes_numbered_lines_that_control_can_read(lab, home, capsys):
    start(lab)
    events = metrics(capsys.readouterr().out)
    assert [(event["seq"], event["kind"]) for event in events] == [(1, "progress"), (2, "round"), (3, "progress"), (4, "gate"), (5, "result")]
    assert all(event["t"] > 1_700_000_000 for event in events)


def test_the_server_end_leaves_its_files_in_the_home_folder(lab, home, capsys):
    start(lab)
    assert {path.name for path in (home / "superlink/runs/7").iterdir()} == {"model.onnx", "card.json", "checkpoint.json", "checkpoint-1.npz"}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float32("nan")])
def test_a_number_that_is_not_finite_becomes_null(capsys, number):
    row = run_events.NodeOutcome(node="7", status="accepted", loss=number)
    server_app.Metrics()(run_events.RoundEvent(round=1, rounds=1, sites=(row,), loss=number, seconds=1.0))
    (event,) = metrics(capsys.readouterr().out)
    assert (event["loss"], event["sites"][0]["loss"]) == (None, None)


def test_the_reason_for_missing_sites_is_what_the_run_ends_with(lab, home):
    lab.grid.offline = set(lab.nodes)
    with pytest.raises(RunFailed, match="0 of the 2 nodes needed were online after 0 s"):
        start(lab)


def test_a_plan_is_checked_again_where_it_runs(lab, home):
    with pytest.raises(PlanError):
        start(lab, strategy="median", min_sites=2)


def test_an_unknown_task_is_named(lab, home):
    with pytest.raises(UnknownTask, match="nonsense"):
        start(lab, task="nonsense")


def test_a_site_trains_and_tells_before_and_after(lab):
    reply = ask(lab)
    assert numbers(reply)["num-examples"] == 56
    assert numbers(reply)["loss-after"] < numbers(reply)["loss-before"]
    assert 0 < reply.content.array_records["arrays"]["weight"].numpy()[0, 0] < SLOPE


def test_a_site_votes_without_training(lab):
    reply = ask(lab, "evaluate")
    assert set(numbers(reply)) == {"num-examples", "loss"}
    assert not reply.content.array_records


def test_a_vote_does_not_depend_on_earlier_votes(lab):
    assert numbers(ask(lab, "evaluate")) == numbers(ask(lab, "evaluate"))


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"weight": NET["weight"]},
        {"bias": NET["bias"], "weight": NET["weight"]},
        {**NET, "extra": NET["bias"]},
        {**NET, "bias": np.zeros(9, np.float32)},
        {**NET, "bias": np.zeros(1, np.float64)},
    ],
    ids=["none", "one missing", "other order", "one more", "other shape", "other type"],
)
def test_a_site_refuses_weights_of_another_net(lab, arrays):
    with pytest.raises(SiteFailed):
        ask(lab, arrays=arrays)


def test_a_site_does_not_know_a_task_that_it_has_not_installed(lab):
    with pytest.raises(SiteFailed, match="unknown task 'spy'"):
        ask(lab, task="spy")


@pytest.mark.parametrize("settings", [{"epochs": "many"}, {"lr": "fast"}, {"seed": [1, 2]}])
def test_nonsense_in_the_settings_fails_at_the_site_by_kind_only(lab, settings):
    with pytest.raises(SiteFailed, match=r"^(ValueError|TypeError) while working"):
        ask(lab, **settings)


def test_the_local_grid_knows_who_is_there(lab):
    lab.grid.offline = {lab.nodes[0]}
    assert lab.grid.get_node_ids() == lab.nodes[1:]
    assert [node.node_id for node in lab.grid.get_nodes()] == lab.nodes[1:]


def test_the_local_grid_hands_every_reply_out_once(lab):
    record = RecordDict({"arrays": ArrayRecord({name: Array(value) for name, value in NET.items()}), "config": ConfigRecord(SETTINGS)})
    sent = lab.grid.push_messages([Message(record, node, "train") for node in lab.nodes])
    assert len(lab.grid.pull_messages(sent)) == 3
    assert lab.grid.pull_messages(sent) == []


def test_sites_of_the_local_grid_share_no_memory(lab):
    record = RecordDict({"arrays": ArrayRecord({name: Array(value) for name, value in NET.items()}), "config": ConfigRecord(SETTINGS)})
    replies = lab.grid.send_and_receive([Message(record, node, "train") for node in lab.nodes])
    got = [float(reply.content.array_records["arrays"]["weight"].numpy()[0, 0]) for reply in replies]
    assert len(set(got)) == 3
    assert weights.size(NET) == 8
