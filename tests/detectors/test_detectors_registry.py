"""One decorator registers a detector; names, cards and options behave."""

from __future__ import annotations

import json
import shutil

import pytest

import detectors
from detectors import registry, weights
from detectors.errors import BadDataset, BadInput, DetectorError, StreamShared, UnknownDetector, WeightsError, WrongHash


def test_the_package_offers_what_it_says():
    errors = ["BadDataset", "BadInput", "DetectorError", "StreamShared", "UnknownDetector", "WeightsError", "WrongHash"]
    assert sorted(detectors.__all__) == sorted([*errors, "card", "entry", "load", "names", "shared", "tools", "worded"])


@pytest.mark.parametrize("error", [UnknownDetector, WeightsError, WrongHash, BadInput, StreamShared, BadDataset])
def test_every_error_is_a_detector_error(error):
    assert issubclass(error, DetectorError)


def test_names_are_sorted_and_stay_so():
    assert detectors.names() == sorted(detectors.names()) == detectors.names()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownDetector, match=r"no detector 'ghosts'; there are .*anomaly, .*people"):
        detectors.load("ghosts")


def test_an_unknown_name_has_no_card():
    with pytest.raises(UnknownDetector):
        detectors.card("ghosts")


def test_two_detectors_may_not_share_a_name():
    with pytest.raises(ValueError, match="two detectors are called 'people'"):
        registry.detector("people", family="objects")(type("Impostor", (), {}))


def test_a_detector_without_weights_opens_nothing():
    registry.detector("toy", family="toys", opens="session")(type("Toy", (), {}))
    opens = registry.entry("toy").opens
    registry.withdraw(["toy"])
    assert opens == "nothing"
    assert "toy" not in detectors.names()


def test_a_new_file_in_a_family_folder_is_found(tmp_path, monkeypatch):
    folder = tmp_path / "detectors"
    shutil.copytree(registry.FOLDER / "health", folder / "health")
    monkeypatch.setattr(registry, "FOLDER", folder)
    assert "camera-health" in registry.entries.__wrapped__()


@pytest.mark.parametrize("name", detectors.names())
def test_a_card_carries_the_hash_of_what_runs(name):
    entry, described = registry.entry(name), detectors.card(name)
    if entry.weights:
        assert described.sha256 == weights.locked(entry.weights).sha256
    assert len(described.sha256) == 64


def test_a_missing_card_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "FOLDER", tmp_path / "detectors")
    with pytest.raises(WeightsError, match=r"'people' has no card: .*people\.json is missing"):
        detectors.card("people")


def test_a_card_with_a_foreign_field_is_refused(tmp_path, monkeypatch):
    cards = tmp_path / "detectors" / "weights" / "cards"
    cards.mkdir(parents=True)
    (cards / "people.json").write_text(json.dumps({"version": "1", "mood": "good"}))
    monkeypatch.setattr(registry, "FOLDER", tmp_path / "detectors")
    with pytest.raises(TypeError, match="mood"):
        detectors.card("people")


def test_another_weights_file_may_be_given(tmp_path):
    shutil.copy(weights.OWN / "anomaly-1.onnx", tmp_path / "mine.onnx")
    assert detectors.load("anomaly", path=tmp_path / "mine.onnx").card.sha256 == detectors.card("anomaly").sha256


def test_a_given_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot open"):
        detectors.load("anomaly", path=tmp_path / "mine.onnx")


def test_the_card_of_a_given_file_carries_that_files_hash(tmp_path):
    content = (weights.OWN / "anomaly-1.onnx").read_bytes()
    (tmp_path / "mine.onnx").write_bytes(content + b"\x92\x03\x00")  # an unknown, empty protobuf field
    assert detectors.load("anomaly", path=tmp_path / "mine.onnx").card.sha256 != detectors.card("anomaly").sha256
