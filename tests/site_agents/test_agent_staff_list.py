"""The staff list at the agent: believed only when our portal signed it for this door, sealed on disk, and forgotten when it must be."""

from __future__ import annotations

import logging
import time

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE, enrolled, heartbeat_answer, identity, scene, write_config
from portal_peer import Peer

from detectors.types import Frame
from federated.contract.heartbeat import StaffListHeld
from federated.trust.staff_list import box_text, load_or_make_box_key, pack
from site_agents import agent as agent_module
from site_agents.agent import CameraAgent
from site_agents.config import load
from site_agents.errors import StaffListRefused
from site_agents.faces import BIOMETRIC
from site_agents.signed_config import M0
from site_agents.staff_list_store import FILE, KEY, StaffListStore

NOW = 1_800_000_000.0
PLACE = {"name": "door", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
DOOR = {"legal_mode": "M1", "zones": [PLACE], "rules": [{"kind": "unknown_person", "zone": "door"}]}


def unit(n: int) -> np.ndarray:
    return np.eye(1, 128, n, dtype=np.float32)[0]


def listed(n: int = 0, expires: float = NOW + 1000) -> dict:
    return {"template": unit(n), "expires": expires, "small": unit(n)}


@pytest.fixture
def keep(tmp_path, peer) -> StaffListStore:
    return StaffListStore(tmp_path, identity(peer))


def send(keep: StaffListStore, peer: Peer, version: int, people: dict, **more) -> dict:
    return peer.staff_list(keep.status()["key"], version, people, **more)


def names(keep: StaffListStore) -> list[str]:
    return sorted(entry.person for entry in keep.staff.entries)


def refusal(keep: StaffListStore, document) -> str:
    with pytest.raises(StaffListRefused) as caught:
        keep.take(document, NOW)
    return str(caught.value)


def test_a_signed_list_is_taken_whole(keep, peer):
    keep.take(send(keep, peer, 3, {"p1": listed(1), "p2": listed(2)}), NOW)
    assert (keep.staff.version, names(keep), keep.status()["version"]) == (3, ["p1", "p2"], 3)
    assert np.allclose(keep.staff.entries[0].template, unit(1))


def test_of_news_only_what_changed_is_sent(keep, peer):
    keep.take(send(keep, peer, 3, {"p1": listed(1), "p2": listed(2)}), NOW)
    keep.take(send(keep, peer, 4, {"p1": listed(1), "p3": listed(5)}, changed={"p1": 3, "p3": 4}), NOW)
    assert (keep.staff.version, names(keep)) == (4, ["p1", "p3"])


def test_an_entry_that_is_named_but_missing_makes_us_ask_for_everything(keep, peer, caplog):
    keep.take(send(keep, peer, 4, {"p1": listed(1), "p3": listed(5)}, changed={"p3": 4}), NOW)
    assert (keep.status()["version"], names(keep)) == (0, ["p3"])
    assert "asking for the whole list" in caplog.text


def test_the_list_holds_over_a_restart(keep, peer, tmp_path):
    keep.take(send(keep, peer, 3, {"p1": listed(1)}), NOW)
    again = StaffListStore(tmp_path, identity(peer))
    assert (again.load(NOW).version, names(again)) == (3, ["p1"])


def test_what_is_on_disk_shows_no_template(keep, peer, tmp_path):
    keep.take(send(keep, peer, 3, {"p1": listed(1)}), NOW)
    kept = (tmp_path / FILE).read_bytes()
    assert pack(unit(1)).encode() not in kept
    assert unit(1).tobytes() not in kept
    assert (tmp_path / KEY).stat().st_mode & 0o077 == 0


def test_another_agents_key_opens_nothing(keep, peer, tmp_path):
    (tmp_path / "other").mkdir()
    foreign = peer.staff_list(box_text(load_or_make_box_key(tmp_path / "other" / KEY)), 3, {"p1": listed(1)})
    assert refusal(keep, foreign)
    assert names(keep) == []


def test_another_portals_signature_is_refused_and_the_list_before_holds(keep, peer, tmp_path):
    keep.take(send(keep, peer, 3, {"p1": listed(1)}), NOW)
    refusal(keep, send(keep, Peer(tmp_path), 4, {"evil": listed(2)}))
    assert (keep.staff.version, names(keep)) == (3, ["p1"])


@pytest.mark.parametrize("place", [{"site": "elsewhere"}, {"camera": "gate"}])
def test_a_list_for_another_door_is_refused(keep, peer, place):
    assert refusal(keep, send(keep, peer, 3, {"p1": listed(1)}, **place))


def test_an_older_list_is_not_taken_twice(keep, peer):
    old = send(keep, peer, 3, {"p1": listed(1), "revoked": listed(2)})
    keep.take(send(keep, peer, 4, {"p1": listed(1)}), NOW)
    assert "older than version 4" in refusal(keep, old)
    assert names(keep) == ["p1"]


@pytest.mark.parametrize("document", [None, 3, [], {}, {"list": {}}, {"list": {}, "sealed": ""}, {"list": 3, "sealed": "AAAA"}, {"list": {}, "sealed": 7}])
def test_what_is_no_list_is_refused(keep, document):
    assert refusal(keep, document)


def test_a_changed_name_in_the_list_is_noticed(keep, peer):
    document = send(keep, peer, 3, {"p1": listed(1)})
    document["list"]["people"] = {"p2": 3}
    assert refusal(keep, document)


def test_at_the_end_date_a_person_is_forgotten_on_disk_too(keep, peer, tmp_path):
    keep.take(send(keep, peer, 3, {"p1": listed(1, NOW + 10), "p2": listed(2, NOW + 100)}), NOW)
    assert [entry.person for entry in keep.staff.at(NOW + 10)] == ["p2"]
    assert not keep.drop_expired(NOW + 9.9)
    assert keep.drop_expired(NOW + 10)
    again = StaffListStore(tmp_path, identity(peer))
    again.load(NOW)
    assert names(again) == ["p2"]


def test_who_was_taken_off_is_not_on_disk_any_more(keep, peer, tmp_path):
    keep.take(send(keep, peer, 3, {"p1": listed(1), "p2": listed(2)}), NOW)
    keep.take(send(keep, peer, 4, {"p1": listed(1)}, changed={"p1": 3}), NOW)
    again = StaffListStore(tmp_path, identity(peer))
    again.load(NOW)
    assert names(again) == ["p1"]


def test_to_forget_leaves_no_file(keep, peer, tmp_path):
    keep.take(send(keep, peer, 3, {"p1": listed(1)}), NOW)
    keep.forget()
    assert (names(keep), keep.status()["version"], (tmp_path / FILE).exists()) == ([], 0, False)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"list": {}}', '{"list": {}, "sealed": "AAAA"}', "\x00\xff"])
