"""The address that the portal names: tried on a real camera, answered without the password, used after a restart too, refused when it is not for us."""

from __future__ import annotations

import base64
import json
import uuid

import pytest
from agent_lab import identity
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.contract.source import PURPOSE, SourceDocument
from federated.trust.signing import sign_document
from federated.trust.staff_list import load_or_make_box_key, seal
from site_agents import source_probe
from site_agents.capture import Capture
from site_agents.portal_source import FILE, PortalSource
from site_agents.signed_config import SignedConfig
from site_agents.sources import SourceSettings
from tests.mjpeg_camera import AHEAD_S, PASSWORD, mjpeg_camera
from tests.waiting import wait_for

OWN = SourceSettings("webcam", "0")


@pytest.fixture(scope="module")
def camera():
    with mjpeg_camera() as place:
        yield place


@pytest.fixture
def source(folder, link, peer):
    """A PortalSource of an agent that has a configuration, and what the peer was sent."""
    peer.sent = []
    take = peer.take
    peer.take = lambda method, path, body: (peer.sent.append(json.loads(body)), (204, {}))[1] if path == "/agents/source" else take(method, path, body)
    return PortalSource(folder, identity(peer), link, load_or_make_box_key(folder / "gallery.key"), lambda: SignedConfig(version=1))


def document(peer, source, address, *, use=False, camera="square", purpose=PURPOSE, key=None):
    sealed = seal([{"address": address}], source.status()["box"], purpose=purpose) if address else ""
    body = SourceDocument(type="source", site="miracles", camera=camera, id=str(uuid.uuid4()), sealed=sealed, use=use)
    return sign_document(body.to_json(), key or peer.key)


def test_a_camera_that_answers_gives_picture_codec_rate_and_clock(camera):
    found = source_probe.probe(f"http://admin:{PASSWORD}@{camera}/stream")
    assert (found.outcome, found.codec, found.image.shape) == ("picture", "MJPEG", (240, 320, 3))
    assert 5 < found.fps < 60
    assert abs(found.clock_s - AHEAD_S) < 5


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        ("http://admin:wrong@{camera}/stream", "password"),
        ("http://{camera}/nothing", "path"),
        ("http://{camera}/", "not_stream"),
        ("rtsp://{camera}/stream", "not_stream"),
        ("http://127.0.0.1:9/stream", "refused"),
        ("rtsp://127.0.0.1:9/stream", "refused"),
        ("rtsp://no-such-camera.invalid/1", "no_host"),
        ("cam/1", "address"),
    ],
)
def test_each_failure_is_named_and_holds_no_password(camera, address, outcome):
    found = source_probe.probe(address.format(camera=camera))
    assert found.outcome == outcome
    assert "wrong" not in repr(found)


def test_a_try_that_hangs_is_given_up(camera):
    assert source_probe.probe(f"http://{camera}/open", longest_s=0.01).outcome == "timeout"


def test_the_portal_learns_what_the_address_shows_and_nothing_of_the_password(source, peer, camera):
    source.take(document(peer, source, f"http://admin:{PASSWORD}@{camera}/stream"))
    (message,) = wait_for(lambda: peer.sent, "the answer")
    assert (message["outcome"], message["width"], message["height"]) == ("picture", 320, 240)
    assert base64.b64decode(message["picture"]).startswith(b"\xff\xd8")
    assert PASSWORD not in json.dumps(message)
    assert source.address == ""


def test_without_a_configuration_no_picture_leaves_the_box(source, peer, camera):
    source.config = SignedConfig
    source.take(document(peer, source, f"http://{camera}/open"))
    (message,) = wait_for(lambda: peer.sent, "the answer")
    assert (message["outcome"], message.get("picture", "")) == ("picture", "")


def test_an_address_that_is_to_be_used_is_read_also_after_a_restart_until_it_is_taken_back(source, peer, link):
    changes = []
    source.changed = lambda: changes.append(source.over(OWN))
    sent = document(peer, source, "rtsp://admin:secret1@cam/1", use=True)
    source.take(sent)
    source.take(sent)
    assert [(each.kind, each.path) for each in changes] == [("stream", "rtsp://admin:secret1@cam/1")]
    assert "secret1" not in (source.folder / FILE).read_text()
    again = PortalSource(source.folder, source.identity, link, source.key, source.config)
    assert (again.edition, again.over(OWN).path) == (sent["id"], "rtsp://admin:secret1@cam/1")
    source.take(document(peer, source, "", use=True))
    assert (source.edition, source.over(OWN)) == ("", OWN)
    assert not (source.folder / FILE).exists()


def test_what_is_not_for_this_camera_or_not_the_portals_changes_nothing(source, peer):
    for wrong in (
        document(peer, source, "rtsp://cam/1", use=True, camera="gate"),
        document(peer, source, "rtsp://cam/1", use=True, key=Ed25519PrivateKey.generate()),
        document(peer, source, "rtsp://cam/1", use=True, purpose=b"specola staff list 1"),
        {**document(peer, source, "rtsp://cam/1", use=True), "use": False},
        [],
    ):
        source.take(wrong)
    assert (source.edition, source.address) == ("", "")


def test_the_capture_goes_on_with_another_source(camera, tmp_path):
    capture = Capture(SourceSettings("stream", "http://127.0.0.1:9/"), tmp_path, "square")
    capture.start()
    wait_for(lambda: capture.problem, "the first source fails")
    capture.change(SourceSettings("stream", f"http://{camera}/open"))
    assert wait_for(lambda: capture.take(0.5), "a picture of the other source").image.shape == (240, 320, 3)
    capture.stop()
