"""Faces: alignment against geometry, finder and embeddings on the public-domain portraits of the demo's staff and on pictures without faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import image
from detectors.bench import scene
from detectors.errors import BadInput
from detectors.faces.embed import SIDE, TEMPLATE, align
from detectors.portraits import degrade
from detectors.types import Box, Face

STAFF = Path(__file__).resolve().parent.parent.parent / "infra" / "footage" / "staff"
CROP = cv2.GaussianBlur(scene(0, (SIDE, SIDE)), (0, 0), 1.5)


def placed(angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> tuple[np.ndarray, np.ndarray]:
    """The crop turned, scaled and moved into a larger picture, and where its landmarks then are."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), angle, scale)
    matrix[:, 2] += np.array(shift) + 150
    return cv2.warpAffine(CROP, matrix, (420, 420)), TEMPLATE @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)


def face(landmarks: np.ndarray = TEMPLATE, size: float = 100) -> Face:
    return Face(Box(0, 0, size, size), 0.9, landmarks)


def portrait(number: int) -> np.ndarray:
    return image.read(STAFF / f"custode-{number}.jpg")


def inner(picture: np.ndarray) -> np.ndarray:
    return picture[20:-20, 20:-20].astype(int)


@pytest.fixture(scope="module")
def embedder():
    return detectors.load("face-embedding")


@pytest.fixture(scope="module")
def finder():
    return detectors.load("faces")


def test_a_face_that_stands_right_is_not_moved():
    assert np.abs(inner(align(CROP, TEMPLATE)) - inner(CROP)).mean() < 1


@pytest.mark.parametrize("angle", [-90, -20, 10, 45, 180])
@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_a_turned_and_scaled_face_is_brought_upright(angle, scale):
    picture, landmarks = placed(angle, scale, (12.5, -7))
    assert np.abs(inner(align(picture, landmarks)) - inner(CROP)).mean() < 6


def test_a_mirrored_face_is_not_mirrored_back():
    landmarks = TEMPLATE * [-1, 1] + [SIDE, 0]
    assert np.isfinite(align(CROP, landmarks.astype(np.float32))).all()


@pytest.mark.parametrize("wrong", [np.zeros((4, 2)), np.zeros(10), np.full((5, 2), np.nan), np.full((5, 2), np.inf)])
def test_what_are_no_landmarks_is_refused(wrong):
    with pytest.raises(BadInput, match="five finite points"):
        align(CROP, wrong)


def test_landmarks_on_one_spot_do_not_crash():
    assert align(CROP, np.full((5, 2), 50.0)).shape == (SIDE, SIDE, 3)


def test_an_embedding_has_128_numbers_of_length_one(embedder):
    found = embedder.embed(CROP, [face()])[0].embedding
    assert (found.shape, found.dtype) == ((128,), np.float32)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_a_face_keeps_its_box_and_landmarks(embedder):
    before = face()
    after = embedder.embed(CROP, [before])[0]
    assert (after.box, after.score) == (before.box, before.score)
    assert after.landmarks is before.landmarks


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_portrait_shows_one_face_in_its_middle(finder, number):
    found = finder.find(portrait(number))
    assert len(found) == 1
    assert found[0].box.x < 150 < found[0].box.x + found[0].box.w


@pytest.mark.parametrize("turn", [cv2.getRotationMatrix2D((150, 160), 20, 1.0), cv2.getRotationMatrix2D((150, 160), 0, 0.5)], ids=["tilted", "half as large"])
def test_a_face_is_known_again(finder, embedder, turn):
    changed = cv2.warpAffine(portrait(1), turn, (300, 360), borderMode=cv2.BORDER_REPLICATE)
    before, after = (embedder.embed(picture, finder.find(picture))[0].embedding for picture in (portrait(1), changed))
    assert float(before @ after) > 0.8


