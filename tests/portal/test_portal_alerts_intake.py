"""The machines' door: what a signed batch answers, and everything that is refused with its status and one audit row."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from django.conf import settings

from federated.contract.message import VERSION
from portal.alerts.models import Alert, Event
from portal.core import media
from portal.core.models import AuditRow
from tests.portal.alert_scene import JPEG, WEBM, scene
from tests.portal.signed_client import post_events, put_media, send_in_process
from tests.portal.wire import signed_headers

pytestmark = pytest.mark.django_db


@pytest.fixture
def square():
    return scene()


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The media store in a folder of this test's own."""
    monkeypatch.setattr(settings, "MEDIA_FOLDER", tmp_path)
    return tmp_path


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def test_a_signed_batch_is_stored_and_answered(square):
    sent = [square.event(seq=n) for n in range(3)]
    answer = post_events(square.agent, square.key, sent, sent_t=time.time())
    assert (answer.status_code, answer.json()) == (200, {"accepted": [each["id"] for each in sent], "duplicates": [], "rejected": [], "contract": VERSION})
    assert all(event.sent is not None for event in Event.objects.all())


def test_the_same_batch_again_is_all_duplicates(square):
    sent = [square.event()]
    post_events(square.agent, square.key, sent)
    assert post_events(square.agent, square.key, sent).json()["duplicates"] == [sent[0]["id"]]


def test_a_foreign_camera_is_403_and_one_audit_row(square):
    answer = post_events(square.agent, square.key, [square.event(), square.event(camera="drone")])
    assert answer.status_code == 403
    assert (Event.objects.count(), AuditRow.objects.count()) == (0, 1)
    assert AuditRow.objects.get().data["status"] == 403


def test_a_foreign_site_is_403_and_one_audit_row(square):
    assert post_events(square.agent, square.key, [square.event(site="museum")]).status_code == 403
    assert (Event.objects.count(), AuditRow.objects.count()) == (0, 1)


def test_an_unsigned_batch_is_401_and_one_audit_row(square):
    answer = send_in_process("POST", "/api/v1/events", b'{"events": []}', square.key, "", headers={"Content-Type": "application/json"})
    assert (answer.status_code, AuditRow.objects.count()) == (401, 1)


def test_a_wrongly_signed_batch_is_401_and_one_audit_row(square):
    body = json.dumps({"events": [square.event()]}).encode()
    answer = send_in_process("POST", "/api/v1/events", body, scene("museum").key, str(square.agent.pk))
    assert (answer.status_code, AuditRow.objects.count(), Event.objects.count()) == (401, 1, 0)


def test_a_changed_body_is_401(square):
    headers = signed_headers("POST", "http://testserver/api/v1/events", b'{"events": []}', square.key, str(square.agent.pk))
    body = json.dumps({"events": [square.event()]}).encode()
    assert send_in_process("POST", "/api/v1/events", body, square.key, "", headers=headers).status_code == 401


def test_a_replayed_batch_is_409_and_one_audit_row(square):
    body = json.dumps({"events": [square.event()]}).encode()
    headers = signed_headers("POST", "http://testserver/api/v1/events", body, square.key, str(square.agent.pk))
    statuses = [send_in_process("POST", "/api/v1/events", body, square.key, "", headers=headers).status_code for _ in range(2)]
    assert statuses == [200, 409]
    assert AuditRow.objects.exclude(verb="events.recorded").count() == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"events": 7}', b'{"events": [], "sent_t": "noon"}'])
def test_a_malformed_body_is_400(square, body):
    assert send_in_process("POST", "/api/v1/events", body, square.key, str(square.agent.pk)).status_code == 400


def test_more_than_500_events_are_400(square):
    assert post_events(square.agent, square.key, [square.event()] * 501).status_code == 400
    assert Event.objects.count() == 0


@pytest.mark.parametrize("content", [JPEG, WEBM], ids=["jpeg", "webm"])
def test_media_are_kept_once(square, kept, content):
    statuses = [put_media(square.agent, square.key, sha256_of(content), content).status_code for _ in range(2)]
    assert statuses == [201, 200]
    assert media.path(sha256_of(content)).read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"<svg onload=alert(1)>", b"GIF89a", b"MZ"], ids=["empty", "svg", "gif", "program"])
def test_media_of_another_type_are_400(square, kept, content):
    assert put_media(square.agent, square.key, sha256_of(content), content).status_code == 400
    assert not media.exists(sha256_of(content))


@pytest.mark.parametrize("name", ["00" * 32, "nonsense", "..%2f..%2fetc"])
def test_media_under_a_false_name_are_400(square, kept, name):
    assert put_media(square.agent, square.key, name, JPEG).status_code in (400, 404)
    assert [path for path in kept.rglob("*") if path.is_file()] == []


def test_media_over_10_mb_are_413(square, kept):
    content = JPEG + b"\0" * (10 * 1024 * 1024)
    assert put_media(square.agent, square.key, sha256_of(content), content).status_code == 413


def test_a_full_disk_is_507_and_nothing_half_is_kept(square, kept, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portal.core.media.put", full)
    assert put_media(square.agent, square.key, sha256_of(JPEG), JPEG).status_code == 507


def test_a_picture_that_comes_late_changes_its_alert(square, kept):
    alert = square.alert(snapshot=sha256_of(JPEG))
    put_media(square.agent, square.key, sha256_of(JPEG), JPEG)
    assert Alert.objects.get().changed > alert.changed
    assert Alert.objects.get().thumbnail
