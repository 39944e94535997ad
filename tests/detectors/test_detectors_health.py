"""A camera's faults are told with the right reason, after they have lasted, and not otherwise."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import pytest

import detectors
from detectors import nuisances
from detectors.bench import scene
from detectors.health.camera import LEARN, REASONS, correlation, look
from detectors.health.words import sentence
from detectors.types import Frame

FPS = 5.0
SKY = np.linspace(60, -60, 240, dtype=np.int16)[:, None, None]  # light above, dark below: a layout that survives blur
NOISE = np.random.default_rng(5)
GRAIN = NOISE.integers(-2, 3, (7, 240, 320, 3), dtype=np.int16)


def view(n: int) -> np.ndarray:
    """A textured place in which something moves, with a little sensor noise."""
    return np.clip(scene(n, (240, 320)).astype(np.int16) + SKY + GRAIN[n % len(GRAIN)], 0, 255).astype(np.uint8)


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


def lost(n: int) -> np.ndarray:
    """Another place altogether."""
    place = cv2.resize(np.random.default_rng(8).integers(60, 200, (48, 64, 3), dtype=np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC)
    return np.clip(place.astype(np.int16) + SKY + GRAIN[n % len(GRAIN)], 0, 255).astype(np.uint8)


def overexposed(n: int) -> np.ndarray:
    return np.clip(view(n).astype(np.float32) * 2.4 + 60, 0, 255).astype(np.uint8)


def under(kind: str):
    trouble = nuisances.make(kind, (240, 320), seed=2)
    return lambda n: trouble(view(n), (n - 30) / FPS)


FAULTS = {"black": black, "blurred": blurred, "covered": covered, "moved": moved, "frozen": frozen, "overexposed": overexposed, "view_lost": lost}
FAULTS |= {kind: under(kind) for kind in ("greasy", "half_covered", "sprayed")}
SOON = ("black", "blurred", "covered")


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
def test_a_fault_is_told_in_time_by_its_name_and_only_by_it_until_the_view_comes_back(judge, fault):
    found = watch(judge, FAULTS[fault], 55, 30)
    assert reasons(found) == {fault}
    first = next(n for n, step in enumerate(found) if step) / FPS
    assert (2.0 <= first <= 2.6) if fault in SOON else (10.0 <= first <= 10.6) if fault == "frozen" else 2.0 <= first < 10
    watch(judge, view, 40, 85)
    assert reasons(watch(judge, view, 5, 125)) == set()


def test_every_fault_has_its_sentence_in_both_languages():
    for reason in REASONS:
        assert len({sentence(reason, "en"), sentence(reason, "it"), reason.replace("_", " ")}) == 3
    assert sentence("smoked_over", "it") == "smoked over"


@functools.lru_cache(maxsize=8)
def coded_key(key: int) -> np.ndarray:
    return np.clip(scene(0, (240, 320)).astype(np.int16) + np.random.default_rng(key).integers(-1, 2, (240, 320, 3)), 0, 255).astype(np.uint8)


def coded(second: float, key_s: float) -> np.ndarray:
    """A still scene without noise as an encoder sends it: nothing changes until the next key frame, which looks a little different all over."""
    return coded_key(int(second / key_s)).copy()


@pytest.mark.parametrize("walker_s", [0, 20])
@pytest.mark.parametrize("key_s", [15, 60])
def test_a_still_scene_with_far_key_frames_is_not_frozen(key_s, walker_s):
    """Somebody may have walked through it before: what changed then was not the whole picture, as noise would change it."""
    judge, found = detectors.load("camera-health"), []
    for n in range(130 * 2):
        picture = coded(n / 2, key_s)
        if n / 2 < walker_s:
            picture[80:160, 7 * n % 280 : 7 * n % 280 + 30] = (30, 60, 90)
        found.append(judge.step(Frame(picture, "gate", n / 2, n)))
    assert reasons(found) == set()


def test_a_clock_in_the_picture_that_stops_is_a_frozen_camera():
    judge, still, found = detectors.load("camera-health"), coded(0, 1e9), []
    for second in range(420):  # one frame a second is enough to see it tick
        picture = still.copy()
        cv2.putText(picture, f"{min(second, 330):03d}", (250, 20), cv2.FONT_HERSHEY_PLAIN, 1, (255, 255, 255))
        found.append(judge.step(Frame(picture, "gate", float(second), second)))
    first = next(n for n, step in enumerate(found) if step)
    assert 385 <= first <= 395
    assert reasons(found) == {"frozen"}


def test_a_picture_that_never_changes_by_one_pixel_is_frozen_in_the_end():
    judge, still = detectors.load("camera-health"), coded(0, 1e9)
    found = [judge.step(Frame(still, "gate", float(n), n)) for n in range(310)]
    first = next(n for n, step in enumerate(found) if step)
    assert 299 <= first <= 303


@pytest.mark.parametrize("fault", [*SOON, "overexposed"])
def test_a_moment_of_it_is_nothing(judge, fault):
    found = watch(judge, FAULTS[fault], 5, 30) + watch(judge, view, 20, 35)
    assert reasons(found) == set()


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
    watch(judge, moved, 150, 30)
    assert reasons(watch(judge, moved, 5, 180)) == {"moved"}


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
    a = look(view(0)).coarse
    assert correlation(a, a) == pytest.approx(1.0, abs=1e-5)
    assert correlation(a, -a) == pytest.approx(-1.0, abs=1e-5)
    assert correlation(a, np.ones_like(a)) == 0.0