def test_three_people_are_three_people(finder, embedder):
    vectors = np.stack([embedder.embed(portrait(n), finder.find(portrait(n)))[0].embedding for n in (1, 2, 3)])
    assert np.abs(vectors @ vectors.T - np.eye(3)).max() < 0.2


def test_a_face_in_a_large_picture_is_found_in_its_own_pixels(finder):
    large = cv2.resize(portrait(1), None, fx=6, fy=6)
    one, six = finder.find(portrait(1))[0].box, finder.find(large)[0].box
    assert [each / 6 for each in six] == pytest.approx(list(one), abs=12)


def test_another_picture_has_another_embedding(embedder):
    other = np.random.default_rng(9).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    assert float(embedder.embed_crop(other) @ embedder.embed_crop(CROP)) < 0.8


def test_colour_counts(embedder):
    assert not np.allclose(embedder.embed_crop(CROP), embedder.embed_crop(CROP[:, :, ::-1].copy()))


def test_several_faces_come_back_in_order(embedder):
    picture, landmarks = placed(30)
    found = embedder.embed(picture, [face(landmarks), face()])
    assert np.array_equal(found[0].embedding, embedder.embed(picture, [face(landmarks)])[0].embedding)


def test_no_faces_give_no_embeddings(embedder):
    assert embedder.embed(CROP, []) == []


def test_a_flat_picture_has_a_finite_embedding(embedder):
    assert np.isfinite(embedder.embed_crop(np.zeros((SIDE, SIDE, 3), np.uint8))).all()


@pytest.mark.parametrize("picture", [scene(0), np.zeros((300, 300, 3), np.uint8), np.full((300, 300, 3), 255, np.uint8)])
def test_no_face_is_found_where_there_is_none(finder, picture):
    assert finder.find(picture) == []


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (8, 400), (3000, 20)])
def test_pictures_of_any_size_are_taken(finder, size):
    assert finder.find(np.zeros((*size, 3), np.uint8)) == []


def test_detections_say_what_find_says(finder):
    assert finder.detect([scene(0)]) == [[]]


@pytest.mark.parametrize("resolution", [8, 16, 64, 112])
def test_a_degraded_crop_keeps_its_size(resolution):
    assert degrade(CROP, resolution).shape == CROP.shape


def test_a_lower_resolution_loses_more():
    lost = [np.abs(degrade(CROP, resolution).astype(int) - CROP).mean() for resolution in (112, 64, 32, 16, 8)]
    assert lost == sorted(lost)


@pytest.mark.parametrize("resolution", [0, 3, 113, -8])
def test_an_impossible_resolution_is_refused(resolution):
    with pytest.raises(BadInput, match="between 4 and 112"):
        degrade(CROP, resolution)


def far(size: int) -> tuple[np.ndarray, tuple[float, float]]:
    """A 1920 x 1080 picture with a portrait whose face is `size` pixels wide, and the middle of that face."""
    picture = portrait(1)
    box = detectors.load("faces").find(picture)[0].box
    scale = size / box.w
    shrunken = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame = scene(0, (1080, 1920))
    frame[400 : 400 + shrunken.shape[0], 900 : 900 + shrunken.shape[1]] = shrunken
    return frame, (900 + (box.x + box.w / 2) * scale, 400 + (box.y + box.h / 2) * scale)


@pytest.mark.parametrize(("size", "tiles"), [(20, (2, 2)), (14, (3, 3))])
def test_a_small_face_in_a_large_picture_is_found_once_in_tiles(size, tiles):
    frame, (x, y) = far(size)
    found = [face.box for face in detectors.load("faces", tiles=tiles).find(frame)]
    near = [box for box in found if abs(box.x + box.w / 2 - x) < 5 and abs(box.y + box.h / 2 - y) < 5]
    assert len(near) == 1
    assert near[0].w == pytest.approx(size, rel=0.35)


def test_tiles_find_a_large_face_once(finder):
    tiled = detectors.load("faces", tiles=(2, 2)).find(portrait(1))
    assert len(tiled) == len(finder.find(portrait(1))) == 1
