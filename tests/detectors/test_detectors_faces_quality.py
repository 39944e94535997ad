"""How much a face can be trusted, with the reasons, on faces made worse one way at a time; and the fusion of a track's best faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import image
from detectors.faces import fuse
from detectors.faces.embed import TEMPLATE, align
from detectors.faces.identify import LEAST_QUALITY
from detectors.faces.quality import judge
from detectors.train.covers import cover
from detectors.types import Box, Face

STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


@pytest.fixture(scope="module")
def portrait():
    """A real face, aligned, and where it stood."""
    picture = image.read(STAFF / "custode-1.jpg")
    face = detectors.load("faces").find(picture)[0]
    return align(picture, face.landmarks), face


def face(size=100.0, landmarks=TEMPLATE):
    return Face(Box(0, 0, size, size * 1.3), 0.9, np.asarray(landmarks, np.float32))


def shaded(crop, gain, lift=0.0):
    return np.clip(crop.astype(float) * gain + lift, 0, 255).astype(np.uint8)


def test_a_good_portrait_is_trusted_and_has_no_reasons(portrait):
    found = judge(*portrait)
    assert found.value > 0.5
    assert found.reasons == ()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda crop: cv2.GaussianBlur(crop, (0, 0), 4), "blurred"),
        (lambda crop: shaded(crop, 0.15), "dark"),
        (lambda crop: shaded(crop, 0.3, 200), "bright"),
        (lambda crop: shaded(crop, 0.08, 110), "flat"),
    ],
)
def test_each_fault_of_a_picture_is_named(portrait, spoil, reason):
    crop, where = portrait
    found = judge(spoil(crop), where)
    assert reason in found.reasons
    assert found.value < judge(crop, where).value


@pytest.mark.parametrize(
    ("kind", "reason"), [("mask", "covered mouth"), ("scarf", "covered mouth"), ("sunglasses", "covered eyes"), ("hat or hair", "covered eyes")]
)
def test_what_covers_a_face_is_named_by_the_part_it_covers(portrait, kind, reason):
    crop, where = portrait
    found = [judge(cover(crop, kind, np.random.default_rng(n))[0], where) for n in range(6)]
    assert sum(reason in each.reasons for each in found) >= 5
    assert {name for each in found for name in each.reasons} <= {reason, "blurred", "flat", "dark", "bright"}


def test_a_covered_face_still_counts_or_a_mask_would_be_a_way_past_the_alert(portrait):
    crop, where = portrait
    found = [judge(cover(crop, "mask", np.random.default_rng(n))[0], where).parts["covered mouth"] for n in range(6)]
    assert min(found) >= 0.2 > LEAST_QUALITY


def test_of_a_face_of_a_few_pixels_nobody_says_whether_it_is_covered(portrait):
    assert not any(name.startswith("covered") for name in judge(portrait[0], face(20)).parts)


@pytest.mark.parametrize(("size", "value"), [(12, 0.0), (64, 1.0), (500, 1.0)])
def test_size_counts_from_12_to_64_pixels(portrait, size, value):
    assert judge(portrait[0], face(size)).parts["small"] == value


def test_quality_falls_with_size(portrait):
    values = [judge(portrait[0], face(size)).parts["small"] for size in (8, 14, 20, 30, 50, 70)]
    assert values == sorted(values)
    assert "small" in judge(portrait[0], face(20)).reasons


@pytest.mark.parametrize("offset", [-20, 20])
def test_a_face_turned_to_either_side_is_named(portrait, offset):
    turned = TEMPLATE + np.array([[0, 0], [0, 0], [offset, 0], [0, 0], [0, 0]], np.float32)
    assert judge(portrait[0], face(landmarks=turned)).reasons == ("turned",)


def test_a_tilted_head_is_not_a_turned_one(portrait):
    matrix = cv2.getRotationMatrix2D((56, 56), 40, 1)
    tilted = TEMPLATE @ matrix[:, :2].T + matrix[:, 2]
    assert judge(portrait[0], face(landmarks=tilted)).parts["turned"] == pytest.approx(judge(portrait[0], face()).parts["turned"], abs=1e-3)


def test_eyes_in_one_place_are_a_profile(portrait):
    profile = TEMPLATE.copy()
    profile[1] = profile[0] + 2
    assert judge(portrait[0], face(landmarks=profile)).parts["turned"] == 0


def test_the_value_is_that_of_the_worst_part(portrait):
    found = judge(shaded(portrait[0], 0.15), face(20))
    assert found.value == min(found.parts.values())
    assert found.reasons[0] == min(found.parts, key=found.parts.get)


@pytest.mark.parametrize("crop", [np.zeros((112, 112, 3), np.uint8), np.full((112, 112, 3), 255, np.uint8)])
def test_black_and_white_are_worth_nothing(crop):
    assert judge(crop, face()).value == 0


def vector(*values):
    made = np.zeros(8, np.float32)
    made[: len(values)] = values
    return made / np.linalg.norm(made)


def test_a_track_of_one_face_is_that_face():
    track = fuse.TrackFaces()
    track.add(vector(1, 2), 0.8)
    assert track.embedding() == pytest.approx(vector(1, 2))
    assert (track.frames, track.seen, track.settled) == (1, 1, False)


def test_only_the_best_faces_of_a_track_are_kept():
    track = fuse.TrackFaces(most=5)
    for n in range(20):
        track.add(vector(0, 1) if n % 4 else vector(1), 0.2 if n % 4 else 0.9)
    assert (track.frames, track.seen, track.quality) == (5, 20, 0.9)
    assert track.embedding() == pytest.approx(vector(1))


def test_a_better_face_weighs_more():
    track = fuse.TrackFaces()
    track.add(vector(1, 0), 0.9)
    track.add(vector(0, 1), 0.3)
    assert track.embedding()[0] > 2.5 * track.embedding()[1]


def test_faces_of_equal_quality_are_kept_in_the_order_they_came():
    track = fuse.TrackFaces(most=2)
    for turn in (vector(1), vector(0, 1), vector(0, 0, 1)):
        track.add(turn, 0.5)
    assert track.embedding()[2] == 0


def test_faces_without_any_quality_still_have_a_mean():
    track = fuse.TrackFaces()
    track.add(vector(1), 0)
    track.add(vector(0, 1), -3)
    assert np.linalg.norm(track.embedding()) == pytest.approx(1)


def test_five_faces_settle_a_track():
    track = fuse.TrackFaces()
    for _ in range(fuse.LEAST):
        assert not track.settled
        track.add(vector(1), 0.5)
    assert track.settled


def test_a_track_without_faces_has_no_embedding():
    with pytest.raises(ValueError, match="no face"):
        fuse.TrackFaces().embedding()
