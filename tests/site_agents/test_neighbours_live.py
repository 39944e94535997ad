"""The protocol in running agents: real sockets and certificates, one camera with the whole list and one with names only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from agent_lab import identity, wait_for
from neighbours_lab import face
from portal_peer import Peer

from federated.trust import pki, signing
from site_agents.clock import Clock
from site_agents.config import NeighbourSettings
from site_agents.link import PortalLink
from site_agents.neighbours import peers
from site_agents.neighbours.live import NeighbourService
from site_agents.signed_config import Identity
from site_agents.staff_list_store import NOBODY, StaffListStore

pytestmark = pytest.mark.process

LATER = time.time() + 3600
STAFF = {"anna": {"template": face(0), "expires": LATER}, "bruno": {"template": face(1), "expires": LATER}}


class Site:
    """A portal that signs, and agents that can meet; the portal itself does not answer."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self.folder, self.peer = folder, peer
        self.agents: dict[str, NeighbourService] = {}

    def agent(self, name: str, keep: str = "all") -> NeighbourService:
        """One that knows the list and listens, but nobody yet."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        key = signing.load_or_make_key(folder / "key.pem")
        held = StaffListStore(folder, Identity("miracles", "square", self.peer.public), names=keep == "expected")
        neighbour_service = NeighbourService(
            folder, held, PortalLink("http://127.0.0.1:1", key, name, Clock()), NeighbourSettings("127.0.0.1", keep=keep), name
        )
        neighbour_service.start()
        self.agents[name] = neighbour_service
        held.take(self.peer.staff_list(held.status()["key"], 2, STAFF), time.time())
        neighbour_service.take(self.peers(neighbour_service))
        wait_for(lambda: neighbour_service.status().edition, "the papers")
        neighbour_service.sync(True, held.staff, 0.5)
        return neighbour_service

    def peers(self, neighbour_service: NeighbourService, **changes: object) -> dict:
        certificate, authority = pki.sign_peer(self.folder / "pki", neighbour_service.name, neighbour_service.status().key)
        others = {name: each.status() for name, each in self.agents.items() if name != neighbour_service.name}
        peers = {name: {"host": at.host, "port": at.port, "whole": at.keep == "all"} for name, at in others.items() if at.port}
        body = {"type": "circle", "site": "miracles", "camera": "square", "agent": neighbour_service.name, "peers": peers, "edition": str(len(peers))}
        return signing.sign_document({**body, "authority": authority, "certificate": certificate, **changes}, self.peer.key)

    def introduce(self) -> None:
        """Everybody hears where the others are, as with the next heartbeat."""
        for neighbour_service in self.agents.values():
            neighbour_service.take(self.peers(neighbour_service))
        for neighbour_service in self.agents.values():
            wait_for(lambda neighbour_service=neighbour_service: neighbour_service.neighbours, "the neighbours")


@pytest.fixture
def site(tmp_path, peer) -> Iterator[Site]:
    made = Site(tmp_path, peer)
    yield made
    for neighbour_service in made.agents.values():
        neighbour_service.stop()


@pytest.fixture
def pair(site) -> tuple[NeighbourService, NeighbourService]:
    """A strong camera and a weak one, introduced."""
    strong, weak = site.agent("strong"), site.agent("weak", "expected")
    site.introduce()
    wait_for(lambda: weak.neighbours.get("strong"), "the strong one's greeting")
    return strong, weak


def answer(neighbour_service: NeighbourService, probe: np.ndarray, key: str = "t1"):
    neighbour_service.ask(key, probe, 0.5)
    return wait_for(lambda: neighbour_service.answer(key), "an answer", 10)


def answer_of_a_neighbour(neighbour_service: NeighbourService, probe: np.ndarray):
    """The first answer that came within the protocol's deadline: on a machine that is full nobody answers in time, and the camera says so."""
    results = (answer(neighbour_service, probe, f"t{n}") for n in range(5))
    return next(result for result in results if result.where != "nobody")


def test_a_weak_camera_holds_names_and_no_faces(pair):
    _, weak = pair
    assert (weak.keep.staff.entries, sorted(weak.keep.staff.people), weak.keep.staff.size) == ((), ["anna", "bruno"], 2)
    assert weak.expected() == ()


def test_a_weak_camera_learns_a_name_from_its_neighbour(pair):
    strong, weak = pair
    result = answer_of_a_neighbour(weak, face(0))
    assert (result.person, result.where) == ("anna", "neighbour")
    assert (weak.status().decided["neighbour"], weak.status().answered) == (1, {"strong": 1})
    assert strong.status().helped["weak"] >= 1


