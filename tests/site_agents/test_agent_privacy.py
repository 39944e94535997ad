"""Masks black out pixels before anything sees them; faces are made unrecognisable in what leaves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from agent_lab import FOOTAGE, scene

import detectors
from detectors.types import Box
from site_agents.evidence import face_finder
from site_agents.privacy import Mask, blur
from tests.detectors.rules_lab import HALF

LEFT = HALF.polygon


@pytest.fixture
def image():
    return scene().image


def test_masked_pixels_are_black_and_the_others_as_they_were(image):
    masked = Mask([LEFT]).apply(image)
    assert not masked[:, :64].any()
    assert (masked[:, 66:] == image[:, 66:]).all()


def test_the_camera_keeps_its_own_picture(image):
    before = image.copy()
    Mask([LEFT]).apply(image)
    assert (image == before).all()


def test_without_masks_the_picture_is_not_even_copied(image):
    assert Mask([]).apply(image) is image


def test_where_masks_overlap_there_is_no_hole(image):
    masked = Mask([LEFT, [(0.25, 0), (0.75, 0), (0.75, 1), (0.25, 1)]]).apply(image)
    assert not masked[:, :96].any()


def test_one_mask_serves_pictures_of_any_size():
    mask = Mask([LEFT])
    for size in ((96, 128), (48, 64), (200, 100), (96, 128)):
        masked = mask.apply(np.full((*size, 3), 255, np.uint8))
        assert not masked[:, : size[1] // 2].any()
        assert masked[:, size[1] // 2 + 2 :].all()


def test_a_mask_that_reaches_past_the_picture_is_cut_off(image):
    masked = Mask([[(-0.01, -0.01), (1.01, -0.01), (1.01, 1.01), (-0.01, 1.01)]]).apply(image)
    assert not masked.any()


def test_a_blurred_face_keeps_nothing_fine():
    image = np.random.default_rng(1).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    blurred = blur(image, [Box(40, 40, 20, 20)])
    part = blurred[36:64, 36:64].reshape(-1, 3)
    assert len(np.unique(part, axis=0)) <= 25


def test_a_face_is_blurred_with_a_margin_and_the_rest_stays(image):
    blurred = blur(image, [Box(40, 40, 20, 20)])
    assert (blurred[:34] == image[:34]).all()
    assert (blurred[36:64, 36:64] != image[36:64, 36:64]).any()


@pytest.mark.parametrize("box", [Box(-50, -50, 60, 60), Box(120, 90, 500, 500), Box(500, 500, 5, 5), Box(10, 10, 0, 0), Box(-9, -9, 3, 3)])
def test_faces_at_and_past_the_edge_are_no_trouble(image, box):
    assert blur(image, [box]).shape == image.shape


def test_without_faces_the_picture_is_not_even_copied(image):
    assert blur(image, []) is image


def test_after_blurring_the_comparison_does_not_find_the_person_any_more():
    """A real portrait: before, it is found and is itself; after, whatever is still found is nobody of ours."""
    portrait = cv2.imread(str(FOOTAGE / "staff" / "custode-1.jpg"))
    finder, embedding = detectors.load("faces"), detectors.load("face-embedding")
    (face,) = embedding.embed(portrait, finder.find(portrait)[:1])
    blurred = blur(portrait, face_finder()(portrait))
    left = embedding.embed(blurred, finder.find(blurred))
    assert [float(each.embedding @ face.embedding) for each in left if each.embedding @ face.embedding >= 0.363] == []
