"""The agent put together: heartbeats that say how it is, orders obeyed, events with their pictures."""

from __future__ import annotations

import json
import logging
import time

import numpy as np
import pytest
from agent_lab import enrolled, heartbeat_answer, scene, write_config

from detectors import image
from detectors.rules.scene import RuleFinding
from detectors.types import Box, Detection, Frame
from federated.contract.events import AgentEvent
from federated.contract.heartbeat import Heartbeat
from federated.contract.message import VERSION
from federated.trust import signing
from site_agents import credentials, signed_config
from site_agents.agent import STOPPED, CameraAgent
from site_agents.config import load
from site_agents.errors import AgentError, NotEnrolled
from site_agents.signed_config import M0, M1

KEYS = {"t", "started", "mains", "training_held_s", "versions", "legal_mode", "config_version", "camera", "outbox", "models", "data", "training"}
KEYS |= {"disk_free", "terms", "contract", "trials", "box", "source", "own_weights"}
CAMERA = {"state", "fps", "dropped", "restarts", "problem", "problem_code", "last_frame_t", "width", "height", "people", "telemetry", "stages_ms"}
CAMERA |= {"faults", "suspended", "featureless"}
UNKNOWN = {"mains", "last_frame_t", "telemetry"}  # left out where nothing is known of it
PLACE = {"lat": 43.7, "lon": 10.4, "alt": 30.0, "heading": 90.0}


@pytest.fixture
def make(tmp_path, peer, address):
    """Agents on one folder; all are closed in the end."""
    made = []

    def build(**source) -> CameraAgent:
        enrolled(tmp_path / "square", peer).close()
        made.append(CameraAgent(load(write_config(tmp_path / "square", address, **source))))
        return made[-1]

    yield build
    for agent in made:
        if not agent.closed:
            agent.close()


@pytest.fixture
def agent(make):
    return make()


def apply_answer(agent: CameraAgent, peer, **changes) -> None:
    """Take signed orders, as a heartbeat's answer brings them."""
    agent.apply_answer(heartbeat_answer({"config": peer.config(**changes), "models": []}))
    agent.pipeline.step(scene(1))


def seen(agent: CameraAgent, finding: RuleFinding | None = None, n: int = 2):
    """Take one frame and tell a finding of it."""
    step = agent.pipeline.step(scene(n))
    return agent.record(finding or RuleFinding("person_in_zone", scene(n).t, 0.8, (Detection("person", 0.8, Box(1, 2, 3, 4), 7),), {"zone": "steps"}), step)


def test_a_heartbeat_says_everything_the_contract_names(agent):
    agent.look(scene(1))
    status = agent.status().to_json()
    assert KEYS - UNKNOWN <= set(status) <= KEYS
    assert CAMERA - UNKNOWN <= set(status["camera"]) <= CAMERA
    assert {"pending", "media_bytes", "dead", "clips_left_out"} <= set(status["outbox"])
    assert json.loads(json.dumps(status)) == status


def test_a_heartbeat_tells_versions_models_and_free_disk(agent):
    agent.look(scene(1))
    status = agent.status().to_json()
    assert {"specola", "python", "numpy", "onnxruntime"} <= set(status["versions"])
    assert {name: len(sha256) for name, sha256 in status["models"].items()} == {"people": 64, "anomaly": 64, "camera-health": 64}
    assert status["disk_free"] > 0
    assert status["data"] == {"anomaly": 0, "object_head": 0}


def test_before_the_first_frame_the_camera_is_starting(agent):
    camera = agent.camera_status()
    assert (camera.state, camera.last_frame_t, camera.people) == ("starting", None, 0)


def test_a_camera_somebody_has_meddled_with_is_tampered_not_live(agent):
    agent.capture.put(scene(0))
    assert agent.camera_status().state == "live"
    for n in range(40):
        agent.look(scene(n) if n < 20 else Frame(np.zeros((96, 128, 3), np.uint8), "square", 1000 + n * 0.2, n))
    agent.capture.put(scene(40))
    assert agent.camera_status().state == "tampered"


def test_a_source_that_has_ended_is_stale(agent):
    agent.capture.ended = True
    assert agent.camera_status().state == "stale"


def test_a_drones_place_is_told(agent):
    agent.look(Frame(scene(1).image, "square", 1000.0, 1, PLACE))
    assert agent.camera_status().telemetry == PLACE


def test_signed_orders_are_obeyed_and_kept(agent, peer, tmp_path):
    apply_answer(agent, peer, version=5, legal_mode="M1")
    assert (agent.status().config_version, agent.pipeline.mode) == (5, M1)
    assert signed_config.load(tmp_path / "square", agent.identity).version == 5


