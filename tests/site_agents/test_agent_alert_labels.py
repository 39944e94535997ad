"""Features of alerts wait for the operators' verdicts: a label arrives, changes, is taken back and survives a restart; damage and lies change nothing."""

from __future__ import annotations

import dataclasses
import json
import logging
import time

import cv2
import numpy as np
import pytest
from agent_lab import enrolled, event, heartbeat_answer, identity, write_config

import detectors
from detectors.bench import scene
from detectors.errors import BadInput
from detectors.nets.object_head import Head
from detectors.objects import head
from detectors.rules.scene import RuleFinding
from detectors.train import object_head
from detectors.types import Box, Detection, Frame, uuid7
from federated.contract.documents import MOST_LABELS
from federated.contract.heartbeat import LabelsHeld
from federated.learning import task
from federated.trust import signing
from site_agents import alert_labels, selftest
from site_agents.agent import CameraAgent
from site_agents.alert_labels import AlertLabelStore
from site_agents.clock import Clock
from site_agents.config import load
from site_agents.errors import DocumentRejected, ModelRefused
from site_agents.models import ModelStore
from site_agents.pipeline import Pipeline
from site_agents.signed_config import Identity

PERSON = Detection("person", 0.7, Box(200, 150, 40, 90))
JPEG = cv2.imencode(".jpg", scene(0))[1].tobytes()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    built = Pipeline(ModelStore(tmp_path_factory.mktemp("models")).load, Clock())
    built.ready("people")
    return built


def swap_in(pipeline, detector) -> None:
    """As an update does; failures of the one before are forgotten."""
    pipeline.swap(head.NAME, detector)
    pipeline.silence(time.time(), 0.0)


@pytest.fixture
def trained(tmp_path, pipeline):
    """A head that calls everything rather a false alarm, in the pipeline while a test runs."""
    net = Head()
    with object_head.torch.no_grad():
        net.say.bias += 1.5
    object_head.export(net, tmp_path / "head.onnx")
    before = pipeline.ready(head.NAME)
    swap_in(pipeline, detectors.load(head.NAME, path=tmp_path / "head.onnx"))
    yield tmp_path / "head.onnx"
    swap_in(pipeline, before)


@pytest.fixture
def kept(tmp_path, peer):
    return AlertLabelStore(tmp_path, identity(peer), keeps=True)


def alert(**changes):
    return event(**{"detections": (PERSON,), "t": time.time(), **changes})


def names(kept) -> list[str]:
    return sorted(file.name for file in kept.folder.glob("*.npz"))


def verdicts(peer, *labels, after: int = 0, upto: int = 1, key=None, **changes):
    result = {"type": "verdicts", "site": "miracles", "camera": "square", "after": after, "upto": upto, "labels": [list(each) for each in labels]}
    return signing.sign_document({**result, **changes}, key or peer.key)


def hold(kept, *ids: str) -> None:
    """Features of these events, as `see` keeps them."""
    kept.folder.mkdir(parents=True, exist_ok=True)
    for each in ids:
        np.savez(kept.folder / f"{each}.npz", features=np.zeros(head.SIZE, np.float32), net=np.array("a" * 64))


def test_an_alert_leaves_its_features_and_nothing_is_said_of_it(kept, pipeline):
    recorded = alert()
    assert kept.see(recorded, JPEG, pipeline) == recorded
    with np.load(kept.folder / f"{recorded.id}.npz") as content:
        assert content["features"].shape == (head.SIZE,)
        assert str(content["net"]) == detectors.card("people").sha256


def test_the_same_picture_leaves_the_same_features(kept, pipeline):
    for recorded in (alert(t=1e9), alert(t=1e9)):
        kept.see(recorded, JPEG, pipeline, "Europe/Rome")
    one, two = alert_labels.kept_features(kept.folder.parents[1], 2)
    assert np.array_equal(one, two)


def test_the_hour_is_that_of_the_site():
    noon = 1_700_000_000 - 1_700_000_000 % 86_400 + 12 * 3600
    assert (alert_labels.hour_of_day(noon, ""), alert_labels.hour_of_day(noon, "Europe/Rome")) == (12.0, 13.0)


