"""Uploads in pieces: the tus protocol, whose upload it is, what is refused, and what a killed or doubled writer leaves behind."""

from __future__ import annotations

import base64
import datetime
import errno
import hashlib
import io
import os
import threading
import uuid
from pathlib import Path

import pytest
from alert_scene import user
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.analysis import errors, tasks, uploads
from portal.analysis.models import Upload
from portal.asgi import application
from portal.core import media

pytestmark = pytest.mark.django_db
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
PICTURE = (STAFF / "custode-1.jpg").read_bytes()
SIZE = len(PICTURE)
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(autouse=True)
def _own_store(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path / "media"


@pytest.fixture
def guard(client):
    client.person = user("guard@example.org", "operator")
    client.force_login(client.person)
    return client


def begin(client, size=SIZE, name="gate.jpg", **headers):
    named = base64.b64encode(name.encode()).decode()
    return client.post(reverse("api:uploads"), headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {named}", **headers})


def send(client, address, content, offset=0, kind="application/offset+octet-stream", **headers):
    return client.patch(address, content, content_type=kind, headers={**TUS, "Upload-Offset": str(offset), **headers})


def begun(client, **more) -> str:
    return begin(client, **more)["Location"]


def half_sent(client) -> str:
    address = begun(client)
    assert send(client, address, PICTURE[:5000]).status_code == 204
    return address


def offset_of(client, address) -> str:
    return client.head(address, headers=TUS)["Upload-Offset"]


def test_a_file_arrives_in_pieces_and_lies_in_the_media_store_under_its_sha256(guard):
    address = half_sent(guard)
    assert offset_of(guard, address) == "5000"
    assert send(guard, address, PICTURE[5000:], 5000)["Upload-Offset"] == str(len(PICTURE))
    upload = Upload.objects.get()
    assert (upload.sha256, upload.kind, upload.name) == (hashlib.sha256(PICTURE).hexdigest(), "JPEG", "gate.jpg")
    assert media.path(upload.sha256).read_bytes() == PICTURE


def test_pieces_of_two_processes_give_the_same_sha256(guard, monkeypatch):
    address = half_sent(guard)
    monkeypatch.setattr(uploads, "running_hashes", uploads.RunningHashes())  # the portal was started again
    send(guard, address, PICTURE[5000:], 5000)
    assert Upload.objects.get().sha256 == hashlib.sha256(PICTURE).hexdigest()


def test_the_portal_says_what_it_speaks(guard):
    answer = guard.options(reverse("api:uploads"))
    assert (answer.status_code, answer["Tus-Version"]) == (204, "1.0.0")
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "expiration", "termination", "checksum"}


def test_another_version_is_refused_with_ours(guard):
    answer = begin(guard, **{"Tus-Resumable": "0.2.2"})
    assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")


@pytest.mark.parametrize("offset", [0, 4999, 5001])
def test_a_piece_that_begins_elsewhere_is_refused_and_changes_nothing(guard, offset):
    address = half_sent(guard)
    answer = send(guard, address, PICTURE[5000:], offset)
    assert (answer.status_code, answer["Upload-Offset"]) == (409, "5000")
    assert offset_of(guard, address) == "5000"


def test_more_than_was_announced_is_refused(guard):
    address = half_sent(guard)
    assert send(guard, address, PICTURE[5000:] + b"more", 5000).status_code == 400
    assert offset_of(guard, address) == "5000"


def test_a_piece_cut_short_is_refused_and_written_over_by_the_next_try(guard):
    address = half_sent(guard)
    upload = Upload.objects.get()
    with pytest.raises(errors.WrongLength):
        uploads.append(user=guard.person, upload_id=upload.pk, offset=5000, stream=io.BytesIO(b"short"), length=len(PICTURE) - 5000)
    send(guard, address, PICTURE[5000:], 5000)
    assert Upload.objects.get().sha256 == hashlib.sha256(PICTURE).hexdigest()


@pytest.mark.parametrize(("checksum", "status"), [("sha256 " + base64.b64encode(hashlib.sha256(PICTURE).digest()).decode(), 204), ("sha256 AAAA", 460)])
def test_a_piece_is_compared_with_its_checksum(guard, checksum, status):
    assert send(guard, begun(guard), PICTURE, **{"Upload-Checksum": checksum}).status_code == status


@pytest.mark.parametrize("checksum", ["crc32 AAAA", "sha256 §"])
def test_a_checksum_that_cannot_be_read_is_refused(guard, checksum):
    with pytest.raises(errors.WrongLength):
        uploads.append(
            user=guard.person, upload_id=Upload.objects.get(pk=begun(guard)[-36:]).pk, offset=0, stream=io.BytesIO(PICTURE), length=9, checksum=checksum
        )


def test_an_upload_belongs_to_who_began_it(guard):
    address = half_sent(guard)
    other = Client()
    other.force_login(user("other@example.org", "operator"))
    assert other.head(address, headers=TUS).status_code == 404
    assert send(other, address, PICTURE[5000:], 5000).status_code == 404
    assert other.delete(address, headers=TUS).status_code == 404
    assert offset_of(guard, address) == "5000"


def test_an_upload_goes_on_after_signing_in_again(guard):
    address = half_sent(guard)
    guard.logout()
    assert send(guard, address, PICTURE[5000:], 5000).status_code == 401
    again = Client()
    again.force_login(guard.person)
    assert send(again, address, PICTURE[5000:], int(offset_of(again, address))).status_code == 204


def test_a_person_without_a_role_uploads_nothing(guard):
    guard.person.memberships.all().delete()
    assert begin(guard).status_code == 403


@pytest.mark.parametrize(
    ("headers", "size", "status"),
    [({}, 0, 400), ({}, 2**31 + 1, 413), ({"Upload-Length": "many"}, 1, 400), ({"Upload-Length": ""}, 1, 400), ({"Upload-Length": "-4"}, 1, 400)],
)
def test_an_announcement_that_makes_no_sense_is_refused(guard, headers, size, status):
    answer = begin(guard, size=size, **headers)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(("name", "kept"), [("../../etc/passwd", "passwd"), ("C:\\pictures\\a.jpg", "a.jpg"), ("", "?"), ("x" * 400, "x" * 199 + "…")])
def test_a_name_is_only_a_name(guard, name, kept):
    begin(guard, name=name)
    assert Upload.objects.get().name == kept


def test_a_day_has_its_limit(guard, settings):
    settings.UPLOAD_DAILY = 150_000
    assert begin(guard, size=100_000).status_code == 201
    answer = begin(guard, size=100_000)
    assert answer.status_code == 429
    assert "in a day" in answer.json()["error"][0]


def test_no_room_on_the_disk_is_refused_at_the_start(guard, settings):
    settings.DISK_RESERVE = 2**60
    assert begin(guard).status_code == 507


def test_a_disk_that_fills_up_loses_nothing_that_was_acknowledged(guard, monkeypatch):
    address = half_sent(guard)

    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        answer = send(guard, address, PICTURE[5000:], 5000)
    assert answer.status_code == 507
    assert "no room" in answer.json()["error"][0]
    assert send(guard, address, PICTURE[5000:], 5000).status_code == 204
    assert Upload.objects.get().sha256 == hashlib.sha256(PICTURE).hexdigest()


def test_what_no_tool_reads_is_refused_with_the_first_piece_whatever_its_name(guard):
    content = b"\x7fELF" + bytes(9000)
    address = begun(guard, size=len(content), name="holiday.jpg")
    answer = send(guard, address, content[:5000])
    assert answer.status_code == 415
    assert "holiday.jpg cannot be examined" in answer.json()["error"][0]
    assert not Upload.objects.exists()


def test_a_piece_of_another_type_is_refused(guard):
    assert send(guard, begun(guard), PICTURE, kind="image/jpeg").status_code == 415


def test_an_upload_is_taken_back(guard):
    address = half_sent(guard)
    part = Upload.objects.get().part
    with transaction.atomic():
        assert guard.delete(address, headers=TUS).status_code == 204
    assert guard.head(address, headers=TUS).status_code == 404
    assert not Upload.objects.exists()
    assert part.name


@pytest.mark.django_db(transaction=True)
def test_an_abandoned_upload_is_swept_with_its_pieces(guard):
    half_sent(guard)
    upload = Upload.objects.get()
    Upload.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
    tasks.sweep_uploads(timestamp=0)
    assert not Upload.objects.exists()
    assert not upload.part.exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_became_no_case_is_swept_out_of_the_media_store(guard):
    send(guard, begun(guard), PICTURE)
    upload = Upload.objects.get()
    assert not upload.part.exists()
    Upload.objects.update(expires=timezone.now() - datetime.timedelta(seconds=1))
    uploads.sweep()
    assert not media.exists(upload.sha256)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["pieces", "name", "row"])
