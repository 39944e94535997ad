"""A camera's faults are told with the right reason, after they have lasted, and not otherwise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import detectors
from detectors.bench import scene
from detectors.health.camera import LEARN, REASONS, correlation, look
from detectors.types import Frame

FPS = 5.0
SKY = np.linspace(60, -60, 240, dtype=np.int16)[:, None, None]  # light above, dark below: a layout that survives blur
NOISE = np.random.default_rng(5)


def view(n: int) -> np.ndarray:
    """A textured place in which something moves, with a little sensor noise."""
    return np.clip(scene(n, (240, 320)).astype(np.int16) + SKY + NOISE.integers(-2, 3, (240, 320, 3)), 0, 255).astype(np.uint8)


def black(n: int) -> np.ndarray:
    return np.full((240, 320, 3), 2, np.uint8) + NOISE.integers(0, 3, (240, 320, 3), dtype=np.uint8)


def blurred(n: int) -> np.ndarray:
    return cv2.GaussianBlur(view(n), (0, 0), 8)


def covered(n: int) -> np.ndarray:
    return np.clip(NOISE.normal(90, 1, (240, 320, 3)), 0, 255).astype(np.uint8)


def moved(n: int) -> np.ndarray:
    return np.roll(view(n), (60, 90), (0, 1))


def frozen(n: int) -> np.ndarray:
    return scene(0, (240, 320))


FAULTS = {"black": black, "blurred": blurred, "covered": covered, "moved": moved, "frozen": frozen}


def watch(judge, make, count: int, start: int = 0, camera: str = "gate") -> list[list]:
    return [judge.step(Frame(make(n), camera, n / FPS, n)) for n in range(start, start + count)]


def reasons(found: list[list]) -> set[str]:
    return {each.data["reason"] for step in found for each in step}


@pytest.fixture
def judge():
    built = detectors.load("camera-health")
    assert reasons(watch(built, view, 30)) == set()
    return built


def test_the_faults_are_those_of_the_design():
    assert set(FAULTS) == set(REASONS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_its_name_and_only_by_it(judge, fault):
    assert reasons(watch(judge, FAULTS[fault], 70, 30)) == {fault}


@pytest.mark.parametrize("fault", ["black", "blurred", "covered", "moved"])
def test_a_fault_is_told_only_after_two_seconds(judge, fault):
    found = watch(judge, FAULTS[fault], 20, 30)
    first = next(n for n, step in enumerate(found) if step)
    assert 2.0 <= first / FPS <= 2.6


def test_a_still_picture_is_frozen_after_ten_seconds(judge):
    found = watch(judge, frozen, 70, 30)
    first = next(n for n, step in enumerate(found) if step)
    assert 10.0 <= first / FPS <= 10.6


@pytest.mark.parametrize("fault", ["black", "blurred", "covered", "moved"])
def test_a_moment_of_it_is_nothing(judge, fault):
    found = watch(judge, FAULTS[fault], 5, 30) + watch(judge, view, 20, 35)
    assert reasons(found) == set()


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_over_when_the_view_comes_back(judge, fault):
    watch(judge, FAULTS[fault], 70, 30)
    assert reasons(watch(judge, view, 20, 100)) == set()


def test_moments_with_pauses_do_not_add_up(judge):
    for start in range(30, 150, 20):
        assert reasons(watch(judge, black, 4, start) + watch(judge, view, 16, start + 4)) == set()


def test_a_fault_says_since_when(judge):
    found = watch(judge, black, 20, 30)[-1][0]
    assert found.data["since"] == pytest.approx(6.0)
    assert (found.kind, found.box) == ("black", None)
    assert 0 < found.score <= 1


def test_somebody_walking_through_is_no_fault():
    assert reasons(watch(detectors.load("camera-health"), view, 200)) == set()


def test_evening_falls_without_an_alarm(judge):
    found = [judge.step(Frame((view(n) * (1 - (n - 30) / 600)).astype(np.uint8), "gate", n / FPS, n)) for n in range(30, 430)]
    assert reasons(found) == set()


def test_before_it_has_learnt_only_black_and_frozen_are_said():
    judge = detectors.load("camera-health")
    found = watch(judge, view, LEARN - 5) + watch(judge, covered, 8, LEARN - 5)
    assert reasons(found) <= {"black", "frozen"}


def test_a_fault_is_not_learnt_as_normal(judge):
    watch(judge, moved, 300, 30)
    assert reasons(watch(judge, moved, 5, 330)) == {"moved"}


def test_a_camera_turned_on_purpose_is_learnt_anew(judge):
    watch(judge, moved, 60, 30)
    judge.forget("gate")
    assert reasons(watch(judge, moved, 60, 90)) == set()


def test_forgetting_an_unknown_camera_is_nothing(judge):
    judge.forget("nowhere")


def test_a_drone_may_move():
    judge = detectors.load("camera-health", moving=True)
    watch(judge, view, 30)
    assert reasons(watch(judge, moved, 30, 30)) == set()
    assert reasons(watch(judge, black, 30, 60)) == {"black"}


def test_time_that_goes_back_starts_the_clock_again(judge):
    watch(judge, black, 8, 30)
    assert watch(judge, black, 1, 0) == [[]]


def test_a_loop_of_the_clip_is_no_fault(judge):
    for _ in range(4):
        assert reasons(watch(judge, view, 40)) == set()


def test_two_cameras_are_two(judge):
    watch(judge, black, 30, 30)
    assert reasons(watch(judge, view, 30, 30, camera="square")) == set()


def test_a_dark_room_with_detail_is_not_black():
    assert detectors.load("camera-health").detect([(view(0) * 0.3).astype(np.uint8)]) == [[]]


def test_a_single_black_picture_is_told():
    assert [each.kind for each in detectors.load("camera-health").detect([black(0)])[0]] == ["black"]


def test_correlation():
    a = look(view(0)).edges
    assert correlation(a, a) == pytest.approx(1.0, abs=1e-5)
    assert correlation(a, -a) == pytest.approx(-1.0, abs=1e-5)
    assert correlation(a, np.ones_like(a)) == 0.0