@pytest.mark.parametrize("kind", head.EXCLUDED)
def test_faces_counts_and_cameras_leave_no_features(kept, pipeline, kind):
    kept.see(alert(kind=kind), JPEG, pipeline)
    assert names(kept) == []


@pytest.mark.parametrize("found", [(), (Detection("anomaly", 0.9, None),)], ids=["nothing", "no box"])
def test_an_alert_without_a_box_leaves_none(kept, pipeline, found):
    kept.see(alert(detections=found), JPEG, pipeline)
    assert names(kept) == []


def test_a_camera_that_does_not_train_keeps_nothing(tmp_path, peer, pipeline):
    still = AlertLabelStore(tmp_path, identity(peer), keeps=False)
    recorded = alert()
    assert still.see(recorded, JPEG, pipeline) is recorded
    still.take(verdicts(peer, (recorded.id, "real")))
    assert not still.folder.exists()


def test_trained_weights_say_how_likely_it_is_a_false_alarm(kept, pipeline, trained):
    assert kept.see(alert(), JPEG, pipeline).data["false_alarm"] == pytest.approx(0.818, abs=1e-3)


def test_trained_weights_judge_where_nothing_is_kept_too(tmp_path, peer, pipeline, trained):
    assert 0 < AlertLabelStore(tmp_path, identity(peer), keeps=False).see(alert(), JPEG, pipeline).data["false_alarm"] < 1


def test_a_picture_that_cannot_be_read_holds_no_alert_back(kept, pipeline, trained, caplog):
    recorded = alert()
    with caplog.at_level(logging.WARNING):
        assert kept.see(recorded, b"rubbish", pipeline) == recorded
    assert "has no features" in caplog.text


def test_a_head_that_fails_again_and_again_is_given_back(kept, pipeline, trained, monkeypatch):
    def broken(features):
        raise BadInput("broken")

    failed = []
    monkeypatch.setattr(pipeline.ready(head.NAME), "judge", broken)
    monkeypatch.setattr(pipeline, "failed", lambda name, reason: failed.append(name))
    recorded = [kept.see(alert(t=1e9 + n), JPEG, pipeline) for n in range(4)]
    assert failed == [head.NAME]
    assert not any("false_alarm" in each.data for each in recorded)


def test_many_alerts_of_one_moment_are_not_all_looked_at(kept, pipeline):
    for n in range(8):
        kept.see(alert(t=1e9 + n / 100), JPEG, pipeline)
    kept.see(alert(t=1e9 + 5), JPEG, pipeline)
    assert len(names(kept)) == alert_labels.A_SECOND + 1


def test_a_full_disk_costs_no_alert(kept, pipeline, monkeypatch, caplog):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(alert_labels.np, "savez", full)
    recorded = alert()
    assert kept.see(recorded, JPEG, pipeline) == recorded
    assert "No space left" in caplog.text


def test_a_verdict_becomes_the_files_label(kept, peer):
    one, two, other = uuid7(1e9), uuid7(1e9 + 1), uuid7(1e9 + 2)
    hold(kept, one, two, other)
    kept.take(verdicts(peer, (one, "real"), (two, "false_alarm"), upto=7))
    assert names(kept) == sorted([f"{one}.real.npz", f"{two}.false_alarm.npz", f"{other}.npz"])
    assert (kept.count, kept.status()) == (2, {"number": 7})


def test_labels_and_their_number_survive_a_restart(kept, peer, tmp_path):
    one = uuid7(time.time())
    hold(kept, one)
    kept.take(verdicts(peer, (one, "real"), upto=7))
    again = AlertLabelStore(tmp_path, identity(peer), keeps=True)
    assert (again.status(), names(again)) == ({"number": 7}, [f"{one}.real.npz"])


def test_the_newest_verdict_wins_and_one_can_be_taken_back(kept, peer):
    one = uuid7(time.time())
    hold(kept, one)
    seen = []
    for n, label in enumerate(("real", "false_alarm", "")):
        kept.take(verdicts(peer, (one, label), after=n, upto=n + 1))
        seen += names(kept)
    assert seen == [f"{one}.real.npz", f"{one}.false_alarm.npz", f"{one}.npz"]


