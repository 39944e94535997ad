"""The demo's cameras: which clip each plays, and what its agent is told."""

from __future__ import annotations

import tomllib

import pytest

from infra import demo
from infra.errors import HomeError

NAMES = ["gate", "square", "drone"]


def clips(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_folder_of_clips_is_spread_over_the_cameras(tmp_path):
    clips(tmp_path, "a.mp4", "sub/b.AVI", "c.webm", "d.txt")
    assert [source["path"] for source in demo.clips_for(NAMES, tmp_path).values()] == [str(tmp_path / name) for name in ("a.mp4", "c.webm", "sub/b.AVI")]


def test_one_clip_serves_all_cameras(tmp_path):
    clips(tmp_path, "only.mp4")
    assert {source["path"] for source in demo.clips_for(NAMES, tmp_path).values()} == {str(tmp_path / "only.mp4")}


def test_a_folder_without_clips_is_one_clear_sentence(tmp_path):
    clips(tmp_path, "notes.txt")
    with pytest.raises(HomeError, match="There is no clip in"):
        demo.clips_for(NAMES, tmp_path)


def test_our_own_clips_go_by_the_cameras_name(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "FOOTAGE", tmp_path)
    clips(tmp_path, "gate.webm", "square.webm", "drone.webm", "drone.csv")
    found = demo.clips_for(NAMES, None)
    assert (found["gate"]["kind"], found["gate"]["telemetry"]) == ("file", "")
    assert (found["drone"]["kind"], found["drone"]["telemetry"]) == ("drone", str(tmp_path / "drone.csv"))


def test_a_missing_clip_of_ours_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "FOOTAGE", tmp_path)
    with pytest.raises(HomeError, match="clip of the camera gate is missing"):
        demo.clips_for(NAMES, None)


def test_the_shipped_footage_is_complete():
    assert set(demo.clips_for(NAMES, None)) == set(NAMES)


def test_an_agents_configuration_is_what_the_contract_says(tmp_path):
    demo.write_config(tmp_path / "gate", "gate", "http://127.0.0.1:8000", {"kind": "file", "path": 'odd "name" \\ è.webm', "telemetry": ""})
    written = tomllib.loads((tmp_path / "gate" / "agent.toml").read_text())
    assert (written["name"], written["portal"], written["training"]) == ("gate", "http://127.0.0.1:8000", {"enabled": True})
    assert written["source"] == {"kind": "file", "path": 'odd "name" \\ è.webm', "loop": True, "pace": "real-time", "fps": 4, "telemetry": ""}
