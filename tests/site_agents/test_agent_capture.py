"""Capture: the newest frame wins, silence is stale, a broken source is opened again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from agent_lab import scene, wait_for

from site_agents import capture, sources
from site_agents.capture import Capture
from site_agents.errors import CameraSourceError
from site_agents.sources import Shot, SourceSettings


class Script:
    """A source that does what the test says: a list of frames, failures and waits for each time it is opened."""

    def __init__(self, *plays: list) -> None:
        self.plays, self.opened, self.closed = list(plays), 0, 0

    def read(self, config: SourceSettings, folder: Path) -> Iterator[Shot]:
        play = self.plays[min(self.opened, len(self.plays) - 1)]
        self.opened += 1
        try:
            for n, act in enumerate(play):
                if isinstance(act, BaseException):
                    raise act
                if isinstance(act, threading.Event):
                    act.wait(20)
                    continue
                yield Shot(scene(n).image, time.time(), n, n * 0.2)
        finally:
            self.closed += 1


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Start a capture on a script; all are stopped at the end."""
    monkeypatch.setattr(capture, "BACKOFF_S", (0.02,) * 7)
    running = []

    def begin(script: Script, **settings) -> Capture:
        monkeypatch.setitem(sources.readers(), "stream", script.read)
        made = Capture(SourceSettings("stream", **{"path": "any", **settings}), tmp_path, "square")
        running.append(made)
        made.start()
        return made

    yield begin
    for each in running:
        each.stop(0.5)  # some hang on purpose


FRAME = object()


def test_frames_come_in_order_when_somebody_takes_them(start):
    made = start(Script([FRAME] * 5), pace="fast")
    assert [made.take(5).n for _ in range(5)] == [0, 1, 2, 3, 4]
    assert made.dropped == 0


def test_the_newest_frame_wins_and_the_lost_are_counted(start):
    made = start(Script([FRAME] * 10))
    wait_for(lambda: made.ended, "the end")
    assert made.take(1).n == 9
    assert made.dropped == 9


def test_a_recording_that_is_worked_through_loses_nothing(start):
    made = start(Script([FRAME] * 50), pace="fast")
    taken = []
    while (frame := made.take(5)) is not None:
        taken.append(frame.n)
    assert taken == list(range(50))


def test_it_says_starting_then_live_then_stale(start):
    go, hang = threading.Event(), threading.Event()
    made = start(Script([go, FRAME, hang]), stale_after=0.5)
    assert made.state == "starting"
    go.set()
    assert made.take(5) is not None
    assert made.state == "live"
    wait_for(lambda: made.state == "stale", "staleness", 5)
    hang.set()


def test_a_source_that_never_gave_a_frame_becomes_stale_too(start):
    made = start(Script([CameraSourceError("no camera")]), stale_after=0.5)
    wait_for(lambda: made.state == "stale", "staleness", 5)
    assert (made.problem, made.problem_code) == ("no camera", "failed")


def test_a_hanging_source_is_never_called_live(start):
    """A driver that hangs for ever cannot be interrupted, but it cannot lie either."""
    hang = threading.Event()
    made = start(Script([FRAME, hang]), stale_after=0.5)
    made.take(5)
    wait_for(lambda: made.state == "stale", "staleness", 5)
    assert made.take(0.05) is None
    hang.set()


def test_a_broken_source_is_opened_again(start):
    script = Script([FRAME, CameraSourceError("cable")], [FRAME, CameraSourceError("cable")], [FRAME] * 3)
    made = start(script, pace="fast")
    assert [made.take(5).n for _ in range(5)] == [0, 0, 0, 1, 2]
    assert script.opened == 3
    assert made.restarts == 2


ODD = [
    cv2.error("no codec"),
    ValueError("netloc 'admin:geheim@cam' contains invalid characters"),
    MemoryError(),
    SystemExit(1),
    RecursionError("\0"),
    StopIteration(),
]


def test_nothing_that_a_source_raises_ends_the_watching_for_good(start, caplog):
    script = Script(*([each] for each in ODD), [FRAME, CameraSourceError("cable", "stalled")], [FRAME])
    made = start(script, pace="fast", path="rtsp://admin:geheim@cam/live")
    assert made.take(5) is not None
    assert made.take(5) is not None
    assert (made.failures, made.restarts) == (len(ODD), len(ODD) + 1)
    assert made.problem_code == ""
    assert "Traceback" in caplog.text
    assert "geheim" not in caplog.text


def test_what_was_opened_is_released_each_time(start):
    script = Script([FRAME, CameraSourceError("cable")], [FRAME])
    made = start(script)
    wait_for(lambda: made.ended, "the end")
    assert script.closed == script.opened == 2


def test_the_problem_is_told_while_it_lasts(start):
    go = threading.Event()
    made = start(Script([CameraSourceError("no route to camera")], [go, FRAME, threading.Event()]))
    wait_for(lambda: made.problem == "no route to camera", "the problem")
    go.set()
    made.take(5)
    assert made.problem == ""


def test_pauses_grow_and_are_bounded():
    assert list(capture.BACKOFF_S) == sorted(capture.BACKOFF_S)
    assert capture.BACKOFF_S[-1] <= 30


def test_a_source_without_a_loop_ends(start):
    made = start(Script([FRAME] * 2), pace="fast")
    assert [made.take(5) is not None for _ in range(3)] == [True, True, False]
    assert made.ended
    assert made.state == "ended"


def test_stopping_wakes_a_waiting_reader(start):
    made = start(Script([FRAME] * 100), pace="fast")
    wait_for(lambda: made.frames == capture.WAITING, "a full queue")
    made.stop()
    assert not made.is_alive()


def test_it_knows_size_rate_and_time_of_the_last_frame(start):
    made = start(Script([FRAME] * 3), pace="fast")
    frames = [made.take(5) for _ in range(3)]
    assert made.size == (128, 96)
    assert made.last_t == frames[-1].t
    assert made.fps > 0


def test_frames_carry_the_cameras_name(start):
    assert start(Script([FRAME])).take(5).camera == "square"
