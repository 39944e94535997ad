"""One real agent watching the real square: what arrives at the portal while it does."""

from __future__ import annotations

import pytest
from agent_lab import GRID, RULES, Program, enrolled, events, wait_for, write_config
from portal_peer import Peer, serve

from detectors import image
from federated.contract.events import AgentEvent

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """One agent for the tests that only look on: peer and program."""
    folder = tmp_path_factory.mktemp("watched")
    peer = Peer(folder)
    enrolled(folder / "square", peer).close()
    peer.answer |= {"config": peer.config(zones=GRID, rules=RULES), "watch": True}
    with serve(peer) as address:
        program = Program(write_config(folder / "square", address))
        yield peer, program
        program.kill()


def test_alerts_arrive_with_picture_and_clip(watched):
    peer, program = watched
    events(peer, 3, program)
    recorded = wait_for(lambda: [each for each in peer.events if each["clip"]], "a clip")[0]
    assert image.read(peer.media[recorded["snapshot"]]).shape == (576, 768, 3)
    assert peer.media[recorded["clip"]].startswith(b"\x1a\x45\xdf\xa3")
    assert AgentEvent.parse(recorded).camera == "square"


def test_pictures_come_before_the_events_that_name_them(watched):
    peer, program = watched
    events(peer, 5, program)
    order = [name for _, name in list(peer.order)]
    named = [(each["snapshot"], each["id"]) for each in peer.events if each["snapshot"] and each["id"] in order]
    assert named
    assert all(order.index(sha256) < order.index(id_) for sha256, id_ in named)


def test_heartbeats_of_a_running_camera_are_live_and_complete(watched):
    peer, _ = watched
    live = wait_for(lambda: [each for each in peer.beats if each["camera"]["state"] == "live" and each["config_version"] == 1], "a live heartbeat")
    camera = live[-1]["camera"]
    assert (camera["width"], camera["height"]) == (768, 576)
    assert camera["fps"] > 0
    assert {"people", "tracking", "rules"} <= set(camera["stages_ms"])


def test_while_somebody_watches_live_pictures_come(watched):
    peer, _ = watched
    wait_for(lambda: len(peer.frames) >= 2, "live pictures")
    assert image.read(peer.frames[-1]).shape == (576, 768, 3)
