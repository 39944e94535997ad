"""New keys without a gap: when they are due, what is sent, and that an agent killed at any point comes up with keys that the portal believes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from agent_lab import Program, wait_for, write_config
from portal_peer import AGENT, Peer, serve

from federated.trust import csr, pki, signing
from site_agents import credentials
from site_agents.clock import Clock
from site_agents.errors import PortalRefused
from site_agents.link import PortalLink
from site_agents.rotation import Rotation

pytestmark = pytest.mark.process

DAY = 86400.0


class Killed(BaseException):
    """A power cut."""


class Box:
    """An agent's folder that can be started, killed and started again."""

    def __init__(self, folder: Path, address: str, peer: Peer) -> None:
        self.folder, self.address, self.peer, self.restarts = folder, address, peer, 0
        self.later = 0.0  # seconds by which its time is moved on
        self.start()

    def start(self) -> None:
        """As Agent does: finish what was begun, then read the keys."""
        credentials.finish_move(self.folder)
        self.link = PortalLink(self.address, signing.load_or_make_key(self.folder / "key.pem"), AGENT, Clock())
        self.rotation = Rotation(self.folder, self.link, self.count_restart, clock=lambda: time.monotonic() + self.later)

    def count_restart(self) -> None:
        self.restarts += 1

    def beat(self) -> None:
        """One heartbeat and what follows it."""
        try:
            answer = self.link.call("POST", "/heartbeat", {"t": time.time(), "config_version": 0}).json()
            self.rotation.look(answer.get("renew_keys") is True)
        except PortalRefused:
            if not self.rotation.rescue():
                raise

    @property
    def keys(self) -> tuple[str, str]:
        return signing.public_text(signing.load_or_make_key(self.folder / "key.pem")), pki.make_node_key(self.folder / "node.key")


@pytest.fixture
def box(folder, address, peer):
    made = Box(folder, address, peer)
    yield made
    made.link.close()


def in_days(box, days):
    """Let the portal's clock, which the agent has learnt, stand so many days from now."""
    box.peer.clock = lambda: time.time() + days * DAY
    box.link.clock.correct(days * DAY - box.link.clock.skew)


def ask(box):
    box.peer.answer["renew_keys"] = True


def test_fresh_keys_are_left_alone(box):
    before = box.keys
    for days in (0, 1, 19):
        in_days(box, days)
        box.beat()
    assert (box.keys, box.peer.renewals) == (before, [])


def test_when_a_quarter_is_left_new_keys_are_in_use(box):
    before = box.keys
    in_days(box, 23)
    box.beat()
    assert not set(before) & set(box.keys)
    assert box.peer.agent_key == box.keys[0] == signing.public_text(box.link.key)
    assert box.peer.renewals[0]["node_public_key"] == box.keys[1]
    assert (credentials.read(box.folder).not_after - box.peer.clock()) / DAY == pytest.approx(30, abs=0.1)


def test_agents_do_not_all_come_on_the_same_day(box):
    certificate = box.rotation.certificate
    first, last = (due_after(box, credentials.CertificateInfo(certificate.not_before, certificate.not_after, chance)) for chance in (0.0, 1.0))
    assert (first, last) == (pytest.approx(20, abs=0.2), pytest.approx(22.5, abs=0.2))
    assert 0 <= certificate.chance < 1


def due_after(box, certificate):
    """Days from now on which it is due, by the tenth."""
    box.rotation.certificate = certificate
    for tenth in range(300):
        in_days(box, tenth / 10)
        if box.rotation.due:
            return tenth / 10
    return None


@pytest.mark.parametrize("skew", [-40 * DAY, 40 * DAY])
def test_a_wrong_clock_of_this_machine_does_not_matter(box, monkeypatch, skew):
    """The machine's own clock is off by `skew`; the portal says so with its first refusal."""
    real = time.time
    box.peer.clock = real
    monkeypatch.setattr(time, "time", lambda: real() + skew)
    box.beat()
    assert box.peer.renewals == []


