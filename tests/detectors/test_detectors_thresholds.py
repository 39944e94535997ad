"""Thresholds by face size: tables made from made-up people, read by size, and the rate of strangers that results."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import image
from detectors.errors import BadDataset, BadInput
from detectors.faces import identify
from detectors.faces.embed import SIDE, TEMPLATE, side_of
from detectors.train import thresholds

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def crowd(people: int, pictures: int, seed: int) -> thresholds.People:
    rng = np.random.default_rng(seed)
    middles = unit(rng.normal(size=(people, 1, 32)))
    return {f"p{n}": list(vectors) for n, vectors in enumerate(unit(middles + 0.1 * rng.normal(size=(people, pictures, 32))))}


def test_a_table_holds_the_cosine_that_each_share_of_comparisons_exceeds():
    people = crowd(60, 2, 1)
    centroids = np.stack([unit(np.mean(vectors, axis=0)) for vectors in people.values()])
    scores = np.concatenate([np.stack(vectors) @ np.delete(centroids, n, 0).T for n, vectors in enumerate(people.values())]).ravel()
    for rate, cosine in thresholds.tail(people, people, (0.1, 0.01)):
        assert (scores >= cosine).mean() == pytest.approx(rate, rel=0.1)


def test_a_person_with_many_pictures_weighs_no_more_than_another():
    people = crowd(30, 1, 1)
    often = {**people, "p0": people["p0"] * 50}
    assert thresholds.tail(often, often) == thresholds.tail(people, people)


def test_strangers_are_named_as_rarely_as_wanted():
    enrolled, visitors = crowd(40, 3, 5), crowd(4000, 1, 6)
    table = thresholds.tail(crowd(600, 2, 7), crowd(600, 2, 7))
    gallery = identify.enrol(enrolled)
    scores = identify.by_centroid(gallery, np.concatenate([np.stack(each) for each in visitors.values()]))[1]
    assert (scores >= identify.threshold_for(40, table)).mean() == pytest.approx(0.01, abs=0.005)


def test_too_few_people_make_no_table():
    with pytest.raises(BadDataset, match="3 people are too few"):
        thresholds.tabulate(crowd(3, 1, 1))


def test_every_net_gets_its_own_sizes(monkeypatch):
    monkeypatch.setattr(thresholds, "LEAST", 3)
    crops = [cv2.resize(image.read(STAFF / f"custode-{n}.jpg"), (SIDE, SIDE)) for n in (1, 2, 3)]
    tables = thresholds.tabulate({f"p{n}": [crop] for n, crop in enumerate(crops)}, {"student": (16,), "plain": (64,)})
    assert {name: list(sizes) for name, sizes in tables.items()} == {"face-embedding-small": ["16"], "face-embedding": ["64"]}
    assert all(rates == sorted(rates) for sizes in tables.values() for table in sizes.values() for rates in [[cosine for _rate, cosine in table]])


def test_a_folder_without_tables_is_a_clear_error(tmp_path, capsys):
    assert thresholds.main([str(tmp_path)]) == 2
    assert "gallery.csv, line 1" in capsys.readouterr().err


def test_the_printed_tables_are_json(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(thresholds, "people_to_learn_from", lambda _folder: {})
    monkeypatch.setattr(thresholds, "tabulate", lambda _people: {"face-embedding": {"64": [(0.1, 0.2)]}})
    assert thresholds.main([str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == {"face-embedding": {"64": [[0.1, 0.2]]}}


def test_a_smaller_face_needs_a_higher_threshold():
    found = [identify.threshold_at(150, size) for size in (8, 10, 12, 14, 16, 20, 24, 32)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("size", [9, 16, 27.9, 28, 112])
def test_a_larger_gallery_or_a_lower_rate_needs_a_higher_threshold(size):
    assert identify.threshold_at(1000, size) > identify.threshold_at(150, size)
    assert identify.threshold_at(1000, size, fpir=0.001) > identify.threshold_at(1000, size)


@pytest.mark.parametrize("size", [12, 16, 24])
def test_at_a_calibrated_size_the_cards_table_is_read(size):
    table = detectors.card("face-embedding-small").thresholds["tails"][str(size)]
    assert identify.threshold_at(150, size) == pytest.approx(identify.threshold_for(150, table))


def test_between_two_sizes_the_cosine_lies_between_theirs():
    assert identify.threshold_at(150, 16) < identify.threshold_at(150, 14) < identify.threshold_at(150, 12)


def test_beyond_the_calibrated_sizes_the_nearest_holds():
    assert identify.threshold_at(150, 5) == identify.threshold_at(150, 8)
    assert identify.threshold_at(1000, 300) == identify.threshold_at(1000, 112)


def test_large_faces_keep_the_least_threshold_of_the_card():
    assert identify.threshold_at(5, 112) == detectors.card("face-embedding").thresholds["cosine_search"]
    assert identify.threshold_at(5, 16) < identify.threshold_at(150, 16)


@pytest.mark.parametrize(("people", "size", "fpir"), [(0, 16, 0.01), (5, 0, 0.01), (5, -3, 0.01), (5, float("nan"), 0.01), (5, 16, 0.0)])
def test_a_threshold_for_nothing_is_refused(people, size, fpir):
    with pytest.raises(BadInput):
        identify.threshold_at(people, size, fpir)


@pytest.mark.parametrize("scale", [0.1, 0.25, 1.0, 3.0])
def test_the_size_of_a_face_is_the_side_of_its_aligned_crop(scale):
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    assert side_of(TEMPLATE @ turn.T * scale + 40) == pytest.approx(SIDE * scale, rel=1e-4)
