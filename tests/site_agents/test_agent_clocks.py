"""Clocks that are set, run slow or lie: pictures and rules go on by the steady clock, stamps are right as soon as they can be."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from agent_lab import event, scene

from detectors.rules.engine import Engine
from detectors.rules.scene import CameraRule, SceneView, WatchedZone
from detectors.types import Box, Detection
from detectors.video import write_webm
from site_agents import clock, sources
from site_agents.capture import Capture
from site_agents.clock import Clock, SteadyClock, moment, steady
from site_agents.sources import Shot, SourceSettings
from site_agents.sources.stream import receive
from site_agents.uplink import timed

HOUR = 3600.0
STEPS = {"back by 7 s": -7.0, "back by an hour": -HOUR, "to 1970": -1.79e9, "forward from 1970": 1_789_999_900.0}
EVERYWHERE = WatchedZone("square", ((0, 0), (1, 0), (1, 1), (0, 1)))


class Wall:
    """This machine's clock; `step` sets it, as a person or NTP would."""

    def __init__(self, real: Callable[[], float]) -> None:
        self.real, self.offset = real, 0.0

    def step(self, seconds: float) -> None:
        self.offset += seconds

    def time(self) -> float:
        return self.real() + self.offset


@pytest.fixture
def wall(monkeypatch) -> Wall:
    made = Wall(time.time)
    monkeypatch.setattr(time, "time", made.time)
    return made


class Lens:
    """An opened stream with a bag in view that gives a frame whenever it is asked, at most `frames` of them."""

    def __init__(self, frames: int = 50) -> None:
        self.frames = frames

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        self.frames -= 1
        return self.frames >= 0

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((100, 100, 3), np.uint8)

    def release(self) -> None:
        pass


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_stream_goes_on_and_its_times_rise_whatever_the_clock_is_set_to(wall, step):
    shots = receive(Lens(), 1e6, "camera")
    before = next(shots).t
    wall.step(step)
    later = [shot.t for shot in islice(shots, 5)]
    assert 0 <= later[0] - before < 5
    assert later == sorted(later)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_recording_goes_on_at_its_own_speed_whatever_the_clock_is_set_to(wall, step, tmp_path, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    write_webm(tmp_path / "clip.webm", [scene(n).image for n in range(8)], 10)
    shots = sources.open_source(SourceSettings("file", "clip.webm", fps=10), tmp_path)
    next(shots)
    wall.step(step)
    assert [shot.n for shot in shots] == list(range(1, 8))
    assert max(slept) < 1


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_bag_seen_for_a_moment_is_no_bag_left_for_years(wall, step):
    engine = Engine([CameraRule("object_left", EVERYWHERE, values={"min_s": 30})])
    bag, found = Detection("backpack", 0.9, Box(40, 40, 10, 10)), []
    for number, shot in enumerate(receive(Lens(), 1e6, "camera")):
        found += engine.step(SceneView(shot.t, 100, 100, objects=(bag,)))
        if number == 5:
            wall.step(step)
        if number == 20:
            break
    assert found == []


@pytest.mark.parametrize("lie", [math.nan, math.inf, -math.inf], ids=str)
def test_a_time_that_is_no_number_is_replaced_by_when_it_came(lie, tmp_path, monkeypatch):
    def read(config: SourceSettings, folder: Any) -> Iterator[Shot]:
        yield Shot(scene(0).image, lie, 0, 0.0)

    monkeypatch.setitem(sources.readers(), "file", read)
    made = Capture(SourceSettings("file", "any"), tmp_path, "square")
    made.start()
    assert made.take(10).t == pytest.approx(steady.now(), abs=60)
    made.stop()


# The clock table: what happens -> by how much the event's time on arrival differs from the true one (None: as the agent's clock had it, "slow" by an hour).
def slow_and_no_answer_yet(wall: Wall, portal: Clock) -> dict[str, Any]:
    wall.step(-HOUR)
    return made_event(portal)


def slow_then_the_portal_answers(wall: Wall, portal: Clock) -> dict[str, Any]:
    wall.step(-HOUR)
    made = made_event(portal)
    portal.observe(wall.real(), wall.time(), wall.time())
    return made


def from_1970_forward_by_ntp(wall: Wall, portal: Clock) -> dict[str, Any]:
    wall.step(-1.79e9)
    made = made_event(portal)
    wall.step(1.79e9)
    return made


def back_by_an_hour_after_the_portal_answered(wall: Wall, portal: Clock) -> dict[str, Any]:
    portal.observe(wall.real(), wall.time(), wall.time())
    wall.step(-HOUR)
    return made_event(portal)


def forward_by_years_after_the_portal_answered(wall: Wall, portal: Clock) -> dict[str, Any]:
    portal.observe(wall.real(), wall.time(), wall.time())
    wall.step(1.79e9)
    return made_event(portal)


def right_all_the_time(wall: Wall, portal: Clock) -> dict[str, Any]:
    portal.observe(wall.real(), wall.time(), wall.time())
    return made_event(portal)


def slow_and_started_anew(wall: Wall, portal: Clock) -> dict[str, Any]:
    made = slow_then_the_portal_answers(wall, portal)
    made["data"]["made_at"] = "another-boot 17.0"
    return made


TABLE = {
    right_all_the_time: (0.0, False),
    slow_and_no_answer_yet: (-HOUR, False),  # the portal puts it right by the batch's sent_t
    slow_then_the_portal_answers: (0.0, True),
    from_1970_forward_by_ntp: (0.0, True),
    back_by_an_hour_after_the_portal_answered: (0.0, False),
    forward_by_years_after_the_portal_answered: (0.0, False),
    slow_and_started_anew: (-HOUR, False),  # how long ago it was nobody knows; the portal has sent_t
}


def made_event(portal: Clock) -> dict[str, Any]:
    """An event as the agent makes it now and keeps it."""
    return event(portal.stamp(portal.steady.now()), data={"made_t": portal.now(), "made_at": moment()}).to_json()


@pytest.mark.parametrize("happens", TABLE, ids=lambda each: each.__name__)
def test_an_event_is_sent_with_the_best_time_there_is_and_the_first_one_is_kept(wall, happens):
    off, corrected = TABLE[happens]
    portal = Clock(SteadyClock())
    made = happens(wall, portal)
    sent = timed(made, portal)
    assert sent["t"] - wall.real() == pytest.approx(off, abs=3)
    assert ("agent_t" in sent["data"]) is corrected
    assert sent["data"].get("agent_t", made["t"]) == made["t"]
    assert "made_at" not in sent["data"]
    assert made["data"]["made_at"]


def test_a_machine_without_a_boot_id_knows_no_ages(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "BOOT", tmp_path / "none")
    assert clock.seconds_since(moment()) is None


def test_silence_is_measured_by_the_monotonic_clock(wall, tmp_path):
    made = Capture(SourceSettings("file", "any"), tmp_path, "square")
    wall.step(1e9)
    assert made.silent_s < 60


def test_two_clocks_between_whose_readings_somebody_else_had_the_processor_are_read_again(monkeypatch):
    real, asked, clocks = time.time, [], Clock(SteadyClock())

    def interrupted() -> float:
        asked.append(real())
        until = time.monotonic() + (0.05 if len(asked) % 2 else 0)
        while time.monotonic() < until:
            pass
        return asked[-1]

    monkeypatch.setattr(time, "time", interrupted)
    assert clocks.steady.ahead() == 0
    clocks.correct(100.0)
    assert clocks.skew == 100.0
    assert clocks.stamp(1000.0) == 1100.0
