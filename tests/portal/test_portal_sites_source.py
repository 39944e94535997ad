"""A camera's address is tried by its agent and used by it; the password is sealed at once and stands nowhere else."""

from __future__ import annotations

import base64
import datetime
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from federated.contract.source import PURPOSE, SourceDocument
from federated.trust.signing import public_text, verify_document
from federated.trust.staff_list import GalleryRejected, box_text, unseal
from portal.core.models import AuditRow
from portal.sites.config import portal_key
from portal.sites.models import Agent, CameraSource, SourceTest
from tests.portal.alert_scene import JPEG
from tests.portal.portal_scene import machine, place, signed_in

pytestmark = pytest.mark.django_db
SETTINGS = "/sites/square/cameras/gate/settings/"
TEST = "/sites/square/cameras/gate/source/test/"
PASSWORD = "p#s/s@[é"  # noqa: S105 - of a camera that is not there
GOOD = {"outcome": "picture", "codec": "H.264", "width": 640, "height": 360, "fps": 25.0, "clock_s": 61.5, "picture": base64.b64encode(JPEG).decode()}


class Scene:
    """A gate whose agent speaks, and a manager who looks at it."""

    def __init__(self) -> None:
        self.place, self.key = place(), X25519PrivateKey.generate()
        self.machine = machine(self.place.door)
        self.manager = signed_in(self.place.person("manager"))

    def beat(self, **changes):
        body = {"t": timezone.now().timestamp(), "contract": "1.2", "box": box_text(self.key), **changes}
        return self.machine.send("POST", "heartbeat", body).json()["source"]

    def ask(self, address="rtsp://127.0.0.1/stream1", **more):
        return self.manager.post(TEST, {"address": address, **more}).content.decode()

    def opened(self, document):
        """What the agent reads in a signed document."""
        body = SourceDocument.parse(verify_document(document, public_text(portal_key())))
        return body, unseal(body.sealed, self.key, purpose=PURPOSE)[0]["address"] if body.sealed else ""

    def answer(self, document, **fields):
        return self.machine.send("POST", "agents/source", {"id": document["id"], "contract": "1.2", **GOOD, **fields}).status_code

    def page(self):
        test = SourceTest.objects.first()
        return self.manager.get(f"/sites/square/cameras/gate/source/{test.pk}/").content.decode()


@pytest.fixture
def gate():
    cache.clear()
    made = Scene()
    made.beat()
    return made


def test_the_agent_is_asked_to_try_the_whole_address_and_the_page_shows_none_of_the_password(gate):
    shown = gate.ask("rtsp://127.0.0.1/stream1", login="admin", password=PASSWORD)
    body, address = gate.opened(gate.beat())
    assert address == "rtsp://admin:p%23s%2Fs%40%5B%C3%A9@127.0.0.1/stream1"
    assert (body.use, "rtsp://admin:***@127.0.0.1/stream1" in shown + gate.page()) == (False, True) or "heartbeat" in shown
    assert PASSWORD not in shown + gate.page()


@pytest.mark.parametrize("address", [f"rtsp://admin:{PASSWORD}@127.0.0.1/stream1", "http://127.0.0.1/video?user=admin&pwd=hunter2"])
def test_a_password_is_nowhere_in_the_database_but_sealed(gate, address, tmp_path):
    gate.ask(address)
    gate.answer(gate.beat())
    test = SourceTest.objects.get()
    gate.manager.post(f"/sites/square/cameras/gate/source/{test.pk}/use/")
    call_command("dumpdata", "sites", "core", output=str(tmp_path / "all.json"))
    text = (tmp_path / "all.json").read_text()
    assert not any(secret in text for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], "hunter2", "p%23s"))
    assert "***" in AuditRow.objects.get(verb="camera.source_tested").data["address"]
    assert AuditRow.objects.filter(verb="camera.source_changed").exists()


def test_what_the_camera_shows_comes_back_with_codec_size_rate_and_clock(gate):
    gate.ask()
    document = gate.beat()
    assert "trying the address" in gate.page()
    assert gate.answer(document) == 204
    text = gate.page()
    for shown in ("H.264", "640 × 360", "25", "62 s ahead", "Use this address"):
        assert shown in text, shown
    test = SourceTest.objects.get()
    picture = gate.manager.get(f"/sites/square/cameras/gate/source/{test.pk}.jpg")
    assert picture.content == JPEG
    assert "no-store" in picture["Cache-Control"]
    assert gate.beat() is None