def test_the_portal_may_ask_for_new_keys(box):
    ask(box)
    box.beat()
    assert len(box.peer.renewals) == 1


def test_keys_from_before_certificates_are_renewed_with_the_first_heartbeat(box):
    (box.folder / "certificate.pem").unlink()
    box.start()
    box.beat()
    assert credentials.read(box.folder).not_after > time.time()
    box.beat()
    assert len(box.peer.renewals) == 1


@pytest.mark.parametrize("content", ["", "rubbish"])
def test_a_damaged_certificate_is_replaced(box, content):
    (box.folder / "certificate.pem").write_text(content)
    box.start()
    box.beat()
    assert credentials.read(box.folder)


def test_only_public_halves_leave_and_the_request_names_us(box):
    ask(box)
    box.beat()
    (result,) = box.peer.renewals
    assert set(result) == {"csr", "node_public_key", "contract"}
    assert csr.read(result["csr"]).name == AGENT
    assert "PRIVATE" not in str(result)


def test_the_first_heartbeat_with_the_new_key_ends_the_old_one(box):
    ask(box)
    old = box.link.key
    box.beat()
    assert box.peer.former_key == signing.public_text(old)
    box.beat()
    assert box.peer.former_key is None


def test_a_call_that_was_under_way_with_the_old_key_is_signed_again(box, monkeypatch):
    ask(box)
    handle, under_way = box.peer.handle, []

    def late(method, url, headers, body):
        """The call is on its way; before the portal looks at it, the keys are renewed and the old one is forgotten."""
        if url.endswith("/events") and not under_way:
            under_way.append(box.link.key)
            box.beat()
            box.peer.former_key = None
        return handle(method, url, headers, body)

    monkeypatch.setattr(box.peer, "handle", late)
    assert box.link.call("POST", "/events", {"events": []}).status_code == 200
    assert under_way[0] is not box.link.key


def test_the_supernode_is_told_once(box):
    ask(box)
    box.beat()
    box.beat()
    assert box.restarts == 1


def test_new_private_keys_are_readable_by_their_owner_only(box):
    ask(box)
    box.beat()
    for name in ("key.pem", "node.key"):
        assert (box.folder / name).stat().st_mode & 0o077 == 0


STEPS = {
    "the new key is made": (signing, "load_or_make_key"),
    "the new node key is made": (pki, "make_node_key"),
    "the portal answers": (PortalLink, "call"),
    "its answer is judged": (credentials, "accept"),
    "its answer is written": (credentials, "write_durably"),
    "the files are moved": (credentials, "finish_move"),
}


def kill_at(monkeypatch, where, name, after):
    """A power cut just before or just after this step, once."""
    real, struck = getattr(where, name), []

    def step(*arguments, **named):
        if struck:
            return real(*arguments, **named)
        struck.append(True)
        if after:
            real(*arguments, **named)
        raise Killed

    monkeypatch.setattr(where, name, step)


def comes_up(box):
    """Started again, it is believed at once or after one heartbeat, and everything fits."""
    box.start()
    box.beat()
    box.beat()
    assert box.peer.agent_key == box.keys[0] == signing.public_text(box.link.key)
    assert box.peer.renewals[-1]["node_public_key"] == box.keys[1]
    assert credentials.read(box.folder)
    assert not (box.folder / "next").exists()
    assert box.peer.former_key is None


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_comes_up_and_works(box, monkeypatch, step, after):
    ask(box)
    with monkeypatch.context() as patch:
        kill_at(patch, *STEPS[step], after)
        with pytest.raises(Killed):
            box.rotation.renew()
    comes_up(box)
    assert len({csr.read(result["csr"]).public for result in box.peer.renewals}) == 1