def test_orders_hold_over_a_restart(make, peer):
    first = make()
    apply_answer(first, peer, version=5, legal_mode="M1")
    first.close()
    again = make()
    again.pipeline.step(scene(1))
    assert (again.signed_config.version, again.pipeline.mode) == (5, M1)


@pytest.mark.parametrize("change", [{"legal_mode": "M1"}, {"version": 99}, {"signature": "AAAA"}])
def test_orders_that_are_not_believed_change_nothing(agent, peer, change, caplog):
    apply_answer(agent, peer, version=5)
    agent.apply_answer(heartbeat_answer({"config": {**peer.config(version=6), **change}}))
    assert (agent.signed_config.version, agent.pipeline.mode) == (5, M0)
    assert "not signed by our portal" in caplog.text


def test_older_orders_change_nothing(agent, peer):
    apply_answer(agent, peer, version=5)
    agent.apply_answer(heartbeat_answer({"config": peer.config(version=4, legal_mode="M1")}))
    assert agent.signed_config.version == 5


def test_orders_that_cannot_be_kept_are_not_obeyed(agent, peer, monkeypatch, caplog):
    """On a full disk: after a restart the old ones would hold, and nobody would know which."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(signed_config, "save", full)
    agent.apply_answer(heartbeat_answer({"config": peer.config(version=5)}))
    assert agent.signed_config.version == 0
    assert "cannot be kept" in caplog.text


def test_the_stop_button_holds_over_a_restart_until_it_is_taken_back(make, peer, tmp_path):
    first = make()
    apply_answer(first, peer, legal_mode="M1")
    first.apply_answer(heartbeat_answer({"stop_biometrics": True}))
    assert first.pipeline.mode == M0
    first.close()
    again = make()
    assert again.pipeline.mode == M0
    again.apply_answer(heartbeat_answer({"stop_biometrics": False}))
    again.pipeline.step(scene(1))
    assert again.pipeline.mode == M1
    assert not (tmp_path / "square" / STOPPED).exists()


def test_a_revoked_agent_stops_biometrics_and_watches_on(agent, peer):
    apply_answer(agent, peer, legal_mode="M1")
    agent.revoke()
    assert agent.pipeline.mode == M0
    assert agent.pipeline.step(scene(3)).frame.n == 3


@pytest.mark.parametrize("answer", [{}, {"config": None, "models": None}, {"config": {}}, {"models": []}, {"gallery": {}}])
def test_a_poor_answer_is_no_trouble(agent, answer):
    agent.apply_answer(heartbeat_answer(answer))
    assert agent.signed_config.version == 0


def test_an_event_carries_all_that_the_contract_names(agent, peer):
    apply_answer(agent, peer)
    seen(agent)
    (waiting,) = agent.outbox.batch()
    recorded = AgentEvent.parse(waiting.body)
    assert (recorded.site, recorded.camera, recorded.seq, recorded.legal_mode, recorded.kind) == ("miracles", "square", 1, "M0", "person_in_zone")
    assert (recorded.data["width"], recorded.data["height"], recorded.data["zone"]) == (128, 96, "steps")
    assert recorded.data["made_t"] == pytest.approx(time.time(), abs=5)
    assert set(recorded.models) == {"people", "anomaly", "camera-health"}
    assert recorded.detections[0].box == (1, 2, 3, 4)


def test_an_event_has_its_picture_in_full_size(agent, peer):
    apply_answer(agent, peer)
    recorded = seen(agent)
    picture = image.read(agent.outbox.media.read(recorded.snapshot))
    assert picture.shape == (96, 128, 3)


def test_a_count_needs_no_picture(agent, peer):
    apply_answer(agent, peer)
    assert seen(agent, RuleFinding("line_crossed", 1000.4, 0.8, (), {"line": "path", "direction": "a_to_b"})).snapshot is None


def somebody_looks(agent: CameraAgent, peer) -> None:
    """As the portal's next answer says."""
    peer.answer["watch"] = True
    agent.heart.beat()
    assert agent.heart.wants_frame


def test_without_orders_no_picture_leaves_the_camera(agent, peer):
    """No masks are known yet, so nobody may see what the camera sees."""
    assert seen(agent).snapshot is None
    somebody_looks(agent, peer)
    agent.look(scene(3))
    agent.heart.send_frame()
    assert peer.frames == []
    assert agent.evidence.remembered == []


def test_a_picture_that_leaves_is_masked(agent, peer):
    apply_answer(agent, peer, masks=[[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]])
    recorded = seen(agent)
    picture = image.read(agent.outbox.media.read(recorded.snapshot))
    assert picture[:, :56].max() < 30
    assert picture[:, 72:].max() > 100


