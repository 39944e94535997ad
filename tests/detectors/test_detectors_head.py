"""Features of an alert's box and the head that judges them: the same crop gives the same features; what knows nothing says so."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import detectors
from detectors import weights
from detectors.bench import scene
from detectors.errors import BadInput, WeightsError
from detectors.nets.object_head import Head
from detectors.objects import head
from detectors.objects.people import LOOK, LOOK_SIZE, OUTPUTS, zoom
from detectors.train import object_head
from detectors.types import Box, Detection

FOUND = Detection("person", 0.7, Box(200, 150, 40, 90))


@functools.cache
def people():
    return detectors.load("people")


def describe(picture, found=FOUND, event="person_in_zone", hour=12.0):
    return head.describe(people(), picture, found, event=event, hour=hour)


def rows(count=64, seed=0) -> np.ndarray:
    """Labelled features: of a false alarm place, size and score are larger."""
    made = np.random.default_rng(seed).normal(size=(count, head.SIZE + 1)).astype(np.float32) / 4
    made[:, -1] = np.arange(count) % 2
    made[:, 128:134] += 2 * made[:, -1:] - 1
    return made


def test_the_same_crop_has_the_same_features():
    assert np.array_equal(describe(scene(0)), describe(scene(0).copy()))


def test_what_lies_far_from_the_box_changes_nothing_in_its_look():
    other = scene(0).copy()
    other[400:, 500:] = 255
    assert np.array_equal(describe(scene(0)), describe(other))


def test_another_thing_in_the_box_has_another_look():
    other = scene(0).copy()
    other[150:240, 200:240] = 255
    assert np.abs(describe(scene(0)) - describe(other))[:LOOK_SIZE].max() > 0.01


def test_a_look_does_not_depend_on_the_size_of_the_picture_but_its_place_does():
    wide = np.pad(scene(0), ((0, 0), (0, 800), (0, 0)))
    one, two = describe(scene(0)), describe(wide)
    assert np.array_equal(one[:LOOK_SIZE], two[:LOOK_SIZE])
    assert one[LOOK_SIZE] != two[LOOK_SIZE]


def test_features_say_what_it_is_which_rule_and_when():
    plain = describe(scene(0))
    for changed in (
        describe(scene(0), Detection("dog", 0.7, FOUND.box)),
        describe(scene(0), event="object_left"),
        describe(scene(0), hour=3.0),
        describe(scene(0), Detection("person", 0.4, FOUND.box)),
    ):
        assert np.array_equal(plain[:LOOK_SIZE], changed[:LOOK_SIZE])
        assert not np.array_equal(plain, changed)


def test_midnight_is_midnight_from_both_sides():
    assert describe(scene(0), hour=0.0) == pytest.approx(describe(scene(0), hour=24.0), abs=1e-5)


@pytest.mark.parametrize("kind", ["a kind of the next release", "person"])
def test_features_have_their_size_and_are_finite(kind):
    found = describe(scene(0), Detection(kind, 0.5, Box(-30, -10, 20, 900)), event=kind)
    assert (found.shape, found.dtype) == ((head.SIZE,), np.float32)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("box", [None, Box(1, 1, 0, 5), Box(1, 1, 5, -1), Box(float("nan"), 1, 5, 5), Box(1, 1, float("inf"), 5)])
def test_a_finding_without_a_real_box_has_no_features(box):
    with pytest.raises(BadInput):
        describe(scene(0), Detection("person", 0.5, box))


def test_the_box_lies_in_the_middle_of_what_is_looked_at():
    seen, (left, top, right, bottom) = zoom(scene(0), Box(100, 100, 40, 80))
    assert seen.shape == (1, 3, 416, 416)
    assert (left + right, top + bottom) == (52, 52)
    assert (bottom - top) > 1.5 * (right - left)


def test_the_layer_is_there_and_asking_for_it_changes_no_finding():
    plain = weights.open_session(weights.find("nanodet-g-416"))
    exposed = weights.open_session(weights.find("nanodet-g-416"), [LOOK])
    seen = zoom(scene(0), Box(100, 100, 300, 300))[0]
    assert exposed.run([LOOK], {"input_1": seen})[0].shape == (1, LOOK_SIZE, 52, 52)
    assert [each.name for each in plain.get_outputs()] == list(OUTPUTS)
    for one, two in zip(plain.run(OUTPUTS, {"input_1": seen}), exposed.run(OUTPUTS, {"input_1": seen}), strict=True):
        assert np.array_equal(one, two)


def test_weights_without_the_layer_give_no_look(monkeypatch):
    bare = detectors.load("people")
    monkeypatch.setattr(bare, "_session", weights.open_session(weights.find("nanodet-g-416")))
    assert head.describe(bare, scene(0), FOUND, event="loitering", hour=1) is None


def test_the_shipped_head_knows_nothing_and_says_so():
    shipped = detectors.load("object-head")
    assert not shipped.trained
    assert shipped.judge(rows()[:, :-1]) == pytest.approx(0.5)


def test_the_shipped_file_is_what_its_command_writes(tmp_path, capsys):
    assert object_head.main(["--out", str(tmp_path / "head.onnx")]) == 0
    assert capsys.readouterr().out.strip() == weights.locked(head.WEIGHTS).sha256


def test_trained_weights_judge_and_say_that_they_are_trained(tmp_path):
    net = Head()
    object_head.fit(net, rows(), epochs=5, lr=3e-3, seed=0)
    object_head.export(net, tmp_path / "head.onnx")
    built, fresh = detectors.load("object-head", path=tmp_path / "head.onnx"), rows(seed=1)
    assert built.trained
    assert ((built.judge(fresh[:, :-1]) > 0.5) == fresh[:, -1]).mean() > 0.95


def test_training_twice_gives_the_same_weights():
    losses = []
    for _ in range(2):
        object_head.torch.manual_seed(0)
        losses.append(object_head.fit(Head(), rows(), epochs=1, lr=1e-3, seed=4))
    assert losses[0] == losses[1]


def test_a_file_for_other_features_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="another"):
        detectors.load("object-head", path=weights.find("anomaly-1"))


@pytest.mark.parametrize("samples", [np.zeros((0, head.SIZE + 1)), np.zeros((3, head.SIZE)), np.zeros(head.SIZE + 1)])
def test_samples_of_another_form_are_refused(samples):
    with pytest.raises(BadInput):
        object_head.fit(Head(), samples, epochs=1, lr=1e-3, seed=0)
