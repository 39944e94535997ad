"""Footage for training: small grey frames of ordinary life, kept at the site, within a budget; and the SuperNode beside the camera."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import subprocess

import numpy as np
import psutil
import pytest
from agent_lab import scene, wait_for

from site_agents import training
from site_agents.config import TrainingSettings
from site_agents.training import CLIP, EAGER, QUIET_S, Footage, SuperNodeSupervisor, why_not
from tests.waiting import patience

ON = TrainingSettings(enabled=True)
FLEET = {"fleet": {"address": "127.0.0.1:1", "ca_pem": ""}}


def live(footage: Footage, start: int, count: int, **changes) -> None:
    for n in range(start, start + count):
        footage.add(dataclasses.replace(scene(n + 1), **changes), normal=True)


def test_ordinary_life_is_kept_small_and_grey(tmp_path):
    footage = Footage(tmp_path, ON)
    live(footage, 0, CLIP)
    (file,) = (tmp_path / "training" / "anomaly").glob("*.npz")
    kept = np.load(file)["frames"]
    assert (kept.shape, kept.dtype) == ((CLIP, 160, 240), np.uint8)
    assert footage.count == CLIP


def test_what_was_kept_is_counted_again_after_a_restart(tmp_path):
    live(Footage(tmp_path, ON), 0, CLIP)
    assert Footage(tmp_path, ON).count == CLIP


def test_training_reads_what_was_kept(tmp_path):
    train = pytest.importorskip("detectors.train.anomaly")
    live(Footage(tmp_path, ON), 0, CLIP)
    assert len(train.windows(tmp_path / "training" / "anomaly")) > 0


def test_where_training_is_off_nothing_is_kept(tmp_path):
    live(Footage(tmp_path, TrainingSettings()), 0, CLIP)
    assert list((tmp_path / "training" / "anomaly").iterdir()) == []


def test_one_unusual_frame_throws_the_clip_away(tmp_path):
    footage = Footage(tmp_path, ON)
    live(footage, 0, CLIP - 1)
    footage.add(scene(CLIP), normal=False)
    live(footage, CLIP, CLIP - 1)
    assert footage.count == 0


def test_a_gap_in_time_begins_a_new_clip(tmp_path):
    footage = Footage(tmp_path, ON)
    live(footage, 0, CLIP - 1)
    live(footage, CLIP + 20, CLIP - 1)
    assert footage.count == 0


def test_a_busy_camera_that_sees_a_frame_every_one_and_a_half_seconds_keeps_footage_too(tmp_path):
    """Its detector judges such frames; a door with four nets needed 1.1 s a frame on a busy machine and never could take part in a run."""
    footage = Footage(tmp_path, ON)
    for n in range(CLIP):
        footage.add(scene(n + 1, t=1.5 * n), normal=True)
    assert footage.count == CLIP


def test_the_end_of_a_loop_is_no_motion(tmp_path):
    footage = Footage(tmp_path, ON)
    live(footage, 0, CLIP - 1)
    footage.add(scene(0, t=scene(CLIP).t), normal=True)
    assert footage.count == 0


def test_after_an_eager_beginning_one_clip_a_minute_is_kept(tmp_path):
    footage = Footage(tmp_path, ON)
    live(footage, 0, CLIP * (EAGER + 4))
    assert EAGER <= len(footage.clips) <= EAGER + 1


def test_the_oldest_clips_go_first_when_the_budget_is_used_up(tmp_path):
    footage = Footage(tmp_path, ON)
    live(footage, 0, CLIP)
    size = next(iter(footage.clips)).stat().st_size
    footage.settings = TrainingSettings(enabled=True, keep_mb=2.5 * size / 1e6)
    live(footage, CLIP, CLIP * 3)
    kept = sorted((tmp_path / "training" / "anomaly").glob("*.npz"))
    assert len(kept) == 2
    assert footage.count == 2 * CLIP
    assert int(kept[0].stem) > 1000 * scene(CLIP * 2).t


def test_damaged_footage_is_thrown_away(tmp_path, caplog):
    live(Footage(tmp_path, ON), 0, CLIP)
    (tmp_path / "training" / "anomaly" / "0.npz").write_bytes(b"PK no archive")
    footage = Footage(tmp_path, ON)
    assert sum(footage.clips.values()) == CLIP
    assert "0.npz was damaged and is gone" in caplog.text


@pytest.mark.parametrize(
    ("settings", "portal", "words"),
    [(TrainingSettings(), FLEET, "switched off in agent.toml"), (ON, {"fleet": None}, "the portal has no federation"), (ON, {}, "no federation")],
)
def test_why_a_site_does_not_train_is_said(settings, portal, words):
    assert words in why_not(settings, portal)


def test_without_torch_and_flower_the_camera_watches_and_says_what_to_install(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("torch", "flwr") else real(name))
    assert why_not(ON, FLEET) == "not installed: flwr, torch (install requirements/train.lock)"


def test_a_seat_that_does_not_train_starts_nothing(tmp_path):
    supervisor = SuperNodeSupervisor(tmp_path, TrainingSettings(), FLEET)
    supervisor.tick()
    assert supervisor.child is None
    supervisor.stop()


@pytest.fixture
def supervisor(tmp_path):
    """A seat whose SuperNode ends at once: this folder is enrolled nowhere."""
    pytest.importorskip("flwr")
    made = SuperNodeSupervisor(tmp_path, ON, FLEET)
    yield made
    made.stop()


def test_a_child_that_ends_is_started_again_with_growing_pauses(supervisor, monkeypatch, caplog):
    now = [1000.0]
    monkeypatch.setattr(training.time, "monotonic", lambda: now[0])
    supervisor.tick()
    first = supervisor.child
    first.wait(patience(30))
    supervisor.tick()
    assert supervisor.child is None
    assert "the SuperNode ended" in caplog.text
    supervisor.tick()
    assert supervisor.child is None
    now[0] += 120
    supervisor.tick()
    assert supervisor.child is not None
    assert supervisor.child.pid != first.pid


def test_stopping_ends_the_whole_group(supervisor):
    supervisor.tick()
    child = supervisor.child
    assert os.getpgid(child.pid) == child.pid
    supervisor.stop()
    wait_for(lambda: not psutil.pid_exists(child.pid), "the end of the child")
    assert supervisor.child is None


@pytest.fixture
def clock(monkeypatch):
    """The seat's time, moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(training.time, "monotonic", lambda: now[0])
    return now