def test_a_strangers_face_is_unknown_by_the_neighbours_whole_list(pair):
    result = answer_of_a_neighbour(pair[1], face(5))
    assert (result.person, result.where) == (None, "neighbour")


def test_who_was_recognised_next_door_is_expected_here(pair):
    strong, weak = pair
    strong.recognised("v1", "anna", 0.9)
    wait_for(lambda: weak.expected(), "the word of the neighbour")
    assert [entry.person for entry in weak.expected()] == ["anna"]
    assert answer(weak, face(0)).where == "local"


def test_how_long_the_way_takes_is_learned(pair):
    strong, weak = pair
    strong.recognised("v1", "anna", 0.9)
    wait_for(lambda: weak.expected(), "the word of the neighbour")
    weak.recognised("v2", "anna", 0.9)
    way = wait_for(lambda: weak.status().ways.get("strong"), "a learned way")
    assert way.n == 1
    assert 0 <= way.mean_s < 10
    wait_for(lambda: strong.status().departures == {"weak": 1}, "the other end of the way")


def test_with_neighbours_and_portal_silent_a_face_is_unknown_in_time(pair):
    strong, weak = pair
    strong.stop()
    result = answer(weak, face(0))
    assert (result.person, result.where) == (None, "nobody")
    assert result.seconds < 5


def test_who_was_taken_off_the_list_is_expected_no_more(pair, peer):
    strong, weak = pair
    strong.recognised("v1", "anna", 0.9)
    wait_for(lambda: weak.expected(), "the word of the neighbour")
    left = {"bruno": STAFF["bruno"]}
    weak.keep.take(peer.staff_list(weak.keep.status()["key"], 3, left), time.time())
    weak.sync(True, weak.keep.staff, 0.5)
    wait_for(lambda: not weak.expected(), "the hot set without her")


def test_in_mode_m0_everything_is_forgotten_and_nobody_answered(pair):
    strong, weak = pair
    strong.sync(False, NOBODY, 1.0)
    assert (strong.status().port, strong.status().sharing, strong.expected()) == (0, False, ())
    assert answer(weak, face(0)).where == "nobody"


def test_a_camera_that_left_the_circle_is_not_heard(site, pair, caplog):
    strong, weak = pair
    site.agents = {"strong": strong}
    strong.take(site.peers(strong, peers={}))
    wait_for(lambda: not strong.neighbours, "the empty circle")
    assert answer(weak, face(0)).where == "nobody"
    site.agents = {"strong": strong, "weak": weak}


FALSE: dict[str, Callable[[Site, dict], dict]] = {
    "signed by somebody else": lambda site, result: {**result, "edition": "forged"},
    "for another agent": lambda site, result: signing.sign_document({**result, "agent": "hall"}, site.peer.key),
    "of another site": lambda site, result: signing.sign_document({**result, "site": "rome"}, site.peer.key),
    "with a port that is none": lambda site, result: signing.sign_document({**result, "peers": {"x": {"host": "h", "port": 70_000}}}, site.peer.key),
    "without papers": lambda site, result: signing.sign_document({k: v for k, v in result.items() if k != "certificate"}, site.peer.key),
    "no object at all": lambda site, result: [],
}


@pytest.mark.parametrize("how", FALSE)
def test_a_false_word_about_the_neighbours_changes_nothing(site, pair, how, caplog):
    strong, _ = pair
    before = (strong.folder / peers.CERTIFICATE).read_bytes()
    strong.take(FALSE[how](site, site.peers(strong)))
    assert "stay as they were" in caplog.text
    assert (strong.folder / peers.CERTIFICATE).read_bytes() == before
    assert list(strong.neighbours) == ["weak"]


def test_a_key_of_another_kind_gets_no_certificate(tmp_path):
    text = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
    for key in (text, "no key"):
        with pytest.raises(pki.PkiError):
            pki.sign_peer(tmp_path, "door", key)


def test_a_box_told_to_keep_names_forgets_the_faces_it_kept(tmp_path, peer):
    whole = StaffListStore(tmp_path, identity(peer))
    whole.take(peer.staff_list(whole.status()["key"], 2, STAFF), time.time())
    names = StaffListStore(tmp_path, identity(peer), names=True)
    assert sorted(names.load(time.time()).people) == ["anna", "bruno"]
    again = StaffListStore(tmp_path, identity(peer))
    assert (again.load(time.time()).entries, again.staff.version) == ((), 0)
