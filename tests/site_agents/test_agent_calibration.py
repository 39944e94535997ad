"""What is normal at this camera, kept beside it for each set of weights."""

from __future__ import annotations

import numpy as np
import pytest
from agent_lab import keep_footage, scene

import detectors
from detectors.anomaly.calibration import Calibration
from site_agents import calibration
from site_agents.models import ModelStore

SHA = "a" * 64


@pytest.fixture
def flat():
    return Calibration(np.full((20, 30), 0.25, np.float32), 0.5, 2.0, 300)


def test_it_is_kept_for_its_weights_and_no_others(tmp_path, flat):
    calibration.save(tmp_path, SHA, flat)
    found = calibration.load(tmp_path, SHA)
    assert (found.mean, found.spread, found.n, found.level[0, 0]) == (0.5, 2.0, 300, 0.25)
    assert calibration.load(tmp_path, "b" * 64) is None


def test_the_way_back_finds_its_old_calibration(tmp_path, flat):
    calibration.save(tmp_path, SHA, flat)
    calibration.save(tmp_path, "b" * 64, Calibration(flat.level, 9.0, 1.0, 200))
    assert calibration.load(tmp_path, SHA).mean == 0.5


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"level": [[1]], "mean": NaN, "spread": 1}', b'{"level": 1, "mean": 1, "spread": 0}'])
def test_a_damaged_one_is_not_used_and_said(tmp_path, flat, content, caplog):
    calibration.save(tmp_path, SHA, flat)
    next((tmp_path / "calibration").iterdir()).write_bytes(content)
    assert calibration.load(tmp_path, SHA) is None
    assert "not used" in caplog.text


def test_it_is_learnt_from_kept_footage(tmp_path):
    keep_footage(tmp_path, clips=4)
    found = calibration.learn(detectors.load("anomaly"), tmp_path)
    assert found.n >= calibration.ENOUGH
    assert np.isfinite(found.level).all()


def test_too_little_footage_teaches_nothing(tmp_path):
    assert calibration.learn(detectors.load("anomaly"), tmp_path) is None
    keep_footage(tmp_path, clips=1)
    assert calibration.learn(detectors.load("anomaly"), tmp_path) is None


def test_damaged_footage_is_passed_over(tmp_path):
    keep_footage(tmp_path, clips=4)
    (tmp_path / "training" / "anomaly" / "0.npz").write_bytes(b"no archive")
    np.savez(tmp_path / "training" / "anomaly" / "1.npz", other=np.zeros(3))
    assert calibration.learn(detectors.load("anomaly"), tmp_path).n >= calibration.ENOUGH


def test_a_calibrated_camera_judges_from_its_second_frame(tmp_path, flat):
    calibration.save(tmp_path, detectors.card("anomaly").sha256, flat)
    detector = ModelStore(tmp_path).load("anomaly")
    found = [detector.step(scene(n)) for n in range(3)]
    assert found[0] is None
    assert all(0 <= each.score <= 1 for each in found[1:])


def test_an_uncalibrated_camera_does_not_judge_yet(tmp_path):
    detector = ModelStore(tmp_path).load("anomaly")
    assert [detector.step(scene(n)) for n in range(3)] == [None] * 3
