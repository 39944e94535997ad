"""The heartbeat as the contract has it: what is wrong is refused by name, what a newer version adds is dropped and counted."""

from __future__ import annotations

from typing import Any

import pytest

from federated.contract.heartbeat import Heartbeat, HeartbeatAnswer
from federated.contract.message import MOST_DEPTH, VERSION, ContractError, TooLarge, decode

TRIAL = {"sha256": "a" * 64, "began": 1.0, "both": 1, "neither": 2, "only_new": 3, "only_old": 4, "skipped": 5, "old_ms": 6.0, "new_ms": 7.0}


def heartbeat(**changes: Any) -> dict[str, Any]:
    camera = {"state": "live", "fps": 5.0, "dropped": 0, "last_frame_t": 1e9, "width": 640, "height": 480, "stages_ms": {"people": 20.5}}
    return {"t": 1e9, "legal_mode": "M0", "config_version": 3, "camera": camera, "models": {"anomaly": "b" * 64}, "data": {"anomaly": 31}, **changes}


def refused(data: Any) -> ContractError:
    with pytest.raises(ContractError) as caught:
        Heartbeat.parse(data)
    return caught.value


def test_a_heartbeat_is_typed_and_comes_back_as_it_was():
    parsed = Heartbeat.parse(heartbeat(trials={"anomaly": TRIAL}))
    assert (parsed.camera.fps, parsed.models["anomaly"], parsed.trials["anomaly"].only_old, parsed.contract) == (5.0, "b" * 64, 4, "1.0")
    assert Heartbeat.parse(parsed.to_json()) == parsed
    assert Heartbeat(t=1.0).contract == VERSION


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"models": 5}, "models"),
        ({"data": 5}, "data"),
        ({"gallery": 5}, "gallery"),
        ({"t": True}, "t"),
        ({"t": "now"}, "t"),
        ({"t": float("nan")}, "t"),
        ({"t": float("inf")}, "t"),
        ({"t": 1e300}, "t"),
        ({"config_version": 1.5}, "config_version"),
        ({"config_version": True}, "config_version"),
        ({"config_version": 2**80}, "config_version"),
        ({"data": {"anomaly": -1}}, "data[...]"),
        ({"legal_mode": "M9"}, "legal_mode"),
        ({"camera": {"state": "flying"}}, "camera.state"),
        ({"camera": {"wheels": 4}}, "camera.wheels"),
        ({"wheels": 4}, "wheels"),
        ({"trials": {"anomaly": {**TRIAL, "wheels": 4}}}, "trials.anomaly.wheels"),
        ({"trials": {"anomaly": {"sha256": "a" * 64}}}, "trials[...].began"),
        ({"training": "a\x00b"}, "training"),
        ({"training": "\ud800"}, "training"),
        ({"training": "x" * 301}, "training"),
        ({"contract": "2.0"}, "contract"),
        ({"contract": 1.1}, "contract"),
        ({"contract": "next"}, "contract"),
    ],
)
def test_what_is_wrong_is_refused_by_name(change, field):
    assert refused(heartbeat(**change)).field == field


def test_what_is_missing_is_named():
    assert refused({}).field == "t"
    assert refused({}).problem == "missing"


@pytest.mark.parametrize("data", [None, [], 5, "t", True])
def test_what_is_no_object_is_refused(data):
    assert refused(data).field == ""


def test_a_newer_minor_version_loses_what_is_unknown_and_says_how_much():
    dropped: list[str] = []
    parsed = Heartbeat.parse(heartbeat(contract="1.7", wheels=4, camera={"state": "live", "wheels": {"front": 2}}), dropped=dropped)
    assert (sorted(dropped), parsed.contract, parsed.camera.state) == (["camera.wheels", "wheels"], "1.7", "live")
    assert "wheels" not in parsed.to_json()


def test_a_newer_version_does_not_make_a_wrong_field_right():
    assert refused(heartbeat(contract="1.7", models=5)).field == "models"


def test_too_deep_too_large_and_no_json_are_refused_before_they_are_looked_at():
    deep: Any = {}
    for _ in range(MOST_DEPTH + 2):
        deep = {"x": deep}
    with pytest.raises(ContractError, match="within each other"):
        HeartbeatAnswer.parse({"now": 1.0, "config": deep})
    with pytest.raises(TooLarge):
        Heartbeat.read(b" " * (Heartbeat.limit + 1))
    for body in (b"", b"{", b"\xff", b'{"t": NaN}', b'{"t": 1e999}', b"[" * 60_000, b'{"t": Infinity}'):
        with pytest.raises(ContractError):
            decode(body, Heartbeat.limit)


def test_an_answer_says_what_is_not_new_as_null():
    assert HeartbeatAnswer(now=1.0).to_json()["config"] is None