def test_a_broken_file_is_said_and_nobody_is_recognised(keep, peer, tmp_path, content, caplog):
    (tmp_path / FILE).write_text(content)
    assert keep.load(NOW).entries == ()
    assert "nobody is recognised" in caplog.text
    assert not (tmp_path / FILE).exists()


def test_a_full_disk_leaves_no_old_list_behind(keep, peer, tmp_path, monkeypatch):
    """Somebody may just have been taken off: better nobody after a restart than somebody too many."""
    keep.take(send(keep, peer, 3, {"p1": listed(1), "p2": listed(2)}), NOW)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("detectors.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep.take(send(keep, peer, 4, {"p1": listed(1)}, changed={"p1": 3}), NOW)
    assert (names(keep), (tmp_path / FILE).exists(), [*tmp_path.glob(f".{FILE}*")]) == (["p1"], False, [])


@pytest.fixture
def make(tmp_path, peer, address, monkeypatch):
    """Agents on one folder that need no second to pass before `supervise` looks again."""
    monkeypatch.setattr(agent_module, "SUPERVISE_S", 0.0)
    made = []

    def build(**changes) -> CameraAgent:
        folder = tmp_path / "square"
        enrolled(folder, peer).close()
        path = write_config(folder, address)
        if changes:
            path.write_text("".join(f'{name} = "{value}"\n' for name, value in changes.items()) + path.read_text())
        made.append(CameraAgent(load(path)))
        return made[-1]

    yield build
    for agent in made:
        if not agent.closed:
            agent.close()


def apply_answer(agent: CameraAgent, peer: Peer, **answer) -> None:
    """What a heartbeat's answer brings; then a frame, and the look of every second."""
    agent.apply_answer(heartbeat_answer(answer))
    agent.pipeline.step(scene(1))
    agent.supervise()


def at_door(agent: CameraAgent, peer: Peer, **people: dict) -> None:
    apply_answer(agent, peer, config=peer.config(**DOOR))
    apply_answer(agent, peer, gallery=send(agent.staff_list, peer, 2, people or {"p1": listed(1, time.time() + 1000)}))


def somebody_comes(agent: CameraAgent) -> None:
    """A face that every camera in mode M1 would look at."""
    image = cv2.imread(str(FOOTAGE / "staff" / "custode-2.jpg"))
    for n in range(6):
        agent.pipeline.step(Frame(image, "square", time.time() + n * 0.2, n + 5))


def recognisable(agent: CameraAgent) -> list[str]:
    return [entry.person for entry in agent.pipeline.staff.entries]


def test_a_heartbeat_asks_for_the_list_in_mode_m1_only(make, peer):
    agent = make()
    assert not {"gallery", "door"} & set(agent.status().to_json())
    at_door(agent, peer)
    assert agent.status().gallery == StaffListHeld(version=2, key=box_text(agent.staff_list.key))
    assert agent.status().door.people == 1


def test_a_list_in_mode_m0_is_refused_whatever_the_portal_says(make, peer, tmp_path, caplog):
    agent = make()
    apply_answer(agent, peer, config=peer.config(), gallery=send(agent.staff_list, peer, 2, {"p1": listed(1, time.time() + 1000)}))
    assert (recognisable(agent), (tmp_path / "square" / FILE).exists()) == ([], False)
    assert "it is refused" in caplog.text


def test_the_list_holds_over_a_restart_of_the_agent(make, peer):
    first = make()
    at_door(first, peer)
    first.close()
    assert recognisable(make()) == ["p1"]


@pytest.mark.parametrize("how", ["ordered", "stopped", "revoked", "expired"])
def test_when_m1_ends_the_list_is_forgotten(make, peer, tmp_path, how, monkeypatch):
    agent = make()
    at_door(agent, peer)
    answer = {"ordered": {"config": peer.config(version=2)}, "stopped": {"stop_biometrics": True}}.get(how, {})
    if how == "revoked":
        agent.revoke()
        agent.supervise()
    elif how == "expired":
        monkeypatch.setattr(agent.clock, "latest", lambda: time.time() + 4000)
        apply_answer(agent, peer)
    else:
        apply_answer(agent, peer, **answer)
    assert (agent.pipeline.mode, recognisable(agent), (tmp_path / "square" / FILE).exists()) == (M0, [], False)


def test_an_agent_that_is_offline_forgets_at_the_end_date(make, peer, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    agent, until = make(), time.time() + 100
    at_door(agent, peer, p1=listed(1, until), p2=listed(2, until + 1000))
    monkeypatch.setattr(agent.clock, "latest", lambda: until)
    agent.supervise()
    assert recognisable(agent) == ["p2"]
    assert "come to the end date" in caplog.text


def test_a_revoked_person_is_forgotten_with_the_next_answer(make, peer):
    agent = make()
    at_door(agent, peer)
    apply_answer(agent, peer, gallery=send(agent.staff_list, peer, 3, {}))
    assert (recognisable(agent), agent.staff_list.status()["version"]) == ([], 3)


def test_a_list_that_is_not_believed_changes_nothing(make, peer, tmp_path, caplog):
    agent = make()
    at_door(agent, peer)
    apply_answer(agent, peer, gallery=send(agent.staff_list, Peer(tmp_path), 3, {"evil": listed(3)}))
    assert recognisable(agent) == ["p1"]
    assert "not accepted" in caplog.text


@pytest.mark.parametrize("forged", ["config", "gallery", "both", "capped"])
def test_m0_cannot_be_talked_out_of(make, peer, tmp_path, forged, monkeypatch):
    """An answer with orders for M1 that somebody else has signed, and with a list: no face is looked for and no embedding is computed.

    "capped": even our portal's own orders reach no further than this box's agent.toml.
    """
    agent = make(most_legal_mode="M0") if forged == "capped" else make()
    apply_answer(agent, peer, config=peer.config())
    evil, template = Peer(tmp_path), {"p1": listed(1, time.time() + 1000)}
    signed_config = peer.config(version=2, **DOOR) if forged == "capped" else evil.config(version=2, **DOOR) if forged != "gallery" else None
    loaded = []
    original = agent.pipeline.load
    monkeypatch.setattr(agent.pipeline, "load", lambda name, **options: loaded.append(name) or original(name, **options))
    apply_answer(agent, peer, config=signed_config, gallery=None if forged == "config" else send(agent.staff_list, peer, 9, template))
    somebody_comes(agent)
    assert (agent.pipeline.mode, recognisable(agent)) == (M0, [])
    assert not set(BIOMETRIC) & {*loaded, *agent.pipeline.loaded}
    assert not agent.pipeline.recognizer.visits


def test_the_same_orders_and_list_well_signed_do_compute(make, peer):
    """What the test before would see if the agent were talked out of M0."""
    agent = make()
    at_door(agent, peer)
    somebody_comes(agent)
    assert {"faces", "face-embedding"} <= set(agent.pipeline.loaded)
    assert [visit.faces.frames > 0 for visit in agent.pipeline.recognizer.visits.values()] == [True]