@pytest.mark.parametrize("moved", range(len(credentials.MOVED)))
def test_killed_between_two_files_it_comes_up_with_both(box, monkeypatch, moved):
    real, count = Path.replace, []

    def replace(self, target):
        if self.parent.name == "next" and target.parent == box.folder:
            if len(count) == moved:
                raise Killed
            count.append(self)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(Killed):
            box.rotation.renew()
    comes_up(box)


def test_killed_after_the_portals_yes_it_comes_up_even_when_the_old_key_has_ended(box, monkeypatch):
    before = box.keys
    kill_at(monkeypatch, credentials, "accept", after=False)
    with pytest.raises(Killed):
        box.rotation.renew()
    box.peer.former_key = None  # the overlap is over
    box.start()
    assert box.keys == before
    comes_up(box)


@pytest.mark.parametrize("name", ["key.pem", "node.key"])
def test_new_keys_damaged_by_a_power_cut_are_made_again(box, name):
    credentials.prepare_next(box.folder)
    (box.folder / "next" / name).write_bytes(b"")
    box.beat()
    comes_up(box)


def test_a_portal_that_is_away_changes_nothing_and_is_asked_again_later(box, caplog):
    before, box.link.portal = box.keys, "http://127.0.0.1:9"
    assert box.rotation.look(asked=True) is False
    box.link.portal = box.address
    assert box.rotation.look(asked=True) is False, "not at once: it waits"
    box.later = 3600.0
    assert box.keys == before
    assert box.rotation.look(asked=True) is True
    assert "no new keys yet" in caplog.text


def test_keys_that_the_portal_will_not_have_are_made_anew(box):
    answers = iter([(400, {"error": "these keys were used before"})])
    box.peer.refuse = lambda method, path, body: next(answers, None) if path == "/agents/rotate" else None
    box.rotation.look(asked=True)
    assert not (box.folder / "next").exists()
    box.later = 3600.0
    assert box.rotation.look(asked=True)


@pytest.mark.parametrize("answer", [{}, [], {"certificate": ""}, {"certificate": 7}, {"certificate": "rubbish"}])
def test_a_senseless_answer_changes_nothing(box, answer):
    before = box.keys
    box.peer.rotate = lambda result: (200, answer)
    assert box.rotation.look(asked=True) is False
    assert box.keys == before


def test_a_certificate_of_another_key_is_not_taken(box):
    before = box.keys
    other = csr.make(signing.Ed25519PrivateKey.generate(), AGENT)
    box.peer.rotate = lambda result: (200, box.peer.certificate(other))
    assert box.rotation.look(asked=True) is False
    assert box.keys == before


def test_a_full_disk_changes_nothing(box, monkeypatch):
    before = box.keys
    monkeypatch.setattr(credentials, "write_durably", lambda path, content, mode: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert box.rotation.look(asked=True) is False
    assert box.keys == before


def test_an_expired_or_revoked_agent_is_not_rescued(box):
    box.peer.refuse = lambda method, path, body: (401, {"error": "certificate expired on 2026-01-01: enrol again"})
    with pytest.raises(PortalRefused, match="enrol again"):
        box.beat()


def test_kill_9_while_the_portal_answers_and_a_new_start_with_the_new_key(folder, peer):
    """A real agent: the portal has taken the new keys when the agent is killed, before it hears so."""
    real, program = peer.rotate, None

    def rotate(result):
        answer = real(result)
        if len(peer.renewals) == 1:
            os.kill(program.process.pid, signal.SIGKILL)
        return answer

    peer.rotate, peer.answer["renew_keys"] = rotate, True
    with serve(peer) as address:
        config = write_config(folder, address)
        program = Program(config)
        program.process.wait(60)
        first, beats = peer.agent_key, len(peer.beats)
        program = Program(config)
        try:
            wait_for(lambda: len(peer.beats) > beats + 1 and peer.former_key is None, "a heartbeat with the new key")
        finally:
            program.kill()
    assert signing.public_text(signing.load_or_make_key(folder / "key.pem")) == first == peer.agent_key
    assert len(peer.renewals) == 2
