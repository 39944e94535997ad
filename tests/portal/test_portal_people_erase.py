"""Erasing a person: rows, pictures, stores and files forget; the audit log keeps one line."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path

import pytest
from alert_scene import scene
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from test_portal_people import door, enrolled

from portal.alerts.models import Alert, Event, HistoryEntry
from portal.analysis.models import Case, CaseFile
from portal.core import media
from portal.core.models import AuditRow
from portal.people import erase
from portal.people import erase_stores as stores
from portal.people.models import Person, Template

pytestmark = pytest.mark.django_db(transaction=True)


def event_of(at, **changes) -> Event:
    fields = {"pk": uuid.uuid4(), "t": "2026-01-01T00:00Z", "received": "2026-01-01T00:00Z"}
    fields |= {"seq": 1, "kind": "recognised", "score": 0.8, "legal_mode": "M1"}
    return Event.objects.create(camera=at.camera, **{**fields, **changes})


def test_the_person_the_templates_the_recognitions_and_their_pictures_are_gone():
    at = scene()
    person, picture = enrolled(at), media.put(b"\xff\xd8 a face")
    event_of(at, data={"person": str(person.uid)}, snapshot=picture)
    proof = erase.erase(person.uid, at.manager, wait_s=0)
    assert not (Person.objects.exists())
    assert not (Template.objects.exists())
    assert not (Event.objects.exists())
    assert not media.exists(picture)
    assert proof.deleted["people.Template"] == 1
    assert proof.deleted["pictures and clips"] == 1


def test_an_alert_about_a_stranger_behind_the_person_stays_without_the_name_and_the_picture():
    at = scene()
    person, picture = enrolled(at), media.put(b"\xff\xd8 two people")
    event = event_of(at, kind="tailgating", data={"known": str(person.uid), "seconds": 2}, snapshot=picture)
    erase.erase(person.uid, at.manager, wait_s=0)
    event.refresh_from_db()
    assert event.data == {"known": "erased", "seconds": 2}
    assert event.snapshot is None
    assert not media.exists(picture)


def test_a_picture_that_lies_in_a_case_stays_and_the_proof_counts_it():
    at = scene()
    person, picture = enrolled(at), media.put(b"\xff\xd8 a face")
    event_of(at, data={"person": str(person.uid)}, snapshot=picture)
    case = Case.objects.create(title="who was it", site=at.site, opened_by=at.operator)
    CaseFile.objects.create(case=case, name="a", sha256=picture, size=1, kind="JPEG")
    proof = erase.erase(person.uid, at.manager, wait_s=0)
    assert media.exists(picture)
    assert (proof.held, proof.deleted.get("pictures and clips", 0)) == (1, 0)


def test_the_alert_about_a_stranger_behind_the_person_shows_the_picture_no_more():
    at = scene()
    person, picture = enrolled(at), media.put(b"\xff\xd8 two people")
    alert = at.alert(kind="tailgating", data={"known": str(person.uid), "seconds": 2}, snapshot=picture)
    assert alert.picture == picture
    erase.erase(person.uid, at.manager, wait_s=0)
    alert.refresh_from_db()
    assert (alert.picture, media.exists(picture)) == ("", False)


def test_no_column_of_any_table_is_forgotten():
    """A table of tomorrow with the id in every kind of column."""
    uid = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tomorrow (n int, id uuid, must uuid NOT NULL, j json, jb jsonb, t text, c varchar(90), a text[], b bytea)")
        try:
            row = "INSERT INTO tomorrow (n, id, must, j, jb, t, c, a, b) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            other = uuid.uuid4()
            content = json.dumps({"who": str(uid)})
            cursor.execute(row, [1, uid, other, content, content, f"x {uid}", uid.hex.upper(), ["a"], b"a"])
            cursor.execute(row, [2, other, uid, "{}", "{}", "", "", [], b""])
            cursor.execute(row, [3, other, other, "{}", "{}", "", "", [str(uid)], b""])
            cursor.execute(row, [4, other, other, "{}", "{}", "", "", [], b"12" + uid.bytes])
            cursor.execute(row, [5, other, other, "{}", "{}", "", "", [], b""])
            stores.scrub_rows(uid)
            cursor.execute("SELECT n, id, j::text, jb::text, t, c FROM tomorrow ORDER BY n")
            left = cursor.fetchall()
        finally:
            cursor.execute("DROP TABLE tomorrow")
    assert left == [(1, None, '{"who": "erased"}', '{"who": "erased"}', "x erased", "erased"), (5, other, "{}", "{}", "", "")]


def test_words_that_somebody_wrote_lose_the_id_and_stay():
    at = scene()
    person = enrolled(at)
    opened = {"camera": at.camera, "kind": "loitering"} | dict.fromkeys(("opened", "last_t", "changed"), "2026-01-01T00:00Z")
    entry = HistoryEntry.objects.create(alert=Alert.objects.create(**opened), verb="note", text=f"was it {person.uid}?")
    erase.erase(person.uid, at.manager, wait_s=0)
    entry.refresh_from_db()
    assert entry.text == "was it erased?"


def test_the_cache_and_the_logs_forget_the_id():
    at = scene()
    person = enrolled(at)
    cache.set(f"face:{person.uid}", 1, 60)
    log = Path(settings.HOME) / "logs" / "try.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text(f"a {person.uid} b\n")
    erase.erase(person.uid, at.manager, wait_s=0)
    assert cache.get(f"face:{person.uid}") is None
    assert log.read_text() == f"a {'x' * 36} b\n"
    log.unlink()


def test_every_file_of_the_home_folder_is_looked_at_and_only_the_audit_log_names_the_person():
    at = scene()
    proof = erase.erase(enrolled(at).uid, at.manager, wait_s=0)
    assert proof.residue.left == []
    assert proof.residue.unread == []
    assert proof.residue.files > 100
    assert {hit.audit for hit in proof.residue.hits} == {True}
    assert proof.clean


def test_a_file_that_still_names_the_person_is_said_and_the_command_ends_with_one():
    at = scene()
    person = enrolled(at)
    left = Path(settings.HOME) / "forgotten.csv"
    left.write_text(f"name,{person.uid}\n")
    try:
        output = io.StringIO()
        with pytest.raises(SystemExit, match="1"):
            call_command("erase_person", str(person.uid), "--wait", "0", stdout=output)
    finally:
        left.unlink()
    proof = json.loads(output.getvalue())
    assert [hit["file"] for hit in proof["residue"]["hits"] if not hit["audit"]] == ["forgotten.csv"]
    assert not proof["clean"]


def test_an_agent_that_has_not_confirmed_is_waited_for_and_then_said_to_be_waiting():
    at = scene()
    door(at)
    person = enrolled(at)
    at.agent.health = {"gallery": {"version": 2}}
    at.agent.save()
    proof = erase.erase(person.uid, at.manager, wait_s=0)
    assert [each["state"] for each in proof.document()["agents"]] == ["waiting"]
    assert not proof.clean
    at.agent.health = {"gallery": {"version": 3}}
    at.agent.save()
    assert erase.erase(person.uid, at.manager, wait_s=0).clean


def test_a_second_erasing_only_looks_again():
    at = scene()
    person = enrolled(at)
    first = erase.erase(person.uid, at.manager, wait_s=0)
    at.site.refresh_from_db()
    version = at.site.people_version
    again = erase.erase(person.uid, at.manager, wait_s=0)
    at.site.refresh_from_db()
    assert (first.first, again.first) == (True, False)
    assert at.site.people_version == version
    assert again.clean


def test_what_a_kill_left_half_done_is_finished_by_the_second_call(monkeypatch):
    at = scene()
    person = enrolled(at)
    with monkeypatch.context() as patch:
        patch.setattr(stores, "rewrite_database", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase.erase(person.uid, at.manager, wait_s=0)
    assert not AuditRow.objects.filter(verb=erase.ERASED).exists()
    assert erase.erase(person.uid, at.manager, wait_s=0).clean


def test_an_id_that_was_never_known_is_an_error():
    scene()
    with pytest.raises(CommandError, match="Nobody with the id"):
        call_command("erase_person", str(uuid.uuid4()))


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_only_a_manager_of_the_site_erases(role):
    at = scene()
    person = enrolled(at)
    with pytest.raises(PermissionDenied):
        erase.erase(person.uid, getattr(at, role), wait_s=0)
    assert Person.objects.exists()