@pytest.mark.parametrize(
    ("code", "words"),
    [("password", "does not accept"), ("path", "no stream of this path"), ("no_host", "No machine answers"), ("timeout", "in time"), ("no_video", "no video")],
)
def test_each_failure_has_its_own_sentence_and_is_not_used(gate, code, words):
    gate.ask()
    gate.answer(gate.beat(), outcome=code, picture="")
    text = gate.page()
    assert words in text
    assert "Use this address" not in text
    assert SourceTest.objects.get().sealed == ""
    gate.manager.post(f"/sites/square/cameras/gate/source/{SourceTest.objects.get().pk}/use/")
    assert not CameraSource.objects.exists()


def test_an_address_that_gave_a_picture_is_used_until_it_is_taken_back(gate):
    gate.ask(login="admin", password=PASSWORD)
    gate.answer(gate.beat())
    gate.manager.post(f"/sites/square/cameras/gate/source/{SourceTest.objects.get().pk}/use/")
    body, address = gate.opened(gate.beat())
    assert (body.use, address.endswith("@127.0.0.1/stream1")) == (True, True)
    assert gate.beat(source=body.id) is None
    assert "the agent reads it" in gate.manager.get(SETTINGS).content.decode()
    gate.manager.post("/sites/square/cameras/gate/source/own/")
    back, address = gate.opened(gate.beat(source=body.id))
    assert (back.use, address) == (True, "")
    assert gate.beat(source="") is None


def test_the_next_agent_of_the_camera_gets_nothing_that_was_sealed_for_the_one_before(gate):
    gate.ask()
    gate.answer(gate.beat())
    gate.manager.post(f"/sites/square/cameras/gate/source/{SourceTest.objects.get().pk}/use/")
    Agent.objects.update(revoked=timezone.now())
    gate.machine = machine(gate.place.door)
    assert gate.beat() is None
    assert "type it again" in gate.manager.get(SETTINGS).content.decode()


@pytest.mark.parametrize("address", ["", "rtsp://", "cam.local/1", "ftp://cam/1", "rtsp://cam:99999/1", "rtsp://cam/\x07"])
def test_what_is_no_address_is_refused_with_a_sentence(gate, address):
    assert 'role="alert"' in gate.ask(address)
    assert not SourceTest.objects.exists()


def test_without_an_agent_that_answers_nothing_is_asked(gate):
    Agent.objects.update(last_seen=timezone.now() - datetime.timedelta(minutes=1))
    assert "does not answer now" in gate.ask()
    Agent.objects.update(revoked=timezone.now())
    assert "No agent watches" in gate.ask()


def test_an_agent_of_before_is_not_asked(gate):
    gate.beat(box="")
    assert "too old" in gate.ask()


def test_a_try_that_nobody_answers_ends_after_a_minute(gate):
    gate.ask()
    SourceTest.objects.update(asked=timezone.now() - datetime.timedelta(seconds=90))
    assert gate.beat() is None
    assert "did not answer within a minute" in gate.page()


def test_only_the_agent_that_was_asked_may_answer_and_once(gate):
    gate.ask()
    document = gate.beat()
    other = machine(place("museum").door)
    assert other.send("POST", "agents/source", {"id": document["id"], "contract": "1.2", **GOOD}).status_code == 404
    assert gate.answer({"id": "nonsense"}) == 404
    assert [gate.answer(document), gate.answer(document)] == [204, 404]


def test_what_is_sealed_for_another_purpose_is_no_address(gate):
    gate.ask()
    with pytest.raises(GalleryRejected):
        unseal(SourceTest.objects.get().sealed, gate.key)


@pytest.mark.parametrize("role", ["operator", ""])
def test_who_may_not_change_the_camera_asks_nothing(gate, role):
    reader = signed_in(gate.place.person(role)) if role else signed_in(place("museum").person("manager"))
    assert reader.post(TEST, {"address": "rtsp://127.0.0.1/1"}).status_code == (403 if role else 404)
    assert not SourceTest.objects.exists()