def test_a_new_key_starts_the_supernode_again_after_a_quiet_minute(supervisor, clock):
    supervisor.tick()
    first = supervisor.child
    supervisor.renew()
    clock[0] += QUIET_S - 1
    supervisor.tick()
    assert supervisor.renewal_due
    clock[0] += 2
    supervisor.tick()
    assert not supervisor.renewal_due
    assert supervisor.child is None or supervisor.child.pid != first.pid
    wait_for(lambda: not psutil.pid_exists(first.pid), "the end of the old one")


def test_a_new_key_waits_for_training_to_end(supervisor, clock, monkeypatch):
    tasks = ["a task"]
    monkeypatch.setattr(training, "tasks_of", lambda root: tasks)
    supervisor.child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    supervisor.renew()
    for _ in range(5):
        clock[0] += QUIET_S
        supervisor.tick()
    assert supervisor.child.poll() is None
    tasks.clear()
    clock[0] += QUIET_S
    old = supervisor.child
    supervisor.tick()
    assert old.poll() is not None


def test_a_new_key_at_a_site_that_does_not_train_starts_nothing(tmp_path):
    supervisor = SuperNodeSupervisor(tmp_path, TrainingSettings(), FLEET)
    supervisor.renew()
    supervisor.tick()
    assert supervisor.child is None
    assert not supervisor.renewal_due
