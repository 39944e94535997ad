"""What a power cut or a dying disk makes of an agent's files: one clear sentence each, and where nothing is lost the agent mends it by itself and runs."""

from __future__ import annotations

import json
import logging
import random
import stat

import numpy as np
import pytest
from agent_lab import Program, enrolled, keep_footage, scene, wait_for, write_config

import detectors
from detectors.types import uuid7
from federated.trust import pki
from federated.trust.staff_list import box_text, load_or_make_box_key
from site_agents import credentials, signed_config
from site_agents.__main__ import main
from site_agents.agent import CameraAgent
from site_agents.calibration import DETECTOR
from site_agents.config import load
from site_agents.errors import ConfigError, NotEnrolled
from site_agents.signed_config import M1

DAMAGE = {"empty": lambda content: b"", "cut": lambda content: content[: len(content) // 2], "random": lambda content: random.Random(7).randbytes(len(content))}
MENDS = {  # file: what the log says of it; the agent runs
    "certificate.pem": "new keys and a certificate are asked for",
    "node.key": "new keys are asked for",
    "config.json": "the kept configuration is not used",
    "gallery.json": "the kept staff list is not used",
    "gallery.key": "a new key is made and the portal told",
    "peer.key": "a new key is made and the portal told",
    "circle.json": "the kept neighbours are not used",
    "outbox.db": "the outbox is damaged",
    "models/installed.json": "models/installed.json is damaged",
    "calibration/anomaly.json": "the calibration is not used",
    "training/anomaly/000000000000000.npz": "was damaged and is gone",
    "training/objects/event.npz": "was damaged and is gone",
    "training/objects/verdicts.json": "",  # the portal says again what it has
    "training/terms.json": "",  # written anew at every start
    "restarts.json": "",
    "running.json": "",
    "next/key.pem": "is damaged",
    "next/certificate.pem": "is damaged",
}


@pytest.fixture
def box(tmp_path, peer):
    """The folder of an agent that has everything: keys, a configuration, a staff list, neighbours, footage and labels, and a renewal on its way."""
    folder = tmp_path / "square"
    enrolled(folder, peer).close()
    config = write_config(folder, "http://127.0.0.1:1")
    config.write_text(config.read_text() + '[neighbours]\nhost = "127.0.0.1"\n[training]\nenabled = true\n')
    signed_config.save(folder, peer.config(legal_mode="M1"))
    key = load_or_make_box_key(folder / "gallery.key")
    (folder / "gallery.json").write_text(json.dumps(peer.staff_list(box_text(key), 3, {"p1": {"template": np.eye(128)[1], "expires": 4e9}})))
    pki.load_or_make_peer_key(folder / "peer.key")
    (folder / "circle.json").write_text(json.dumps({"peers": {}}))
    keep_footage(folder)
    (folder / "training" / "objects").mkdir(parents=True)
    np.savez(folder / "training" / "objects" / f"{uuid7(1e9)}.npz", features=np.zeros(3), net=np.array("x"))
    (folder / "training" / "objects" / "verdicts.json").write_text('{"number": 3}')
    CameraAgent(load(config)).close()
    return config


def damage(folder, name: str, how: str) -> None:
    file = folder / name
    if name.startswith("calibration"):
        file = folder / "calibration" / f"{DETECTOR}-{detectors.card(DETECTOR).sha256[:16]}.json"
    if name.endswith("event.npz"):
        (file,) = file.parent.glob("*-*.npz")
    if name.startswith("next"):
        credentials.prepare_next(folder)
        (folder / "next" / "certificate.pem").write_bytes((folder / "certificate.pem").read_bytes())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(DAMAGE[how](file.read_bytes() if file.exists() else b'{"mean": [1, 2, 3], "spread": [4, 5, 6]}'))


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", MENDS)
def test_it_says_so_in_one_sentence_and_runs(box, name, how, caplog):
    """Nothing is lost by these, or the portal has it: the agent itself makes good for them."""
    caplog.set_level(logging.WARNING)
    damage(box.parent, name, how)
    agent = CameraAgent(load(box))
    try:
        agent.pipeline.ready(DETECTOR)
        agent.status()
    finally:
        agent.close()
    messages = [record.getMessage() for record in caplog.records]
    if not (name == "outbox.db" and how == "empty"):  # to SQLite a file without a byte is a new database
        assert not MENDS[name] or any(MENDS[name] in each for each in messages), messages
    assert all("\n" not in each for each in messages)
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", ["key.pem", "portal.json"])
def test_without_its_identity_it_says_what_to_do(box, name, how, capsys, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])  # the command sets up its own
    damage(box.parent, name, how)
    with pytest.raises(NotEnrolled, match=f"{name} is damaged .*enrol the agent again"):
        CameraAgent(load(box))
    assert main(["run", "--config", str(box)]) == 1
    assert main(["check", "--config", str(box)]) == 1
    printed = capsys.readouterr()
    assert len(printed.err.strip().splitlines()) == 1
    assert "is damaged" in printed.out


@pytest.mark.parametrize("how", DAMAGE)
def test_its_own_configuration_names_the_file(box, how):
    damage(box.parent, "agent.toml", how)
    with pytest.raises(ConfigError, match=r"agent\.toml"):
        load(box)


def test_a_damaged_staff_key_is_set_aside_and_the_portal_seals_for_the_new_one(box, peer):
    """The list that was sealed for the old key is gone with it; the heartbeat asks for all of it."""
    damage(box.parent, "gallery.key", "cut")
    agent = CameraAgent(load(box))
    try:
        agent.pipeline.step(scene())
        reported = agent.status().gallery
        assert (reported.version, reported.key) == (0, box_text(load_or_make_box_key(box.parent / "gallery.key")))
        sealed = peer.staff_list(reported.key, 4, {"p1": {"template": np.eye(128)[1], "expires": 4e9}})
        agent.apply_staff_list(sealed)
        assert agent.staff_list.status()["version"] == 4
        assert agent.pipeline.mode == M1
    finally:
        agent.close()
    assert len([*box.parent.glob("gallery.key.damaged-*")]) == 1
    assert stat.S_IMODE((box.parent / "gallery.key").stat().st_mode) == 0o600


def test_a_damaged_node_key_is_renewed_with_the_next_heartbeat(box, peer, address):
    damage(box.parent, "node.key", "empty")
    box.write_text(box.read_text().replace("http://127.0.0.1:1", address))
    agent = CameraAgent(load(box))
    try:
        agent.heart.beat()
        assert len(peer.renewals) == 1
        assert pki.make_node_key(box.parent / "node.key") == peer.renewals[0]["node_public_key"]
        assert not agent.rotation.due
    finally:
        agent.close()


@pytest.mark.process
def test_a_real_agent_with_an_empty_staff_key_starts_and_sends_the_new_one(box, peer, address):
    (box.parent / "gallery.key").write_bytes(b"")
    box.write_text(box.read_text().replace("http://127.0.0.1:1", address).replace("enabled = true", "enabled = false"))
    program = Program(box)
    try:
        assert wait_for(lambda: next((beat["gallery"] for beat in peer.beats if "gallery" in beat), None), "a heartbeat in mode M1")["key"]
        assert "Traceback" not in program.text()
        assert program.text().count("gallery.key is damaged") == 1
    finally:
        program.kill()
