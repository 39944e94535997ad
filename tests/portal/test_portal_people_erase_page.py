"""The page that erases: the name typed, the proof read, nobody else's people."""

from __future__ import annotations

import uuid

import pytest
from alert_scene import scene
from django.urls import reverse
from test_portal_people import enrolled

from portal.people.models import Person

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(uid) -> str:
    return reverse("people:erase", args=[uid])


def test_the_list_leads_to_the_page_that_asks_for_the_name(client):
    at = scene()
    person = enrolled(at)
    client.force_login(at.manager)
    assert page_of(person.uid) in client.get(reverse("people:list")).text
    assert "Type the name “Custode 1” to confirm" in client.get(page_of(person.uid)).text


@pytest.mark.parametrize("name", ["", "custode 1", "Custode"])
def test_a_wrong_name_erases_nothing(client, name):
    at = scene()
    person = enrolled(at)
    client.force_login(at.manager)
    answer = client.post(page_of(person.uid), {"name": name})
    assert answer.status_code == 422
    assert "nothing was erased" in answer.text
    assert Person.objects.filter(pk=person.pk).exists()


def test_the_right_name_erases_and_shows_the_proof_and_the_page_looks_again(client):
    at = scene()
    person = enrolled(at)
    client.force_login(at.manager)
    assert "Erased: nothing is left" in client.post(page_of(person.uid), {"name": "Custode 1"}).text
    assert not Person.objects.exists()
    assert "Erased before" in client.get(page_of(person.uid)).text
    assert "Erased: nothing is left" in client.post(page_of(person.uid)).text


@pytest.mark.parametrize("role", ["operator", "administrator"])
def test_the_page_is_for_managers(client, role):
    at = scene()
    person = enrolled(at)
    client.force_login(getattr(at, role))
    assert client.post(page_of(person.uid), {"name": "Custode 1"}).status_code in (403, 404)
    assert Person.objects.exists()


def test_people_of_other_sites_and_of_nowhere_are_not_found(client):
    at, other = scene(), scene("tower")
    person = enrolled(other)
    client.force_login(at.manager)
    assert client.post(page_of(person.uid), {"name": "Custode 1"}).status_code == 404
    assert client.get(page_of(uuid.uuid4())).status_code == 404
    assert Person.objects.exists()
