"""The people detector: geometry, tiles and thresholds on a net whose answers are known, and the real net on a made-up scene."""

from __future__ import annotations

import numpy as np
import pytest

import detectors
from detectors.bench import scene
from detectors.objects.people import BINS, KINDS, SIDE, People, fit, output_grid
from detectors.tiles import cut

LOCATIONS = sum((SIDE // stride) ** 2 for stride in (8, 16, 32))
CARD = detectors.card("people")


class OneBox:
    """A net that sees one thing: class, score, and a box of `reach` strides to every side of the location at (x, y) of the finest grid."""

    def __init__(self, x: int = 26, y: int = 26, *, kind: int = 0, score: float = 0.9, reach: int = 3, also: tuple[int, float] | None = None) -> None:
        self.at, self.kind, self.score, self.reach, self.also, self.seen = y * 52 + x, kind, score, reach, also, []

    def run(self, _, inputs):
        self.seen.append(inputs["input_1"])
        classes, bins = np.zeros((1, LOCATIONS, 80), np.float32), np.zeros((1, LOCATIONS, 4, BINS), np.float32)
        bins[0, self.at, :, self.reach] = 50
        classes[0, self.at, self.kind] = self.score
        if self.also:
            classes[0, self.at + 1, self.also[0]] = self.also[1]
            bins[0, self.at + 1, :, self.reach] = 50
        cuts, flat = [2704, 2704 + 676], bins.reshape(1, LOCATIONS, 4 * BINS)
        return [*np.split(classes, cuts, axis=1), *np.split(flat, cuts, axis=1)]


def people(net: OneBox, **options) -> People:
    return People(net, CARD, **options)


def test_a_square_picture_fills_the_input():
    seen, scale, shift = fit(np.full((SIDE, SIDE, 3), 255, np.uint8))
    assert (seen.shape, seen.dtype, seen.min(), seen.max()) == ((1, 3, SIDE, SIDE), np.float32, 1.0, 1.0)
    assert (scale.tolist(), shift.tolist()) == ([1, 1], [0, 0])


@pytest.mark.parametrize(("size", "bands"), [((208, 416), (0, 104)), ((416, 208), (104, 0)), ((576, 768), (0, 52))])
def test_other_pictures_are_scaled_evenly_with_grey_around(size, bands):
    seen, scale, shift = fit(np.full((*size, 3), 255, np.uint8))
    assert tuple(shift) == bands
    assert scale[0] == pytest.approx(scale[1], rel=0.01)
    assert seen[0, 0, 0, 0] == pytest.approx(114 / 255 if sum(bands) else 1.0)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes_keep_at_least_a_pixel(size):
    assert fit(np.zeros((*size, 3), np.uint8))[0].shape == (1, 3, SIDE, SIDE)


def test_the_colours_stay_in_the_order_of_opencv():
    blue = np.zeros((SIDE, SIDE, 3), np.uint8)
    blue[..., 0] = 255
    assert fit(blue)[0][0, :, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_there_are_as_many_locations_as_the_net_answers_for():
    points, strides = output_grid()
    assert len(points) == len(strides) == LOCATIONS
    assert points[0].tolist() == [4, 4]
    assert points[-1].tolist() == [400, 400]


def test_a_box_lands_where_the_net_saw_it():
    found = people(OneBox(10, 20, reach=3)).detect([np.zeros((SIDE, SIDE, 3), np.uint8)])[0]
    assert [each.kind for each in found] == ["person"]
    assert found[0].box == pytest.approx((10 * 8 + 4 - 24, 20 * 8 + 4 - 24, 48, 48), abs=0.01)


def test_a_box_comes_back_in_the_pixels_of_the_picture():
    found = people(OneBox(26, 26, reach=3)).detect([np.zeros((832, 1664, 3), np.uint8)])[0][0]
    assert found.box == pytest.approx((4 * (212 - 24), 4 * (212 - 24 - 104), 192, 192), abs=0.1)


def test_a_box_is_cut_at_the_edge():
    box = people(OneBox(0, 0, reach=5)).detect([np.zeros((SIDE, SIDE, 3), np.uint8)])[0][0].box
    assert (box.x, box.y, box.w, box.h) == pytest.approx((0, 0, 44, 44), abs=0.01)


def test_a_box_in_the_grey_band_is_dropped():
    assert people(OneBox(26, 1, reach=2)).detect([np.zeros((208, 416, 3), np.uint8)]) == [[]]


@pytest.mark.parametrize(("score", "count"), [(0.34, 0), (0.36, 1)])
def test_the_cards_threshold_decides(score, count):
    assert len(people(OneBox(score=score)).detect([np.zeros((SIDE, SIDE, 3), np.uint8)])[0]) == count


def test_another_threshold_may_be_given():
    assert len(people(OneBox(score=0.2), threshold=0.1).detect([np.zeros((SIDE, SIDE, 3), np.uint8)])[0]) == 1


@pytest.mark.parametrize(("kind", "name"), [(0, "person"), (1, "bicycle"), (24, "backpack"), (28, "suitcase")])
def test_classes_have_their_names(kind, name):
    assert people(OneBox(kind=kind)).detect([np.zeros((SIDE, SIDE, 3), np.uint8)])[0][0].kind == name


@pytest.mark.parametrize("kind", [4, 14, 39, 62, 79])
def test_what_we_do_not_watch_for_is_left_out(kind):
    assert people(OneBox(kind=kind)).detect([np.zeros((SIDE, SIDE, 3), np.uint8)]) == [[]]


def test_of_two_boxes_of_one_thing_the_better_is_kept():
    found = people(OneBox(score=0.7, also=(0, 0.9))).detect([np.zeros((SIDE, SIDE, 3), np.uint8)])[0]
    assert [round(each.score, 2) for each in found] == [0.9]


def test_things_of_different_kinds_may_overlap():
    found = people(OneBox(score=0.7, also=(24, 0.9))).detect([np.zeros((SIDE, SIDE, 3), np.uint8)])[0]
    assert [each.kind for each in found] == ["backpack", "person"]


def test_one_tile_is_the_picture():
    assert cut(640, 480, (1, 1)) == [(0, 0, 640, 480)]


@pytest.mark.parametrize("tiles", [(2, 1), (3, 2), (8, 6)])
def test_tiles_cover_the_picture_and_overlap(tiles):
    covered = np.zeros((480, 640), int)
    for x, y, w, h in cut(640, 480, tiles)[1:]:
        covered[y : y + h, x : x + w] += 1
    assert covered.min() >= 1
    assert covered.max() > 1


def test_tiles_stay_inside_the_picture():
    assert all(x >= 0 and y >= 0 and x + w <= 641 and y + h <= 481 for x, y, w, h in cut(641, 481, (5, 3)))


def test_the_whole_picture_is_looked_at_besides_thecut():
    net = OneBox()
    people(net, tiles=(3, 2)).detect([np.zeros((480, 640, 3), np.uint8)])
    assert len(net.seen) == 7


def test_a_finding_of_a_tile_stands_in_the_whole_picture():
    net = OneBox(26, 26, reach=2)
    found = people(net, tiles=(2, 1)).detect([np.zeros((400, 800, 3), np.uint8)])[0]
    middles = sorted(round(each.box.x + each.box.w / 2) for each in found)
    assert middles[0] < 300
    assert middles[-1] > 500


def test_the_real_net_sees_nobody_on_empty_ground():
    assert [each for each in detectors.load("people").detect([scene(0)])[0] if each.kind == "person"] == []


def test_the_kinds_are_coco_classes_we_name():
    assert set(KINDS.values()) >= {"person", "bicycle", "car", "backpack", "handbag", "suitcase"}
