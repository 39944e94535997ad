"""The staff list: nobody without paper, one face a picture, forgotten when revoked or expired."""

from __future__ import annotations

import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from alert_scene import scene, user
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from portal.core.models import AuditRow
from portal.people import actions
from portal.people.models import Person, Template
from portal.sites.models import LegalMode

pytestmark = pytest.mark.django_db
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"


def face(number: int = 1) -> bytes:
    return (STAFF / f"custode-{number}.jpg").read_bytes()


def blank() -> bytes:
    return bytes(cv2.imencode(".png", np.full((300, 300, 3), 128, np.uint8))[1])


def two_faces() -> bytes:
    one = cv2.imdecode(np.frombuffer(face(), np.uint8), cv2.IMREAD_COLOR)
    return bytes(cv2.imencode(".png", np.hstack([one, one]))[1])


def in_days(days: float) -> datetime.datetime:
    return timezone.now() + datetime.timedelta(days=days)


def enrolled(at, **changes) -> Person:
    paper = {"name": "Custode 1", "legal_basis": "consent", "document": "folder 7", "alternative": "badge", "expires": in_days(30), "pictures": [face()]}
    return actions.enrol(user=at.manager, site=at.site, **{**paper, **changes})


def door(at):
    at.camera.legal_mode = LegalMode.M1
    at.camera.save()
    return at.camera


@pytest.mark.parametrize(
    "changes",
    [
        {"legal_basis": ""},
        {"legal_basis": "curiosity"},
        {"document": " "},
        {"name": " "},
        {"expires": in_days(-1)},
        {"expires": in_days(4000)},
        {"pictures": []},
        {"pictures": [b""]},
        {"pictures": [b"no picture"]},
        {"pictures": [blank()]},
        {"pictures": [two_faces()]},
        {"pictures": [face(), blank()]},
    ],
)
def test_nobody_is_enrolled_without_paper_or_with_a_picture_that_does_not_show_one_face(changes):
    at = scene()
    with pytest.raises(ValidationError):
        enrolled(at, **changes)
    assert not Person.objects.exists()
    assert not Template.objects.exists()


def test_the_same_name_twice_at_a_site_is_refused():
    at = scene()
    enrolled(at)
    with pytest.raises(ValidationError, match="already"):
        enrolled(at)


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_only_a_manager_of_the_site_enrols(role):
    at = scene()
    at.manager = getattr(at, role)
    with pytest.raises(PermissionDenied):
        enrolled(at)


def test_every_change_raises_the_version_of_the_sites_list_and_the_person_carries_it():
    at = scene()
    person, changes = enrolled(at), []
    for act in (lambda: actions.change(user=at.manager, uid=person.uid, expires=in_days(9)), lambda: actions.revoke(user=at.manager, uid=person.uid)):
        act()
        person.refresh_from_db()
        at.site.refresh_from_db()
        changes.append((person.changed, at.site.people_version))
    assert changes == [(3, 3), (4, 4)]


def test_doing_nothing_twice_raises_no_version():
    at = scene()
    person = enrolled(at)
    actions.change(user=at.manager, uid=person.uid, expires=person.expires)
    actions.revoke(user=at.manager, uid=person.uid)
    actions.revoke(user=at.manager, uid=person.uid)
    at.site.refresh_from_db()
    assert at.site.people_version == 3


def test_the_audit_log_knows_a_person_by_the_name_for_machines():
    at = scene()
    person = enrolled(at)
    actions.revoke(user=at.manager, uid=person.uid)
    assert list(AuditRow.objects.filter(subject=f"person:{person.uid}").values_list("verb", flat=True)) == ["person.enrolled", "person.revoked"]


def test_both_templates_of_a_picture_are_normalised_and_differ():
    template = enrolled(scene()).templates.get()
    assert np.linalg.norm(template.vector) == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(template.small) == pytest.approx(1, abs=1e-3)
    assert 0.5 < float(np.dot(template.vector, template.small)) < 0.9999


def test_a_person_may_be_let_through_one_door_only():
    at = scene()
    assert list(enrolled(at, doors=[door(at)]).doors.all()) == [at.camera]


@pytest.mark.parametrize("where", ["a camera in mode M0", "another site"])
def test_only_restricted_doors_of_the_site_can_be_chosen(where):
    at = scene()
    wrong = at.camera if where == "a camera in mode M0" else door(scene("elsewhere"))
    with pytest.raises(ValidationError, match="restricted doors"):
        enrolled(at, doors=[wrong])
    assert not Person.objects.exists()


def test_who_was_revoked_cannot_be_changed():
    at = scene()
    person = actions.revoke(user=at.manager, uid=enrolled(at).uid)
    with pytest.raises(Person.DoesNotExist):
        actions.change(user=at.manager, uid=person.uid, expires=in_days(9))


def test_an_end_date_too_far_away_changes_nothing():
    at = scene()
    person = enrolled(at)
    with pytest.raises(ValidationError, match="end date"):
        actions.change(user=at.manager, uid=person.uid, expires=in_days(400))
    person.refresh_from_db()
    assert person.changed == 2


def test_revoking_deletes_the_templates_and_frees_the_name():
    at = scene()
    actions.revoke(user=at.manager, uid=enrolled(at).uid)
    assert not Template.objects.exists()
    assert enrolled(at).valid


def test_the_audit_log_holds_no_name_and_no_template():
    enrolled(scene())
    assert "Custode" not in str(AuditRow.objects.get(verb="person.enrolled").data)


def test_the_page_enrols_and_revokes(client):
    at = scene()
    client.force_login(at.manager)
    form = {
        "site": at.site.pk,
        "name": "Custode 1",
        "legal_basis": "consent",
        "document": "folder 7",
        "alternative": "badge",
        "expires": f"{in_days(30):%Y-%m-%d}",
    }
    picture = SimpleUploadedFile("a.jpg", face())
    assert "is on the staff list" in client.post(reverse("people:enrol"), {**form, "pictures": picture}, follow=True).content.decode()
    client.post(reverse("people:revoke", args=[Person.objects.get().uid]))
    assert Person.objects.get().revoked


def test_the_page_says_why_somebody_was_not_enrolled(client):
    at = scene()
    client.force_login(at.manager)
    form = {"site": at.site.pk, "name": "C", "legal_basis": "consent", "document": "d", "alternative": "badge", "expires": f"{in_days(9):%Y-%m-%d}"}
    answer = client.post(reverse("people:enrol"), {**form, "pictures": SimpleUploadedFile("a.png", blank())})
    assert answer.status_code == 422
    assert b"no face was found" in answer.content


def test_a_manager_of_another_site_cannot_revoke(client):
    person = enrolled(scene())
    client.force_login(user("other@example.org", "manager", scene("elsewhere").site))
    assert client.post(reverse("people:revoke", args=[person.uid])).status_code == 404


def test_an_operator_does_not_see_the_staff_list(client):
    client.force_login(scene().operator)
    assert client.get(reverse("people:list")).status_code == 403