def test_verdicts_that_come_twice_change_nothing(kept, peer):
    one = uuid7(time.time())
    hold(kept, one)
    kept.take(verdicts(peer, (one, "real")))
    kept.take(verdicts(peer, (one, "real")))
    assert (names(kept), kept.status()) == ([f"{one}.real.npz"], {"number": 1})


def test_a_verdict_on_an_alert_that_is_not_kept_is_acknowledged(kept, peer):
    kept.take(verdicts(peer, (uuid7(1e9), "real"), upto=3))
    assert (names(kept), kept.status()) == ([], {"number": 3})


def test_an_agent_whose_number_is_lost_asks_for_everything(kept, peer, tmp_path):
    kept.take(verdicts(peer, upto=5))
    (kept.folder / "verdicts.json").write_text("{rubbish")
    assert AlertLabelStore(tmp_path, identity(peer), keeps=True).status() == {"number": 0}


@pytest.mark.parametrize(
    "changes",
    [
        {"key": signing.load_or_make_key},
        {"site": "elsewhere"},
        {"camera": "gate"},
        {"type": "config"},
        {"after": 4},
        {"upto": -1},
        {"upto": "many"},
        {"labels": "all"},
        {"labels": [["../../etc/passwd", "real"]]},
        {"labels": [[uuid7(1e9), "biometric"]]},
        {"labels": [[uuid7(1e9)]]},
        {"labels": [[uuid7(1e9), "real"]] * (MOST_LABELS + 1)},
    ],
    ids=[
        "another key",
        "another site",
        "another camera",
        "another type",
        "a gap",
        "a step back",
        "no number",
        "no labels",
        "a path",
        "a third kind",
        "no label",
        "too many",
    ],
)
def test_verdicts_that_are_not_believed_change_nothing(kept, peer, tmp_path, changes):
    one = uuid7(1e9)
    hold(kept, one)
    if "key" in changes:
        changes = {"key": signing.load_or_make_key(tmp_path / "strangers.pem")}
    with pytest.raises(DocumentRejected):
        kept.take(verdicts(peer, **{"labels": [[one, "real"]], **changes}))
    assert (names(kept), kept.number) == ([f"{one}.npz"], 0)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"labels": []}], ids=str)
def test_what_is_no_document_is_refused(kept, document):
    with pytest.raises(DocumentRejected):
        kept.take(document)


def test_what_is_old_goes_and_judged_alerts_stay_longer(kept):
    now = time.time()
    old, young = uuid7(now - 40 * alert_labels.DAY_S), uuid7(now - alert_labels.DAY_S)
    hold(kept, old, young, f"{old}.real", f"{uuid7(now - 200 * alert_labels.DAY_S)}.real")
    kept.status()
    assert names(kept) == sorted([f"{old}.real.npz", f"{young}.npz"])


def test_of_too_many_the_oldest_go(kept, monkeypatch):
    monkeypatch.setattr(alert_labels, "MOST", 3)
    ids = [uuid7(time.time() - 100 + n) for n in range(5)]
    hold(kept, *ids, *(f"{each}.real" for each in ids))
    kept.status()
    assert names(kept) == sorted([*(f"{each}.npz" for each in ids[2:]), *(f"{each}.real.npz" for each in ids[2:])])


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 half a zip"])
def test_a_damaged_file_is_gone_after_a_restart_and_the_site_can_train(kept, content):
    good = [uuid7(time.time() - n) for n in range(30)]
    hold(kept, *(f"{each}.{'real' if n % 2 else 'false_alarm'}" for n, each in enumerate(good)))
    (kept.folder / f"{uuid7()}.real.npz").write_bytes(content)
    (kept.folder / "half.part").write_bytes(content)
    kept.status()
    assert len(list(kept.folder.glob("*"))) == 30
    assert len(task.load("object_head").samples(kept.folder.parents[1]).train) == 24


