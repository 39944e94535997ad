"""A turned camera is noticed on real footage, its masks follow, and what only troubles the picture is not called moved."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

import detectors
from detectors import nuisances
from detectors.clips import read_scenes
from detectors.errors import BadDataset, BadInput
from detectors.evaluators.camera_moved import MASKS, TURNS, seen
from detectors.health.masks import grown, polygons_over
from detectors.health.viewpoint import SAME, ViewState, ViewWatch
from detectors.rules.scene import ELSEWHERE
from detectors.types import Frame

FPS = 5.0
FOOTAGE = Path(__file__).resolve().parents[2] / "infra" / "footage"
STAY = np.eye(3)


@pytest.fixture(scope="module")
def square():
    """Frames of the square, 307 x 230 pixels of it in view."""
    scenes, skipped = read_scenes(FOOTAGE, most_frames=40)
    assert [each["item"] for each in skipped] == ["drone.webm"]
    found = {scene.name: scene for scene in scenes}["square"]
    return [cv2.resize(frame, (384, 288), interpolation=cv2.INTER_AREA) for frame in found.frames]


def play(frames, turned=STAY, *, start: float = 0.0, seconds: float = 10.0, trouble=None):
    """(picture, t) of a camera that is turned so."""
    order = itertools.cycle([*range(len(frames)), *range(len(frames) - 2, 0, -1)])
    for n in range(round(seconds * FPS)):
        picture = seen(frames[next(order)], turned, 307, 230)
        yield (picture if trouble is None else trouble(picture, n / FPS)), start + n / FPS


def follow(watch: ViewWatch, pictures) -> list[ViewState]:
    return [watch.step(picture, t) for picture, t in pictures]


@pytest.fixture(scope="module")
def reference(square):
    """What a camera has learnt of the square in ten seconds."""
    built = ViewWatch()
    assert {state.reason for state in follow(built, play(square))} == {""}
    assert built.state.learnt
    return built.save()


@pytest.fixture
def watch(square, reference):
    """A camera that has been looking at the square."""
    built = ViewWatch()
    built.load(reference)
    assert follow(built, play(square, start=8.0, seconds=2))[-1] == ViewState(learnt=True)
    return built


@pytest.mark.parametrize("how", TURNS)
def test_a_turned_camera_is_noticed_within_ten_seconds_and_masks_cover_what_they_covered(watch, square, how):
    turned = TURNS[how](307, 230)
    states = follow(watch, play(square, turned, start=10.0, seconds=6))
    assert states[-1].reason == "moved"
    assert states[-1].since < 12.0
    scale = np.diag([307.0, 230.0, 1.0])
    belongs = polygons_over(MASKS, np.linalg.inv(scale) @ turned @ scale, 230, 307)
    black = grown(MASKS, states[-1], 230, 307)
    assert (belongs & black).sum() > 0.995 * belongs.sum()
    assert black.mean() < 0.45


def test_masks_grow_before_the_alarm_is_raised(watch, square):
    states = follow(watch, play(square, TURNS["panned by 10 %"](307, 230), start=10.0, seconds=4))
    first = next(state for state in states if state.transform is not None)
    assert (first.reason, first.doubtful) == ("", True)


def test_a_view_of_another_place_is_lost_and_everything_is_black(watch):
    other = cv2.imread(str(FOOTAGE / "staff" / "custode-1.jpg"))
    states = follow(watch, play([cv2.resize(other, (384, 288))], start=10.0))
    assert (states[-1].reason, states[-1].transform) == ("view_lost", None)
    assert grown(MASKS, states[-1], 24, 32).all()


def test_it_is_over_when_the_camera_looks_back(watch, square):
    follow(watch, play(square, TURNS["rolled by 5 degrees"](307, 230), start=10.0, seconds=5))
    states = follow(watch, play(square, start=15.0, seconds=4))
    assert (states[0].reason, states[-1]) == ("moved", ViewState(learnt=True))


def test_what_was_said_holds_while_nothing_can_be_seen(watch, square):
    follow(watch, play(square, TURNS["rolled by 5 degrees"](307, 230), start=10.0, seconds=5))
    states = follow(watch, ((np.zeros_like(picture), t) for picture, t in play(square, start=15.0, seconds=5)))
    assert {state.reason for state in states} == {"moved"}


def test_a_turned_view_is_not_learnt_until_somebody_accepts_it(watch, square):
    turned = TURNS["turned by 5 degrees"](307, 230)
    states = follow(watch, play(square, turned, start=10.0, seconds=15))
    assert {state.reason for state in states[25:]} == {"moved"}
    watch.forget()
    states = follow(watch, play(square, turned, start=25.0))
    assert {state.reason for state in states} == {""}
    assert states[-1].learnt


def test_the_reference_outlives_a_restart_in_which_the_camera_was_turned(reference, square):
    again = ViewWatch()
    again.load(reference)
    turned = play(square, TURNS["panned by 10 %"](307, 230), seconds=5)
    states = follow(again, turned)
    assert grown(MASKS, states[0], 24, 32).all(), "before the first comparison nobody can tell where the masks belong"
    assert states[-1].reason == "moved"


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04 cut off"])
def test_a_damaged_reference_is_refused(content):
    with pytest.raises(BadInput, match="no reference of a view"):
        ViewWatch().load(content)


def test_what_is_masked_is_no_part_of_the_view(square):
    """The edge of a mask stays where it is when the camera turns: it must not speak for an unmoved camera."""
    covered, watch = polygons_over((((0, 0), (0.6, 0), (0.6, 1), (0, 1)),), STAY, 230, 307), ViewWatch()

    def masked(pictures):
        for picture, t in pictures:
            picture[covered] = 0
            yield picture, t

    follow(watch, masked(play(square)))
    states = follow(watch, masked(play(square, TURNS["rolled by 5 degrees"](307, 230), start=10.0)))
    assert states[-1].reason == "moved"


@pytest.mark.parametrize("kind", ["web", "insect", "rain", "shadow", "headlights", "shake", "night_noise", "statue"])
def test_what_troubles_the_picture_is_not_called_moved(square, reference, kind):
    judge, trouble = detectors.load("camera-health"), nuisances.make(kind, (230, 307), seed=4)
    judge.recall("square", reference)
    pictures = itertools.chain(play(square, seconds=2), play(square, start=2.0, seconds=12, trouble=trouble))
    found = [each.kind for n, (picture, t) in enumerate(pictures) for each in judge.step(Frame(picture, "square", t, n))]
    assert judge.view("square").learnt
    assert not set(found) & set(ELSEWHERE)


def test_a_scene_without_anything_to_go_by_is_never_called_moved():
    flat, watch = np.full((230, 307, 3), 128, np.uint8), ViewWatch()
    assert {watch.step(flat, n / FPS) for n in range(100)} == {SAME}


def test_a_scene_that_holds_too_little_says_so_until_it_holds_more(square):
    wall, built = np.full((230, 307, 3), 128, np.uint8), ViewWatch()
    states = follow(built, ((wall, n / FPS) for n in range(round(60 * FPS))))
    assert [states[0].featureless, states[-1].featureless, states[-1].learnt, built.save()] == [False, True, False, b""]
    assert not states[round(30 * FPS)].featureless, "not before it has been tried for half a minute"
    after = follow(built, play(square, start=60.0, seconds=15.0))
    assert (after[-1].featureless, after[-1].learnt) == (False, True)


def test_a_nuisance_is_the_same_for_the_same_seed(square):
    for kind in nuisances.kinds():
        first, again, other = (nuisances.make(kind, square[0].shape[:2], seed)(square[0], 3.0) for seed in (1, 1, 2))
        assert (first == again).all()
        assert (first != square[0]).any()
        assert (first != other).any()


def test_scenes_without_any_clip_are_refused_with_file_and_column(tmp_path):
    for content in (None, "path\n", "path\nnowhere.mp4\n"):
        if content is not None:
            (tmp_path / "scenes.csv").write_text(content)
        with pytest.raises(BadDataset, match=r"scenes\.csv, line \d.*expected columns path"):
            read_scenes(tmp_path)
