"""What a run survives: SuperLink, worker, portal, one or two SuperNodes killed, a network cut for a minute; it goes on, or from its checkpoint."""

from __future__ import annotations

import json
import os
import signal
import time

import psutil
import pytest

from tests.e2e.cable import Cable
from tests.e2e.up_session import whole_specola

pytestmark = [pytest.mark.long, pytest.mark.timeout(420)]
AGENTS = ("square", "drone", "gate")
OVER = ("completed", "failed", "stopped")
CUT_S = 60


@pytest.fixture(scope="module")
def session():
    """One `up` for all kills, with data at every site."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "SPECOLA_HOME"):
            patch.delenv(name, raising=False)
        with whole_specola() as running:
            running.wait(lambda: running.person.agents_with_data() >= len(AGENTS), 120, "training data at every agent")
            yield running


@pytest.fixture(autouse=True)
def _all_online(session):
    """Each test begins with three nodes online: Flower lets a killed one in again after up to a minute."""
    session.wait(lambda: links(session) == 3, 150, "three nodes online")


def links(session):
    """How many nodes the inventory calls online."""
    return session.person.http.get("/training/nodes/").text.count('data-link="online"')


def begin(session, **plan):
    return session.person.call("POST", "runs", json={"task": "anomaly", "strategy": "fedavg", "rounds": 3, "min_sites": 2, **plan})["id"]


def state_of(session, run):
    return session.person.call("GET", f"runs/{run}")


def after_round(session, run, number=1):
    """Wait until so many rounds are done; the run must still be going on."""
    session.wait(lambda: len(state_of(session, run)["rounds"]) >= number, 120, f"round {number}")
    assert state_of(session, run)["status"] == "running"


def end_of(session, run, seconds=240):
    return session.wait(lambda: (found := state_of(session, run))["status"] in OVER and found, seconds, "the end of the run")


def numbers(state):
    """The number of each round, and the run in which it was done."""
    return [(row["number"], row["run"]) for row in state["rounds"]]


def statuses(state):
    return {site["status"] for row in state["rounds"] for site in row["sites"]}


def supernode_of(session, agent):
    """The process of an agent's SuperNode."""
    below = psutil.Process(session.pid(f"agent-{agent}")).children(recursive=True)
    return next(each for each in below if "--supernode" in each.cmdline())


def test_killed_superlink_the_run_fails_with_a_reason_and_goes_on_from_its_checkpoint(session):
    first = begin(session)
    after_round(session, first)
    session.wait_for_restart("superlink", session.kill("superlink"))
    ended = end_of(session, first)
    assert (ended["status"], ended["model"]) == ("failed", None)
    assert "SuperLink was restarted" in ended["reason"]
    kept = ended["checkpoint"]
    assert kept >= 1
    session.wait(lambda: links(session) == 3, 150, "three nodes online")
    again = session.person.call("POST", f"runs/{first}/resume")["id"]
    done = end_of(session, again)
    assert (done["status"], done["model"]["state"]) == ("completed", "candidate"), done["reason"]
    assert numbers(done) == [(n, first if n <= kept else again) for n in (1, 2, 3)]


def test_killed_worker_the_run_goes_on_and_the_next_worker_tells_the_rest_once(session):
    run = begin(session)
    after_round(session, run)
    session.wait_for_restart("worker", session.kill("worker"))
    done = end_of(session, run)
    assert (done["status"], numbers(done)) == ("completed", [(1, run), (2, run), (3, run)])


def test_killed_portal_the_run_does_not_notice(session):
    run = begin(session)
    after_round(session, run)
    session.wait_for_restart("portal", session.kill("portal"))
    done = end_of(session, run)
    assert (done["status"], statuses(done)) == ("completed", {"accepted"})


def test_one_killed_supernode_the_others_make_the_model(session):
    run = begin(session, deadline_s=60)
    after_round(session, run)
    supernode_of(session, "square").kill()
    done = end_of(session, run)
    assert done["status"] == "completed", done["reason"]
    assert [sum(site["status"] == "accepted" for site in row["sites"]) >= 2 for row in done["rounds"]] == [True] * 3


def test_two_killed_supernodes_the_quorum_is_lost_and_the_run_goes_on_when_they_are_back(session):
    first = begin(session, deadline_s=60, wait_s=5)
    after_round(session, first)
    for agent in ("square", "drone"):
        supernode_of(session, agent).kill()
    ended = end_of(session, first)
    assert (ended["status"], ended["model"]) == ("failed", None)
    assert "needed" in ended["reason"]
    kept = ended["checkpoint"]
    session.wait(lambda: links(session) == 3, 150, "three nodes online")
    done = end_of(session, session.person.call("POST", f"runs/{first}/resume")["id"])
    assert done["status"] == "completed", done["reason"]
    assert [number for number, _ in numbers(done)] == [1, 2, 3]
    assert [run for _, run in numbers(done)][:kept] == [first] * kept


def test_a_network_cut_for_a_minute_makes_one_site_late_and_loses_nothing(session):
    cable = rewire(session, "gate")
    run = begin(session, deadline_s=40)
    after_round(session, run)
    cable.cut()
    since = time.monotonic()
    session.wait(lambda: time.monotonic() - since > CUT_S, CUT_S + 5, "a minute")
    cable.mend()
    done = end_of(session, run)
    assert done["status"] == "completed", done["reason"]
    assert statuses(done) <= {"accepted", "late"}, [site for row in done["rounds"] for site in row["sites"]]
    session.wait(lambda: links(session) == 3, 120, "the site's return")
    cable.close()


def rewire(session, agent):
    """Let an agent reach the SuperLink over a cable of ours; it is started again so that it reads its new address."""
    file = session.running.plan.home / "agents" / agent / "portal.json"
    portal = json.loads(file.read_text())
    cable = Cable(portal["fleet"]["address"])
    file.write_text(json.dumps({**portal, "fleet": {**portal["fleet"], "address": cable.address}}))
    pid = session.pid(f"agent-{agent}")
    os.kill(pid, signal.SIGTERM)
    session.wait_for_restart(f"agent-{agent}", pid)
    session.wait(lambda: cable.ends and links(session) == 3, 150, "the site on its cable")
    return cable
