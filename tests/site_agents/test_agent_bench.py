"""`bench`: an honest figure for this box, with nothing of a portal or of training in memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from agent_lab import ROOT, write_config

KEYS = {"frames", "seconds", "fps", "width", "height", "cores", "stages_ms", "findings", "rss_mb", "detectors", "rules", "door", "forbidden_modules"}


def bench(folder, *arguments: str, **source) -> subprocess.CompletedProcess:
    config = write_config(folder, "http://127.0.0.1:1", **source)
    command = [sys.executable, "-m", "site_agents", "bench", "--config", str(config), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    run = bench(tmp_path_factory.mktemp("bench"), "--json", "--frames", "20")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_the_figures_have_every_key(figures):
    assert set(figures) == KEYS
    assert (figures["frames"], figures["width"], figures["height"], figures["cores"]) == (20, 768, 576, 1)


def test_every_stage_has_its_time(figures):
    assert set(figures["stages_ms"]) == {"source", "mask", "camera-health", "people", "tracking", "anomaly", "rules", "evidence"}
    assert sum(figures["stages_ms"].values()) == pytest.approx(1000 / figures["fps"], rel=0.6)


def test_it_ran_every_rule_and_detector_that_it_says(figures):
    assert figures["detectors"] == ["anomaly", "camera-health", "people"]
    assert "unknown_person" not in figures["rules"]
    assert {"person_in_zone", "loitering", "line_crossed", "object_left", "anomaly"} <= set(figures["rules"])


def test_the_door_has_the_face_detectors_too(figures):
    door = figures["door"]
    assert {"faces"} <= set(door["detectors"])
    assert door["stages_ms"]["faces"] > 0
    assert door["rss_mb"] >= figures["rss_mb"] > 50


def test_nothing_of_a_portal_or_of_training_was_loaded(figures):
    assert figures["forbidden_modules"] == []


def test_for_people_it_prints_lines(tmp_path):
    run = bench(tmp_path, "--frames", "5")
    assert run.returncode == 0
    assert "frames/s on one core (768 x 576, 5 frames)" in run.stdout
    assert "with the face detectors of a door" in run.stdout


def test_a_source_that_is_not_there_is_one_sentence(tmp_path):
    run = bench(tmp_path, path="gone.webm")
    assert (run.returncode, len(run.stderr.splitlines())) == (1, 1)
    assert "gone.webm is no file" in run.stderr


@pytest.mark.parametrize("frames", ["0", "-3", "many"])
def test_a_senseless_number_of_frames_is_refused(tmp_path, frames):
    run = bench(tmp_path, "--frames", frames)
    assert (run.returncode, "it must be a whole number from 1" in run.stderr) == (2, True)
