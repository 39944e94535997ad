"""Each program of a whole running Specola is killed hard during work: it comes back, nothing stored is lost, nothing comes twice."""

from __future__ import annotations

import pytest

from infra.check import picture
from tests.e2e.up_session import whole_specola

# Each of these is killed in every run elsewhere: test_e2e_kills.py (portal, PostgreSQL, Valkey), test_agent_process.py, test_federated_live.py.
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]
AGENTS = 3
OVER = ("completed", "failed", "stopped")


@pytest.fixture(scope="module")
def session():
    """One `up` for all kills; PostgreSQL and Valkey are its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "SPECOLA_HOME"):
            patch.delenv(name, raising=False)
        with whole_specola() as running:
            running.wait_for_news()
            yield running


def assert_whole(before, after):
    """What was stored is still there, each event once, and no camera has a hole in its numbers."""
    assert set(before) <= set(after)
    assert len({id_ for id_, _, _ in after}) == len(after)
    for camera in {camera for _, camera, _ in after}:
        numbers = sorted(seq for _, other, seq in after if other == camera)
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("name", ["agent-square", "portal", "postgres", "valkey"])
def test_a_program_killed_while_events_flow_loses_nothing(session, name):
    before = session.stored()
    killed = session.kill(name)
    session.wait_for_restart(name, killed)
    session.wait_for_news()
    assert_whole(before, session.stored())


def test_an_agent_killed_over_and_over_tells_nothing_twice(session):
    before = session.stored()
    for _ in range(3):
        killed = session.kill("agent-drone")
        session.wait_for_restart("agent-drone", killed)
    session.wait_for_news()
    assert_whole(before, session.stored())


def test_a_report_whose_worker_is_killed_is_made_by_the_next_one(session):
    case = session.person.call("POST", "cases", files={"file": ("kept.jpg", picture(), "image/jpeg")})
    state = lambda: session.person.call("GET", f"cases/{case['id']}")  # noqa: E731
    session.wait(lambda: state()["status"] != "queued", 30, "the beginning of the case")
    killed = session.kill("worker")
    assert state()["status"] == "running"
    session.wait_for_restart("worker", killed)
    done = session.wait(lambda: (found := state())["status"] in ("done", "failed") and found, 90, "the report")
    assert done["status"] == "done", done


def test_a_run_whose_superlink_is_killed_ends_with_a_reason(session):
    session.wait(lambda: session.person.agents_with_data() >= AGENTS, 90, "training data at every agent")
    run = session.person.call("POST", "runs", json={"task": "anomaly", "rounds": 3, "min_sites": AGENTS})
    state = lambda: session.person.call("GET", f"runs/{run['id']}")  # noqa: E731
    session.wait(lambda: state()["status"] == "running", 60, "the beginning of the run")
    killed = session.kill("superlink")
    session.wait_for_restart("superlink", killed)
    ended = session.wait(lambda: (found := state())["status"] in OVER and found, 120, "the end of the run")
    assert ended["status"] == "failed"
    assert "SuperLink" in ended["reason"]
