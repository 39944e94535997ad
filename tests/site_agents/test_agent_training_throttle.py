"""Training is held while the camera drops most of its frames, and never for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest
from agent_lab import wait_for

from site_agents.training_throttle import LONGEST_S, NO_USE_S, REST_S, TrainingThrottle, tasks_of

pytestmark = pytest.mark.process

# Stands for federated.learning.node with its executor: a child named like the executor that forks a task, as ours does.
FAMILY = """
import os, subprocess, sys, time
executor = "import os, time\\nchild = os.fork()\\nwhile True: time.sleep(0.05)"
subprocess.Popen([sys.executable, "-c", executor, "federated.learning.executor"])
subprocess.Popen([sys.executable, "-c", "import time\\nwhile True: time.sleep(0.05)", "federated.learning.node"])
while True: time.sleep(0.05)
"""


@pytest.fixture
def root():
    """The process id of such a family's head."""
    head = subprocess.Popen([sys.executable, "-c", FAMILY], start_new_session=True)
    wait_for(lambda: len(tasks_of(head.pid)) == 1 and len(psutil.Process(head.pid).children(recursive=True)) == 3, "the family")
    yield head.pid
    os.killpg(head.pid, signal.SIGKILL)
    head.wait()


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def throttle(now):
    return TrainingThrottle(clock=lambda: now[0])


def stopped(root):
    return [each.status() == psutil.STATUS_STOPPED for each in tasks_of(root)] == [True]


def test_only_what_the_executor_forked_is_held(root, throttle):
    throttle.look(0, 0, root)
    throttle.look(1, 1, root)
    wait_for(lambda: stopped(root), "the hold")
    others = [each for each in psutil.Process(root).children(recursive=True) if each not in tasks_of(root)]
    assert len(others) == 2
    assert psutil.STATUS_STOPPED not in {each.status() for each in others}


def test_it_goes_on_when_no_frame_was_dropped_for_a_while(root, throttle, now):
    throttle.look(0, 0, root)
    throttle.look(1, 1, root)
    now[0] += REST_S + 1
    throttle.look(1, 1, root)
    wait_for(lambda: not stopped(root), "the way on")
    assert throttle.seconds == pytest.approx(REST_S + 1)


def test_frames_dropped_before_the_first_look_are_no_reason(root, throttle):
    throttle.look(4711, 4711, root)
    assert not throttle.held


def test_training_is_not_held_for_a_frame_now_and_then(root, throttle, now):
    assert shares_held(throttle, now, root, lambda _: 5, seconds=30) == 0


def shares_held(throttle, now, root, dropped_each, seconds=400):
    """How much of the time training was held; of ten frames a second `dropped_each(held)` are dropped."""
    dropped, frames, held = 0, 0, []
    for _ in range(seconds):
        now[0] += 1
        dropped, frames = dropped + dropped_each(throttle.held), frames + 10
        throttle.look(dropped, frames, root)
        held.append(throttle.held)
    return sum(held) / len(held)


def test_where_holding_saves_frames_training_has_half_of_the_time(root, throttle, now):
    assert shares_held(throttle, now, root, lambda held: 1 if held else 7) == pytest.approx(0.5, abs=0.06)


def test_where_holding_saves_no_frame_training_is_left_alone(root, throttle, now):
    held = shares_held(throttle, now, root, lambda _: 6)
    assert held == pytest.approx(LONGEST_S / (LONGEST_S + NO_USE_S), abs=0.06)


def test_what_is_held_can_be_let_go_before_it_is_asked_to_end(root, throttle):
    throttle.look(0, 0, root)
    throttle.look(1, 1, root)
    throttle.let_go(root)
    wait_for(lambda: not stopped(root), "the way on")


def test_where_nothing_trains_nothing_is_held(throttle):
    throttle.look(0, 0, None)
    throttle.look(9, 9, None)
    assert not throttle.held
    assert tasks_of(None) == []


def test_a_family_that_has_just_ended_is_no_error(throttle):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    throttle.look(0, 0, gone.pid)
    throttle.look(1, 1, gone.pid)
    assert tasks_of(gone.pid) == []