def test_a_new_head_is_tried_before_it_is_used(kept, trained, tmp_path):
    hold(kept, uuid7())
    assert selftest.try_model(head.NAME, trained, tmp_path)["frames"] == selftest.FRAMES + 1


def test_a_head_that_talks_nonsense_is_refused(trained, tmp_path):
    net = Head()
    with object_head.torch.no_grad():
        net.say.bias += float("nan")
    object_head.export(net, trained)
    with pytest.raises(ModelRefused, match="no finding"):
        selftest.try_model(head.NAME, trained, tmp_path)


def test_another_detectors_file_is_no_head(tmp_path):
    other = detectors.weights.find("anomaly-1")
    with pytest.raises(ModelRefused, match="another"):
        selftest.try_model(head.NAME, other, tmp_path)


def test_a_seat_elsewhere_believes_nothing_of_ours(tmp_path, peer):
    stranger = AlertLabelStore(tmp_path, Identity("other", "door", peer.public), keeps=True)
    with pytest.raises(DocumentRejected, match="another camera"):
        stranger.take(verdicts(peer))
    assert dataclasses.astuple(stranger.identity)[:2] == ("other", "door")


@pytest.fixture
def agent(tmp_path, peer, address):
    """An agent whose site takes part in training, under orders."""
    enrolled(tmp_path / "square", peer).close()
    config = write_config(tmp_path / "square", address)
    config.write_text(config.read_text() + "[training]\nenabled = true\n")
    made = CameraAgent(load(config))
    made.apply_answer(heartbeat_answer({"config": peer.config()}))
    yield made
    made.close()


def raise_alert(agent, kind: str = "person_in_zone"):
    shown = Frame(scene(2), "square", time.time(), 2)
    return agent.record(RuleFinding(kind, shown.t, 0.8, (PERSON,), {"zone": "steps"}), agent.pipeline.step(shown))


def test_a_heartbeat_brings_verdicts_and_the_next_one_acknowledges_them(agent, peer):
    recorded = raise_alert(agent)
    peer.answer["verdicts"] = verdicts(peer, (recorded.id, "false_alarm"), upto=9)
    agent.heart.beat()
    peer.answer["verdicts"] = None
    agent.heart.beat()
    assert [beat["verdicts"] for beat in peer.beats] == [{"number": 0}, {"number": 9}]
    assert [beat["data"]["object_head"] for beat in peer.beats] == [0, 1]


def test_a_forged_verdict_is_logged_and_asked_for_again(agent, peer, tmp_path, caplog):
    recorded = raise_alert(agent)
    peer.answer["verdicts"] = verdicts(peer, (recorded.id, "real"), key=signing.load_or_make_key(tmp_path / "strangers.pem"))
    agent.heart.beat()
    assert "verdicts are not taken" in caplog.text
    assert agent.status().verdicts == LabelsHeld(number=0)


def test_nothing_of_the_features_is_in_a_heartbeat_or_an_event(agent, peer):
    recorded = raise_alert(agent)
    agent.alert_labels.take(verdicts(peer, (recorded.id, "real")))
    (features,) = alert_labels.kept_features(agent.folder, 5)
    result = json.dumps([agent.status().to_json(), [each.body for each in agent.outbox.batch(10)]])
    assert not any(str(float(number)) in result for number in features[:128])
    assert '"real"' not in result


def test_a_published_head_is_used_from_the_next_alert_on_and_taken_back(agent, trained):
    assert "false_alarm" not in raise_alert(agent).data
    agent.pipeline.swap(head.NAME, detectors.load(head.NAME, path=trained))
    after = raise_alert(agent)
    agent.pipeline.swap(head.NAME, detectors.load(head.NAME))
    assert (after.data["false_alarm"], "false_alarm" in raise_alert(agent).data) == (pytest.approx(0.818, abs=1e-3), False)
    assert after.models[head.NAME] == detectors.weights.sha256_of(trained)


def test_a_crossing_is_counted_and_not_judged(agent):
    raise_alert(agent, "line_crossed")
    assert agent.alert_labels.count == 0
    assert names(agent.alert_labels) == []