def test_while_somebody_looks_the_newest_picture_is_offered(agent, peer):
    apply_answer(agent, peer)
    somebody_looks(agent, peer)
    agent.look(scene(3))
    agent.heart.send_frame()
    (picture,) = peer.frames
    assert image.read(picture).shape == (96, 128, 3)


def test_silence_is_told_without_a_picture(agent, peer):
    apply_answer(agent, peer, rules=[{"kind": "camera_stale", "min_s": 5}])
    agent.capture.clock = lambda: time.monotonic() + 10
    agent.listen_to_silence()
    (waiting,) = agent.outbox.batch()
    assert (waiting.body["kind"], waiting.body["snapshot"]) == ("camera_stale", None)


def test_events_are_told_in_the_portals_time(agent, peer):
    agent.clock.correct(500.0)
    apply_answer(agent, peer)
    recorded = seen(agent)
    assert recorded.t == pytest.approx(scene(2).t + 500)
    assert recorded.data["clock_corrected_s"] == 500.0


def test_only_ordinary_life_is_kept_for_training(agent, peer, monkeypatch):
    kept = []
    monkeypatch.setattr(agent.footage, "add", lambda frame, *, normal: kept.append((frame.n, normal)))
    agent.look(scene(1))
    apply_answer(agent, peer)
    agent.look(scene(2))
    assert kept == [(1, False), (2, True)]


def test_what_a_camera_has_learnt_is_kept(agent, tmp_path, monkeypatch):
    anomaly = agent.pipeline.ready("anomaly")
    monkeypatch.setattr("detectors.anomaly.motion.WARM_UP", 60)
    for n in range(62):
        anomaly.step(scene(n))
    agent.supervise()
    assert list((tmp_path / "square" / "calibration").glob("anomaly-*.json"))


def test_two_agents_on_one_folder_are_refused(make):
    make()
    with pytest.raises(AgentError, match="another agent is running"):
        make()


def test_a_folder_that_is_not_enrolled_is_one_sentence(tmp_path, address):
    with pytest.raises(NotEnrolled, match="get a code from the portal"):
        CameraAgent(load(write_config(tmp_path / "new", address)))


def test_a_clip_without_a_loop_is_worked_through_to_its_end(make, peer, tmp_path):
    """From the source to the portal inside one process: the agent ends by itself and everything it had to say was said."""
    (tmp_path / "pictures").mkdir()
    for n in range(12):
        (tmp_path / "pictures" / f"{n:02d}.png").write_bytes(image.encode_png(scene(n).image))
    agent = make(kind="folder", path=str(tmp_path / "pictures"), loop=False, pace="fast")
    zone = {"name": "all", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    agent.apply_answer(heartbeat_answer({"config": peer.config(zones=[zone], rules=[{"kind": "person_in_zone", "zone": "all"}])}))
    agent.run()
    assert agent.pipeline.stages.ms["people"] > 0
    assert agent.last.frame.n == 11
    assert peer.beats[0]["camera"]["state"] in ("starting", "live")


def test_the_log_of_a_run_names_camera_and_end(make, caplog, tmp_path):
    caplog.set_level(logging.INFO)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(image.encode_png(scene(1).image))
    make(kind="folder", path=str(tmp_path / "pictures"), pace="fast", loop=False).run()
    assert "watching miracles/square, training: switched off in agent.toml" in caplog.text
    assert "stopped; 0 events wait in the outbox" in caplog.text


def test_new_keys_are_made_when_the_portal_asks_and_the_next_heartbeat_has_them(agent, peer):
    before = signing.public_text(agent.link.key)
    agent.apply_answer(heartbeat_answer({"models": [], "renew_keys": True}))
    assert peer.agent_key == signing.public_text(agent.link.key) != before
    agent.heart.beat()
    assert peer.former_key is None
    assert agent.training.renewal_due


def test_an_agent_whose_key_was_replaced_while_it_was_off_mends_that_and_stops_nothing(agent, peer):
    keys = credentials.prepare_next(agent.folder)
    peer.agent_key = signing.public_text(keys.own)
    assert agent.revoke() is True
    assert not agent.pipeline.stopped
    agent.heart.beat()
    assert agent.revoke() is False
    assert agent.pipeline.stopped


def test_the_status_is_a_heartbeat_as_the_contract_types_it(agent, peer):
    apply_answer(agent, peer, legal_mode="M1")
    heartbeat = Heartbeat.parse(agent.status().to_json())
    assert (heartbeat.legal_mode, heartbeat.config_version, heartbeat.contract) == ("M1", agent.signed_config.version, VERSION)
    assert heartbeat.gallery is not None
    assert heartbeat.door is not None
