"""Enrolling a scan that lies on its side, or without another way in; the list and the pages of those who were enrolled."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import pytest
from alert_scene import scene, user
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from portal.core.models import AuditRow
from portal.people import actions
from portal.people.models import Person, Template

pytestmark = pytest.mark.django_db
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
PAPER = {"legal_basis": "consent", "document": "folder 7", "alternative": "badge", "expires": timezone.now() + datetime.timedelta(days=30)}


def portrait(number: int = 1) -> Image.Image:
    return Image.open(STAFF / f"custode-{number}.jpg").convert("RGB")


def saved(picture: Image.Image, kind: str = "JPEG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def face(number: int = 1) -> bytes:
    return (STAFF / f"custode-{number}.jpg").read_bytes()


def result(client, site, content: bytes, name: str = "a.jpg"):
    return client.post(reverse("people:judge"), {"site": site.pk, "picture": SimpleUploadedFile(name, content)})


def test_a_picture_on_its_side_is_told_and_fits_once_it_may_be_turned(client):
    at = scene()
    client.force_login(at.manager)
    lying = saved(portrait().rotate(90, expand=True))
    found = result(client, at.site, lying).json()
    assert (found["fits"], found["turned"]) == (False, True)
    body = {"site": at.site.pk, "turn": "1", "picture": SimpleUploadedFile("a.jpg", lying)}
    assert client.post(reverse("people:judge"), body).json()["fits"]
    actions.enrol(user=at.manager, site=at.site, name="Anna", pictures=[lying], turn=True, **PAPER)
    assert Template.objects.count() == 1


def test_consent_without_another_way_in_is_refused_until_the_manager_answers_for_it(client):
    at = scene()
    client.force_login(at.manager)
    form = {"site": at.site.pk, "name": "Anna", "legal_basis": "consent", "document": "7", "expires": f"{timezone.localdate() + datetime.timedelta(days=9)}"}
    refused = client.post(reverse("people:enrol"), {**form, "pictures": [SimpleUploadedFile("a.jpg", face())]})
    assert refused.status_code == 422
    assert "the Garante, on 22 February 2024" in refused.content.decode()
    assert Person.objects.count() == 0
    taken = client.post(reverse("people:enrol"), {**form, "without_alternative": "on", "pictures": [SimpleUploadedFile("a.jpg", face())]})
    assert taken.status_code == 302
    assert AuditRow.objects.get(verb="person.enrolled").data["alternative"] is False


def enrolled(at, name: str = "Anna", number: int = 1, **changes) -> Person:
    return actions.enrol(user=at.manager, site=at.site, name=name, **{**PAPER, "pictures": [face(number)], **changes})


def test_a_person_of_another_site_is_not_found(client):
    person = enrolled(scene())
    client.force_login(user("other@example.org", "manager", scene("tower").site))
    assert client.get(reverse("people:person", args=[person.uid])).status_code == 404


def test_who_was_revoked_has_a_page_without_a_form(client):
    at = scene()
    person = actions.revoke(user=at.manager, uid=enrolled(at).uid)
    client.force_login(at.manager)
    text = client.get(reverse("people:person", args=[person.uid])).text
    assert 'class="change"' not in text
    assert "nobody is recognised by them" in text


def test_the_list_is_searched_and_comes_in_pages(client):
    at = scene()
    rows = [Person(site=at.site, name=f"Person {n:03d}", document="x", legal_basis="consent", owner=at.manager, expires=PAPER["expires"]) for n in range(120)]
    Person.objects.bulk_create(rows)
    client.force_login(at.manager)
    text = client.get(reverse("people:list")).text
    assert text.count("/erase") == 50
    assert "Page 1 of 3" in text
    assert client.get(reverse("people:list"), {"q": "person 117"}).text.count("/erase") == 1
    assert "Nobody fits" in client.get(reverse("people:list"), {"q": "zz\x00"}).text