def test_one_upload_that_cannot_be_swept_stops_no_other(guard, monkeypatch, fault):
    """Its pieces cannot be deleted, its name is no sha256, or its row cannot be deleted."""
    half_sent(guard)
    bad = Upload.objects.get()
    send(guard, begun(guard), PICTURE)
    good, delete = Upload.objects.exclude(pk=bad.pk).get(), Upload.delete
    if fault == "pieces":
        bad.part.unlink()
        bad.part.mkdir()
    elif fault == "name":
        Upload.objects.filter(pk=bad.pk).update(sha256="no hash")
    else:
        monkeypatch.setattr(Upload, "delete", lambda self: 1 / 0 if self == bad else delete(self))
    Upload.objects.filter(pk=bad.pk).update(expires=timezone.now() - datetime.timedelta(hours=2))
    Upload.objects.filter(pk=good.pk).update(expires=timezone.now() - datetime.timedelta(hours=1))
    uploads.sweep()
    assert not media.exists(good.sha256)
    assert set(Upload.objects.all()) == ({bad} if fault == "row" else set())
    assert bad.part.exists() == (fault != "name")


def test_pieces_without_a_row_are_swept_after_an_hour(settings):
    folder = settings.MEDIA_FOLDER / "incoming"
    folder.mkdir(parents=True)
    old, fresh = folder / str(uuid.uuid4()), folder / str(uuid.uuid4())
    for file in (old, fresh):
        file.write_bytes(b"x")
    os.utime(old, (0, 0))
    uploads.sweep()
    assert (old.exists(), fresh.exists()) == (False, True)


