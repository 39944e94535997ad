"""The staff list on its way to an agent: only for doors in mode M1, sealed for that agent, only what has changed, nobody expired."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from alert_scene import scene, user
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.core.exceptions import PermissionDenied

from federated.trust.signing import public_text
from federated.trust.staff_list import GalleryRejected, box_text, pack, read_entry, read_list, unseal
from portal.accounts.models import User
from portal.people import actions, staff_list
from portal.people.models import Person
from portal.sites import actions as sites
from portal.sites.config import portal_key
from portal.sites.models import LegalMode
from tests.portal.portal_scene import machine, place
from tests.portal.test_portal_people import door, enrolled, face, in_days
from tests.portal.test_portal_sites_machines import beat

pytestmark = pytest.mark.django_db
KEY = X25519PrivateKey.generate()
OTHER = X25519PrivateKey.generate()


def public() -> str:
    return public_text(portal_key())


def held_by_agent(at, version: int = 0):
    """The list and the entries that an agent holding `version` reads."""
    document = staff_list.news(at.camera, version, box_text(KEY))
    listed = read_list(document["list"], at.site.slug, at.camera.slug, public())
    return listed, {entry.person: entry for entry in (read_entry(each, at.site.slug, public()) for each in unseal(document["sealed"], KEY))}


def again(at):
    at.camera.refresh_from_db()
    at.camera.site.refresh_from_db()
    return at


def test_a_door_in_mode_m1_is_told_of_enrolled_staff():
    at = scene()
    door(at)
    person = enrolled(at)
    listed, entries = held_by_agent(again(at))
    assert (listed.version, listed.people) == (2, {str(person.uid): 2})
    assert np.linalg.norm(entries[str(person.uid)].template) == pytest.approx(1, abs=1e-3)
    assert entries[str(person.uid)].small is not None
    assert entries[str(person.uid)].expires == pytest.approx(person.expires.timestamp())


def test_names_and_numbers_of_rows_never_leave():
    at = scene()
    door(at)
    enrolled(at)
    assert "Custode" not in json.dumps(staff_list.news(again(at).camera, 0, box_text(KEY)))


def test_only_the_agent_with_the_key_reads_templates():
    at = scene()
    door(at)
    person = enrolled(at)
    document = staff_list.news(again(at).camera, 0, box_text(KEY))
    assert pack(person.templates.get().vector) not in json.dumps(document)
    with pytest.raises(GalleryRejected):
        unseal(document["sealed"], OTHER)


def test_who_has_the_version_is_told_nothing():
    at = scene()
    door(at)
    enrolled(at)
    assert staff_list.news(again(at).camera, at.camera.site.people_version, box_text(KEY)) is None


def test_only_what_has_changed_since_is_sent():
    at = scene()
    door(at)
    first = enrolled(at)
    second = enrolled(at, name="Custode 2", pictures=[face(2)])
    listed, entries = held_by_agent(again(at), version=2)
    assert set(listed.people) == {str(first.uid), str(second.uid)}
    assert set(entries) == {str(second.uid)}


def test_a_revoked_person_is_missing_in_the_news():
    at = scene()
    door(at)
    actions.revoke(user=at.manager, uid=enrolled(at).uid)
    listed, entries = held_by_agent(again(at), version=2)
    assert (listed.version, listed.people, entries) == (3, {}, {})


def test_an_agent_from_the_future_gets_everything():
    """The portal's database was restored from a backup: numbers have run back."""
    at = scene()
    door(at)
    person = enrolled(at)
    assert set(held_by_agent(again(at), version=40)[1]) == {str(person.uid)}


def test_an_expired_person_is_recognised_no_more():
    at = scene()
    door(at)
    enrolled(at)
    Person.objects.update(expires=in_days(-0.001))
    assert held_by_agent(again(at))[0].people == {}


def test_a_camera_in_mode_m0_gets_no_gallery():
    at = scene()
    enrolled(at)
    assert staff_list.news(again(at).camera, 0, box_text(KEY)) is None


def test_the_stop_button_ends_the_news():
    at = scene()
    door(at)
    enrolled(at)
    at.site.biometrics_stopped = True
    at.site.save(update_fields=["biometrics_stopped"])
    assert staff_list.news(again(at).camera, 0, box_text(KEY)) is None


def test_staff_of_another_site_is_not_told():
    enrolled(scene())
    elsewhere = scene("elsewhere")
    door(elsewhere)
    type(elsewhere.site).objects.filter(pk=elsewhere.site.pk).update(people_version=9)
    assert held_by_agent(again(elsewhere))[0].people == {}


def test_a_person_of_one_door_is_not_told_to_another():
    at = scene()
    door(at)
    other = type(at.camera).objects.create(site=at.site, slug="other", name="Other", kind="door", legal_mode=LegalMode.M1)
    enrolled(at, doors=[other])
    assert held_by_agent(again(at))[0].people == {}


@pytest.mark.parametrize("key", ["", "AAAA", "no key", box_text(KEY)[:-4]], ids=["empty", "short", "words", "cut off"])
def test_a_key_that_is_none_gets_nothing(key):
    at = scene()
    door(at)
    enrolled(at)
    assert staff_list.news(again(at).camera, 0, key) is None


@pytest.fixture
def square():
    return place()


def test_a_heartbeat_brings_the_news_and_the_next_one_none(square):
    agent = machine(square.door)
    sites.change_mode(user=square.person("manager"), camera_id=square.door.pk, mode="M1", reason="Agreement 12/2026")
    enrolled(SimpleNamespace(site=square.site, manager=User.objects.get(email="manager@square.example")))
    held = {"version": 0, "key": box_text(KEY)}
    document = beat(agent, gallery=held).json()["gallery"]
    version = read_list(document["list"], square.site.slug, square.door.slug, public()).version
    assert beat(agent, gallery={**held, "version": version}).json()["gallery"] is None


@pytest.mark.parametrize("held", [None, {"version": 1}])
def test_an_agent_that_has_no_key_gets_no_list(square, held):
    agent = machine(square.door)
    sites.change_mode(user=square.person("manager"), camera_id=square.door.pk, mode="M1", reason="Agreement 12/2026")
    assert beat(agent, gallery=held).json()["gallery"] is None


@pytest.mark.parametrize(
    ("held", "field"),
    [(3, ""), ([], ""), ({}, ".version"), ({"version": True, "key": box_text(KEY)}, ".version"), ({"version": 2, "key": 7}, ".key")],
)
def test_a_heartbeat_with_nonsense_about_the_list_is_refused_by_name(square, held, field):
    answer = beat(machine(square.door), gallery=held)
    assert (answer.status_code, answer.json()["field"]) == (400, f"gallery{field}")


def test_a_user_who_manages_nothing_changes_no_list():
    at = scene()
    at.manager = user("nobody@example.org", "operator")
    with pytest.raises(PermissionDenied):
        enrolled(at)
    at.site.refresh_from_db()
    assert at.site.people_version == 1
