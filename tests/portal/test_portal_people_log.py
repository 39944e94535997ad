"""The face log: what the law wants known of each recognition, two people who verify it alone, and the end of keeping it."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import time
import uuid

import numpy as np
import pytest
from alert_scene import JPEG, Scene, scene, user
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from portal.alerts.models import Alert, Event
from portal.core import media
from portal.core.models import AuditRow
from portal.people import erase, log, verifiers
from portal.people.models import Person, Recognition, Template, Verification

pytestmark = pytest.mark.django_db
VISIT = "ab" * 16


@pytest.fixture
def square() -> Scene:
    return scene()


@pytest.fixture
def anna(square) -> Person:
    return enrolled(square, "Anna")


def enrolled(square: Scene, name: str, **changes) -> Person:
    fields = {"legal_basis": "consent", "document": "folder 7", "owner": square.manager, "expires": timezone.now() + datetime.timedelta(days=9), **changes}
    person = Person.objects.create(site=square.site, name=name, **fields)
    Template.objects.create(person=person, vector=np.eye(128)[0])
    return person


def visit_of(who: Person | str, ended: float | None = None, **changes) -> dict:
    t = time.time()
    about = {"visit": VISIT, "person": str(getattr(who, "uid", who)), "started": t - 5, "frames": 6, "score": 0.71, "threshold": 0.44}
    about |= {"people": 3, "gallery_version": 4, "net": "face-embedding", **({"ended": ended} if ended else {})}
    return {**about, **changes}


def report(square: Scene, data: dict, **changes) -> dict:
    sent = square.event(kind="recognised", legal_mode="M1", data=data, models={"face-embedding": "c" * 64}, **changes)
    square.record(sent)
    return sent


def test_a_visit_is_one_line_with_all_that_the_law_names(square, anna):
    sent = report(square, visit_of(anna), snapshot=media.put(JPEG))
    report(square, visit_of(anna, time.time()))
    (row,) = Recognition.objects.all()
    assert (row.camera, row.person, str(row.event_id)) == (square.camera, anna, sent["id"])
    assert (row.score, row.threshold, row.frames, row.people, row.gallery_version) == (0.71, 0.44, 6, 3, 4)
    assert (row.net, row.model_sha256, row.snapshot) == ("face-embedding", "c" * 64, sent["snapshot"])
    assert row.started < row.ended


def test_the_end_may_come_before_the_beginning(square, anna):
    report(square, visit_of(anna, time.time()))
    sent = report(square, visit_of(anna), snapshot=media.put(JPEG))
    (row,) = Recognition.objects.all()
    assert (str(row.event_id), row.snapshot) == (sent["id"], sent["snapshot"])
    assert row.ended is not None


def test_an_event_that_comes_twice_is_one_line(square, anna):
    sent = report(square, visit_of(anna))
    square.record(sent)
    report(square, visit_of(anna))
    assert Recognition.objects.count() == 1


def test_a_visit_whose_name_was_corrected_has_a_line_for_each(square, anna):
    bruno = enrolled(square, "Bruno")
    report(square, visit_of(anna))
    report(square, visit_of(bruno))
    report(square, visit_of(bruno, time.time()))
    assert {row.person.name: row.ended is not None for row in Recognition.objects.all()} == {"Anna": False, "Bruno": True}


NONSENSE = [
    {"person": None}, {"person": "nobody"}, {"visit": ""}, {"visit": "x" * 33}, {"visit": "../../etc"}, {"started": "now"}, {"started": 1e30},
    {"score": float("1e9")}, {"score": None}, {"frames": -1}, {"frames": True}, {"people": 2**40}, {"ended": "later"},
]  # fmt: skip


@pytest.mark.parametrize("changes", NONSENSE, ids=str)
def test_what_makes_no_sense_is_no_line_and_loses_no_event(square, anna, changes):
    good = square.event(data={"zone": "altar"})
    bad = square.event(kind="recognised", legal_mode="M1", data=visit_of(anna, **changes))
    assert len(square.record(bad, good).accepted) == 2
    assert Recognition.objects.count() == 0


def test_a_missing_field_is_no_line(square, anna):
    data = visit_of(anna)
    del data["threshold"]
    report(square, data)
    assert Recognition.objects.count() == 0


def test_somebody_of_another_site_is_no_line(square):
    other = enrolled(scene("tower"), "Carla")
    report(square, visit_of(other))
    assert Recognition.objects.count() == 0


def test_who_was_revoked_meanwhile_still_has_a_line(square, anna):
    Person.objects.filter(pk=anna.pk).update(revoked=timezone.now())
    report(square, visit_of(anna))
    assert Recognition.objects.count() == 1


def test_nobody_unknown_to_the_list_gets_a_line(square):
    report(square, visit_of(str(uuid.uuid4())))
    assert (Recognition.objects.count(), Alert.objects.count()) == (0, 0)


@pytest.fixture
def row(square, anna) -> Recognition:
    report(square, visit_of(anna), snapshot=media.put(JPEG))
    return Recognition.objects.get()


@pytest.mark.parametrize(("answers", "verdict"), [("yes yes", "right"), ("no no", "wrong"), ("yes no", "unclear"), ("yes unsure", "unclear")])
def test_two_answers_settle_it(square, row, answers, verdict):
    first, second = answers.split()
    assert verifiers.verify(user=square.manager, pk=row.pk, answer=first).verdict == "waiting"
    assert verifiers.verify(user=square.operator, pk=row.pk, answer=second).verdict == verdict


def test_nobody_answers_twice_and_no_third_person_answers(square, row):
    verifiers.verify(user=square.manager, pk=row.pk, answer="yes")
    with pytest.raises(ValidationError, match="another person"):
        verifiers.verify(user=square.manager, pk=row.pk, answer="yes")
    verifiers.verify(user=square.operator, pk=row.pk, answer="yes")
    with pytest.raises(ValidationError, match="Two people"):
        verifiers.verify(user=user("third@square.example", "operator", square.site), pk=row.pk, answer="no")
    assert row.verifications.count() == 2


def test_an_administrator_or_somebody_of_another_site_does_not_answer(square, row):
    for stranger in (square.administrator, scene("tower").operator):
        with pytest.raises(PermissionDenied):
            verifiers.verify(user=stranger, pk=row.pk, answer="yes")


def seals(verb: str) -> list[dict]:
    return [row.data for row in AuditRow.objects.filter(verb=verb).order_by("id")]


def test_the_audit_log_holds_answers_sealed_until_both_are_in(square, row):
    verifiers.verify(user=square.manager, pk=row.pk, answer="no")
    (first,) = seals("recognition.verified")
    assert (set(first), first["conclusion"]) == ({"conclusion", "sealed"}, 1)
    assert seals("recognition.concluded") == []
    verifiers.verify(user=square.operator, pk=row.pk, answer="no")
    (opened,) = seals("recognition.concluded")
    assert opened["verdict"] == "wrong"
    assert [each["sealed"] for each in opened["conclusions"]] == [each["sealed"] for each in seals("recognition.verified")]
    assert [(each["verifier"], each["answer"]) for each in opened["conclusions"]] == [(square.manager.pk, "no"), (square.operator.pk, "no")]


def test_equal_answers_have_different_seals_and_anybody_can_compute_them_again(square, row):
    for who in (square.manager, square.operator):
        verifiers.verify(user=who, pk=row.pk, answer="yes")
    (opened,) = seals("recognition.concluded")
    made = [hashlib.sha256(f"{each['nonce']}\n{each['answer']}".encode()).hexdigest() for each in opened["conclusions"]]
    assert made == [each["sealed"] for each in opened["conclusions"]]
    assert made[0] != made[1]


def test_an_answer_changed_in_the_database_no_longer_fits_its_seal(square, row):
    verifiers.verify(user=square.manager, pk=row.pk, answer="no")
    given = row.verifications.get()
    given.answer = "yes"
    assert verifiers.RULE.seal(given) != seals("recognition.verified")[0]["sealed"]


def page(who, path: str, **data) -> tuple[int, str]:
    client = Client()
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(path, data) if data else client.get(path)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, content.decode()


def test_the_second_verifier_does_not_see_the_first_answer(square, row):
    verifiers.verify(user=square.manager, pk=row.pk, answer="no")
    text = page(square.operator, f"/people/log/{row.pk}/")[1]
    assert "One person has answered" in text
    assert "manager" not in text.split("<main")[1]
    assert "stays closed" in page(square.manager, f"/people/log/{row.pk}/")[1]


def test_after_both_everybody_sees_both(square, row):
    path = f"/people/log/{row.pk}/"
    assert page(square.manager, path, answer="no")[0] == 302
    assert page(square.operator, path, answer="no")[0] == 302
    text = page(square.operator, path)[1]
    assert text.count("No, it is somebody else") == 2
    assert "Wrong person" in text


def test_a_second_answer_of_the_same_person_is_a_sentence_and_422(square, row):
    path = f"/people/log/{row.pk}/"
    page(square.manager, path, answer="yes")
    status, text = page(square.manager, path, answer="no")
    assert status == 422
    assert "another person" in text


def test_the_picture_is_for_readers_of_the_site_only(square, row):
    path = f"/people/log/{row.pk}/picture.jpg"
    assert page_status(square.operator, path) == 200
    assert page_status(scene("tower").operator, path) == 404
    assert page_status(square.administrator, path) == 403


def page_status(who, path: str) -> int:
    client = Client()
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    return client.get(path).status_code


def test_the_list_shows_filters_and_says_when_nothing_fits(square, row, anna):
    assert "Anna" in page(square.operator, "/people/log/")[1].split("<table")[1]
    assert "Nothing fits" in page(square.operator, "/people/log/?verdict=wrong")[1]
    assert "<table" in page(square.operator, f"/people/log/?person={anna.pk}&camera={square.camera.pk}&from=2020-01-01&to=2999-12-31")[1]


def test_what_was_found_of_a_face_being_live_stands_in_log_filter_and_table(square, anna):
    report(square, visit_of(anna, liveness="cannot-say", liveness_reason="small"))
    text = page(square.operator, f"/people/log/{Recognition.objects.get().pk}/")[1]
    assert "Cannot say whether it is live: the face was too small" in text
    assert "Nothing fits" in page(square.operator, "/people/log/?liveness=not-live")[1]
    report(square, visit_of(anna, time.time(), liveness="not-live", looks=3))
    report(square, visit_of(anna, liveness="live"))  # an older message that comes late
    assert Recognition.objects.get().liveness == "not-live"
    found = page(square.operator, "/people/log/?liveness=not-live")[1]
    assert "the name does not stand" in found.split("<table")[1]
    assert "/?kind=not_live_face" in found
    (line,) = csv.DictReader(io.StringIO(page(square.manager, "/people/log.csv")[1]))
    assert line["liveness"] == "not-live"


def test_of_a_door_that_does_not_ask_the_log_says_nothing(square, row):
    assert row.liveness == ""
    assert "Live face</dt>" not in page(square.operator, f"/people/log/{row.pk}/")[1]


@pytest.mark.parametrize(
    "query", ["liveness=maybe", "person=x", "camera=99999999999999999999999", "from=2026-99-99", "to=0001-01-01", "verdict=maybe", "page=-4", "page=x"]
)
def test_an_address_that_makes_no_sense_is_no_error(square, row, query):
    assert page(square.manager, f"/people/log/?{query}")[0] == 200


def test_an_empty_log_says_so(square):
    assert "Nobody was recognised yet" in page(square.manager, "/people/log/")[1]


def test_long_logs_come_in_pages(square, anna):
    rows = [Recognition(camera=square.camera, person=anna, visit=f"{n:032x}", **shape()) for n in range(60)]
    Recognition.objects.bulk_create(rows)
    text = page(square.manager, "/people/log/?verdict=waiting")[1]
    assert text.count("<tr>") == 51
    assert "verdict=waiting&amp;page=2" in text


def shape(**changes) -> dict:
    numbers = {"gallery_version": 1, "people": 3, "score": 0.7, "threshold": 0.44, "frames": 5, "net": "face-embedding"}
    return {"started": timezone.now(), **numbers, **changes}


def test_the_table_for_spreadsheets_carries_nothing_out(square):
    evil = enrolled(square, '=HYPERLINK("http://evil.example")')
    report(square, visit_of(evil))
    status, text = page(square.manager, "/people/log.csv")
    (line,) = csv.DictReader(io.StringIO(text))
    assert status == 200
    assert line["person"].startswith("'=")
    assert (line["score"], line["gallery_version"], line["verifiers"]) == ("0.7100", "4", "")


def test_an_operator_takes_no_table_away(square, row):
    assert page_status(square.operator, "/people/log.csv") == 403


def test_after_thirty_days_line_event_and_picture_are_gone(square, anna, row):
    Recognition.objects.update(started=timezone.now() - datetime.timedelta(days=31))
    Event.objects.update(t=timezone.now() - datetime.timedelta(days=31))
    assert log.forget_old() == 1
    assert (Recognition.objects.count(), Event.objects.filter(kind="recognised").count(), media.exists(row.snapshot)) == (0, 0, False)
    assert AuditRow.objects.filter(verb="recognition.forgotten").count() == 1


def test_what_is_younger_or_no_recognition_stays(square, row):
    square.record(square.event(t=time.time() - 40 * 86_400))
    assert log.forget_old() == 0
    assert (Recognition.objects.count(), Event.objects.count(), media.exists(row.snapshot)) == (1, 2, True)


@pytest.mark.django_db(transaction=True)
def test_erasing_a_person_takes_the_log_with_it(square, anna):
    report(square, visit_of(anna), snapshot=media.put(JPEG))
    row = Recognition.objects.get()
    verifiers.verify(user=square.operator, pk=row.pk, answer="yes")
    erase.erase(anna.uid, square.manager, wait_s=0)
    assert (Recognition.objects.count(), Verification.objects.count(), media.exists(row.snapshot)) == (0, 0, False)