@pytest.mark.django_db(transaction=True)
def test_two_windows_at_one_upload_never_mix(guard):
    address = half_sent(guard)
    writing, go_on = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def read(self, size=-1):
            writing.set()
            assert go_on.wait(30)
            return super().read(size)

    def first_window():
        uploads.append(user=guard.person, upload_id=Upload.objects.get().pk, offset=5000, stream=Slow(PICTURE[5000:]), length=len(PICTURE) - 5000)
        connection.close()

    thread = threading.Thread(target=first_window)
    thread.start()
    assert writing.wait(30)
    refused = send(guard, address, b"\0" * 100, 5000)
    go_on.set()
    thread.join(30)
    assert refused.status_code == 423
    assert Upload.objects.get().sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert send(guard, address, PICTURE[5000:], 5000).status_code == 409


@pytest.mark.parametrize(("headers", "status"), [([(b"content-length", str(9 * 2**20).encode())], 413), ([(b"transfer-encoding", b"chunked")], 411)])
def test_a_piece_past_the_limit_is_refused_before_it_is_read(headers, status):
    scope = {"type": "http", "method": "PATCH", "path": f"/api/v1/uploads/{uuid.uuid4()}", "headers": headers, "query_string": b""}

    async def ask():
        client = ApplicationCommunicator(application, scope)
        answer = await client.receive_output(10)  # nothing of the body was sent
        await client.receive_output(10)
        return answer

    assert async_to_sync(ask)()["status"] == status
